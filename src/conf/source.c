#include "conf/source.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

enum {
  DEEPEST_NESTING = 32,
  DEEPEST_INCLUDE = 8,
  MOST_LINES = 65000, /* libconfig counts them in 16 bits */
  MOST_BYTES = 8 << 20
};

/* One file on its way into the source. */
struct reading {
  struct source *out;
  struct complaints *c;
  const char *at, *end;
  size_t file;
  int line;
  int depth; /* of @include */
  struct {
    char bracket;
    int line;
  } open[DEEPEST_NESTING];
  size_t n_open;
  bool good;
};

static bool add_file(struct source *s, const char *path, int depth, struct complaints *c, const char *from, int line);
static bool add_text(struct source *s, const char *text, size_t n, const char *name, int depth, struct complaints *c);

#define REFUSE(r, where, ...)                                           \
  do {                                                                  \
    complain((r)->c, (r)->out->files[(r)->file], (where), __VA_ARGS__); \
    (r)->good = false;                                                  \
  } while (0)

static void start_line(struct source *s, size_t file, int line) {
  MEM_GROW(s->lines, s->n_lines, &s->cap_lines);
  s->lines[s->n_lines++] = (struct source_place){file, line};
}

static void copy_one(struct reading *r) {
  if (*r->at != '\r') /* files from Windows */
    strbuf_putc(&r->out->text, *r->at);
  if (*r->at++ == '\n')
    start_line(r->out, r->file, ++r->line);
}

static void copy_to(struct reading *r, const char *stop) {
  while (r->at < stop)
    copy_one(r);
}

static bool looking_at(const struct reading *r, const char *text) {
  size_t n = strlen(text);
  return (size_t)(r->end - r->at) >= n && memcmp(r->at, text, n) == 0;
}

static void copy_comment(struct reading *r) {
  if (!looking_at(r, "/*")) {
    while (r->at < r->end && *r->at != '\n')
      copy_one(r);
    return;
  }
  int opened = r->line;
  copy_to(r, r->at + 2);
  while (r->at < r->end && !looking_at(r, "*/"))
    copy_one(r);
  if (r->at == r->end)
    REFUSE(r, opened, "this comment is never closed: add */");
  else
    copy_to(r, r->at + 2);
}

static void copy_quoted(struct reading *r) {
  copy_one(r);
  while (r->at < r->end && *r->at != '"' && *r->at != '\n') {
    if (*r->at == '\\' && r->at + 1 < r->end && r->at[1] != '\n')
      copy_one(r);
    copy_one(r);
  }
  if (r->at < r->end && *r->at == '"')
    copy_one(r);
  else
    REFUSE(r, r->line, "this text has no closing quote \" on its line");
}

static char partner(char bracket) {
  return bracket == '}' ? '{' : bracket == ')' ? '(' : '[';
}

/* (1, 2,) is read by newer versions of libconfig only. */
static void drop_last_comma(struct strbuf *text) {
  size_t n = text->len;
  while (n > 0 && isspace((unsigned char)text->text[n - 1]))
    n--;
  if (n > 1 && text->text[n - 1] == ',' && !strchr("([,", text->text[n - 2]))
    text->text[n - 1] = ' ';
}

static void copy_bracket(struct reading *r) {
  char bracket = *r->at;
  if (bracket == ')' || bracket == ']')
    drop_last_comma(&r->out->text);
  copy_one(r);
  if (bracket == '{' || bracket == '(' || bracket == '[') {
    if (r->n_open == DEEPEST_NESTING) {
      REFUSE(r, r->line, "brackets inside brackets, more than %d deep", DEEPEST_NESTING);
      r->at = r->end;
      r->n_open = 0;
      return;
    }
    r->open[r->n_open].bracket = bracket;
    r->open[r->n_open++].line = r->line;
  } else if (r->n_open == 0) {
    REFUSE(r, r->line, "'%c' closes nothing", bracket);
  } else if (r->open[--r->n_open].bracket != partner(bracket)) {
    REFUSE(r, r->line, "'%c' does not close the '%c' of line %d", bracket, r->open[r->n_open].bracket,
           r->open[r->n_open].line);
    r->at = r->end; /* what follows would only be the same mistake again */
    r->n_open = 0;
  }
}

static bool in_name(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

/* A whole number that does not fit 32 bits gets the L that libconfig wants. */
static void copy_number(struct reading *r) {
  const char *stop = r->at;
  while (stop < r->end && (isalnum((unsigned char)*stop) || *stop == '.'))
    stop++;
  bool hex = r->at[0] == '0' && (r->at[1] == 'x' || r->at[1] == 'X');
  char *rest; /* the text ends in a NUL, so strtoll stays inside */
  errno = 0;
  long long x = strtoll(r->at, &rest, hex ? 16 : 10);
  bool out_of_range = errno == ERANGE, marked = *rest == 'L';
  rest += strspn(rest, "L");
  if (rest != stop || (!marked && x <= INT_MAX)) {
    copy_to(r, stop);
    return;
  }
  if (out_of_range)
    REFUSE(r, r->line, "%.*s is too large for a whole number; a float is written 1e20", (int)(stop - r->at), r->at);
  strbuf_printf(&r->out->text, "%lldL", x);
  r->at = stop;
}

static void copy_name(struct reading *r) {
  while (r->at < r->end && in_name(*r->at))
    copy_one(r);
}

static void include(struct reading *r) {
  const char *open = r->at + strlen("@include");
  while (open < r->end && (*open == ' ' || *open == '\t'))
    open++;
  const char *close = open < r->end && *open == '"' ? memchr(open + 1, '"', (size_t)(r->end - open - 1)) : NULL;
  if (!close || memchr(open, '\n', (size_t)(close - open))) {
    REFUSE(r, r->line, "write @include \"other.cfg\"");
    r->at = open;
    return;
  }
  struct strbuf name = STRBUF_INIT;
  strbuf_add(&name, open + 1, (size_t)(close - open - 1));
  char *folder = path_folder(r->out->files[r->file]);
  char *path = strcmp(folder, ".") == 0 ? mem_strdup(name.text) : path_join(folder, name.text);
  r->at = close + 1;
  strbuf_putc(&r->out->text, '\n');
  r->good &= add_file(r->out, path, r->depth + 1, r->c, r->out->files[r->file], r->line);
  strbuf_putc(&r->out->text, '\n');
  start_line(r->out, r->file, r->line);
  free(path);
  free(folder);
  strbuf_free(&name);
}

static void refuse_at(struct reading *r) {
  const char *stop = ++r->at;
  while (stop < r->end && in_name(*stop))
    stop++;
  if (stop > r->at)
    REFUSE(r, r->line, "a hyperparameter stands in quotes: \"@%.*s\"", (int)(stop - r->at), r->at);
  else
    REFUSE(r, r->line, "'@' outside quotes");
  r->at = stop;
}

/* True for a byte that no text file has there. */
static bool refuse_byte(struct reading *r) {
  unsigned char byte = (unsigned char)*r->at;
  if (byte < 0x80 && (byte >= ' ' || strchr("\t\n\r\f", byte)) && byte != 0)
    return false;
  if (looking_at(r, "\xe2\x80\x9c") || looking_at(r, "\xe2\x80\x9d") || looking_at(r, "\xe2\x80\x9e"))
    REFUSE(r, r->line, "a typographic quote: texts stand in plain quotes, \"like this\"");
  else
    REFUSE(r, r->line, "byte 0x%02x outside quotes: is this a study file?", byte);
  r->at = r->end; /* binary data hold many of them */
  r->n_open = 0;
  return true;
}

static void copy_token(struct reading *r) {
  if (*r->at == '#' || looking_at(r, "//") || looking_at(r, "/*"))
    copy_comment(r);
  else if (*r->at == '"')
    copy_quoted(r);
  else if (strchr("{}()[]", *r->at) && *r->at)
    copy_bracket(r);
  else if (looking_at(r, "@include"))
    include(r);
  else if (*r->at == '@')
    refuse_at(r);
  else if (isdigit((unsigned char)*r->at) || (*r->at == '.' && r->at + 1 < r->end))
    copy_number(r);
  else if (in_name(*r->at) && *r->at != '-')
    copy_name(r);
  else if (!refuse_byte(r))
    copy_one(r);
}

static bool add_text(struct source *s, const char *text, size_t n, const char *name, int depth, struct complaints *c) {
  MEM_GROW(s->files, s->n_files, &s->cap_files);
  s->files[s->n_files++] = mem_strdup(name);
  struct reading r = {
      .out = s, .c = c, .at = text, .end = text + n, .file = s->n_files - 1, .line = 1, .depth = depth, .good = true};
  if (looking_at(&r, "\xef\xbb\xbf")) /* a byte order mark */
    r.at += 3;
  start_line(s, r.file, 1);
  if (memchr(text, '\0', n)) {
    REFUSE(&r, 0, "this is not a text file");
    return false;
  }
  while (r.at < r.end && s->n_lines < MOST_LINES)
    copy_token(&r);
  if (s->n_lines >= MOST_LINES)
    REFUSE(&r, 0, "more than %d lines", MOST_LINES);
  else if (r.n_open)
    REFUSE(&r, r.open[r.n_open - 1].line, "this '%c' is never closed", r.open[r.n_open - 1].bracket);
  return r.good;
}

static bool add_file(struct source *s, const char *path, int depth, struct complaints *c, const char *from, int line) {
  struct stat info;
  if (depth > DEEPEST_INCLUDE) {
    complain(c, from, line, "@include \"%s\": files include each other more than %d deep", path, DEEPEST_INCLUDE);
    return false;
  }
  if (stat(path, &info) != 0) {
    complain(c, from, line, "cannot read %s: %s", path, strerror(errno));
    return false;
  }
  if (S_ISDIR(info.st_mode) || info.st_size > MOST_BYTES) {
    complain(c, from, line, "%s is %s, not a study file", path, S_ISDIR(info.st_mode) ? "a folder" : "far too large");
    return false;
  }
  struct strbuf text = STRBUF_INIT;
  bool good = file_read(path, &text) == OK;
  if (good) {
    good = add_text(s, text.text, text.len, path, depth, c);
  } else {
    complain(c, from, line, "%s", err_text());
    err_clear();
  }
  strbuf_free(&text);
  return good;
}

bool source_read_file(struct source *s, const char *path, struct complaints *c) {
  *s = (struct source){.text = STRBUF_INIT};
  return add_file(s, path, 0, c, NULL, 0);
}

bool source_read_text(struct source *s, const char *text, size_t length, const char *name, struct complaints *c) {
  *s = (struct source){.text = STRBUF_INIT};
  return add_text(s, text, length, name, 0, c);
}

void source_free(struct source *s) {
  for (size_t i = 0; i < s->n_files; i++)
    free(s->files[i]);
  free(s->files);
  free(s->lines);
  strbuf_free(&s->text);
  *s = (struct source){.text = STRBUF_INIT};
}

const char *source_place(const struct source *s, unsigned line, int *original) {
  size_t i = line == 0 ? 0 : line > s->n_lines ? s->n_lines - 1 : line - 1;
  *original = s->lines[i].line;
  return s->files[s->lines[i].file];
}

char *source_line(const struct source *s, unsigned line) {
  enum { LONGEST = 60 };
  const char *start = s->text.text;
  for (unsigned i = 1; i < line && strchr(start, '\n'); i++)
    start = strchr(start, '\n') + 1;
  start += strspn(start, " \t");
  size_t n = strcspn(start, "\n");
  bool quoted = false;
  for (size_t i = 0; i < n; i++) {
    quoted ^= start[i] == '"';
    if (start[i] == '#' && !quoted)
      n = i;
  }
  while (n > 0 && isspace((unsigned char)start[n - 1]))
    n--;
  struct strbuf out = STRBUF_INIT;
  strbuf_add(&out, start, n > LONGEST ? LONGEST : n);
  strbuf_puts(&out, n > LONGEST ? " ..." : "");
  return strbuf_detach(&out);
}
