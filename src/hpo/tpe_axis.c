#include "hpo/tpe_axis.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define LOG_SQRT_2PI 0.91893853320467274178

/* The prior is the normal distribution at the middle with a deviation of the whole range (Watanabe 2023, 3.3.4). */
#define PRIOR_CENTRE 0.5
#define PRIOR_WIDTH 1.0

/* Mass of the standard normal distribution in (a, b), without cancellation in the tails. */
static double normal_mass(double a, double b) {
  if (a > 0)
    return 0.5 * (erfc(a * M_SQRT1_2) - erfc(b * M_SQRT1_2));
  if (b < 0)
    return 0.5 * (erfc(-b * M_SQRT1_2) - erfc(-a * M_SQRT1_2));
  return 0.5 * (erf(b * M_SQRT1_2) - erf(a * M_SQRT1_2));
}

/* A cell too far away to have any mass gets the least that still has a logarithm. */
static double log_mass(double a, double b) {
  return log(fmax(normal_mass(a, b), 1e-300));
}

double axis_inside(double centre, double width) {
  if (centre > 8.5 * width && 1 - centre > 8.5 * width)
    return 0; /* to the last bit */
  return log_mass(-centre / width, (1 - centre) / width);
}

static void find_edges(struct axis *a) {
  const struct dimension *d = a->dim;
  a->edges = MEM_NEW_ARRAY(double, a->cells + 1);
  double first = log(d->low - 0.5), last = log(d->high + 0.5);
  for (size_t k = 1; k < a->cells; k++)
    a->edges[k] =
        a->kind == AXIS_GRID ? (double)k / (double)a->cells : (log(d->low + (double)k - 0.5) - first) / (last - first);
  a->edges[a->cells] = 1;
}

static void find_shares(struct axis *a) {
  double n = (double)a->cells, inside = axis_inside(PRIOR_CENTRE, PRIOR_WIDTH);
  a->uniform = MEM_NEW_ARRAY(double, a->cells);
  a->prior = MEM_NEW_ARRAY(double, a->cells);
  for (size_t k = 0; k < a->cells; k++) {
    a->uniform[k] = a->prior[k] = -log(n);
    if (a->kind == AXIS_CATEGORY)
      continue;
    double low = a->edges[k], high = a->edges[k + 1];
    a->uniform[k] = log(high - low);
    a->prior[k] = log_mass((low - PRIOR_CENTRE) / PRIOR_WIDTH, (high - PRIOR_CENTRE) / PRIOR_WIDTH) - inside;
  }
}

void axis_init(struct axis *a, const struct dimension *d) {
  *a = (struct axis){.dim = d, .cells = (size_t)dimension_cells(d)};
  a->kind = d->kind == DIM_CATEGORICAL                     ? AXIS_CATEGORY
            : a->cells == 0 || a->cells > AXIS_TABLE       ? AXIS_SMOOTH
            : d->kind == DIM_INT && d->log && a->cells > 1 ? AXIS_LOG_GRID
                                                           : AXIS_GRID;
  a->prior_log = -LOG_SQRT_2PI - log(PRIOR_WIDTH) - axis_inside(PRIOR_CENTRE, PRIOR_WIDTH);
  if (a->kind == AXIS_SMOOTH)
    return;
  if (a->kind != AXIS_CATEGORY)
    find_edges(a);
  find_shares(a);
}

void axis_free(struct axis *a) {
  free(a->edges);
  free(a->uniform);
  free(a->prior);
}

/* ---- cells ---- */

static bool is_log_grid(const struct axis *a) {
  return a->dim->kind == DIM_INT && a->dim->log && a->cells > 1;
}

/* As space_decode finds them. */
size_t axis_cell(const struct axis *a, double u) {
  if (is_log_grid(a)) {
    struct value v = dimension_value(a->dim, u);
    uint64_t cell;
    return dimension_cell_of(a->dim, &v, &cell) ? (size_t)cell : 0;
  }
  double k = floor(u * (double)a->cells);
  return !(k > 0) ? 0 : k < (double)a->cells ? (size_t)k : a->cells - 1;
}

double axis_centre(const struct axis *a, size_t cell) {
  return dimension_cell_centre(a->dim, cell);
}

double axis_cell_width(const struct axis *a, double u) {
  if (a->cells == 0)
    return 0;
  if (!is_log_grid(a))
    return 1 / (double)a->cells;
  const struct dimension *d = a->dim;
  double x = d->low + (double)axis_cell(a, u);
  return log((x + 0.5) / (x - 0.5)) / log((d->high + 0.5) / (d->low - 0.5));
}

/* ---- kernels ---- */

static void set_grid(const struct axis *a, struct axis_kernel *k) {
  double cell = 1 / (double)a->cells;
  for (size_t i = 0; i < a->cells; i++) {
    k->table[i] = log_mass(((double)i - 0.5) * cell / k->width, ((double)i + 0.5) * cell / k->width);
    k->table[a->cells + i] = axis_inside(((double)i + 0.5) * cell, k->width);
  }
}

static void set_log_grid(const struct axis *a, struct axis_kernel *k) {
  for (size_t from = 0; from < a->cells; from++) {
    double centre = axis_centre(a, from), inside = axis_inside(centre, k->width);
    for (size_t to = 0; to < a->cells; to++)
      k->table[to * a->cells + from] =
          log_mass((a->edges[to] - centre) / k->width, (a->edges[to + 1] - centre) / k->width) - inside;
  }
}

static void set_category(const struct axis *a, struct axis_kernel *k) {
  k->table[0] = log1p(-k->width);
  k->table[1] = a->cells > 1 ? log(k->width / (double)(a->cells - 1)) : 0;
}

void axis_kernel_set(const struct axis *a, struct axis_kernel *k, double width) {
  static const size_t rows[] = {[AXIS_GRID] = 2, [AXIS_CATEGORY] = 2};
  k->width = width;
  k->precision = 0.5 / (width * width);
  k->constant = -LOG_SQRT_2PI - log(width);
  if (a->kind == AXIS_SMOOTH)
    return;
  if (!k->table)
    k->table = MEM_NEW_ARRAY(double, a->cells *(a->kind == AXIS_LOG_GRID ? a->cells : rows[a->kind]) + 2);
  if (a->kind == AXIS_GRID)
    set_grid(a, k);
  else if (a->kind == AXIS_LOG_GRID)
    set_log_grid(a, k);
  else
    set_category(a, k);
}

void axis_kernel_row(const struct axis *a, const struct axis_kernel *k, size_t at, double *row) {
  for (size_t from = 0; from < a->cells; from++)
    if (a->kind == AXIS_GRID)
      row[from] = k->table[from > at ? from - at : at - from] - k->table[a->cells + from];
    else if (a->kind == AXIS_LOG_GRID)
      row[from] = k->table[at * a->cells + from];
    else
      row[from] = k->table[from != at];
  row[a->cells] = a->uniform[at];
}

double axis_prior(const struct axis *a, double u) {
  if (a->kind != AXIS_SMOOTH)
    return a->prior[axis_cell(a, u)];
  double t = (u - PRIOR_CENTRE) / PRIOR_WIDTH;
  return a->prior_log - 0.5 * t * t;
}

/* ---- drawing ---- */

/* By rejection: a normal number whose centre is in [0, 1] and whose deviation is at most 1 falls there at least every
 * third time. */
static double draw_inside(double centre, double width, struct rng *rng) {
  for (int tries = 0; tries < 1000; tries++) {
    double u = centre + width * rng_normal(rng);
    if (u >= 0 && u <= 1)
      return u;
  }
  return centre;
}

static double draw_category(const struct axis *a, double centre, double b, struct rng *rng) {
  if (a->cells < 2 || rng_uniform(rng) >= b)
    return centre;
  size_t other = (size_t)rng_below(rng, a->cells - 1);
  return axis_centre(a, other + (other >= axis_cell(a, centre)));
}

double axis_draw(const struct axis *a, double centre, double width, struct rng *rng) {
  if (a->kind == AXIS_CATEGORY)
    return draw_category(a, centre, width, rng);
  double u = draw_inside(centre, width, rng);
  return a->cells ? axis_centre(a, axis_cell(a, u)) : u;
}

double axis_draw_prior(const struct axis *a, struct rng *rng) {
  if (a->kind == AXIS_CATEGORY)
    return axis_centre(a, (size_t)rng_below(rng, a->cells));
  return axis_draw(a, PRIOR_CENTRE, PRIOR_WIDTH, rng);
}

double axis_draw_uniform(const struct axis *a, struct rng *rng) {
  double u = rng_uniform(rng);
  return a->cells ? axis_centre(a, axis_cell(a, u)) : u;
}
