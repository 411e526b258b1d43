/* What others start from (population based training): a program's checkpoint folder as it was at the end of a stint,
 * trials/trial-000003/at-000006, becomes the checkpoint folder of another trial. A folder appears under its name when
 * it is whole, so that whatever is killed when, it is there or it is not. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "run/evaluate_command.h"

/* ---- copies ---- */

static enum err copy_bytes(int from, int to, const char *path) {
  enum { PIECE = 1 << 20 };
  char *bytes = mem_alloc(PIECE);
  enum err e = OK;
  while (e == OK) {
    ssize_t got = read(from, bytes, PIECE);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      e = FAIL(ERR_IO, "%s: cannot be copied: %s", path, strerror(errno));
    if (got <= 0)
      break;
    progress_made("copying a checkpoint");
    e = file_write_all(to, bytes, (size_t)got, path);
  }
  free(bytes);
  return e;
}

static enum err copy_file(const char *from, const char *to, mode_t mode) {
  int in = open(from, O_RDONLY | O_CLOEXEC);
  int out = in >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777) : -1;
  enum err e = out >= 0 ? copy_bytes(in, out, to) : FAIL(ERR_IO, "%s: cannot be copied: %s", from, strerror(errno));
  if (out >= 0 && fsync(out) != 0 && e == OK)
    e = FAIL(ERR_IO, "%s: cannot be written: %s", to, strerror(errno));
  if (in >= 0)
    close(in);
  if (out >= 0)
    close(out);
  return e;
}

static enum err copy_link(const char *from, const char *to) {
  char target[4096];
  ssize_t n = readlink(from, target, sizeof target - 1);
  if (n >= 0)
    target[n] = '\0';
  return n >= 0 && symlink(target, to) == 0 ? OK : FAIL(ERR_IO, "%s: cannot be copied: %s", from, strerror(errno));
}

static enum err copy_folder(const char *from, const char *to);

/* Sockets and the like are no state. */
static enum err copy_one(const char *from, const char *to) {
  struct stat st;
  if (lstat(from, &st) != 0)
    return FAIL(ERR_IO, "%s: cannot be copied: %s", from, strerror(errno));
  if (S_ISDIR(st.st_mode))
    return copy_folder(from, to);
  if (S_ISLNK(st.st_mode))
    return copy_link(from, to);
  return S_ISREG(st.st_mode) ? copy_file(from, to, st.st_mode) : OK;
}

static enum err copy_folder(const char *from, const char *to) {
  char **names;
  size_t n;
  TRY(file_make_folders(to));
  TRY(file_list(from, "", &names, &n));
  enum err e = OK;
  for (size_t i = 0; i < n && e == OK; i++) {
    char *source = path_join(from, names[i]), *target = path_join(to, names[i]);
    e = copy_one(source, target);
    free(source);
    free(target);
  }
  file_list_free(names, n);
  TRY(e);
  return file_sync_folder(to);
}

/* Takes the place of what is there. */
static enum err copy_whole(const char *from, const char *to) {
  struct strbuf unfinished = STRBUF_INIT;
  strbuf_printf(&unfinished, "%s.tmp", to);
  enum err e = file_remove_tree(unfinished.text);
  if (e == OK)
    e = copy_folder(from, unfinished.text);
  if (e == OK)
    e = file_remove_tree(to);
  if (e == OK)
    e = file_rename(unfinished.text, to);
  strbuf_free(&unfinished);
  return e;
}

/* ---- aside, and back ---- */

static bool is_empty(const char *folder) {
  char **names;
  size_t n = 0;
  if (file_list(folder, "", &names, &n) != OK)
    err_clear();
  else
    file_list_free(names, n);
  return n == 0;
}

enum err command_keep_aside(struct evaluator *e, size_t slot) {
  const struct command_run *c = e->context;
  const struct seat *s = &c->seats[slot];
  char name[48];
  if (is_empty(s->files.checkpoint))
    return FAIL(ERR_INPUT,
                "the program left nothing in its folder for checkpoints (COXSWAIN_CHECKPOINT) at step %" PRId64
                ": with schedule.name = pbt others start from what is there",
                s->taken);
  snprintf(name, sizeof name, "at-%06" PRId64, s->taken);
  char *path = path_join(s->files.folder, name);
  enum err code = copy_whole(s->files.checkpoint, path);
  free(path);
  return code;
}

enum err command_inherit(const char *study_folder, const struct work *w) {
  char from[96], to[64];
  snprintf(from, sizeof from, "trials/trial-%06" PRId64 "/at-%06" PRId64, w->parent, w->parent_step);
  snprintf(to, sizeof to, "trials/trial-%06" PRId64 "/checkpoint", w->trial);
  char *source = path_join(study_folder ? study_folder : ".", from),
       *target = path_join(study_folder ? study_folder : ".", to);
  char *folder = path_folder(target);
  enum err e = file_make_folders(folder);
  if (e == OK && !file_exists(target))
    e = file_exists(source)
            ? copy_whole(source, target)
            : FAIL(ERR_INPUT, "%s is not there: the checkpoint of trial %" PRId64 ", which it starts from", source,
                   w->parent);
  free(folder);
  free(source);
  free(target);
  return e;
}
