#include "hpo/tpe_components.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define LOG_SQRT_2PI 0.91893853320467274178

/* ---- axes ---- */

void axes_init(struct axes *a, const struct space *space, bool multivariate) {
  *a = (struct axes){.d = space->n_coordinates};
  a->axis = MEM_NEW_ARRAY(struct axis, a->d + 1);
  for (size_t i = 0; i < space->n; i++) {
    const struct dimension *d = &space->dims[i];
    if (d->kind == DIM_FIXED)
      continue;
    struct axis *x = &a->axis[d->coordinate];
    axis_init(x, d);
    x->alone = !multivariate || d->n_conditions > 0;
    x->column = x->kind == AXIS_SMOOTH ? a->n_smooth++ : a->n_cells++;
    if (x->kind == AXIS_SMOOTH)
      continue;
    x->row = a->row_length;
    a->row_length += x->cells + 1;
    a->longest = x->cells > a->longest ? x->cells : a->longest;
  }
}

void axes_free(struct axes *a) {
  for (size_t i = 0; i < a->d; i++)
    axis_free(&a->axis[i]);
  free(a->axis);
}

struct axis_kernel *kernels_new(const struct axes *a) {
  return MEM_NEW_ARRAY(struct axis_kernel, a->d + 1);
}

void kernels_free(const struct axes *a, struct axis_kernel *kernels) {
  for (size_t i = 0; i < a->d; i++)
    free(kernels[i].table);
  free(kernels);
}

/* ---- components ---- */

void components_free(struct components *c) {
  free(c->c.start);
  free(c->c.smooth);
  free(c->c.there);
  free(c->c.inside);
  free(c->c.cell);
  free(c->weight);
  free(c->inside);
  free(c->row);
  *c = (struct components){0};
}

static void *more(void *old, size_t n, size_t cap, size_t element) {
  char *larger = mem_realloc(old, cap * element + 1);
  memset(larger + n * element, 0, (cap - n) * element);
  return larger;
}

static void make_room(const struct axes *a, struct components *c) {
  if (c->n < c->cap)
    return;
  size_t n = c->cap, cap = n ? 2 * n : 2 * KERNEL_BLOCK, smooth = a->n_smooth, cells = a->n_cells;
  c->c.n_smooth = smooth;
  c->c.n_cells = cells;
  c->c.start = more(c->c.start, n, cap, sizeof *c->c.start);
  c->c.smooth = more(c->c.smooth, n * smooth, cap * smooth, sizeof *c->c.smooth);
  c->c.there = more(c->c.there, n * smooth, cap * smooth, sizeof *c->c.there);
  c->c.inside = more(c->c.inside, n * smooth, cap * smooth, sizeof *c->c.inside);
  c->c.cell = more(c->c.cell, n * cells, cap * cells, sizeof *c->c.cell);
  c->weight = more(c->weight, n, cap, sizeof *c->weight);
  c->inside = more(c->inside, n, cap, sizeof *c->inside);
  c->row = more(c->row, n, cap, sizeof *c->row);
  c->cap = cap;
}

static size_t place_of(const struct components *c, const struct axis *x, size_t at) {
  return column_place(x->kind == AXIS_SMOOTH ? c->c.n_smooth : c->c.n_cells, x->column, at);
}

void components_weigh(struct components *c, size_t at, double log_weight) {
  c->weight[at] = log_weight;
  c->c.start[at] = log_weight - c->inside[at];
}

/* What depends on the widths: the mass inside the cube, and the squares of the centres,
 * -(x - c)^2 p = -c^2 p + 2 c x p - x^2 p, both from the middle of the range. */
static void fit_one(const struct axes *a, const struct axis_kernel *k, struct components *c, size_t at) {
  double merged = 0;
  for (size_t i = 0; i < a->d; i++) {
    const struct axis *x = &a->axis[i];
    if (x->kind != AXIS_SMOOTH)
      continue;
    size_t place = place_of(c, x, at);
    double inside = c->c.there[place] > 0 ? axis_inside(c->c.smooth[place], k[i].width) : 0;
    if (x->alone)
      c->c.inside[place] = inside;
    else {
      double c_middle = c->c.smooth[place] - 0.5;
      merged += inside + (x->cells ? 0 : c_middle * c_middle * k[i].precision);
    }
  }
  c->inside[at] = merged;
  components_weigh(c, at, c->weight[at]);
}

void components_set(const struct axes *a, struct components *c, size_t at, int64_t row, const double *u,
                    const bool *active) {
  if (at == c->n) {
    make_room(a, c);
    c->n++;
  }
  c->row[at] = row;
  c->weight[at] = 0;
  for (size_t i = 0; i < a->d; i++) {
    const struct axis *x = &a->axis[i];
    size_t place = place_of(c, x, at);
    bool there = !active || active[i];
    if (x->kind == AXIS_SMOOTH) {
      c->c.smooth[place] = u[i];
      c->c.there[place] = there;
    } else
      c->c.cell[place] = (uint32_t)(there ? axis_cell(x, u[i]) : x->cells);
  }
}

void components_put(const struct axes *a, const struct axis_kernel *k, struct components *c, size_t at, int64_t row,
                    const double *u, const bool *active) {
  components_set(a, c, at, row, u, active);
  fit_one(a, k, c, at);
}

void components_copy(const struct axes *a, struct components *c, size_t to, size_t from) {
  c->c.start[to] = c->c.start[from];
  c->weight[to] = c->weight[from];
  c->inside[to] = c->inside[from];
  c->row[to] = c->row[from];
  for (size_t i = 0; i < a->d; i++) {
    size_t new_place = place_of(c, &a->axis[i], to), old = place_of(c, &a->axis[i], from);
    if (a->axis[i].kind == AXIS_SMOOTH) {
      c->c.smooth[new_place] = c->c.smooth[old];
      c->c.there[new_place] = c->c.there[old];
      c->c.inside[new_place] = c->c.inside[old];
    } else
      c->c.cell[new_place] = c->c.cell[old];
  }
}

void components_refit(const struct axes *a, const struct axis_kernel *k, struct components *c) {
  for (size_t j = 0; j < c->n; j++)
    fit_one(a, k, c, j);
}

double components_centre(const struct axes *a, const struct components *c, size_t at, size_t axis) {
  const struct axis *x = &a->axis[axis];
  size_t place = place_of(c, x, at);
  return x->kind == AXIS_SMOOTH ? c->c.smooth[place] : axis_centre(x, c->c.cell[place]);
}

bool components_there(const struct axes *a, const struct components *c, size_t at, size_t axis) {
  const struct axis *x = &a->axis[axis];
  size_t place = place_of(c, x, at);
  return x->kind == AXIS_SMOOTH ? c->c.there[place] > 0 : c->c.cell[place] < x->cells;
}

/* ---- candidates ---- */

void queries_init(struct queries *q, const struct axes *a, size_t cap) {
  q->cap = cap;
  q->query = MEM_NEW_ARRAY(struct query, cap);
  q->constant = MEM_NEW_ARRAY(double, cap);
  q->lines = MEM_NEW_ARRAY(struct line, cap * a->n_smooth + 1);
  q->terms = MEM_NEW_ARRAY(struct term, cap * 2 * a->n_smooth + 1);
  q->lookups = MEM_NEW_ARRAY(struct lookup, cap * a->n_cells + 1);
  q->rows = MEM_NEW_ARRAY(double, cap * a->row_length + a->longest + 1);
  for (size_t i = 0; i < cap; i++) {
    q->query[i].lines = q->lines + i * a->n_smooth;
    q->query[i].merged = q->terms + 2 * i * a->n_smooth;
    q->query[i].alone = q->query[i].merged + a->n_smooth;
    q->query[i].lookups = q->lookups + i * a->n_cells;
  }
}

void queries_free(struct queries *q) {
  free(q->query);
  free(q->constant);
  free(q->lines);
  free(q->terms);
  free(q->lookups);
  free(q->rows);
}

static struct term term_of(const struct axis *x, const struct axis_kernel *k, double u) {
  struct term t = {.column = x->column, .x = u, .precision = k->precision, .constant = k->constant};
  if (x->cells) {
    double cell = axis_cell_width(x, u), variance = k->width * k->width + cell * cell / 12;
    t.precision = 0.5 / variance;
    t.constant = -LOG_SQRT_2PI - 0.5 * log(variance);
  }
  return t;
}

void queries_set(struct queries *q, const struct axes *a, const struct axis_kernel *k, size_t i, const double *u,
                 const bool *there) {
  struct query *one = &q->query[i];
  one->n_lines = one->n_merged = one->n_alone = one->n_lookups = 0;
  q->constant[i] = 0;
  for (size_t axis = 0; axis < a->d; axis++) {
    const struct axis *x = &a->axis[axis];
    if (there && !there[axis])
      continue;
    if (x->kind != AXIS_SMOOTH) {
      double *row = q->rows + i * a->row_length + x->row;
      axis_kernel_row(x, &k[axis], axis_cell(x, u[axis]), row);
      one->lookups[one->n_lookups++] = (struct lookup){.column = x->column, .row = row};
    } else if (!x->alone && !x->cells) {
      double middle = u[axis] - 0.5, slope = 2 * middle * k[axis].precision;
      one->lines[one->n_lines++] = (struct line){.column = x->column, .slope = slope};
      q->constant[i] += k[axis].constant - middle * middle * k[axis].precision - 0.5 * slope;
    } else if (x->alone)
      one->alone[one->n_alone++] = term_of(x, &k[axis], u[axis]);
    else {
      one->merged[one->n_merged] = term_of(x, &k[axis], u[axis]);
      q->constant[i] += one->merged[one->n_merged++].constant;
    }
  }
}

void components_add(const struct components *c, size_t from, size_t to, const struct queries *q, size_t n,
                    struct log_sum *sums) {
  kernel_add *add = kernel_best();
  for (from = from / KERNEL_BLOCK * KERNEL_BLOCK; from < to; from += KERNEL_CHUNK) {
    size_t chunk = to - from < KERNEL_CHUNK ? to - from : KERNEL_CHUNK;
    for (size_t i = 0; i < n; i++)
      add(&c->c, from, chunk, &q->query[i], &sums[i]);
  }
}
