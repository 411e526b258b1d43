/* study.confirm: a search keeps the luckiest of its trials. When it is over, the best few are evaluated again with
 * other random numbers, and what the repeats come to says what to expect of the point. The choice of the best stays as
 * it is.
 */
#ifndef COXSWAIN_HPO_CONFIRM_H
#define COXSWAIN_HPO_CONFIRM_H

#include "hpo/study.h"

/* Of the repeats of a trial that came to a value. */
struct spread {
  int64_t n;
  double mean, sd; /* NaN without a value; sd (of n - 1) NaN with one */
};
struct spread confirm_spread(const struct study *s, int64_t trial);
bool confirm_counts(const struct trial *repeat); /* has this one come to its value? */

/* How many repeats the `best` best trials are to have, k each. */
int64_t confirm_wanted(const struct study *s, int64_t k, int64_t best);
/* Whose turn it is: the best of those with fewer than k repeats. -1: all have theirs. */
int64_t confirm_next(const struct study *s, int64_t k, int64_t best);

#endif
