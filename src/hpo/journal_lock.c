#include "hpo/journal_lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

struct journal_lock {
  char *journal, *path, *owner;
  int fd;
};

static const char *job_id(void) {
  static const char *const names[] = {"SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *id = getenv(names[i]);
    if (id && *id)
      return id;
  }
  return NULL;
}

static char *describe_owner(void) {
  char host[256] = "unknown", now[32];
  struct strbuf out = STRBUF_INIT;
  gethostname(host, sizeof host - 1);
  clock_iso(now);
  const char *job = job_id();
  strbuf_printf(&out, "host %s, process %ld%s%s, since %s", host, (long)getpid(), job ? ", job " : "", job ? job : "",
                now);
  return strbuf_detach(&out);
}

static enum err take(struct journal_lock *l) {
  enum err e = file_lock(l->path, 0, &l->fd);
  if (e == ERR_BUSY) {
    struct strbuf other = STRBUF_INIT;
    err_clear();
    if (file_read(l->path, &other) != OK || other.len == 0)
      strbuf_puts(&other, "another process");
    err_clear();
    e = FAIL(ERR_BUSY, "%s is being written by %s: wait for it to end, or stop it there", l->journal, other.text);
    strbuf_free(&other);
  }
  TRY(e);
  if (ftruncate(l->fd, 0) != 0)
    return FAIL(ERR_IO, "%s: cannot write: %s: is the disk full?", l->path, strerror(errno));
  return file_write_all(l->fd, l->owner, strlen(l->owner), l->path);
}

enum err journal_lock_take(struct journal_lock **out, const char *journal) {
  struct journal_lock *l = MEM_NEW(struct journal_lock);
  char *folder = path_folder(journal);
  *l = (struct journal_lock){mem_strdup(journal), path_join(folder, "journal.lock"), describe_owner(), -1};
  free(folder);
  enum err e = take(l);
  if (e != OK)
    journal_lock_release(l);
  *out = e == OK ? l : NULL;
  TRY(e);
  return OK;
}

enum err journal_lock_check(struct journal_lock *l) {
  struct stat ours, there;
  if (fstat(l->fd, &ours) == 0 && stat(l->path, &there) == 0 && ours.st_ino == there.st_ino &&
      ours.st_dev == there.st_dev)
    return OK;
  return FAIL(ERR_BUSY, "%s: the lock was taken away or replaced: another process may write here, so this one ends",
              l->path);
}

const char *journal_lock_owner(const struct journal_lock *l) {
  return l->owner;
}

/* Who had it is of no interest to whoever finds the file later. */
void journal_lock_release(struct journal_lock *l) {
  if (!l)
    return;
  if (l->fd >= 0 && ftruncate(l->fd, 0) != 0)
    log_debug("%s: the lock file could not be emptied", l->path);
  file_unlock(l->fd);
  free(l->journal);
  free(l->path);
  free(l->owner);
  free(l);
}
