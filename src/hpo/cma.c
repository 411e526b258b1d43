#include "hpo/cma.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { RESAMPLES = 20 };

/* ---- the axes ---- */

/* Numbers as categories, each larger than the one before. */
static bool is_ordered(const struct dimension *d) {
  double last = -(double)INFINITY, x;
  for (size_t i = 0; i < d->n_choices; last = x, i++)
    if (d->choices[i].kind == VALUE_BOOL || !value_to_double(&d->choices[i], &x) || !(x > last))
      return false;
  return d->n_choices > 2;
}

static void add_dimension(struct cma *m, const struct dimension *d) {
  if (d->kind == DIM_FIXED)
    return;
  if (d->kind == DIM_CATEGORICAL && !is_ordered(d)) {
    struct cma_category *c = &m->categories[m->n_categories++];
    *c = (struct cma_category){.u = d->coordinate, .k = d->n_choices};
    c->q = MEM_NEW_ARRAY(double, c->k);
    c->s = MEM_NEW_ARRAY(double, c->k);
    return;
  }
  uint64_t cells = dimension_cells(d);
  m->axes[m->n++] = (struct cma_axis){.dim = d, .cells = cells};
  m->n_cells += cells > 0;
}

void cma_init(struct cma *m, const struct space *space) {
  *m = (struct cma){.space = space};
  m->axes = MEM_NEW_ARRAY(struct cma_axis, space->n + 1);
  m->categories = MEM_NEW_ARRAY(struct cma_category, space->n + 1);
  for (size_t i = 0; i < space->n; i++)
    add_dimension(m, &space->dims[i]);
  size_t n = m->n;
  m->mean = MEM_NEW_ARRAY(double, n + 1);
  m->scale = MEM_NEW_ARRAY(double, n + 1);
  m->p_sigma = MEM_NEW_ARRAY(double, n + 1);
  m->p_c = MEM_NEW_ARRAY(double, n + 1);
  m->c = MEM_NEW_ARRAY(double, n *n + 1);
  m->root = MEM_NEW_ARRAY(double, n *n + 1);
  m->inverse_root = MEM_NEW_ARRAY(double, n *n + 1);
}

void cma_free(struct cma *m) {
  for (size_t i = 0; i < m->n_categories; i++) {
    free(m->categories[i].q);
    free(m->categories[i].s);
  }
  free(m->axes);
  free(m->categories);
  free(m->weights);
  free(m->mean);
  free(m->scale);
  free(m->p_sigma);
  free(m->p_c);
  free(m->c);
  free(m->root);
  free(m->inverse_root);
  *m = (struct cma){0};
}

size_t cma_default_lambda(const struct cma *m) {
  size_t n = m->n + m->n_categories;
  return 4 + (size_t)floor(3 * log((double)(n ? n : 1))); /* [H16, eq. 48] */
}

/* ---- constants ---- */

/* [H16, eqs. 49 to 53]: raw weights; the better half sums to 1, the worse half to minus the smallest of three bounds.
 */
static void set_weights(struct cma *m) {
  double n = (double)m->n, better = 0, better2 = 0, worse = 0, worse2 = 0;
  m->weights = mem_realloc(m->weights, m->lambda * sizeof *m->weights);
  for (size_t i = 0; i < m->lambda; i++) {
    double w = log(((double)m->lambda + 1) / 2) - log((double)i + 1);
    m->weights[i] = w;
    *(w > 0 ? &better : &worse) += fabs(w);
    *(w > 0 ? &better2 : &worse2) += w * w;
  }
  m->mu_eff = better * better / better2;
  m->c_1 = 2 / ((n + 1.3) * (n + 1.3) + m->mu_eff);
  m->c_mu = fmin(1 - m->c_1, 2 * (0.25 + m->mu_eff + 1 / m->mu_eff - 2) / ((n + 2) * (n + 2) + m->mu_eff));
  double mu_worse = worse2 > 0 ? worse * worse / worse2 : 0;
  double bound = fmin(1 + m->c_1 / m->c_mu, 1 + 2 * mu_worse / (m->mu_eff + 2));
  bound = fmin(bound, (1 - m->c_1 - m->c_mu) / (fmax(n, 1) * m->c_mu));
  for (size_t i = 0; i < m->lambda; i++)
    m->weights[i] *= m->weights[i] > 0 ? 1 / better : bound / fmax(worse, DBL_MIN);
}

/* [H16, table 1] */
static void set_constants(struct cma *m) {
  double n = fmax((double)m->n, 1);
  set_weights(m);
  m->c_sigma = (m->mu_eff + 2) / (n + m->mu_eff + 5);
  m->d_sigma = 1 + 2 * fmax(0, sqrt((m->mu_eff - 1) / (n + 1)) - 1) + m->c_sigma;
  m->c_c = (4 + m->mu_eff / n) / (n + 4 + 2 * m->mu_eff / n);
  m->chi = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
  size_t discrete = m->n_cells + m->n_categories;
  m->margin = discrete ? 1 - pow(0.73, 1 / (double)discrete) : 0; /* [C25, sec. 4.3] */
}

static void set_identity(size_t n, double *a) {
  for (size_t i = 0; i < n * n; i++)
    a[i] = i % (n + 1) == 0;
}

void cma_start(struct cma *m, const double *start, double sigma, size_t lambda) {
  m->lambda = lambda;
  set_constants(m);
  m->sigma = sigma;
  for (size_t i = 0; i < m->n; i++) {
    m->mean[i] = start[m->axes[i].dim->coordinate];
    m->scale[i] = 1;
    m->p_sigma[i] = m->p_c[i] = 0;
  }
  set_identity(m->n, m->c);
  set_identity(m->n, m->root);
  set_identity(m->n, m->inverse_root);
  m->condition = 1;
  m->generation = m->rooted = 0;
  for (size_t i = 0; i < m->n_categories; i++)
    for (size_t k = 0; k < m->categories[i].k; k++) {
      m->categories[i].q[k] = 1 / (double)m->categories[i].k;
      m->categories[i].s[k] = 0;
    }
  m->natural_scale = 1;
  m->natural_gamma = 0;
  cma_keep_margins(m);
}

double cma_spread(const struct cma *m) {
  double most = 0;
  for (size_t i = 0; i < m->n; i++)
    most = fmax(most, cma_deviation(m, i));
  return most;
}

/* ---- sampling ---- */

static void times(size_t n, const double *a, const double *x, double *y) {
  for (size_t i = 0; i < n; i++) {
    y[i] = 0;
    for (size_t j = 0; j < n; j++)
      y[i] += a[i * n + j] * x[j];
  }
}

/* x = m + sigma A C^1/2 z. True if the continuous ones are in the cube: cells beyond the last are the last. */
static bool draw(const struct cma *m, struct rng *rng, double stretch, double *z, double *x) {
  bool inside = true;
  for (size_t i = 0; i < m->n; i++)
    z[i] = rng_normal(rng);
  times(m->n, m->root, z, x);
  for (size_t i = 0; i < m->n; i++) {
    x[i] = m->mean[i] + stretch * m->sigma * m->scale[i] * x[i];
    inside = inside && (m->axes[i].cells || (x[i] >= 0 && x[i] <= 1));
  }
  return inside;
}

static double draw_choice(const struct cma_category *c, struct rng *rng, double stretch) {
  double left = rng_uniform(rng), wider = 1 / stretch; /* some of the probability becomes uniform */
  size_t k = 0;
  for (; k + 1 < c->k; k++) {
    left -= wider * c->q[k] + (1 - wider) / (double)c->k;
    if (left < 0)
      break;
  }
  return ((double)k + 0.5) / (double)c->k;
}

void cma_sample(const struct cma *m, struct rng *rng, double stretch, double *u) {
  double *z = MEM_NEW_ARRAY(double, 2 * m->n + 1), *x = z + m->n;
  for (int i = 0; i < RESAMPLES; i++)
    if (draw(m, rng, stretch, z, x))
      break;
  for (size_t i = 0; i < m->n; i++)
    u[m->axes[i].dim->coordinate] = fmin(fmax(x[i], 0), 1);
  for (size_t i = 0; i < m->n_categories; i++)
    u[m->categories[i].u] = draw_choice(&m->categories[i], rng, stretch);
  free(z);
}

/* ---- learning ---- */

static double norm(size_t n, const double *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += x[i] * x[i];
  return sqrt(sum);
}

/* y = A^-1 (x - m) / sigma of every result, shortened if it lies too far out [H11, eqs. 1 and 2]: also what others
 * proposed, or an older distribution, moves the mean and C only so far at once. */
static void steps_of(const struct cma *m, struct rng_key key, const struct cma_result *results, double *y,
                     double *white, double *lengths) {
  size_t n = m->n;
  double most = sqrt((double)n) + 2 * (double)n / ((double)n + 2);
  for (size_t r = 0; r < m->lambda; r++) {
    double *x = y + r * n;
    cma_latent(m, key, &results[r], x);
    for (size_t i = 0; i < n; i++)
      x[i] = (x[i] - m->mean[i]) / (m->sigma * m->scale[i]);
    times(n, m->inverse_root, x, white);
    lengths[r] = norm(n, white);
    double shorter = lengths[r] > most ? most / lengths[r] : 1;
    lengths[r] *= shorter;
    for (size_t i = 0; i < n; i++)
      x[i] *= shorter;
  }
}

/* Both paths [H16, eqs. 43 and 45]; returns h_sigma. */
static bool follow_paths(struct cma *m, const double *y, const double *white) {
  size_t n = m->n;
  double a = sqrt(m->c_sigma * (2 - m->c_sigma) * m->mu_eff), b = sqrt(m->c_c * (2 - m->c_c) * m->mu_eff);
  for (size_t i = 0; i < n; i++)
    m->p_sigma[i] = (1 - m->c_sigma) * m->p_sigma[i] + a * white[i];
  double length = norm(n, m->p_sigma) / sqrt(1 - pow(1 - m->c_sigma, 2 * (double)(m->generation + 1)));
  bool moves = length < (1.4 + 2 / ((double)n + 1)) * m->chi;
  for (size_t i = 0; i < n; i++)
    m->p_c[i] = (1 - m->c_c) * m->p_c[i] + (moves ? b * y[i] : 0);
  return moves;
}

/* [H16, eqs. 46 and 47] */
static void adapt_covariance(struct cma *m, const double *y, const double *lengths, bool moves) {
  size_t n = m->n;
  double sum = 0, late = moves ? 0 : m->c_c * (2 - m->c_c);
  for (size_t r = 0; r < m->lambda; r++)
    sum += m->weights[r];
  double keep = 1 + m->c_1 * late - m->c_1 - m->c_mu * sum;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++)
      m->c[i * n + j] = keep * m->c[i * n + j] + m->c_1 * m->p_c[i] * m->p_c[j];
  for (size_t r = 0; r < m->lambda; r++) {
    double w = m->weights[r];
    if (w < 0)
      w *= (double)n / fmax(lengths[r] * lengths[r], 1e-12);
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j <= i; j++)
        m->c[i * n + j] += m->c_mu * w * y[r * n + i] * y[r * n + j];
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      m->c[j * n + i] = m->c[i * n + j];
}

static void compose(size_t n, const double *v, const double *values, double power, double *out) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++) {
      double sum = 0;
      for (size_t k = 0; k < n; k++)
        sum += v[i * n + k] * v[j * n + k] * pow(values[k], power);
      out[i * n + j] = out[j * n + i] = sum;
    }
}

/* The symmetric roots of C, not in every generation [H16, sec. B.2]. A C that rounding made indefinite is lifted. */
static void take_roots(struct cma *m) {
  size_t n = m->n;
  double pause = 1 / (10 * (double)n * (m->c_1 + m->c_mu));
  if (n == 0 || (double)(m->generation - m->rooted) < pause)
    return;
  double *a = mem_dup(m->c, n * n * sizeof *a), *v = MEM_NEW_ARRAY(double, n *n + n), *values = v + n * n;
  cma_eigen(n, a, values, v);
  double most = 0, least = (double)INFINITY;
  for (size_t i = 0; i < n; i++)
    most = fmax(most, values[i]);
  for (size_t i = 0; i < n; i++)
    least = fmin(least, values[i] = fmax(values[i], 1e-14 * most));
  m->condition = most / least;
  compose(n, v, values, 1, m->c);
  compose(n, v, values, 0.5, m->root);
  compose(n, v, values, -0.5, m->inverse_root);
  m->rooted = m->generation;
  free(a);
  free(v);
}

static void update_numbers(struct cma *m, struct rng_key key, const struct cma_result *results) {
  size_t n = m->n;
  double *y = MEM_NEW_ARRAY(double, m->lambda *n + m->lambda + 2 * n + 1);
  double *lengths = y + m->lambda * n, *mean = lengths + m->lambda, *white = mean + n;
  steps_of(m, key, results, y, white, lengths);
  for (size_t r = 0; r < m->lambda && m->weights[r] > 0; r++)
    for (size_t i = 0; i < n; i++)
      mean[i] += m->weights[r] * y[r * n + i]; /* [H16, eq. 41] */
  for (size_t i = 0; i < n; i++) {
    m->mean[i] += m->sigma * m->scale[i] * mean[i]; /* [H16, eq. 42] */
    if (!m->axes[i].cells)                          /* the last cells have no outer edge: all beyond is theirs */
      m->mean[i] = fmin(fmax(m->mean[i], 0), 1);
  }
  times(n, m->inverse_root, mean, white);
  bool moves = follow_paths(m, mean, white);
  adapt_covariance(m, y, lengths, moves);
  /* [H16, eq. 44], the change bounded as [H11, eq. 6] does for injected points; never wider than the cube */
  m->sigma *= exp(fmin(m->c_sigma / m->d_sigma * (norm(n, m->p_sigma) / m->chi - 1), 1));
  m->sigma = fmin(m->sigma, 1);
  free(y);
}

void cma_update(struct cma *m, struct rng_key key, const struct cma_result *results) {
  if (m->n)
    update_numbers(m, key, results);
  if (m->n_categories)
    cma_update_categories(m, results);
  m->generation++;
  take_roots(m);
  cma_keep_margins(m);
}
