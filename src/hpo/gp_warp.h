/* Values made fit for a Gaussian process: mean 0, variance 1, no outliers; better stays better. */
#ifndef COXSWAIN_HPO_GP_WARP_H
#define COXSWAIN_HPO_GP_WARP_H

#include <stddef.h>

/* y (n), smaller is better, in place. NaN is a trial that failed: it becomes as bad as the worst of the others;
 * infinities too. Nothing but NaN becomes 0. */
void gp_warp(size_t n, double *y);

#endif
