#include "hpo/journal_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

bool scan_fault(struct scan *s, const char *why) {
  if (!s->why)
    s->why = why;
  return false;
}

char scan_peek(struct scan *s) {
  while (*s->p == ' ' || *s->p == '\t' || *s->p == '\r')
    s->p++;
  return *s->p;
}

bool scan_expect(struct scan *s, char c) {
  if (scan_peek(s) != c || c == '\0')
    switch (c) {
    case '{':
      return scan_fault(s, "an object { } must stand here");
    case '}':
      return scan_fault(s, "a } must stand here");
    case '"':
      return scan_fault(s, "a string must stand here");
    case ':':
      return scan_fault(s, "a : must stand here");
    case '[':
      return scan_fault(s, "an array [ ] must stand here");
    default:
      return scan_fault(s, "a , or the end must stand here");
    }
  s->p++;
  return true;
}

bool scan_finished(struct scan *s) {
  if (scan_peek(s) != '\0' || s->p != s->end)
    return scan_fault(s, "the line must end here");
  return true;
}

bool scan_text_is(const struct scan_text *t, const char *word) {
  return strlen(word) == t->n && memcmp(t->text, word, t->n) == 0;
}

/* ---- strings ---- */

/* Bytes of the UTF-8 character at s, 0 if there is none (RFC 3629). The NUL behind the line ends every look ahead. */
static size_t utf8_length(const unsigned char *s) {
  size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80)
      return 0;
  bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
  bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
  return overlong || outside ? 0 : n;
}

static size_t utf8_put(char *out, uint32_t c) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, c >>= 6)
    out[i] = (char)(0x80 | (c & 0x3f));
  static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  out[0] = (char)(lead[n] | c);
  return n;
}

static bool hex4(struct scan *s, uint32_t *out) {
  *out = 0;
  for (int i = 0; i < 4; i++, s->p++) {
    char c = *s->p;
    uint32_t digit;
    if (c >= '0' && c <= '9')
      digit = (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = (uint32_t)(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
      digit = (uint32_t)(c - 'A') + 10;
    else
      return scan_fault(s, "four hexadecimal digits must follow \\u");
    *out = *out * 16 + digit;
  }
  return true;
}

/* Behind "\u". A pair of surrogates is one character; half a pair, and NUL, which no C string can hold, become U+FFFD.
 */
static bool unicode_escape(struct scan *s, uint32_t *c) {
  if (!hex4(s, c))
    return false;
  bool high = *c >= 0xd800 && *c < 0xdc00;
  if (high && s->p[0] == '\\' && s->p[1] == 'u') {
    char *back = s->p;
    uint32_t low;
    s->p += 2;
    if (!hex4(s, &low))
      return false;
    if (low >= 0xdc00 && low < 0xe000) {
      *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
      return true;
    }
    s->p = back;
  }
  if (*c == 0 || (*c >= 0xd800 && *c < 0xe000))
    *c = 0xfffd;
  return true;
}

/* p stands on a backslash; the character goes to `out`. No escape is shorter than what it stands for. */
static bool escape(struct scan *s, char **out) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  s->p++;
  if (*s->p == 'u') {
    uint32_t c;
    s->p++;
    if (!unicode_escape(s, &c))
      return false;
    *out += utf8_put(*out, c);
    return true;
  }
  const char *at = *s->p ? strchr(from, *s->p) : NULL;
  if (!at)
    return scan_fault(s, "no such escape in a string");
  *(*out)++ = to[at - from];
  s->p++;
  return true;
}

/* Everything up to the closing quote; p stands behind the opening one. With out == NULL the text stays as it is. */
static bool string_body(struct scan *s, char **out) {
  char spare[4];
  for (;;) {
    unsigned char c = (unsigned char)*s->p;
    if (c == '"')
      return true;
    if (c < 0x20)
      return scan_fault(s, c ? "a control character in a string" : "a string without its closing quote");
    if (c == '\\') {
      char *unused = spare;
      if (!escape(s, out ? out : &unused))
        return false;
      continue;
    }
    size_t n = c < 0x80 ? 1 : utf8_length((const unsigned char *)s->p);
    if (n == 0)
      return scan_fault(s, "bytes that are no UTF-8");
    if (out) {
      if (*out != s->p)
        memmove(*out, s->p, n);
      *out += n;
    }
    s->p += n;
  }
}

bool scan_string(struct scan *s, struct scan_text *out) {
  if (!scan_expect(s, '"'))
    return false;
  char *begin = s->p, *put = begin;
  if (!string_body(s, &put))
    return false;
  s->p++;
  *put = '\0';
  *out = (struct scan_text){.text = begin, .n = (size_t)(put - begin)};
  return true;
}

/* ---- numbers ---- */

static bool digit(char c) {
  return c >= '0' && c <= '9';
}

static bool digits(struct scan *s) {
  if (!digit(*s->p))
    return scan_fault(s, "a number must stand here");
  while (digit(*s->p))
    s->p++;
  return true;
}

/* The grammar; *simple is set when there is neither a fraction nor an exponent. */
static bool number_shape(struct scan *s, bool *simple) {
  *simple = true;
  if (*s->p == '-')
    s->p++;
  if (*s->p == '0' && digit(s->p[1]))
    return scan_fault(s, "a number must not begin with 0");
  if (!digits(s))
    return false;
  if (*s->p == '.') {
    *simple = false;
    s->p++;
    if (!digits(s))
      return false;
  }
  if (*s->p == 'e' || *s->p == 'E') {
    *simple = false;
    s->p++;
    if (*s->p == '+' || *s->p == '-')
      s->p++;
    if (!digits(s))
      return false;
  }
  return true;
}

/* Decimals of up to 15 digits and small exponents need no strtod: mantissa and power of ten are exact doubles, and one
 * division rounds correctly (Clinger, "How to read floating point numbers accurately", PLDI 1990). */
static bool quick_decimal(const char *p, const char *end, double *x) {
  static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  bool minus = *p == '-';
  p += minus;
  if (end - p > 16)
    return false;
  int64_t mantissa = 0;
  int places = 0, n = 0;
  bool fraction = false;
  for (; p < end; p++) {
    if (*p == '.') {
      fraction = true;
      continue;
    }
    if (!digit(*p))
      return false; /* an exponent */
    mantissa = mantissa * 10 + (*p - '0');
    places += fraction;
    n++;
  }
  if (n > 15)
    return false;
  double value = (double)mantissa / power[places];
  *x = minus ? -value : value;
  return true;
}

static bool literal(struct scan *s, const char *word) {
  size_t n = strlen(word);
  if (strncmp(s->p, word, n) != 0)
    return false;
  s->p += n;
  return true;
}

bool scan_number(struct scan *s, double *x) {
  if (scan_peek(s) == 'n' && literal(s, "null")) {
    *x = (double)NAN;
    return true;
  }
  const char *begin = s->p;
  bool simple;
  if (!number_shape(s, &simple))
    return false;
  if (!quick_decimal(begin, s->p, x))
    *x = strtod(begin, NULL);
  return isfinite(*x) ? true : scan_fault(s, "a number too large for a double");
}

bool scan_int(struct scan *s, int64_t *x) {
  scan_peek(s);
  const char *p = s->p;
  bool simple;
  if (!number_shape(s, &simple))
    return false;
  bool minus = *p == '-';
  p += minus;
  if (!simple || s->p - p > 16)
    return scan_fault(s, "a whole number must stand here");
  int64_t value = 0;
  for (; p < s->p; p++)
    value = value * 10 + (*p - '0');
  *x = minus ? -value : value;
  return true;
}

bool scan_bool(struct scan *s, bool *x) {
  char c = scan_peek(s);
  if (!(c == 't' ? literal(s, "true") : literal(s, "false")))
    return scan_fault(s, "true or false must stand here");
  *x = c == 't';
  return true;
}

/* ---- objects, arrays, any value ---- */

bool scan_key(struct scan *s, bool *first, struct scan_text *key) {
  if (*first && !scan_expect(s, '{'))
    return false;
  if (scan_peek(s) == '}') {
    s->p++;
    return false;
  }
  if (!*first && !scan_expect(s, ','))
    return false;
  *first = false;
  return scan_string(s, key) && scan_expect(s, ':');
}

bool scan_item(struct scan *s, bool *first) {
  if (*first && !scan_expect(s, '['))
    return false;
  if (scan_peek(s) == ']') {
    s->p++;
    return false;
  }
  if (!*first && !scan_expect(s, ','))
    return false;
  *first = false;
  return true;
}

static bool skip_value(struct scan *s, int depth);

static bool skip_string(struct scan *s) {
  if (!scan_expect(s, '"') || !string_body(s, NULL))
    return false;
  s->p++;
  return true;
}

/* p stands on the opening bracket. */
static bool skip_members(struct scan *s, char close, int depth) {
  if (depth == MAX_DEPTH)
    return scan_fault(s, "nested too deeply");
  s->p++;
  if (scan_peek(s) == close) {
    s->p++;
    return true;
  }
  for (;;) {
    if (close == '}' && (!skip_string(s) || !scan_expect(s, ':')))
      return false;
    if (!skip_value(s, depth + 1))
      return false;
    if (scan_peek(s) == close) {
      s->p++;
      return true;
    }
    if (!scan_expect(s, ','))
      return false;
  }
}

static bool skip_value(struct scan *s, int depth) {
  bool simple;
  switch (scan_peek(s)) {
  case '{':
    return skip_members(s, '}', depth);
  case '[':
    return skip_members(s, ']', depth);
  case '"':
    return skip_string(s);
  case 't':
    return literal(s, "true") || scan_fault(s, "a value must stand here");
  case 'f':
    return literal(s, "false") || scan_fault(s, "a value must stand here");
  case 'n':
    return literal(s, "null") || scan_fault(s, "a value must stand here");
  case 'N':
  case 'I':
    s->nan = true;
    return literal(s, "NaN") || literal(s, "Infinity") || scan_fault(s, "a value must stand here");
  case '-':
    if (literal(s, "-Infinity")) {
      s->nan = true;
      return true;
    }
    return number_shape(s, &simple);
  default:
    return number_shape(s, &simple) || scan_fault(s, "a value must stand here");
  }
}

bool scan_value(struct scan *s, char **begin, char **end) {
  scan_peek(s);
  *begin = s->p;
  s->nan = false;
  if (!skip_value(s, 0))
    return false;
  *end = s->p;
  return true;
}
