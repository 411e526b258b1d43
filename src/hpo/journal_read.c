#include "hpo/journal_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { CHUNK = 1 << 16 };

static const char opening[] = "{\"op_code\":";

/* The buffer holds the file from the first byte that is not done: the open group, if any, and what has been read beyond
 * it. Nothing in it is changed before a group is found good. */
struct reader {
  const char *path;
  int fd;
  journal_visit visit;
  void *context;
  char *buffer;
  size_t n, cap;
  size_t start;    /* first byte not done */
  size_t at;       /* the line being looked at */
  size_t searched; /* no line feed between `at` and here */
  size_t group;    /* lines between start and at */
  bool open;       /* a line of ours is among them */
  int64_t group_epoch;
  int64_t offset; /* of the buffer in the file */
  int64_t line;   /* lines done */
  uint32_t crc;   /* with the open group */
  struct journal_end *end;
};

/* `what` is often the text of an error found further down, which this one replaces. */
static enum err damaged(const struct reader *r, int64_t line, const char *what) {
  char text[1024];
  snprintf(text, sizeof text, "%s", what);
  err_clear();
  return FAIL(ERR_DAMAGED, "%s:%" PRId64 ": %s: put back a copy of the file, or keep the lines before this one only",
              r->path, line, text);
}

static enum err refused(const struct reader *r, int64_t line, const char *what) {
  char text[1024];
  snprintf(text, sizeof text, "%s", what);
  err_clear();
  return FAIL(ERR_INPUT, "%s:%" PRId64 ": %s", r->path, line, text);
}

/* ---- bytes ---- */

static enum err fill(struct reader *r, bool *more) {
  if (r->start > 0) {
    memmove(r->buffer, r->buffer + r->start, r->n - r->start);
    r->n -= r->start;
    r->at -= r->start;
    r->searched -= r->start;
    r->offset += (int64_t)r->start;
    r->start = 0;
  }
  if (r->cap - r->n < CHUNK) {
    r->cap = 2 * r->cap + CHUNK;
    r->buffer = mem_realloc(r->buffer, r->cap);
  }
  ssize_t got;
  do
    got = read(r->fd, r->buffer + r->n, r->cap - r->n);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return FAIL(ERR_IO, "%s: cannot read: %s: is the file system well?", r->path, strerror(errno));
  r->n += (size_t)got;
  *more = got > 0;
  return OK;
}

/* A write that was under way when the machine lost power can leave blocks of zeros, which no journal holds otherwise.
 * Such a hole is the torn tail if it is in the last group: no more than that group's own mark can follow. */
static enum err is_hole(struct reader *r, bool *hole) {
  static const char mark[] = "\"commit\":\"";
  bool more = true;
  *hole = false;
  while (more)
    TRY(fill(r, &more));
  const char *end = r->buffer + r->n, *zero = memchr(r->buffer + r->start, '\0', r->n - r->start);
  if (!zero)
    return OK;
  int marks = 0;
  for (const char *p = zero; (p = memmem(p, (size_t)(end - p), mark, sizeof mark - 1)); p++)
    marks++;
  *hole = marks <= 1;
  return OK;
}

/* ---- lines ---- */

/* The epoch of a line of ours, 0 for a foreign one. */
static int64_t own_epoch(const char *line, size_t n) {
  static const char worker[] = ",\"worker_id\":\"coxswain-";
  const size_t begin = sizeof opening - 1 + 1 + sizeof worker - 1;
  if (n < begin + 2 || memcmp(line, opening, sizeof opening - 1) != 0 ||
      memcmp(line + sizeof opening, worker, sizeof worker - 1) != 0)
    return 0;
  int64_t epoch = 0;
  size_t i = begin;
  for (; i < n && i < begin + 18 && line[i] >= '0' && line[i] <= '9'; i++)
    epoch = epoch * 10 + (line[i] - '0');
  return i < n && line[i] == '"' ? epoch : 0;
}

static bool parse_hex(const char *p, uint32_t *x) {
  *x = 0;
  for (int i = 0; i < 8; i++) {
    const char *digits = "0123456789abcdef", *at = p[i] ? strchr(digits, p[i]) : NULL;
    if (!at)
      return false;
    *x = *x << 4 | (uint32_t)(at - digits);
  }
  return true;
}

/* A line ending in ,"commit":"EPOCH-CRC"}: *body is where the mark begins. */
static bool find_mark(const char *line, size_t n, size_t *body, int64_t *epoch, uint32_t *crc) {
  static const char mark[] = ",\"commit\":\"";
  const size_t tail = sizeof "-00000000\"}" - 1;
  if (n < tail + sizeof mark || memcmp(line + n - 2, "\"}", 2) != 0 || line[n - tail] != '-' ||
      !parse_hex(line + n - tail + 1, crc))
    return false;
  size_t i = n - tail;
  while (i > 0 && line[i - 1] >= '0' && line[i - 1] <= '9')
    i--;
  if (i < sizeof mark - 1 || i == n - tail || n - tail - i > 18)
    return false;
  *epoch = strtoll(line + i, NULL, 10);
  *body = i - (sizeof mark - 1);
  return memcmp(line + *body, mark, sizeof mark - 1) == 0;
}

uint32_t journal_crc_line(uint32_t crc, const char *line, size_t n) {
  return hash_crc32(hash_crc32(crc, line, n), "\n", 1);
}

static enum err pass_on(struct reader *r, char *line, size_t n, int64_t number, bool ours) {
  struct op op;
  bool foreign;
  if (op_scan(line, n, &op, &foreign) != OK)
    return damaged(r, number, err_text());
  if (!foreign && !ours)
    return damaged(r, number, "the worker_id is damaged");
  if (foreign && op.kind != OP_STUDY_ATTR && op.kind != OP_TRIAL_ATTR)
    return FAIL(ERR_DAMAGED,
                "%s:%" PRId64
                ": written by another program, which may add attributes here but nothing else: delete this "
                "line (and let Optuna go on in a copy of the file, if it is to go on)",
                r->path, number);
  enum err e = r->visit(r->context, &op);
  if (e == ERR_DAMAGED)
    return damaged(r, number, err_text());
  if (e == ERR_INPUT)
    return refused(r, number, err_text());
  TRY(e);
  r->end->lines++;
  return OK;
}

/* Passes on the lines from `start` up to `stop`, just behind a line feed. */
static enum err pass_on_group(struct reader *r, size_t stop) {
  while (r->start < stop) {
    char *line = r->buffer + r->start, *feed = memchr(line, '\n', stop - r->start);
    size_t n = (size_t)(feed - line);
    int64_t epoch = own_epoch(line, n);
    *feed = '\0';
    if (epoch && epoch < r->end->epoch)
      r->end->dropped++;
    else
      TRY(pass_on(r, line, n, r->line + 1, epoch > 0));
    r->line++;
    r->start += n + 1;
  }
  r->group = 0;
  r->open = false;
  r->end->committed = r->offset + (int64_t)stop;
  return OK;
}

/* Names the first line of the group that cannot be scanned, else says `otherwise` of the last. The group is lost to the
 * scan, so this is for errors only. */
static enum err blame(struct reader *r, size_t stop, const char *otherwise) {
  int64_t number = r->line;
  size_t at = r->start;
  while (at < stop) {
    char *line = r->buffer + at, *feed = memchr(line, '\n', stop - at);
    struct op op;
    bool foreign;
    *feed = '\0';
    number++;
    if (op_scan(line, (size_t)(feed - line), &op, &foreign) != OK)
      return damaged(r, number, err_text());
    at += (size_t)(feed - line) + 1;
  }
  return otherwise ? damaged(r, number, otherwise) : OK;
}

/* The lines up to `at` are bad, unless they are the torn tail: then it is over. */
static enum err reject(struct reader *r, bool *over, const char *what) {
  size_t length = r->at - r->start; /* the scan for holes moves the buffer */
  TRY(is_hole(r, over));
  return *over ? OK : blame(r, r->start + length, what);
}

/* ---- groups ---- */

static enum err take_own_line(struct reader *r, size_t n, int64_t epoch, bool *over) {
  const char *line = r->buffer + r->at;
  size_t body;
  int64_t mark_epoch;
  uint32_t crc;
  bool last = find_mark(line, n, &body, &mark_epoch, &crc);
  if (!r->open)
    r->group_epoch = epoch;
  r->open = true;
  if (last)
    r->crc = journal_crc_line(hash_crc32(r->crc, line, body), "}", 1);
  else
    r->crc = journal_crc_line(r->crc, line, n);
  r->group++;
  r->at += n + 1;
  r->searched = r->at;
  if (epoch != r->group_epoch || (last && mark_epoch != epoch))
    return reject(r, over, "two writers within one group");
  if (!last)
    return OK;
  if (crc != r->crc)
    return reject(r, over, "the checksum of the lines up to here is wrong");
  r->end->epoch = epoch;
  r->end->crc = crc;
  return pass_on_group(r, r->at);
}

/* A foreign line, or one of an older epoch (0: foreign). */
static enum err take_other_line(struct reader *r, size_t n, int64_t epoch, bool *over) {
  const char *line = r->buffer + r->at;
  size_t body;
  int64_t mark_epoch;
  uint32_t crc;
  bool marked = find_mark(line, n, &body, &mark_epoch, &crc);
  bool bad = (epoch == 0 && memchr(line, '\0', n)) || (marked && mark_epoch != epoch);
  r->group++;
  r->at += n + 1;
  r->searched = r->at;
  if (bad)
    return reject(r, over, "the worker_id is damaged");
  return r->open ? OK : pass_on_group(r, r->at);
}

static enum err take_line(struct reader *r, size_t n, bool *over) {
  int64_t epoch = own_epoch(r->buffer + r->at, n);
  if (epoch && epoch >= r->end->epoch)
    return take_own_line(r, n, epoch, over);
  return take_other_line(r, n, epoch, over);
}

/* What is left when the file ends: a group without its mark, a line without its end. */
static enum err look_at_tail(struct reader *r) {
  r->end->torn = r->n > r->start;
  bool hole = false;
  if (r->end->torn)
    TRY(is_hole(r, &hole));
  if (!r->end->torn || hole)
    return OK;
  size_t piece = r->n - r->at, same = piece < sizeof opening - 1 ? piece : sizeof opening - 1;
  bool a_line = memcmp(r->buffer + r->at, opening, same) == 0;
  int64_t last = r->line + (int64_t)r->group + 1;
  TRY(blame(r, r->at, NULL));
  if (!a_line)
    return damaged(r, last, "this is no line of a journal");
  return OK;
}

static enum err read_groups(struct reader *r) {
  bool more = true, over = false;
  while (!over) {
    char *feed = r->n > r->searched ? memchr(r->buffer + r->searched, '\n', r->n - r->searched) : NULL;
    if (feed) {
      TRY(take_line(r, (size_t)(feed - (r->buffer + r->at)), &over));
      continue;
    }
    r->searched = r->n;
    if (!more)
      return look_at_tail(r);
    TRY(fill(r, &more));
  }
  r->end->torn = true;
  return OK;
}

enum err journal_read_from(int fd, const char *path, const struct journal_mark *from, journal_visit visit,
                           void *context, struct journal_end *end) {
  struct reader r = {.path = path,
                     .fd = fd,
                     .visit = visit,
                     .context = context,
                     .offset = from->offset,
                     .line = from->line,
                     .crc = from->crc,
                     .end = end};
  *end = (struct journal_end){.committed = from->offset, .lines = from->lines, .epoch = from->epoch, .crc = from->crc};
  if (lseek(fd, (off_t)from->offset, SEEK_SET) < 0)
    return FAIL(ERR_IO, "%s: cannot read: %s: is the file system well?", path, strerror(errno));
  enum err e = read_groups(&r);
  free(r.buffer);
  end->line = r.line;
  if (e == OK && end->dropped)
    log_warn("%s: %" PRId64 " lines of an older writer, which went on after another had taken over, are left out", path,
             end->dropped);
  return e;
}

enum err journal_read_file(int fd, const char *path, journal_visit visit, void *context, struct journal_end *end) {
  return journal_read_from(fd, path, &(struct journal_mark){0}, visit, context, end);
}

enum err journal_read_on(const char *path, journal_begin begin, journal_visit visit, void *context, int64_t *lines) {
  struct journal_mark from = {0};
  struct journal_end end;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return FAIL(errno == ENOENT ? ERR_INPUT : ERR_IO, "%s: cannot open: %s: is this the folder of a study?", path,
                strerror(errno));
  enum err e = begin ? begin(context, path, fd, &from) : OK;
  if (e == OK)
    e = journal_read_from(fd, path, &from, visit, context, &end);
  close(fd);
  TRY(e);
  if (lines)
    *lines = end.lines;
  return OK;
}

enum err journal_read(const char *path, journal_visit visit, void *context, int64_t *lines) {
  return journal_read_on(path, NULL, visit, context, lines);
}
