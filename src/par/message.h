/* Values in a message, in the order written. Reading past the end or what cannot be sets ->bad and gives zeros, so that
 * a reader checks once, at the end. */
#ifndef COXSWAIN_PAR_MESSAGE_H
#define COXSWAIN_PAR_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/params.h"
#include "base/strbuf.h"

void put_i64(struct strbuf *b, int64_t x);
void put_f64(struct strbuf *b, double x);
void put_text(struct strbuf *b, const char *text); /* NULL is kept */
void put_params(struct strbuf *b, const struct params *p);

struct reader {
  const char *bytes; /* borrowed */
  size_t n, at;
  bool bad;
};
struct reader reader_of(const struct strbuf *b);
bool reader_more(const struct reader *r); /* something is left and nothing was bad */
int64_t get_i64(struct reader *r);
double get_f64(struct reader *r);
char *get_text(struct reader *r);                    /* caller frees; may be NULL */
void get_params(struct reader *r, struct params *p); /* p: initialised, replaced */

#endif
