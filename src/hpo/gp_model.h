/* A Gaussian process: what it believes about points (posterior), and its parameters fitted to data (fit).
 *
 * C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning (2006), chapters 2 and 5. Matern 5/2
 * with a length scale for each coordinate, an unknown constant as the mean, and noise of one size:
 *
 *   y = mean + g(z) + noise,   cov g = signal matern(sum_k (z_k - z'_k)^2 / scale^2),   var noise = noise
 */
#ifndef COXSWAIN_HPO_GP_MODEL_H
#define COXSWAIN_HPO_GP_MODEL_H

#include "hpo/gp_view.h"

/* What it learns from; y is near mean 0 and variance 1. */
struct gp_data {
  size_t n;
  double *z; /* (n, p) features */
  double *y; /* (n) */
};

/* Parameters, as one array: logarithms of the length scales (scales), of signal, and of noise. */
#define GP_SIGNAL(view) ((view)->scales)
#define GP_NOISE(view) ((view)->scales + 1)
#define GP_PARAMETERS(view) ((view)->scales + 2)

/* ---- fit (gp_fit.c) ---- */

/* The best parameters a posteriori; from a start of its own, so they depend on the data alone. */
void gp_fit(const struct gp_view *v, const struct gp_data *data, int evaluations, double *theta);
/* Minus the logarithm of the posterior density of the parameters, up to a constant, and its gradient. Infinity where
 * the covariance cannot be factorised. `room`: gp_fit_room doubles. */
double gp_fit_objective(const struct gp_view *v, const struct gp_data *data, const double *theta, double *gradient,
                        double *room);
size_t gp_fit_room(const struct gp_view *v, size_t n);

/* ---- posterior (gp_model.c) ---- */

struct gp {
  size_t p, n, cap;    /* features; points conditioned on; room */
  size_t told;         /* those of them that have values; the others only make the belief around them surer */
  double *root_weight; /* (p) 1 / scale */
  double signal, noise, mean;
  double *z, *norm; /* (cap, p) features / scale, and their squared lengths */
  double *l;        /* (cap, cap) Cholesky factor */
  double *alpha;    /* (told) K^-1 (y - mean) */
};

/* Conditions on the data, with room for `more` points. Free with gp_close, also where it failed. */
void gp_open(struct gp *g, const struct gp_view *v, const double *theta, const struct gp_data *data, size_t more);
void gp_close(struct gp *g);
/* Conditions on m more points (m, p) whose values are not known yet, as if they were what is expected there (Kriging
 * believer; D. Ginsbourger, R. Le Riche, L. Carraro 2010): the mean stays, the variance shrinks. gp_forget takes all
 * such points back. */
void gp_believe(struct gp *g, size_t m, const double *z);
void gp_forget(struct gp *g);

/* Mean and standard deviation of g + mean, without the noise, at m points (m, p). With by_z (2 m, p): the gradients of
 * the m means, then of the m deviations. `room`: gp_predict_room doubles. */
void gp_predict(const struct gp *g, size_t m, const double *z, double *mean, double *deviation, double *by_z,
                double *room);
size_t gp_predict_room(const struct gp *g, size_t m);

#endif
