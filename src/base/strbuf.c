#include "base/strbuf.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char strbuf_empty[1] = "";

void strbuf_init(struct strbuf *b) {
  *b = (struct strbuf)STRBUF_INIT;
}

void strbuf_free(struct strbuf *b) {
  if (b->cap)
    free(b->text);
  strbuf_init(b);
}

void strbuf_clear(struct strbuf *b) {
  b->len = 0;
  if (b->cap)
    b->text[0] = '\0';
}

static void set_capacity(struct strbuf *b, size_t cap) {
  b->text = mem_realloc(b->cap ? b->text : NULL, cap);
  b->cap = cap;
  b->text[b->len] = '\0';
}

void strbuf_reserve(struct strbuf *b, size_t n) {
  if (b->cap - b->len <= n)
    set_capacity(b, b->len + n + 1);
}

/* Room for n more bytes and the closing NUL, growing by doubling. */
static void grow(struct strbuf *b, size_t n) {
  if (b->cap - b->len > n)
    return;
  size_t cap = b->cap * 2 > b->len + n + 1 ? b->cap * 2 : b->len + n + 1;
  set_capacity(b, cap < 64 ? 64 : cap);
}

void strbuf_add(struct strbuf *b, const void *bytes, size_t n) {
  if (n == 0)
    return;
  grow(b, n);
  memcpy(b->text + b->len, bytes, n);
  b->len += n;
  b->text[b->len] = '\0';
}

void strbuf_puts(struct strbuf *b, const char *text) {
  strbuf_add(b, text, strlen(text));
}

void strbuf_putc(struct strbuf *b, char c) {
  strbuf_add(b, &c, 1);
}

void strbuf_vprintf(struct strbuf *b, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  if (n > 0) {
    grow(b, (size_t)n);
    vsnprintf(b->text + b->len, (size_t)n + 1, format, again);
    b->len += (size_t)n;
  }
  va_end(again);
}

void strbuf_printf(struct strbuf *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  strbuf_vprintf(b, format, args);
  va_end(args);
}

/* A decimal of up to 15 digits survives the way to a normal double and back, and %g drops closing zeros: so 15 digits
 * give the shortest form if it has 15 or fewer. Subnormal numbers have fewer digits and are tried from one up. */
static void shortest(double x, char text[32]) {
  int first = fabs(x) >= DBL_MIN || x == 0.0 ? 15 : 1;
  for (int digits = first; digits <= 17; digits++) {
    snprintf(text, 32, "%.*g", digits, x);
    if (strtod(text, NULL) == x)
      return;
  }
}

void strbuf_put_double(struct strbuf *b, double x) {
  if (isnan(x)) {
    strbuf_puts(b, "NaN");
  } else if (isinf(x)) {
    strbuf_puts(b, x > 0 ? "Infinity" : "-Infinity");
  } else {
    char text[32];
    shortest(x, text);
    strbuf_puts(b, text);
    if (!strpbrk(text, ".e")) /* a float stays a float when it is read back */
      strbuf_puts(b, ".0");
  }
}

/* Bytes of the UTF-8 character at s, 0 if there is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *s) {
  size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80)
      return 0;
  int overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
  int outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
  return overlong || outside ? 0 : n;
}

static void put_escaped(struct strbuf *b, unsigned char c) {
  static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
  for (const char *l = letters; *l; l += 2)
    if ((unsigned char)*l == c) {
      strbuf_putc(b, '\\');
      strbuf_putc(b, l[1]);
      return;
    }
  strbuf_printf(b, "\\u%04x", c);
}

void strbuf_put_json_string(struct strbuf *b, const char *text) {
  const unsigned char *s = (const unsigned char *)text;
  strbuf_putc(b, '"');
  while (*s) {
    size_t n = utf8_length(s);
    if (n == 0) { /* a stray byte of some program's output must not make the whole line unreadable */
      strbuf_puts(b, "\\ufffd");
      n = 1;
    } else if (*s < 0x20 || *s == '"' || *s == '\\') {
      put_escaped(b, *s);
    } else {
      strbuf_add(b, s, n);
    }
    s += n;
  }
  strbuf_putc(b, '"');
}

char *strbuf_detach(struct strbuf *b) {
  char *text = b->cap ? b->text : mem_strdup("");
  strbuf_init(b);
  return text;
}
