#include "run/command_output.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define MOST_METRICS 200 /* of a trial: they go into the journal */
#define LONGEST_TEXT 1000

void said_init(struct said *s) {
  *s = (struct said){.value = (double)NAN};
  params_init(&s->metrics);
}

void said_free(struct said *s) {
  params_free(&s->metrics);
}

/* ---- JSON as programs write it ---- */

/* Python, JavaScript and others write NaN and Infinity, which JSON does not have: they become texts. */
static void quote_non_numbers(const char *text, size_t n, struct strbuf *out) {
  static const char *const words[] = {"NaN", "-Infinity", "Infinity"};
  bool inside = false;
  for (size_t i = 0; i < n; i++) {
    if (inside && text[i] == '\\' && i + 1 < n)
      strbuf_putc(out, text[i++]);
    else if (text[i] == '"')
      inside = !inside;
    size_t length = 0;
    for (size_t w = 0; !inside && w < 3 && !length; w++)
      if (n - i >= strlen(words[w]) && memcmp(text + i, words[w], strlen(words[w])) == 0)
        length = strlen(words[w]);
    if (length) {
      strbuf_printf(out, "\"%.*s\"", (int)length, text + i);
      i += length - 1;
    } else
      strbuf_putc(out, text[i]);
  }
}

static bool number_of(const json_t *json, double *x) {
  if (json_is_number(json)) {
    *x = json_number_value(json);
    return true;
  }
  const char *text = json_string_value(json);
  if (!text)
    return false;
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end || isfinite(value)) /* "0.3" is a text; "NaN" and "inf" can be nothing else */
    return false;
  *x = value;
  return true;
}

static bool is_ours(const char *key) {
  static const char *const words[] = {"step", "status", "message", "done", "reason", "provenance"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(key, words[i]) == 0)
      return true;
  return false;
}

/* A name goes into the journal as it is, where a colon would make it one of Coxswain's own. */
static bool is_metric_name(const char *key) {
  size_t n = strlen(key);
  return n > 0 && n <= 64 && !strpbrk(key, ":\"\\") && !is_ours(key);
}

static void take_metrics(struct said *s, json_t *object) {
  const char *key;
  json_t *json;
  json_object_foreach(object, key, json) {
    double x;
    if (!is_metric_name(key) || s->metrics.n >= MOST_METRICS)
      continue;
    if (json_is_integer(json))
      params_set(&s->metrics, key, value_int(json_integer_value(json)));
    else if (number_of(json, &x))
      params_set(&s->metrics, key, value_float(x));
    else if (json_is_boolean(json))
      params_set(&s->metrics, key, value_bool(json_is_true(json)));
    else if (json_is_string(json) && json_string_length(json) <= LONGEST_TEXT)
      params_set(&s->metrics, key, value_text(json_string_value(json)));
  }
}

static void take_status(struct said *s, const json_t *object) {
  const json_t *status = json_object_get(object, "status");
  const char *text = json_string_value(status), *message = json_string_value(json_object_get(object, "message"));
  if (json_is_number(status)) {
    s->failed = json_number_value(status) != 0;
    snprintf(s->status, sizeof s->status, "%.6g", json_number_value(status));
  } else if (text) {
    s->failed = strcmp(text, "ok") != 0;
    snprintf(s->status, sizeof s->status, "%s", text);
  } else if (status && !json_is_null(status)) {
    s->failed = true;
    snprintf(s->status, sizeof s->status, "neither a number nor a text");
  }
  snprintf(s->message, sizeof s->message, "%s", message ? message : "");
  make_printable(s->status);
  make_printable(s->message);
}

static const char *take_object(struct said *s, json_t *object, const struct value_name *name) {
  const json_t *value = json_object_get(object, name->metric), *step = json_object_get(object, "step");
  const char *why = NULL;
  if (!value && name->loss_too)
    value = json_object_get(object, "loss");
  s->has_value = number_of(value, &s->value);
  if (value && !s->has_value)
    why = json_is_null(value) ? "its value is null" : "its value is not a number";
  double x = json_number_value(step);
  if (step && !(json_is_number(step) && x >= 0 && x < 9e15 && x == floor(x)))
    why = "its step is not a whole number";
  else if (step)
    s->step = (int64_t)x;
  s->done = json_is_true(json_object_get(object, "done"));
  take_status(s, object);
  take_metrics(s, object);
  return why;
}

bool said_read(struct said *s, const char *text, size_t n, const struct value_name *name, const char **why) {
  *why = NULL;
  size_t blank = 0;
  while (blank < n && strchr(" \t\r\n", text[blank]))
    blank++;
  if (blank == n || text[blank] != '{')
    return false;
  struct strbuf clean = STRBUF_INIT;
  quote_non_numbers(text + blank, n - blank, &clean);
  json_t *object = json_loadb(clean.text, clean.len, 0, NULL);
  strbuf_free(&clean);
  if (!json_is_object(object))
    *why = "it is not valid JSON";
  else
    *why = take_object(s, object, name);
  json_decref(object);
  return !*why && (s->has_value || s->failed);
}

/* ---- files that grow ---- */

enum err tail_open(struct tail *t, const char *path, bool at_end) {
  strbuf_init(&t->part);
  t->overlong = false;
  t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (t->fd < 0 && errno != ENOENT)
    return FAIL(ERR_IO, "%s: cannot open: %s", path, strerror(errno));
  if (t->fd >= 0 && at_end)
    lseek(t->fd, 0, SEEK_END);
  return OK;
}

void tail_close(struct tail *t) {
  if (t->fd >= 0)
    close(t->fd);
  t->fd = -1;
  strbuf_free(&t->part);
}

static void add_part(struct tail *t, const char *bytes, size_t n) {
  t->overlong = t->overlong || t->part.len + n > TAIL_LONGEST;
  if (t->overlong)
    strbuf_clear(&t->part);
  else
    strbuf_add(&t->part, bytes, n);
}

/* False: it is not taken. */
static bool end_line(struct tail *t, bool (*take)(void *, const char *, size_t), void *context) {
  bool taken = t->overlong || !t->part.len || take(context, t->part.text, t->part.len);
  if (taken)
    t->overlong = false;
  if (taken)
    strbuf_clear(&t->part);
  return taken;
}

/* A line that was not taken, with what was read of those behind it, is read again. */
static bool step_back(struct tail *t, size_t behind) {
  lseek(t->fd, -(off_t)(t->part.len + behind), SEEK_CUR);
  strbuf_clear(&t->part);
  return false;
}

bool tail_read(struct tail *t, size_t most, bool last, bool (*take)(void *context, const char *line, size_t n),
               void *context) {
  char piece[65536];
  ssize_t n = 0;
  for (size_t all = 0; t->fd >= 0 && all < most; all += (size_t)n) {
    n = read(t->fd, piece, sizeof piece);
    if (n <= 0)
      break;
    for (const char *at = piece, *end = piece + n; at < end;) {
      const char *newline = memchr(at, '\n', (size_t)(end - at));
      add_part(t, at, (size_t)((newline ? newline : end) - at));
      if (newline && !end_line(t, take, context))
        return step_back(t, (size_t)(end - newline));
      at = newline ? newline + 1 : end;
    }
  }
  if (last && n <= 0 && !end_line(t, take, context))
    return step_back(t, 0);
  return n > 0;
}

/* ---- texts for people ---- */

void make_printable(char *text) {
  bool plain = true;
  json_t *json = json_string(text); /* NULL: not UTF-8 */
  plain = json != NULL;
  json_decref(json);
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127)
      *c = ' ';
    else if (!plain && (unsigned char)*c >= 128)
      *c = '?';
}

void last_words(const char *path, char *out, size_t size) {
  char bytes[4096];
  *out = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return;
  struct stat s;
  off_t start = fstat(fd, &s) == 0 && s.st_size > (off_t)sizeof bytes ? s.st_size - (off_t)sizeof bytes : 0;
  ssize_t n = pread(fd, bytes, sizeof bytes, start);
  close(fd);
  while (n > 0 && (unsigned char)bytes[n - 1] <= ' ')
    n--;
  /* As many whole lines as there is room for, and at least the end of the last one. */
  ssize_t first = n, room = (ssize_t)size - 1;
  for (ssize_t i = n; i > 0 && n - i + 1 <= room; i--)
    if (i == 1 || bytes[i - 2] == '\n')
      first = i - 1;
  if (first == n && n > 0)
    first = n > room ? n - room : 0;
  if (n <= 0)
    return;
  memcpy(out, bytes + first, (size_t)(n - first));
  out[n - first] = 0;
  for (char *c = out; *c; c++)
    if (*c == '\n')
      *c = ';';
  make_printable(out);
}
