/* A strict scanner for one line of JSON, fast enough for journals of ten million lines. It works in place: strings are
 * unescaped where they stand and closed with a NUL, so the text is cut up as the scan goes on. RFC 8259, except that
 * numbers must fit a double, nesting ends at 64 and a line feed is no white space. */
#ifndef COXSWAIN_HPO_JOURNAL_SCAN_H
#define COXSWAIN_HPO_JOURNAL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
  char *p, *end;   /* *end is NUL */
  const char *why; /* the first fault; p stands at it */
  bool nan;        /* scan_value came across NaN or Infinity, which Python writes and JSON has not */
};

struct scan_text {
  const char *text; /* NUL-terminated */
  size_t n;
};

/* Each returns false after a fault. */
bool scan_fault(struct scan *s, const char *why);
bool scan_expect(struct scan *s, char c);
bool scan_string(struct scan *s, struct scan_text *out);
bool scan_number(struct scan *s, double *x); /* "null" is NaN */
bool scan_int(struct scan *s, int64_t *x);   /* -2^53 .. 2^53 */
bool scan_bool(struct scan *s, bool *x);
/* Any value, checked but not taken apart. *end is where a NUL may be put once what follows has been scanned. */
bool scan_value(struct scan *s, char **begin, char **end);
bool scan_finished(struct scan *s); /* nothing but white space is left */

/* Goes through an object: first = true before the first key; false at the closing brace or a fault. After true the
 * value must be scanned. */
bool scan_key(struct scan *s, bool *first, struct scan_text *key);
/* Likewise through an array. */
bool scan_item(struct scan *s, bool *first);

bool scan_text_is(const struct scan_text *t, const char *word);
char scan_peek(struct scan *s); /* the next character that is no white space; NUL at the end */

#endif
