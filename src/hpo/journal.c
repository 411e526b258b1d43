#include "hpo/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/journal_lock.h"
#include "hpo/journal_read.h"

struct journal {
  char *path;
  int fd;
  struct journal_lock *lock;
  char worker[40];
  struct journal_mark at; /* behind the last commit */
  int64_t epoch;
  int64_t commits;
  double seconds; /* of writing and fsync */
  bool shared;    /* another program has appended lines that we have not read */
  struct strbuf group;
  size_t pending;      /* lines in it */
  struct strbuf check; /* a copy of the line, to be read back */
  char *bug;           /* what was wrong with an op of this group; owned, NULL: nothing */
  bool dead;
};

/* ---- the torn tail ---- */

static enum err read_from(int fd, const char *path, int64_t offset, struct strbuf *out) {
  char piece[4096];
  for (;;) {
    ssize_t got = pread(fd, piece, sizeof piece, (off_t)(offset + (int64_t)out->len));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return FAIL(ERR_IO, "%s: cannot read: %s: is the file system well?", path, strerror(errno));
    if (got == 0)
      return OK;
    strbuf_add(out, piece, (size_t)got);
  }
}

static enum err keep_aside(const struct journal *j, const struct strbuf *tail) {
  struct strbuf name = STRBUF_INIT;
  int number = 0;
  do {
    strbuf_clear(&name);
    strbuf_printf(&name, "%s.torn-%d", j->path, ++number);
  } while (file_exists(name.text));
  enum err e = file_write_atomic(name.text, tail->text, tail->len);
  if (e == OK)
    log_warn("%s: the last write was not completed: its %zu bytes are cut off and kept in %s", j->path, tail->len,
             name.text);
  strbuf_free(&name);
  return e;
}

static enum err cut_tail(const struct journal *j, int64_t committed) {
  struct strbuf tail = STRBUF_INIT;
  enum err e;
  TRY_GOTO(e, done, read_from(j->fd, j->path, committed, &tail));
  TRY_GOTO(e, done, keep_aside(j, &tail));
  if (ftruncate(j->fd, (off_t)committed) != 0 || fsync(j->fd) != 0)
    e = FAIL(ERR_IO, "%s: cannot cut off a torn tail: %s: is the disk well?", j->path, strerror(errno));
done:
  strbuf_free(&tail);
  return e;
}

/* ---- opening ---- */

static enum err open_file(struct journal *j) {
  bool fresh = !file_exists(j->path);
  j->fd = open(j->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (j->fd < 0)
    return FAIL(ERR_IO, "%s: cannot open for writing: %s: is the folder there, and yours?", j->path, strerror(errno));
  if (!fresh)
    return OK;
  char *folder = path_folder(j->path);
  enum err e = file_sync_folder(folder);
  free(folder);
  TRY(e);
  return OK;
}

/* From here on lines of an older epoch count for nothing, should their writer still be alive somewhere. */
static enum err announce(struct journal *j, journal_visit visit, void *context) {
  struct strbuf json = STRBUF_INIT;
  strbuf_printf(&json, "{\"epoch\": %" PRId64 ", \"by\": ", j->epoch);
  strbuf_put_json_string(&json, journal_lock_owner(j->lock));
  strbuf_putc(&json, '}');
  struct op op = op_of(OP_STUDY_ATTR, -1);
  op.system = true;
  op.name = "coxswain:writer";
  op.json = json.text;
  journal_add(j, &op);
  enum err e = journal_commit(j);
  if (e == OK)
    e = visit(context, &op);
  strbuf_free(&json);
  return e;
}

static enum err start(struct journal *j, journal_begin begin, journal_visit visit, void *context) {
  struct journal_mark from = {0};
  struct journal_end end;
  TRY(journal_lock_take(&j->lock, j->path));
  TRY(open_file(j));
  if (begin)
    TRY(begin(context, j->path, j->fd, &from));
  TRY(journal_read_from(j->fd, j->path, &from, visit, context, &end));
  if (end.torn)
    TRY(cut_tail(j, end.committed));
  j->epoch = end.epoch + 1;
  j->at = (struct journal_mark){
      .offset = end.committed, .line = end.line, .lines = end.lines, .epoch = end.epoch, .crc = end.crc};
  snprintf(j->worker, sizeof j->worker, "coxswain-%" PRId64, j->epoch);
  if (end.lines > 0)
    TRY(announce(j, visit, context));
  return OK;
}

enum err journal_open_on(struct journal **out, const char *path, journal_begin begin, journal_visit visit,
                         void *context) {
  struct journal *j = MEM_NEW(struct journal);
  *out = NULL;
  j->path = mem_strdup(path);
  j->fd = -1;
  strbuf_init(&j->group);
  strbuf_init(&j->check);
  enum err e = start(j, begin, visit, context);
  if (e != OK)
    journal_close(j);
  TRY(e);
  *out = j;
  return OK;
}

enum err journal_open(struct journal **out, const char *path, journal_visit visit, void *context) {
  return journal_open_on(out, path, NULL, visit, context);
}

void journal_close(struct journal *j) {
  if (!j)
    return;
  if (j->fd >= 0)
    close(j->fd);
  journal_lock_release(j->lock);
  strbuf_free(&j->group);
  strbuf_free(&j->check);
  free(j->bug);
  free(j->path);
  free(j);
}

/* ---- writing ---- */

/* Reads the line back: what would make the file unreadable, for us or for Optuna, must never get into it. */
static void check_line(struct journal *j, const char *line, size_t n) {
  struct op op;
  bool foreign;
  strbuf_clear(&j->check);
  strbuf_add(&j->check, line, n);
  if (op_scan(j->check.text, n, &op, &foreign) == OK)
    return;
  struct strbuf bug = STRBUF_INIT;
  strbuf_printf(&bug, "%s in %.*s", err_text(), (int)(n < 300 ? n : 300), line);
  err_clear();
  if (!j->bug)
    j->bug = strbuf_detach(&bug);
  strbuf_free(&bug);
}

void journal_add(struct journal *j, const struct op *op) {
  size_t begin = j->group.len;
  op_format(op, j->worker, &j->group);
  check_line(j, j->group.text + begin, j->group.len - begin);
  strbuf_putc(&j->group, '\n');
  j->pending++;
}

size_t journal_pending(const struct journal *j) {
  return j->pending;
}

int64_t journal_length(const struct journal *j) {
  return j->at.lines;
}

int64_t journal_epoch(const struct journal *j) {
  return j->epoch;
}

void journal_cost(const struct journal *j, int64_t *commits, double *seconds) {
  *commits = j->commits;
  *seconds = j->seconds;
}

bool journal_place(const struct journal *j, struct journal_mark *out) {
  *out = j->at;
  return !j->shared;
}

/* The file is opened for appending, so this is where our write has ended, whatever came before it. */
static void move_on(struct journal *j, uint32_t crc) {
  int64_t end = (int64_t)lseek(j->fd, 0, SEEK_CUR);
  j->shared = j->shared || end != j->at.offset + (int64_t)j->group.len;
  j->at = (struct journal_mark){.offset = end,
                                .line = j->at.line + (int64_t)j->pending,
                                .lines = j->at.lines + (int64_t)j->pending,
                                .epoch = j->epoch,
                                .crc = crc};
}

static enum err write_group(struct journal *j) {
  uint32_t crc = hash_crc32(j->at.crc, j->group.text, j->group.len);
  j->group.len -= 2; /* the closing brace and the line feed of the last line */
  strbuf_printf(&j->group, ",\"commit\":\"%" PRId64 "-%08" PRIx32 "\"}\n", j->epoch, crc);
  double begun = clock_seconds();
  TRY(file_write_all(j->fd, j->group.text, j->group.len, j->path));
  if (fdatasync(j->fd) != 0)
    return FAIL(ERR_IO, "%s: cannot be brought to disk: %s: see to the file system, then start again", j->path,
                strerror(errno));
  j->seconds += clock_seconds() - begun;
  j->commits++;
  move_on(j, crc);
  return OK;
}

/* After a failed write or fsync nobody knows what is on disk, so nothing more may be written or acted upon: the next
 * start reads what is there. */
enum err journal_commit(struct journal *j) {
  if (j->dead)
    return FAIL(ERR_IO, "%s: a write failed before, so nothing more is written: see to the disk, then start again",
                j->path);
  if (j->pending == 0 && !journal_lock_is_lost(j->lock)) /* who has lost it ends, even with nothing to write */
    return OK;
  enum err e = j->bug ? FAIL(ERR_BUG, "%s: a line that could not be read back was not written: %s", j->path, j->bug)
                      : journal_lock_check(j->lock);
  if (e == OK && j->pending > 0)
    e = write_group(j);
  if (e != OK)
    j->dead = true;
  strbuf_clear(&j->group);
  j->pending = 0;
  TRY(e);
  return OK;
}
