/* Values as text: in messages, in study files, from words. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/settings_store.h"

static void quote(const char *text, struct strbuf *out) {
  strbuf_putc(out, '"');
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      strbuf_printf(out, "\\%c", c);
    else if (c == '\n')
      strbuf_puts(out, "\\n");
    else if (c < ' ')
      strbuf_printf(out, "\\x%02x", c);
    else
      strbuf_putc(out, *text);
  }
  strbuf_putc(out, '"');
}

/* `text_mark`: how texts are marked off, ' in messages and " with escapes in files. */
static void put_value(const struct value *v, char text_mark, struct strbuf *out) {
  switch (v->kind) {
  case VALUE_NONE:
    strbuf_puts(out, "nothing");
    break;
  case VALUE_FLOAT:
    strbuf_put_double(out, v->as.f);
    break;
  case VALUE_INT:
    strbuf_printf(out, "%" PRId64, v->as.i);
    if (text_mark == '"' && (v->as.i > INT32_MAX || v->as.i < INT32_MIN))
      strbuf_putc(out, 'L'); /* plain libconfig wants it */
    break;
  case VALUE_BOOL:
    strbuf_puts(out, v->as.b ? "true" : "false");
    break;
  case VALUE_TEXT:
    if (text_mark == '"')
      quote(v->as.text, out);
    else
      strbuf_printf(out, "'%.200s'", v->as.text);
    break;
  }
}

void value_show(const struct value *v, struct strbuf *out) {
  put_value(v, '\'', out);
}

void value_write(const struct value *v, struct strbuf *out) {
  put_value(v, '"', out);
}

static void put_values(const struct value *values, size_t n, bool list, char mark, size_t longest, struct strbuf *out) {
  size_t start = out->len;
  strbuf_puts(out, list ? "(" : "");
  for (size_t i = 0; i < n; i++) {
    strbuf_puts(out, i ? ", " : "");
    if (out->len - start > longest) {
      strbuf_puts(out, "...");
      break;
    }
    put_value(&values[i], mark, out);
  }
  strbuf_puts(out, list ? ")" : "");
}

void values_write(const struct value *values, size_t n, bool list, struct strbuf *out) {
  put_values(values, n, list, '"', SIZE_MAX, out);
}

void values_show(const struct value *values, size_t n, bool list, struct strbuf *out) {
  put_values(values, n, list, '\'', 60, out);
}

static struct value number_or_text(const char *word) {
  char *end;
  const char *digits = word + (*word == '-' || *word == '+');
  if (isdigit((unsigned char)*digits) || (*digits == '.' && isdigit((unsigned char)digits[1]))) {
    errno = 0;
    long long whole = strtoll(word, &end, 10);
    if (*end == '\0' && errno == 0)
      return value_int(whole);
    double x = strtod(word, &end);
    if (*end == '\0')
      return value_float(x);
  }
  return value_text(word);
}

static struct value value_from_word(const struct setting *row, char *word) {
  size_t n = strlen(word);
  if (n >= 2 && word[0] == '"' && word[n - 1] == '"') {
    word[n - 1] = '\0';
    return value_text(word + 1);
  }
  if (row && (row->type == SETTING_TEXT || row->type == SETTING_CHOICE))
    return value_text(word);
  if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
    return value_bool(*word == 't');
  return number_or_text(word);
}

/* The word from `start` to before `stop` without spaces around it. Caller frees. */
static char *trimmed(const char *start, const char *stop) {
  while (start < stop && isspace((unsigned char)*start))
    start++;
  while (start < stop && isspace((unsigned char)stop[-1]))
    stop--;
  char *word = mem_alloc((size_t)(stop - start) + 1);
  memcpy(word, start, (size_t)(stop - start));
  return word;
}

static void add_word(const struct setting *row, const char *start, const char *stop, struct value **values, size_t *n,
                     size_t *cap) {
  char *word = trimmed(start, stop);
  MEM_GROW(*values, *n, cap);
  (*values)[(*n)++] = value_from_word(row, word);
  free(word);
}

struct value *values_from_words(const struct setting *row, const char *text, size_t *n, bool *list) {
  struct value *values = NULL;
  size_t cap = 0, length = strlen(text);
  *n = 0;
  *list = length >= 2 && ((text[0] == '(' && text[length - 1] == ')') || (text[0] == '[' && text[length - 1] == ']'));
  if (!*list) {
    add_word(row, text, text + length, &values, n, &cap);
    return values;
  }
  const char *end = text + length - 1, *start = text + 1;
  bool quoted = false;
  for (const char *p = start; p <= end; p++) {
    quoted ^= *p == '"';
    if (p == end || (*p == ',' && !quoted)) {
      bool blank = strspn(start, " \t") == (size_t)(p - start);
      if (!(p == end && blank)) /* ( ) is empty, and a comma may stand after the last */
        add_word(row, start, p, &values, n, &cap);
      start = p + 1;
    }
  }
  return values;
}
