/* Covariance matrix adaptation in the unit cube of a space: a normal distribution over its numbers, and one table of
 * probabilities for each of its categories.
 *
 * N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv 1604.00772 [H16]; N. Hansen, "Injecting External Solutions
 * Into CMA-ES", arXiv 1110.4181 [H11]; R. Hamano et al., "CMA-ES with Margin", arXiv 2205.13482 [M22]; "CatCMA",
 * arXiv 2405.09962 [C24] and "CatCMA with Margin", arXiv 2504.07884 [C25]; Y. Akimoto et al., "Adaptive Stochastic
 * Natural Gradient Method", arXiv 1905.08537 [A19]. */
#ifndef COXSWAIN_HPO_CMA_H
#define COXSWAIN_HPO_CMA_H

#include "base/rng.h"
#include "hpo/space.h"

/* A coordinate of the normal distribution: a float, or cells: whole numbers, steps, categories that are numbers in
 * order. */
struct cma_axis {
  const struct dimension *dim;
  uint64_t cells; /* 0: continuous */
};

/* A category whose choices have no order. */
struct cma_category {
  size_t u; /* its coordinate */
  size_t k; /* choices */
  double *q, *s;
};

struct cma {
  const struct space *space;
  size_t n, n_cells; /* axes, and how many of them are of cells */
  struct cma_axis *axes;
  size_t n_categories;
  struct cma_category *categories;

  /* what follows from n and lambda [H16, table 1] */
  size_t lambda;
  double *weights; /* (lambda), best first; the worse half is negative */
  double mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu, chi;
  double margin; /* [C25] */

  /* the state */
  double sigma;
  double *mean, *scale; /* (n); scale: the diagonal matrix A of [M22] */
  double *p_sigma, *p_c;
  double *c, *root, *inverse_root; /* (n, n): C, C^1/2, C^-1/2; the roots are of the C at generation `rooted` */
  double condition;
  int64_t generation, rooted;
  double natural_scale, natural_gamma; /* Delta and gamma of [A19] */
};

/* One result of a generation. */
struct cma_result {
  const double *u;
  const bool *active; /* NULL: all of them */
  uint64_t id;        /* decides the random numbers that stand for what the point does not say */
};

void cma_init(struct cma *m, const struct space *space);
void cma_free(struct cma *m);
size_t cma_default_lambda(const struct cma *m);
/* Begins anew. start: a point of the cube, sigma: the standard deviation along every axis. */
void cma_start(struct cma *m, const double *start, double sigma, size_t lambda);
/* A point of the current distribution, drawn `stretch` times wider. */
void cma_sample(const struct cma *m, struct rng *rng, double stretch, double *u);
/* One generation: lambda results, best first, wherever their points came from. */
void cma_update(struct cma *m, struct rng_key key, const struct cma_result *results);
/* The largest standard deviation along an axis. */
double cma_spread(const struct cma *m);

/* ---- parts ---- */

/* A = V diag(values) V^T for a symmetric matrix (n, n), by Jacobi's rotations in a fixed order: the same bits
 * everywhere. a is spoilt; the columns of v are the vectors. */
void cma_eigen(size_t n, double *a, double *values, double *v);

double cma_normal_cdf(double z);
double cma_normal_quantile(double p);
double cma_edge(const struct cma_axis *a, uint64_t k); /* where cell k begins, in u; k = cells: where the last ends */
uint64_t cma_cell(const struct cma_axis *a, double u);
double cma_deviation(const struct cma *m, size_t axis); /* of the marginal distribution */
/* Keeps every cell next to the mean possible, and every choice of a category [M22, C25]. */
void cma_keep_margins(struct cma *m);
/* Where the normal distribution was when it drew a point that is known by its cells only. */
void cma_latent(const struct cma *m, struct rng_key key, const struct cma_result *result, double *x);
void cma_update_categories(struct cma *m, const struct cma_result *results);

#endif
