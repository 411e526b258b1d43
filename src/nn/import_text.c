#include "nn/import_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"

#define END (-1)

static enum err fill_block(struct text_file *f) {
  if (f->at < f->in_block || f->eof)
    return OK;
  int n = gzread(f->gz, f->block, sizeof f->block);
  int code;
  const char *reason = gzerror(f->gz, &code);
  if (n < 0 || code == Z_BUF_ERROR) /* the latter: cut short */
    return FAIL(code == Z_ERRNO ? ERR_IO : ERR_INPUT, "%s:%zu: cannot be read on from here (%s): is the file complete?",
                f->path, f->line, code == Z_ERRNO ? strerror(errno) : reason); /* zlib would lose bytes over EINTR */
  f->at = 0;
  f->in_block = (size_t)n;
  f->eof = n == 0;
  return OK;
}

static enum err peek(struct text_file *f, int *c) {
  *c = END;
  TRY(fill_block(f));
  *c = f->eof ? END : f->block[f->at];
  return OK;
}

static void advance(struct text_file *f) {
  f->at++;
  f->column++;
}

/* "\n", "\r\n" and a lone "\r" end a line. */
static enum err end_line(struct text_file *f, int c) {
  advance(f);
  if (c == '\r') {
    int next;
    TRY(peek(f, &next));
    if (next == '\n')
      advance(f);
  }
  f->line++;
  f->column = 1;
  return OK;
}

enum err text_open(struct text_file *f, const char *path, char separator) {
  *f = (struct text_file){.path = path, .separator = separator, .line = 1, .column = 1, .text = STRBUF_INIT};
  int64_t size = file_size(path);
  f->gz = size >= 0 ? gzopen(path, "rb") : NULL;
  if (!f->gz)
    return FAIL(ERR_INPUT, "%s: %s", path, strerror(errno));
  f->size = (double)size;
  gzbuffer(f->gz, 1 << 17);
  TRY(fill_block(f));
  if (f->eof)
    return FAIL(ERR_INPUT, "%s is empty", path);
  if (f->in_block >= 2 &&
      ((f->block[0] == 0xFF && f->block[1] == 0xFE) || (f->block[0] == 0xFE && f->block[1] == 0xFF)))
    return FAIL(ERR_INPUT, "%s is UTF-16 text: write it as UTF-8 (iconv -f UTF-16 -t UTF-8)", path);
  if (f->in_block >= 3 && memcmp(f->block, "\xEF\xBB\xBF", 3) == 0)
    f->at = 3; /* a byte order mark is no part of the first name */
  return OK;
}

void text_close(struct text_file *f) {
  if (f->gz)
    gzclose(f->gz);
  strbuf_free(&f->text);
  free(f->fields);
  *f = (struct text_file){.text = STRBUF_INIT};
}

static void field_begin(struct text_file *f) {
  MEM_GROW(f->fields, f->n_fields, &f->cap);
  f->fields[f->n_fields++] = (struct text_field){f->text.len, f->line, f->column};
}

static void field_end(struct text_file *f, bool quoted) {
  struct text_field *field = &f->fields[f->n_fields - 1];
  if (!quoted) {
    while (f->text.len > field->start && strchr(" \t", f->text.text[f->text.len - 1]))
      f->text.text[--f->text.len] = '\0';
    while (field->start < f->text.len && strchr(" \t", f->text.text[field->start]))
      field->start++;
  }
  strbuf_putc(&f->text, '\0');
}

/* Has the field nothing but spaces so far? They are forgotten. */
static bool only_blanks(struct text_file *f) {
  struct text_field *field = &f->fields[f->n_fields - 1];
  if (strspn(f->text.text + field->start, " \t") != f->text.len - field->start)
    return false;
  f->text.len = field->start;
  f->text.text[f->text.len] = '\0';
  return true;
}

/* After the opening quote, up to and over the closing one; "" is a quote. */
static enum err quoted_field(struct text_file *f) {
  struct text_field *field = &f->fields[f->n_fields - 1];
  size_t line = f->line, column = f->column;
  advance(f);
  for (;;) {
    int c;
    TRY(peek(f, &c));
    if (c == END)
      return FAIL(ERR_INPUT, "%s:%zu:%zu: a quote opens here and never closes", f->path, line, column);
    if (c == '\n' || c == '\r') {
      strbuf_putc(&f->text, '\n');
      TRY(end_line(f, c));
      continue;
    }
    advance(f);
    if (c == '"') {
      TRY(peek(f, &c));
      if (c != '"')
        break;
      advance(f);
    }
    strbuf_putc(&f->text, (char)c);
  }
  field->line = line;
  field->column = column;
  return OK;
}

/* One field; *last says whether the record ends with it. */
static enum err read_field(struct text_file *f, bool *last) {
  bool quoted = false;
  field_begin(f);
  for (;;) {
    int c;
    TRY(peek(f, &c));
    *last = c == END || c == '\n' || c == '\r';
    if (*last || c == (unsigned char)f->separator)
      break;
    if (c == '"' && !quoted && only_blanks(f)) {
      TRY(quoted_field(f));
      quoted = true;
      continue;
    }
    if (quoted && c != ' ' && c != '\t')
      return FAIL(ERR_INPUT, "%s:%zu:%zu: text after a closing quote: a quote inside quotes is written \"\"", f->path,
                  f->line, f->column);
    if (c == '\0')
      return FAIL(ERR_INPUT, "%s:%zu:%zu: a zero byte: this is not text", f->path, f->line, f->column);
    if (!quoted)
      strbuf_putc(&f->text, (char)c);
    advance(f);
  }
  field_end(f, quoted);
  return OK;
}

static enum err read_record(struct text_file *f, bool *blank) {
  strbuf_clear(&f->text);
  f->n_fields = 0;
  bool last = false;
  while (!last) {
    TRY(read_field(f, &last));
    int c;
    TRY(peek(f, &c));
    if (c == END)
      break;
    if (last)
      TRY(end_line(f, c));
    else
      advance(f); /* the separator */
  }
  *blank = f->n_fields == 1 && *text_of(f, 0) == '\0';
  return OK;
}

enum err text_record(struct text_file *f, bool *more) {
  for (bool blank = true; blank;) {
    int c;
    TRY(peek(f, &c));
    *more = c != END;
    if (!*more)
      return OK;
    TRY(read_record(f, &blank));
  }
  return OK;
}

char *text_of(const struct text_file *f, size_t field) {
  return f->text.text + f->fields[field].start;
}

double text_share(const struct text_file *f) {
  return f->size > 0 ? (double)gzoffset(f->gz) / f->size : 1;
}
