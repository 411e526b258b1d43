/* The components of a Parzen estimator: one product of kernels for each trial, over the axes where the trial has a
 * value. An axis that is not there at a trial gets the uniform distribution from it: the trial says nothing about it.
 */
#ifndef COXSWAIN_HPO_TPE_COMPONENTS_H
#define COXSWAIN_HPO_TPE_COMPONENTS_H

#include "hpo/tpe_axis.h"
#include "hpo/tpe_kernel.h"

struct axes {
  struct axis *axis;           /* (d) */
  size_t d, n_smooth, n_cells; /* columns of either sort */
  size_t longest;              /* cells of the axis with the most */
  size_t row_length;           /* cells of all such axes, and one more each */
};

void axes_init(struct axes *a, const struct space *space, bool multivariate);
void axes_free(struct axes *a);

struct axis_kernel *kernels_new(const struct axes *a); /* (d); widths not set yet */
void kernels_free(const struct axes *a, struct axis_kernel *kernels);

struct components {
  struct columns c;
  size_t n, cap;
  double *weight; /* (cap): log; -INFINITY takes a component out */
  double *inside; /* (cap): log of the mass inside the cube, and squares of the centres, over the axes that are never
                     asked for alone */
  int64_t *row;   /* (cap): of the history */
};

void components_free(struct components *c);
/* Puts a trial's point at place `at` <= n, with weight 0. active: NULL if all axes are there. */
void components_put(const struct axes *a, const struct axis_kernel *k, struct components *c, size_t at, int64_t row,
                    const double *u, const bool *active);
/* The same, to be refitted before use. */
void components_set(const struct axes *a, struct components *c, size_t at, int64_t row, const double *u,
                    const bool *active);
void components_copy(const struct axes *a, struct components *c, size_t to, size_t from);
void components_weigh(struct components *c, size_t at, double log_weight);
void components_refit(const struct axes *a, const struct axis_kernel *k,
                      struct components *c); /* widths have changed */
double components_centre(const struct axes *a, const struct components *c, size_t at, size_t axis);
bool components_there(const struct axes *a, const struct components *c, size_t at, size_t axis);

/* Candidates as they look from kernels of these widths. */
struct queries {
  struct query *query;
  double *constant; /* (cap): what all components add */
  struct line *lines;
  struct term *terms;
  struct lookup *lookups;
  double *rows;
  size_t cap;
};
void queries_init(struct queries *q, const struct axes *a, size_t cap);
void queries_free(struct queries *q);
/* Candidate i; there: NULL if all axes count. */
void queries_set(struct queries *q, const struct axes *a, const struct axis_kernel *k, size_t i, const double *u,
                 const bool *there);
/* Adds components [from, to), from the beginning of a block on, to sums (n), one for each of the first n candidates;
 * without their constants. */
void components_add(const struct components *c, size_t from, size_t to, const struct queries *q, size_t n,
                    struct log_sum *sums);

#endif
