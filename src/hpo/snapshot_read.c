#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/snapshot_fields.h"
#include "hpo/snapshot_file.h"
#include "hpo/study_parts.h"

/* ---- is it good, and of this journal? NULL: yes; else why not ---- */

static bool read_trailer(int fd, int64_t words[WORD_COUNT], int64_t *length) {
  struct stat st;
  char bytes[SNAPSHOT_TRAILER];
  if (fstat(fd, &st) != 0 || st.st_size < SNAPSHOT_TRAILER)
    return false;
  *length = (int64_t)st.st_size - SNAPSHOT_TRAILER;
  return pread(fd, bytes, sizeof bytes, (off_t)*length) == SNAPSHOT_TRAILER && trailer_scan(bytes, words);
}

static bool has_crc(int fd, int64_t length, int64_t wanted) {
  enum { PIECE = 1 << 18 };
  char *bytes = mem_alloc(PIECE);
  uint32_t crc = 0;
  int64_t done = 0;
  while (done < length) {
    ssize_t got = pread(fd, bytes, length - done < PIECE ? (size_t)(length - done) : PIECE, (off_t)done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    crc = hash_crc32(crc, bytes, (size_t)got);
    done += got;
  }
  free(bytes);
  return done == length && crc == wanted;
}

static const char *why_not(int fd, int journal, int64_t words[WORD_COUNT]) {
  int64_t length, first, last;
  if (!read_trailer(fd, words, &length))
    return "it is damaged, or was not written to its end";
  if (words[WORD_FORMAT] != SNAPSHOT_FORMAT || words[WORD_VERSION] != snapshot_version())
    return "another version of the program wrote it";
  if (!journal_fingerprint(journal, words[WORD_OFFSET], &first, &last) || first != words[WORD_FIRST] ||
      last != words[WORD_LAST])
    return "it is of another journal, or this one has been cut since";
  if (words[WORD_LENGTH] != length || !has_crc(fd, length, words[WORD_CRC]))
    return "it is damaged";
  return NULL;
}

/* ---- the study ---- */

static void read_record(struct codec *c, struct study *s, bool *over) {
  char tag = 0;
  code_byte(c, &tag);
  if (tag == 'T') {
    int64_t number = -1;
    code_i64(c, &number);
    if (number < 0 || number >= (int64_t)s->n)
      c->bad = true;
    else
      code_trial(c, s, number);
    return;
  }
  if (tag == 'S')
    code_study(c, s);
  else
    c->bad = true;
  *over = true;
}

static bool restore_points(struct study *s) {
  bool good = true;
  for (size_t i = 0; i < s->n && good; i++)
    good = s->trials[i].number == (int64_t)i && study_restore_point(s, &s->trials[i]);
  for (size_t i = 0; i < s->history.n_events; i++)
    good = good && s->history.events[i].row >= 0;
  if (!s->space)
    s->history.n = s->history.n_events = 0;
  study_note_effort(s);
  study_note_marks(s);
  return good;
}

static const char *read_study(int fd, struct study *s, const int64_t words[WORD_COUNT]) {
  struct codec c = {.fd = fd, .left = words[WORD_LENGTH], .pool = &s->pool, .out = STRBUF_INIT};
  bool over = false;
  s->n = s->cap = (size_t)words[WORD_TRIALS];
  s->trials = mem_realloc(NULL, s->n * sizeof *s->trials);
  for (size_t i = 0; i < s->n; i++)
    s->trials[i].number = -1; /* until it is read */
  history_restore(&s->history, s->space, (size_t)words[WORD_ROWS], (size_t)words[WORD_EVENTS]);
  while (!c.bad && !over)
    read_record(&c, s, &over);
  bool good = !c.bad && c.left == 0 && c.at == c.n;
  codec_free(&c);
  if (!good)
    return "it makes no sense";
  return restore_points(s) ? NULL : "it was made with another space";
}

const char *snapshot_load(struct study *s, const char *journal, int fd, struct journal_mark *at) {
  char *path = snapshot_path(journal);
  int64_t words[WORD_COUNT];
  struct study fresh;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  study_init(&fresh, s->space);
  const char *why = file < 0 ? NULL : why_not(file, fd, words);
  if (file >= 0 && !why)
    why = read_study(file, &fresh, words);
  if (file >= 0 && !why) {
    study_free(s);
    *s = fresh;
    *at = (struct journal_mark){.offset = words[WORD_OFFSET],
                                .line = words[WORD_LINE],
                                .lines = words[WORD_LINES],
                                .epoch = words[WORD_EPOCH],
                                .crc = (uint32_t)words[WORD_JOURNAL_CRC]};
  } else {
    study_free(&fresh);
  }
  if (why)
    log_info("%s is left out, and the whole journal read: %s", path, why);
  if (file >= 0)
    close(file);
  free(path);
  return why;
}

enum err snapshot_begin_study(void *study, const char *journal, int fd, struct journal_mark *at) {
  snapshot_load(study, journal, fd, at);
  return OK;
}
