/* How much each hyperparameter matters: PED-ANOVA (Watanabe, Bansal, Hutter 2023, "PED-ANOVA: efficiently quantifying
 * hyperparameter importance in arbitrary subspaces", arXiv 2304.10255). One pass over the trials for each of them, so
 * 100,000 trials of 40 hyperparameters take a moment. */
#ifndef COXSWAIN_HPO_IMPORTANCE_H
#define COXSWAIN_HPO_IMPORTANCE_H

#include "hpo/study.h"

enum { IMPORTANCE_FEWEST = 10 }; /* complete trials: below that nothing is said */

/* Shares of 1 over the hyperparameters of the space; 0 for fixed ones. */
struct importance {
  double all;    /* what makes a trial one of the best, among all trials */
  double good;   /* the same among those that are good already: the best sqrt(share) of all */
  size_t trials; /* complete ones where the hyperparameter is there: only they count */
};

/* out: one for each of space->dims. `share` of the trials are the best, in (0, 1). False: too few trials. Points of
 * other studies do not count. */
bool importance_of(const struct study *s, double share, struct importance *out);

#endif
