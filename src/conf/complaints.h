/* Mistakes in a configuration, collected so that a user sees all of them at once, as "study.cfg:12: schedule.eta = 1
 * must be >= 2". */
#ifndef COXSWAIN_CONF_COMPLAINTS_H
#define COXSWAIN_CONF_COMPLAINTS_H

#include <stddef.h>

#include "base/err.h"

struct complaints {
  char **lines; /* owned */
  size_t n, cap;
};

void complaints_init(struct complaints *c);
void complaints_free(struct complaints *c);
/* `file` may be NULL; `line` 0 means none is known. */
void complain(struct complaints *c, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* OK if there are none, else FAIL(ERR_CONFIG) with all lines. */
enum err complaints_verdict(const struct complaints *c);

/* The word of `words` (n of them) nearest to `word` by edit distance, or NULL if none is near. */
const char *nearest_word(const char *word, const char *const *words, size_t n);

#endif
