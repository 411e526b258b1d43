/* What the Parzen estimator keeps of a study: who is best, and a sample of everybody, as a fold over the events.
 *
 * Trials are ranked as Optuna does it: complete ones by value, then those that stopped or wait on the way, further
 * steps first, then by value. A failed trial, and one that has reported nothing, has no rank: it is never among the
 * best.
 *
 * The sample is every trial until there are `cap`, then a uniform one (algorithm R of Vitter, ACM TOMS 11 (1985) 37),
 * kept in random order, so that its first k are a uniform sample too. */
#ifndef COXSWAIN_HPO_TPE_RANK_H
#define COXSWAIN_HPO_TPE_RANK_H

#include "hpo/study.h"
#include "hpo/tpe_components.h"

struct ranked {
  int64_t row, event; /* the newest one */
};

struct ranking {
  int64_t step;       /* only what is known after so many steps; -1: whatever is known */
  int64_t n;          /* trials */
  int64_t ranked;     /* of which have a value */
  struct ranked *top; /* (n_top) the best ones, best first; owned */
  size_t n_top, cap_top;
  struct components sample;
  size_t cap_sample;
  int32_t *place; /* by row: 1 + place in the sample; 0: not in it; owned */
  size_t n_places;
  struct rng_key key;
};

void ranking_init(struct ranking *r, int64_t step, size_t cap_top, size_t cap_sample, struct rng_key key);
void ranking_free(struct ranking *r);
/* Event i. k: of the sample's kernels. */
void ranking_tell(struct ranking *r, const struct axes *a, const struct axis_kernel *k, const struct history *h,
                  int64_t i);
/* Makes sure of the first n places of `top` (or all there are), after all events of the history are told. */
void ranking_settle(struct ranking *r, const struct history *h, size_t n);
size_t ranking_place(const struct ranking *r, int64_t row); /* in the sample; SIZE_MAX: not in it */

#endif
