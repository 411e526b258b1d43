/* Content hashes of source files, remembered: a line "sha256 size mtime_ns inode path" each. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"
#include "nn/data_cache.h"

#define MEMO_NAME "sources.txt"

static enum err hash_content(const char *path, char hex[65]) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return FAIL(ERR_INPUT, "%s: %s", path, strerror(errno));
  const size_t size = 1 << 20;
  char *block = mem_alloc(size);
  struct sha256 sum;
  sha256_init(&sum);
  ssize_t n;
  while ((n = read(fd, block, size)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break;
    sha256_add(&sum, block, (size_t)n);
    progress_made("hashing the data");
    if (stop_requested() != STOP_NONE)
      break;
  }
  int reason = errno;
  close(fd);
  free(block);
  if (n > 0)
    return FAIL(ERR_STOPPED, "%s: asked to leave before it was read", path);
  if (n < 0)
    return FAIL(ERR_INPUT, "%s cannot be read: %s", path, strerror(reason));
  sha256_hex(&sum, hex);
  return OK;
}

/* What tells one state of a file from another without reading it. */
static void put_state(struct strbuf *out, const struct stat *st, const char *path) {
  strbuf_printf(out, " %" PRIdMAX " %" PRIdMAX " %" PRIuMAX " %s\n", (intmax_t)st->st_size,
                (intmax_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec, (uintmax_t)st->st_ino, path);
}

static bool recall(const char *memo, const char *state, char hex[65]) {
  struct strbuf text = STRBUF_INIT;
  if (!file_exists(memo) || file_read(memo, &text) != OK) {
    err_clear();
    strbuf_free(&text);
    return false;
  }
  const char *found =
      strstr(text.text, state); /* starts with a space and ends with a newline: a whole line but its sum */
  bool known = found && found - text.text >= 64 && (found - text.text == 64 || found[-65] == '\n');
  if (known) {
    memcpy(hex, found - 64, 64);
    hex[64] = '\0';
    known = strspn(hex, "0123456789abcdef") == 64;
  }
  strbuf_free(&text);
  return known;
}

/* A file changed within the clock's grain could change again without a trace: not remembered (as git does). */
static bool settled(const struct stat *st) {
  return time(NULL) - st->st_mtim.tv_sec > 2;
}

static void remember(const char *memo, const char *state, const char hex[65]) {
  struct strbuf text = STRBUF_INIT;
  enum err e = file_exists(memo) ? file_read(memo, &text) : OK;
  strbuf_puts(&text, hex);
  strbuf_puts(&text, state);
  if (e == OK)
    e = file_write_atomic(memo, text.text, text.len);
  if (e != OK) {
    log_debug("%s", err_text());
    err_clear();
  }
  strbuf_free(&text);
}

enum err cache_hash_file(const char *cache, const char *path, char hex[65]) {
  struct stat st;
  if (stat(path, &st) != 0)
    return FAIL(ERR_INPUT, "%s: %s", path, strerror(errno));
  if (S_ISDIR(st.st_mode))
    return FAIL(ERR_INPUT, "%s is a folder: give the path of an HDF5 file", path);
  if (!cache || access(cache, W_OK) != 0)
    return hash_content(path, hex);
  char *memo = path_join(cache, MEMO_NAME), *lock_path = path_join(cache, MEMO_NAME ".lock");
  char *full = realpath(path, NULL);
  struct strbuf state = STRBUF_INIT;
  put_state(&state, &st, full ? full : path);
  int lock = -1;
  enum err e = file_lock(lock_path, -1, &lock); /* the others wait for the first to read the file */
  if (e == OK && !recall(memo, state.text, hex)) {
    e = hash_content(path, hex);
    if (e == OK && settled(&st))
      remember(memo, state.text, hex);
  }
  if (lock >= 0)
    file_unlock(lock);
  strbuf_free(&state);
  free(full);
  free(lock_path);
  free(memo);
  return e;
}
