/* Fitting the parameters of a Gaussian process: the maximum a posteriori. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/gp_kernel.h"
#include "hpo/gp_model.h"
#include "hpo/lbfgs.h"
#include "hpo/linalg.h"

/* Length scales: log-normal, growing with the dimension as distances do. C. Hvarfner, E. O. Hellsten, L. Nardi,
 * "Vanilla Bayesian optimization performs great in high dimensions", ICML 2024, arXiv 2402.02229. */
#define SCALE_MU(d) (M_SQRT2 + 0.5 * log((double)(d)))
#define SCALE_SIGMA 1.7320508075688772
/* Values are scaled to variance 1, so signal is near it: Gamma(2, 1). Noise is little: Gamma(1.1, 30). */
#define SIGNAL_SHAPE 2.0
#define SIGNAL_RATE 1.0
#define NOISE_SHAPE 1.1
#define NOISE_RATE 30.0
#define LEAST_NOISE 1e-6
#define TOLERANCE 1e-3

struct workspace {
  double *z, *norm;     /* (n, p) scaled, (n) */
  double *q;            /* (n, n) covariance, its factor, its inverse, and what the gradient sums over */
  double *slope;        /* (n, n) */
  double *by_feature;   /* (p + 1, n): features and a row of ones */
  double *product;      /* (p + 1, n) */
  double *alpha, *ones; /* (n) */
};

size_t gp_fit_room(const struct gp_view *v, size_t n) {
  return n * (2 * n + v->p + 2 * (v->p + 1) + 3) + 1;
}

static struct workspace lay_out(const struct gp_view *v, size_t n, double *room) {
  struct workspace w = {.z = room};
  w.norm = w.z + n * v->p;
  w.q = w.norm + n;
  w.slope = w.q + n * n;
  w.by_feature = w.slope + n * n;
  w.product = w.by_feature + (v->p + 1) * n;
  w.alpha = w.product + (v->p + 1) * n;
  w.ones = w.alpha + n;
  return w;
}

static double gamma_prior(double shape, double rate, double log_x, double *gradient) {
  double x = exp(log_x);
  *gradient += rate * x - (shape - 1);
  return rate * x - (shape - 1) * log_x;
}

/* Minus the logarithm of the prior densities. */
static double prior(const struct gp_view *v, const double *theta, double *gradient) {
  double sum = 0, mu = SCALE_MU(v->d > 0 ? v->d : 1);
  for (size_t j = 0; j < v->scales; j++) {
    double t = (theta[j] - mu) / SCALE_SIGMA;
    sum += 0.5 * t * t + theta[j];
    gradient[j] += t / SCALE_SIGMA + 1;
  }
  sum += gamma_prior(SIGNAL_SHAPE, SIGNAL_RATE, theta[GP_SIGNAL(v)], &gradient[GP_SIGNAL(v)]);
  return sum + gamma_prior(NOISE_SHAPE, NOISE_RATE, theta[GP_NOISE(v)], &gradient[GP_NOISE(v)]);
}

/* Fills q with the covariance and slope with its derivative by squared distance, both over the lower triangle. */
static void put_covariance(const struct gp_view *v, const struct gp_data *data, const double *theta,
                           struct workspace *w) {
  size_t n = data->n, p = v->p;
  double signal = exp(theta[GP_SIGNAL(v)]), noise = exp(theta[GP_NOISE(v)]);
  for (size_t k = 0; k < p; k++) {
    double root_weight = exp(-theta[v->scale_of[k]]);
    for (size_t i = 0; i < n; i++) {
      w->by_feature[k * n + i] = data->z[i * p + k];
      w->z[i * p + k] = data->z[i * p + k] * root_weight;
    }
  }
  linalg_gram(n, p, w->z, w->q, n);
  for (size_t i = 0; i < n; i++)
    w->norm[i] = w->q[i * n + i];
  for (size_t i = 0; i < n; i++) {
    double *row = &w->q[i * n], *slope = &w->slope[i * n];
    gp_distances(i + 1, w->norm[i], w->norm, row);
    gp_matern(i + 1, row, row, slope);
    for (size_t j = 0; j <= i; j++) {
      row[j] *= signal;
      slope[j] *= signal;
    }
    row[i] = signal + noise;
  }
}

/* alpha = K^-1 (y - mean) with the best mean, for which there is a prior of variance 1; gives (y - mean)^T alpha. */
static double solve(const struct gp_data *data, struct workspace *w, double *mean) {
  size_t n = data->n;
  double with_y = 0, with_ones = 0, sum = 0;
  for (size_t i = 0; i < n; i++) {
    w->ones[i] = 1;
    w->alpha[i] = data->y[i];
  }
  linalg_solve_lower(n, w->q, n, 1, w->ones);
  linalg_solve_lower(n, w->q, n, 1, w->alpha);
  for (size_t i = 0; i < n; i++) {
    with_y += w->ones[i] * w->alpha[i];
    with_ones += w->ones[i] * w->ones[i];
  }
  *mean = with_y / (1 + with_ones);
  for (size_t i = 0; i < n; i++) {
    w->alpha[i] -= *mean * w->ones[i];
    sum += w->alpha[i] * w->alpha[i];
  }
  linalg_solve_lower_transposed(n, w->q, n, 1, w->alpha);
  return sum;
}

/* R&W equation 5.9: d/dt = 1/2 trace((K^-1 - alpha alpha^T) dK/dt), with q = K^-1 - alpha alpha^T. By the logarithm of
 * a length scale dK_ab = -2 slope_ab sum_k (z_ak - z_bk)^2 / scale^2 over its features k, and with G = q slope (entry
 * by entry) sum_ab G_ab (z_ak - z_bk)^2 = 2 sum_a z_ak^2 (G 1)_a - 2 z_k^T G z_k. */
static void likelihood_gradient(const struct gp_view *v, const struct gp_data *data, const double *theta, double misfit,
                                struct workspace *w, double *gradient) {
  size_t n = data->n, p = v->p;
  double trace = 0;
  linalg_inverse_of_cholesky(n, w->q, n);
  for (size_t i = 0; i < n; i++) {
    double *q = &w->q[i * n], *g = &w->slope[i * n];
    for (size_t j = 0; j <= i; j++) {
      q[j] -= w->alpha[i] * w->alpha[j];
      g[j] *= q[j];
    }
    trace += q[i];
    w->by_feature[p * n + i] = 1;
  }
  double noise = exp(theta[GP_NOISE(v)]);
  gradient[GP_NOISE(v)] += 0.5 * noise * trace;
  gradient[GP_SIGNAL(v)] += 0.5 * ((double)n - misfit) - 0.5 * noise * trace;

  linalg_symmetric_times(n, w->slope, n, p + 1, w->by_feature, w->product);
  const double *row_sums = &w->product[p * n];
  for (size_t k = 0; k < p; k++) {
    const double *z = &w->by_feature[k * n], *gz = &w->product[k * n];
    double sum = 0;
    for (size_t i = 0; i < n; i++)
      sum += z[i] * (z[i] * row_sums[i] - gz[i]);
    gradient[v->scale_of[k]] -= 2 * exp(-2 * theta[v->scale_of[k]]) * sum;
  }
}

double gp_fit_objective(const struct gp_view *v, const struct gp_data *data, const double *theta, double *gradient,
                        double *room) {
  struct workspace w = lay_out(v, data->n, room);
  size_t n = data->n;
  for (size_t i = 0; i < GP_PARAMETERS(v); i++)
    gradient[i] = 0;
  double sum = prior(v, theta, gradient);
  put_covariance(v, data, theta, &w);
  if (!linalg_cholesky(n, w.q, n))
    return (double)INFINITY;
  double mean, misfit = solve(data, &w, &mean);
  sum += 0.5 * (misfit + mean * mean); /* R&W equation 5.8 */
  for (size_t i = 0; i < n; i++)
    sum += log(w.q[i * n + i]);
  likelihood_gradient(v, data, theta, misfit, &w, gradient);
  return sum;
}

/* ---- the search ---- */

struct start {
  double scale; /* times the square root of the dimension: 0.2 is the mode of the prior, 4 its median */
  double noise;
};
static const struct start starts[] = {{0.2, 1e-4}, {1, 1e-1}};

static void set_start(const struct gp_view *v, const struct start *start, double *theta) {
  for (size_t j = 0; j < v->scales; j++)
    theta[j] = log(start->scale) + 0.5 * log((double)(v->d > 0 ? v->d : 1));
  theta[GP_SIGNAL(v)] = 0;
  theta[GP_NOISE(v)] = log(start->noise);
}

static void set_bounds(const struct gp_view *v, double *low, double *high) {
  for (size_t j = 0; j < v->scales; j++) {
    low[j] = log(1e-2);
    high[j] = log(1e4);
  }
  low[GP_SIGNAL(v)] = log(1e-2);
  high[GP_SIGNAL(v)] = log(1e3);
  low[GP_NOISE(v)] = log(LEAST_NOISE);
  high[GP_NOISE(v)] = log(1e1);
}

void gp_fit(const struct gp_view *v, const struct gp_data *data, int evaluations, double *theta) {
  size_t n = GP_PARAMETERS(v);
  double *x = MEM_NEW_ARRAY(double, 4 * n), *low = x + n, *high = low + n, *gradient = high + n;
  double *room = mem_realloc(NULL, gp_fit_room(v, data->n) * sizeof *room), best = (double)INFINITY;
  set_bounds(v, low, high);
  set_start(v, &starts[0], theta);
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
    set_start(v, &starts[i], x);
    struct lbfgs *s = lbfgs_open(n, low, high, x, 1, TOLERANCE);
    int left = evaluations;
    double value;
    do
      value = gp_fit_objective(v, data, lbfgs_point(s), gradient, room);
    while (lbfgs_tell(s, value, gradient) && --left > 0);
    if ((value = lbfgs_best(s, x)) < best) {
      best = value;
      memcpy(theta, x, n * sizeof *x);
    }
    lbfgs_free(s);
  }
  free(room);
  free(x);
}
