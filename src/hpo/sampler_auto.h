/* How sampler auto shares the points out. */
#ifndef COXSWAIN_HPO_SAMPLER_AUTO_H
#define COXSWAIN_HPO_SAMPLER_AUTO_H

#include "hpo/sampler.h"

#define AUTO_ARMS 3 /* gp, tpe, cmaes */

/* Of the trials over lately: how many an arm proposed, and how many of those were the best so far. */
struct auto_credit {
  double trials, improved;
};

/* Which part of the points each gets, 1 in all: `prior` for those of whom nothing is known. */
void auto_shares(const struct auto_credit credit[AUTO_ARMS], const double prior[AUTO_ARMS], double share[AUTO_ARMS]);
/* Milliseconds that a point of the Gaussian process costs, of n trials and d coordinates. */
double auto_gp_cost(double n, double d);

#endif
