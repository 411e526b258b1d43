/* A growing text buffer. Invariant: `text` is never NULL and always ends in a NUL that `len` does not count; it may
 * hold NULs of its own when used for bytes. Running out of memory ends the program with a message (exit 70). */
#ifndef COXSWAIN_BASE_STRBUF_H
#define COXSWAIN_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

struct strbuf {
  char *text; /* owned unless cap == 0, when it is the shared empty string */
  size_t len, cap;
};

extern char strbuf_empty[1];
#define STRBUF_INIT \
  { .text = strbuf_empty, .len = 0, .cap = 0 }

void strbuf_init(struct strbuf *b);
void strbuf_free(struct strbuf *b);              /* leaves it initialised and empty */
void strbuf_clear(struct strbuf *b);             /* keeps the memory */
void strbuf_reserve(struct strbuf *b, size_t n); /* room for n more bytes, exactly: for large known sizes */
void strbuf_add(struct strbuf *b, const void *bytes, size_t n);
void strbuf_puts(struct strbuf *b, const char *text);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* The shortest decimal form that reads back as the same double ("0.1", "1e-05", "3.0"); inf and nan as JSON text. */
void strbuf_put_double(struct strbuf *b, double x);
void strbuf_put_json_string(struct strbuf *b, const char *text); /* with quotes and escapes */
char *strbuf_detach(struct strbuf *b);                           /* caller frees with free() */

#endif
