#include "hpo/gp_model.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/gp_kernel.h"
#include "hpo/linalg.h"

#define LEAST_VARIANCE 1e-12 /* of the signal: below it the difference of two large numbers means nothing */

static double squared_length(size_t p, const double *z) {
  double sum = 0;
  for (size_t k = 0; k < p; k++)
    sum += z[k] * z[k];
  return sum;
}

static void put_points(struct gp *g, size_t m, const double *z) {
  for (size_t i = 0; i < m; i++) {
    double *row = &g->z[(g->n + i) * g->p];
    for (size_t k = 0; k < g->p; k++)
      row[k] = z[i * g->p + k] * g->root_weight[k];
    g->norm[g->n + i] = squared_length(g->p, row);
  }
}

/* The covariance of rows from .. from + m of z with all rows before them and themselves, into the lower triangle. */
static void put_covariance(struct gp *g, size_t from, size_t m) {
  for (size_t i = from; i < from + m; i++) {
    double *row = &g->l[i * g->cap];
    linalg_times(i + 1, g->p, g->z, 1, &g->z[i * g->p], row);
    gp_distances(i + 1, g->norm[i], g->norm, row);
    gp_matern(i + 1, row, row, NULL);
    for (size_t j = 0; j <= i; j++)
      row[j] *= g->signal;
    row[i] = g->signal + g->noise;
  }
}

/* Factorises the first n rows; noise grows tenfold until it works, which an exact duplicate of a point can need. */
static void factorise(struct gp *g, size_t n) {
  while (put_covariance(g, 0, n), !linalg_cholesky(n, g->l, g->cap))
    g->noise = fmax(10 * g->noise, 1e-10 * g->signal);
  g->n = g->told = n;
}

/* The constant that generalised least squares finds, drawn to 0 as if it had variance 1 (R&W equation 2.43). */
static void solve_mean(struct gp *g, const double *y) {
  size_t n = g->n;
  double *ones = MEM_NEW_ARRAY(double, n + 1), with_y = 0, with_ones = 0;
  for (size_t i = 0; i < n; i++) {
    ones[i] = 1;
    g->alpha[i] = y[i];
  }
  linalg_solve_lower(n, g->l, g->cap, 1, ones);
  linalg_solve_lower(n, g->l, g->cap, 1, g->alpha);
  for (size_t i = 0; i < n; i++) {
    with_y += ones[i] * g->alpha[i];
    with_ones += ones[i] * ones[i];
  }
  g->mean = with_y / (1 + with_ones);
  for (size_t i = 0; i < n; i++)
    g->alpha[i] -= g->mean * ones[i];
  linalg_solve_lower_transposed(n, g->l, g->cap, 1, g->alpha);
  free(ones);
}

void gp_open(struct gp *g, const struct gp_view *v, const double *theta, const struct gp_data *data, size_t more) {
  *g = (struct gp){.p = v->p, .cap = data->n + more};
  g->signal = exp(theta[GP_SIGNAL(v)]);
  g->noise = exp(theta[GP_NOISE(v)]);
  g->root_weight = MEM_NEW_ARRAY(double, v->p);
  for (size_t k = 0; k < v->p; k++)
    g->root_weight[k] = exp(-theta[v->scale_of[k]]);
  g->z = MEM_NEW_ARRAY(double, g->cap * g->p + 1);
  g->norm = MEM_NEW_ARRAY(double, g->cap + 1);
  g->l = mem_realloc(NULL, (g->cap * g->cap + 1) * sizeof *g->l); /* not touched before it is needed */
  g->alpha = MEM_NEW_ARRAY(double, g->cap + 1);
  put_points(g, data->n, data->z);
  factorise(g, data->n);
  solve_mean(g, data->y);
}

void gp_close(struct gp *g) {
  free(g->root_weight);
  free(g->z);
  free(g->norm);
  free(g->l);
  free(g->alpha);
  *g = (struct gp){0};
}

/* The factor grows by rows: L' = (L, 0; A, B) with A = K21 L^-T and B B^T = K22 - A A^T. */
static bool extend(struct gp *g) {
  size_t i = g->n;
  double *row = &g->l[i * g->cap];
  put_covariance(g, i, 1);
  linalg_solve_lower(i, g->l, g->cap, 1, row);
  double rest = row[i] - squared_length(i, row);
  if (!(rest > LEAST_VARIANCE * g->signal))
    return false; /* all is known there already */
  row[i] = sqrt(rest);
  g->n++;
  return true;
}

void gp_believe(struct gp *g, size_t m, const double *z) {
  for (size_t i = 0; i < m && g->n < g->cap; i++) {
    put_points(g, 1, &z[i * g->p]);
    extend(g);
  }
}

void gp_forget(struct gp *g) {
  g->n = g->told;
}

/* ---- prediction ---- */

struct prediction {
  double *z;         /* (m, p) scaled */
  double *k, *slope; /* (m, n) covariances with the data, over the signal, and derivatives by squared distance */
  double *v;         /* (m, n) L^-1 k, then K^-1 k */
  double *pull;      /* (m, p) */
};

size_t gp_predict_room(const struct gp *g, size_t m) {
  return m * (2 * g->p + 3 * g->n) + 1;
}

static struct prediction lay_out(const struct gp *g, size_t m, double *room) {
  struct prediction p = {.z = room};
  p.pull = p.z + m * g->p;
  p.k = p.pull + m * g->p;
  p.slope = p.k + m * g->n;
  p.v = p.slope + m * g->n;
  return p;
}

static void put_kernels(const struct gp *g, size_t m, const double *z, struct prediction *p, bool slopes) {
  for (size_t i = 0; i < m; i++)
    for (size_t k = 0; k < g->p; k++)
      p->z[i * g->p + k] = z[i * g->p + k] * g->root_weight[k];
  linalg_times(g->n, g->p, g->z, m, p->z, p->k);
  for (size_t i = 0; i < m; i++) {
    double *row = &p->k[i * g->n];
    gp_distances(g->n, squared_length(g->p, &p->z[i * g->p]), g->norm, row);
    gp_matern(g->n, row, row, slopes ? &p->slope[i * g->n] : NULL);
    for (size_t j = 0; j < g->n; j++)
      p->v[i * g->n + j] = g->signal * row[j];
  }
}

/* by_z (m, p) = sum_i c_i d k(z, z_i) / dz with c (m, n) in place of the slopes: d k / dz_k = slope 2 (z_k - z_ik) w_k.
 */
static void pull_back(const struct gp *g, size_t m, const struct prediction *p, const double *c, double *by_z) {
  for (size_t i = 0; i < m; i++) {
    double sum = 0, *out = &by_z[i * g->p];
    const double *ci = &c[i * g->n];
    for (size_t k = 0; k < g->p; k++)
      out[k] = 0;
    for (size_t j = 0; j < g->n; j++) {
      sum += ci[j];
      for (size_t k = 0; k < g->p; k++)
        out[k] -= ci[j] * g->z[j * g->p + k];
    }
    for (size_t k = 0; k < g->p; k++)
      out[k] = 2 * g->root_weight[k] * (out[k] + sum * p->z[i * g->p + k]);
  }
}

void gp_predict(const struct gp *g, size_t m, const double *z, double *mean, double *deviation, double *by_z,
                double *room) {
  struct prediction p = lay_out(g, m, room);
  put_kernels(g, m, z, &p, by_z != NULL);
  for (size_t i = 0; i < m; i++) {
    double sum = 0;
    for (size_t j = 0; j < g->told; j++)
      sum += p.v[i * g->n + j] * g->alpha[j];
    mean[i] = g->mean + sum; /* R&W equation 2.25 */
  }
  linalg_solve_lower(g->n, g->l, g->cap, m, p.v);
  for (size_t i = 0; i < m; i++) { /* R&W equation 2.26 */
    double rest = g->signal - squared_length(g->n, &p.v[i * g->n]);
    deviation[i] = sqrt(fmax(rest, LEAST_VARIANCE * g->signal));
  }
  if (!by_z)
    return;
  linalg_solve_lower_transposed(g->n, g->l, g->cap, m, p.v);
  for (size_t i = 0; i < m; i++) {
    double *of_mean = &p.k[i * g->n], *of_deviation = &p.v[i * g->n], *slope = &p.slope[i * g->n];
    for (size_t j = 0; j < g->n; j++) {
      of_mean[j] = j < g->told ? g->signal * slope[j] * g->alpha[j] : 0;
      of_deviation[j] *= -g->signal * slope[j] / deviation[i]; /* d sigma = d var / (2 sigma) */
    }
  }
  pull_back(g, m, &p, p.k, by_z);
  pull_back(g, m, &p, p.v, by_z + m * g->p);
}
