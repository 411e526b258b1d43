/* The loop that a Gaussian process spends its time in. */
#ifndef COXSWAIN_HPO_GP_KERNEL_H
#define COXSWAIN_HPO_GP_KERNEL_H

#include <stddef.h>

/* Matern 5/2 of squared distances: k = (1 + r + r^2/3) exp(-r) with r = sqrt(5 squared), and its derivative by
 * `squared`. Either may be where the squared distances are; slope may be NULL. Negative ones, from rounding, count as
 * 0. The same bits on every machine. */
void gp_matern(size_t n, const double *squared, double *k, double *slope);

/* Squared distances from scalar products, in place: norms[i] + norm - 2 squared[i]. */
void gp_distances(size_t n, double norm, const double *norms, double *squared);

#endif
