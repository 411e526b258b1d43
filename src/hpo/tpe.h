/* The tree-structured Parzen estimator, multivariate, after S. Watanabe, "Tree-structured Parzen estimator:
 * understanding its algorithm components and their roles for better empirical performance", arXiv 2304.11127 (2023);
 * Bergstra et al., NIPS 24 (2011). For the sampler `tpe` and for others that build on it. */
#ifndef COXSWAIN_HPO_TPE_H
#define COXSWAIN_HPO_TPE_H

#include "base/rng.h"
#include "hpo/study.h"

enum tpe_weights { TPE_IMPROVEMENT, TPE_RANK, TPE_EQUAL };
enum tpe_bandwidth { TPE_SPREAD, TPE_RANGE };

struct tpe_options {
  int64_t startup;    /* trials with a value before the first model */
  int64_t candidates; /* drawn from the good density at each ask */
  double gamma;       /* share of the trials that is good ... */
  int64_t good;       /* ... and at most so many */
  enum tpe_weights weights;
  enum tpe_bandwidth bandwidth;
  bool multivariate;
  int64_t sample; /* how many trials stand for all of them */

  /* BOHB (Falkner, Klein and Hutter, arXiv 1807.01774) */
  double random;    /* share of the points that are random */
  double wider;     /* kernels that candidates are drawn from are so much wider */
  double narrowest; /* deviation of a kernel, in shares of the range */
  int64_t least;    /* good ones at least; 1 */
  bool by_budget;   /* model what is known at the largest step that has `startup` values, not each trial's newest */
};

struct tpe;

struct tpe_options tpe_defaults(void);
struct tpe *tpe_new(const struct space *space, struct rng_key study_key, const struct tpe_options *options);
void tpe_free(struct tpe *t);
/* A point for this history; index: as for a sampler's ask. It depends on nothing else, whatever was asked before. */
void tpe_ask(struct tpe *t, const struct history *h, int64_t index, struct rng *rng, double *u);

/* log l(x) and log g(x) of the model of this history at n points (n, d): what tests compare. False: no model yet. */
bool tpe_densities(struct tpe *t, const struct history *h, size_t n, const double *u, double *good, double *bad);

#endif
