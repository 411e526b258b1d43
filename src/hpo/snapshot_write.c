#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "hpo/snapshot_fields.h"
#include "hpo/snapshot_file.h"

enum { PIECE = 1 << 20 };

struct snapshot {
  char *journal, *path, *unfinished;
  struct study *study;
  int fd;
  struct codec codec;
  size_t next;   /* trial to be written */
  int64_t *late; /* trials that have changed since they were written */
  size_t n_late, cap_late;
  int64_t length;
  uint32_t crc;
};

enum err snapshot_begin(struct snapshot **out, const char *journal, struct study *s) {
  struct snapshot *w = MEM_NEW(struct snapshot);
  struct strbuf name = STRBUF_INIT;
  w->journal = mem_strdup(journal);
  w->path = snapshot_path(journal);
  strbuf_printf(&name, "%s.tmp", w->path);
  w->unfinished = strbuf_detach(&name);
  w->study = s;
  w->codec = (struct codec){.writing = true, .out = STRBUF_INIT};
  w->fd = open(w->unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (w->fd < 0) {
    enum err e = FAIL(ERR_IO, "%s: cannot be written: %s", w->unfinished, strerror(errno));
    snapshot_drop(w);
    return e;
  }
  *out = w;
  return OK;
}

void snapshot_drop(struct snapshot *w) {
  if (!w)
    return;
  if (w->fd >= 0) {
    close(w->fd);
    unlink(w->unfinished);
  }
  codec_free(&w->codec);
  free(w->late);
  free(w->journal);
  free(w->path);
  free(w->unfinished);
  free(w);
}

void snapshot_touch(struct snapshot *w, const struct op *op) {
  if (op->trial < 0 || (size_t)op->trial >= w->next || (w->n_late && w->late[w->n_late - 1] == op->trial))
    return;
  MEM_GROW(w->late, w->n_late, &w->cap_late);
  w->late[w->n_late++] = op->trial;
}

static enum err flush(struct snapshot *w) {
  struct strbuf *out = &w->codec.out;
  TRY(file_write_all(w->fd, out->text, out->len, w->unfinished));
  w->crc = hash_crc32(w->crc, out->text, out->len);
  w->length += (int64_t)out->len;
  strbuf_clear(out);
  return OK;
}

static enum err write_trial(struct snapshot *w, int64_t number) {
  strbuf_putc(&w->codec.out, 'T');
  code_i64(&w->codec, &number);
  code_trial(&w->codec, w->study, number);
  return w->codec.out.len > PIECE ? flush(w) : OK;
}

enum err snapshot_write(struct snapshot *w, size_t trials, bool *done) {
  for (; trials > 0 && w->next < w->study->n; trials--)
    TRY(write_trial(w, (int64_t)w->next++));
  *done = w->next == w->study->n;
  return OK;
}

static int by_number(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static enum err write_late(struct snapshot *w) {
  if (w->n_late)
    qsort(w->late, w->n_late, sizeof *w->late, by_number);
  for (size_t i = 0; i < w->n_late; i++)
    if (i == 0 || w->late[i] != w->late[i - 1])
      TRY(write_trial(w, w->late[i]));
  return OK;
}

static enum err write_trailer(struct snapshot *w, const struct journal_mark *at) {
  int64_t words[WORD_COUNT] = {[WORD_FORMAT] = SNAPSHOT_FORMAT,
                               [WORD_VERSION] = snapshot_version(),
                               [WORD_LENGTH] = w->length,
                               [WORD_CRC] = w->crc,
                               [WORD_TRIALS] = (int64_t)w->study->n,
                               [WORD_ROWS] = (int64_t)w->study->history.n,
                               [WORD_EVENTS] = (int64_t)w->study->history.n_events,
                               [WORD_OFFSET] = at->offset,
                               [WORD_LINE] = at->line,
                               [WORD_LINES] = at->lines,
                               [WORD_EPOCH] = at->epoch,
                               [WORD_JOURNAL_CRC] = at->crc};
  char bytes[SNAPSHOT_TRAILER];
  int fd = open(w->journal, O_RDONLY | O_CLOEXEC);
  bool good = fd >= 0 && journal_fingerprint(fd, at->offset, &words[WORD_FIRST], &words[WORD_LAST]);
  if (fd >= 0)
    close(fd);
  if (!good)
    return FAIL(ERR_IO, "%s: cannot be read up to byte %lld, where its snapshot ends", w->journal,
                (long long)at->offset);
  trailer_format(words, bytes);
  return file_write_all(w->fd, bytes, sizeof bytes, w->unfinished);
}

static enum err complete(struct snapshot *w, const struct journal_mark *at) {
  bool done;
  TRY(snapshot_write(w, SIZE_MAX, &done));
  TRY(write_late(w));
  strbuf_putc(&w->codec.out, 'S');
  code_study(&w->codec, w->study);
  TRY(flush(w));
  TRY(write_trailer(w, at));
  int fd = w->fd;
  w->fd = -1;
  if (close(fd) != 0 || rename(w->unfinished, w->path) != 0) {
    enum err e = FAIL(ERR_IO, "%s: cannot be written: %s", w->path, strerror(errno));
    unlink(w->unfinished);
    return e;
  }
  return OK;
}

enum err snapshot_end(struct snapshot *w, const struct journal_mark *at) {
  enum err e = complete(w, at);
  snapshot_drop(w);
  TRY(e);
  return OK;
}

enum err snapshot_save(const char *journal, struct study *s, const struct journal_mark *at) {
  struct snapshot *w;
  TRY(snapshot_begin(&w, journal, s));
  return snapshot_end(w, at);
}
