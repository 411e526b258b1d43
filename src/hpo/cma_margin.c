/* Cells and categories: what a normal distribution does not know of by itself. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/cma.h"

/* ---- the normal distribution ---- */

double cma_normal_cdf(double z) {
  return 0.5 * erfc(-z * 0.70710678118654752440);
}

/* M. J. Wichura, "Algorithm AS 241", Applied Statistics 37 (1988) 477, the version of seven digits (PPND7); one step of
 * Halley's method makes the rest. */
double cma_normal_quantile(double p) {
  double q = p - 0.5, z;
  p = fmin(fmax(p, 1e-300), 1 - 0x1p-53);
  if (fabs(q) <= 0.425) {
    double r = 0.180625 - q * q;
    z = q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) /
        (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1);
  } else {
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    if (r <= 5) {
      r -= 1.6;
      z = (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777) /
          ((0.12021132975 * r + 0.73700164250) * r + 1);
    } else {
      r -= 5;
      z = (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150) /
          ((0.012258202635 * r + 0.24197894225) * r + 1);
    }
    z = q < 0 ? -z : z;
  }
  double error = (cma_normal_cdf(z) - p) * 2.50662827463100050242 * exp(0.5 * z * z);
  return isfinite(error) ? z - error / (1 + 0.5 * z * error) : z;
}

/* ---- cells ---- */

double cma_edge(const struct cma_axis *a, uint64_t k) {
  const struct dimension *d = a->dim;
  if (d->kind != DIM_INT || !d->log)
    return (double)k / (double)a->cells;
  double first = log(d->low - 0.5), last = log(d->high + 0.5);
  return (log(d->low + (double)k - 0.5) - first) / (last - first);
}

uint64_t cma_cell(const struct cma_axis *a, double u) {
  double k = floor(u * (double)a->cells);
  const struct dimension *d = a->dim;
  if (d->kind == DIM_INT && d->log) {
    double first = log(d->low - 0.5), last = log(d->high + 0.5);
    k = nearbyint(exp(first + u * (last - first))) - d->low;
  }
  if (!(k > 0))
    return 0;
  return k < (double)a->cells ? (uint64_t)k : a->cells - 1;
}

double cma_deviation(const struct cma *m, size_t axis) {
  return m->sigma * m->scale[axis] * sqrt(m->c[axis * m->n + axis]);
}

/* The mean lies in the first or last cell: the cell beside it keeps the probability alpha [M22, eq. 15]. */
static void keep_neighbour(struct cma *m, size_t i, double edge, double alpha) {
  double reach = cma_normal_quantile(1 - alpha) * cma_deviation(m, i);
  double away = m->mean[i] - edge;
  m->mean[i] = edge + copysign(fmin(fabs(away), reach), away);
}

/* It lies in a cell between: both neighbours keep alpha / 2 [M22, eqs. 16 to 22]. */
static void keep_both(struct cma *m, size_t i, double low, double up, double alpha) {
  double s = cma_deviation(m, i);
  double below = cma_normal_cdf((low - m->mean[i]) / s), above = cma_normal_cdf((m->mean[i] - up) / s);
  double middle = 1 - below - above;
  if (below >= alpha / 2 && above >= alpha / 2)
    return;
  double b = fmax(below, alpha / 2), a = fmax(above, alpha / 2);
  double excess = (1 - b - a - middle) / (b + a + middle - 1.5 * alpha);
  b = fmin(b + excess * (b - alpha / 2), 0.5);
  a = fmin(a + excess * (a - alpha / 2), 0.5);
  double zb = -cma_normal_quantile(b), za = -cma_normal_quantile(a);
  if (!(zb + za > 0))
    return;
  m->mean[i] = (low * za + up * zb) / (za + zb);
  m->scale[i] *= (up - low) / ((za + zb) * s);
}

static void keep_cells(struct cma *m, size_t i) {
  const struct cma_axis *a = &m->axes[i];
  uint64_t cell = cma_cell(a, m->mean[i]);
  if (a->cells < 2)
    return;
  if (cell == 0)
    keep_neighbour(m, i, cma_edge(a, 1), m->margin);
  else if (cell == a->cells - 1)
    keep_neighbour(m, i, cma_edge(a, cell), m->margin);
  else
    keep_both(m, i, cma_edge(a, cell), cma_edge(a, cell + 1), m->margin);
}

/* Every choice keeps margin / (k - 1), at the cost of those that have more [C24, sec. 4.2]. */
static void keep_choices(const struct cma_category *c, double margin) {
  double least = fmin(margin / (double)(c->k - 1), 1.0 / (double)c->k), sum = 0, spare = 0;
  for (size_t i = 0; i < c->k; i++)
    sum += c->q[i] = fmax(c->q[i], least);
  for (size_t i = 0; i < c->k; i++)
    spare += c->q[i] - least;
  for (size_t i = 0; i < c->k && spare > 0; i++)
    c->q[i] += (1 - sum) * (c->q[i] - least) / spare;
}

void cma_keep_margins(struct cma *m) {
  for (size_t i = 0; i < m->n; i++)
    if (m->axes[i].cells)
      keep_cells(m, i);
  for (size_t i = 0; i < m->n_categories; i++)
    keep_choices(&m->categories[i], m->margin);
}

/* ---- from cells back to the normal distribution ---- */

/* Points are known by their cells. [M22] updates with the numbers that were drawn; here they are drawn again, inside
 * the cell: without selection the distribution then stays as it is, whoever proposed the point. */
static double latent_in_cell(const struct cma *m, size_t i, double u, double random) {
  const struct cma_axis *a = &m->axes[i];
  uint64_t cell = cma_cell(a, u);
  double s = cma_deviation(m, i), low = cma_edge(a, cell), up = cma_edge(a, cell + 1);
  double p = cell == 0 ? 0 : cma_normal_cdf((low - m->mean[i]) / s);
  double q = cell + 1 == a->cells ? 1 : cma_normal_cdf((up - m->mean[i]) / s);
  if (!(q - p > 1e-9)) /* far away: its nearest edge */
    return fmin(fmax(m->mean[i], low), up);
  return m->mean[i] + s * cma_normal_quantile(p + random * (q - p));
}

void cma_latent(const struct cma *m, struct rng_key key, const struct cma_result *result, double *x) {
  for (size_t i = 0; i < m->n; i++) {
    size_t u = m->axes[i].dim->coordinate;
    double random = rng_uniform_at(key, result->id, i);
    if (result->active && !result->active[u]) /* it does not matter there: as if drawn */
      x[i] = m->mean[i] + cma_deviation(m, i) * cma_normal_quantile(random);
    else
      x[i] = m->axes[i].cells ? latent_in_cell(m, i, result->u[u], random) : result->u[u];
  }
}

/* ---- categories ---- */

static size_t choice_of(const struct cma_category *c, const double *u) {
  double k = floor(u[c->u] * (double)c->k);
  return !(k > 0) ? 0 : k < (double)c->k ? (size_t)k : c->k - 1;
}

/* The natural gradient of the probabilities: sum of w_i (x_i - q) [C24, eq. 12]. */
static void category_gradient(const struct cma *m, const struct cma_category *c, const struct cma_result *results,
                              double *g) {
  for (size_t k = 0; k < c->k; k++)
    g[k] = 0;
  for (size_t r = 0; r < m->lambda; r++) {
    double w = m->weights[r];
    if (!(w > 0) || (results[r].active && !results[r].active[c->u]))
      continue;
    size_t choice = choice_of(c, results[r].u);
    for (size_t k = 0; k < c->k; k++)
      g[k] += w * ((double)(k == choice) - c->q[k]);
  }
}

/* One step of length delta in the Fisher metric; delta adapts to how steadily the gradients agree [A19, algorithm 1].
 */
void cma_update_categories(struct cma *m, const struct cma_result *results) {
  size_t total = 0, freedom = 0;
  for (size_t i = 0; i < m->n_categories; i++) {
    total += m->categories[i].k;
    freedom += m->categories[i].k - 1;
  }
  double *g = MEM_NEW_ARRAY(double, total + 1), *at = g, norm = 0;
  for (size_t i = 0; i < m->n_categories; at += m->categories[i++].k) {
    category_gradient(m, &m->categories[i], results, at);
    for (size_t k = 0; k < m->categories[i].k; k++)
      norm += at[k] * at[k] / m->categories[i].q[k];
  }
  norm = sqrt(norm);
  if (norm > 1e-12) {
    double delta = 1 / m->natural_scale, beta = fmin(delta / sqrt((double)freedom), 1), length = 0;
    at = g;
    for (size_t i = 0; i < m->n_categories; at += m->categories[i++].k)
      for (size_t k = 0; k < m->categories[i].k; k++) {
        struct cma_category *c = &m->categories[i];
        c->s[k] = (1 - beta) * c->s[k] + sqrt(beta * (2 - beta)) * at[k] / sqrt(c->q[k]) / norm;
        length += c->s[k] * c->s[k];
        c->q[k] += delta * at[k] / norm;
      }
    m->natural_gamma = (1 - beta) * (1 - beta) * m->natural_gamma + beta * (2 - beta);
    m->natural_scale *= exp(fmin(beta * (m->natural_gamma - length / 1.5), 1));
    m->natural_scale = fmax(m->natural_scale, 1); /* delta is at most 1: a step never leaves the simplex by much */
  }
  free(g);
}
