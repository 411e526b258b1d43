/* The random numbers of an instance: where the best point is, how the axes are turned, what the minimum is. */
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "run/functions_bbob_parts.h"

/* ---- random numbers of an instance: Park and Miller's minimal standard generator with a shuffle table ---- */

static int64_t next_seed(int64_t seed) {
  int64_t high = seed / 127773;
  seed = 16807 * (seed - high * 127773) - 2836 * high;
  return seed < 0 ? seed + 2147483647 : seed;
}

static void uniform(double *out, size_t n, int64_t seed) {
  int64_t table[32];
  if (seed < 1)
    seed = 1;
  for (int i = 39; i >= 0; i--) {
    seed = next_seed(seed);
    if (i < 32)
      table[i] = seed;
  }
  int64_t drawn = table[0];
  for (size_t i = 0; i < n; i++) {
    seed = next_seed(seed);
    int64_t place = drawn / 67108865;
    drawn = table[place];
    table[place] = seed;
    out[i] = drawn ? (double)drawn / 2.147483647e9 : 1e-99;
  }
}

static void gauss(double *out, size_t n, int64_t seed) {
  double *u = MEM_NEW_ARRAY(double, 2 * n);
  uniform(u, 2 * n, seed);
  for (size_t i = 0; i < n; i++) {
    out[i] = sqrt(-2 * log(u[i])) * cos(2 * PI * u[n + i]);
    if (out[i] == 0)
      out[i] = 1e-99;
  }
  free(u);
}

/* 0.2: x_opt is even in [-4, 4], on a grid. */
static void random_best(struct bbob *b, int64_t seed) {
  uniform(b->best, b->n, seed);
  for (size_t k = 0; k < b->n; k++) {
    b->best[k] = 8 * floor(1e4 * b->best[k]) / 1e4 - 4;
    if (b->best[k] == 0)
      b->best[k] = -1e-5;
  }
}

/* 0.2: f_opt is of a Cauchy distribution, rounded to two digits, in [-1000, 1000]. */
static double random_minimum(int64_t seed) {
  double a, b;
  gauss(&a, 1, seed);
  gauss(&b, 1, seed + 1);
  return fmin(1000, fmax(-1000, floor(100 * 100 * a / b + 0.5) / 100));
}

/* 0.2: normal numbers in the columns, made orthonormal by Gram and Schmidt. */
static void random_rotation(double *m, size_t n, int64_t seed) {
  double *g = MEM_NEW_ARRAY(double, n *n);
  gauss(g, n * n, seed);
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < n; k++)
      m[k * MOST + i] = g[i * n + k];
    for (size_t j = 0; j < i; j++) {
      double along = 0;
      for (size_t k = 0; k < n; k++)
        along += m[k * MOST + i] * m[k * MOST + j];
      for (size_t k = 0; k < n; k++)
        m[k * MOST + i] -= along * m[k * MOST + j];
    }
    double length = 0;
    for (size_t k = 0; k < n; k++)
      length += m[k * MOST + i] * m[k * MOST + i];
    for (size_t k = 0; k < n; k++)
      m[k * MOST + i] /= sqrt(length);
  }
  free(g);
}

void bbob_rotate(const struct bbob *b, const double *m, double *z) {
  vector from;
  for (size_t k = 0; k < b->n; k++)
    from[k] = z[k];
  for (size_t i = 0; i < b->n; i++) {
    z[i] = 0;
    for (size_t k = 0; k < b->n; k++)
      z[i] += m[i * MOST + k] * from[k];
  }
}

/* ---- instances ---- */

struct rank {
  double x;
  size_t place;
};

static int by_x(const void *a, const void *b) {
  const struct rank *x = a, *y = b;
  return (x->x > y->x) - (x->x < y->x);
}

/* A random order of 0 .. n-1: that of n random numbers. */
static void random_order(size_t *order, size_t n, int64_t seed) {
  struct rank ranks[MOST_PEAKS];
  double u[MOST_PEAKS];
  uniform(u, n, seed);
  for (size_t i = 0; i < n; i++)
    ranks[i] = (struct rank){u[i], i};
  qsort(ranks, n, sizeof *ranks, by_x);
  for (size_t i = 0; i < n; i++)
    order[i] = ranks[i].place;
}

/* 5.21, 5.22: heights, widths and places of the peaks; the first is the highest. */
static void random_peaks(struct bbob *b, size_t n, double spread, double first_condition, int64_t seed) {
  struct peaks *p = b->peaks = MEM_NEW(struct peaks);
  size_t by_condition[MOST_PEAKS], by_axis[MOST];
  double *u = MEM_NEW_ARRAY(double, n * b->n);
  p->n = n;
  random_order(by_condition, n - 1, seed);
  uniform(u, n * b->n, seed);
  for (size_t i = 0; i < n; i++) {
    double condition = i ? pow(1000, (double)by_condition[i - 1] / (double)(n - 2)) : first_condition;
    p->height[i] = i ? 1.1 + 8 * (double)(i - 1) / (double)(n - 2) : 10;
    random_order(by_axis, b->n, seed + 1000 * (int64_t)i);
    for (size_t k = 0; k < b->n; k++) {
      p->scale[i][k] = pow(condition, (double)by_axis[k] / (double)(b->n - 1) - 0.5);
      p->place[i][k] = (i ? 1 : 0.8) * spread * (2 * u[i * b->n + k] - 1);
    }
    for (size_t k = 0; i == 0 && k < b->n; k++)
      b->best[k] = p->place[0][k];
    bbob_rotate(b, b->q, p->place[i]);
  }
  free(u);
}

/* Where z = R x + 1/2 is 1 everywhere. */
static void best_about_half(struct bbob *b) {
  for (size_t k = 0; k < b->n; k++) {
    b->best[k] = 0;
    for (size_t i = 0; i < b->n; i++)
      b->best[k] += b->q[i * MOST + k] * 0.5 / bbob_widen(b);
  }
}

/* Corners: the signs are those of random numbers. */
static void best_in_corner(struct bbob *b, double far, int64_t seed, bool normal) {
  if (normal)
    gauss(b->best, b->n, seed);
  else
    uniform(b->best, b->n, seed);
  for (size_t k = 0; k < b->n; k++)
    b->best[k] = copysign(far, b->best[k] - (normal ? 0 : 0.5));
}

static void place_best(struct bbob *b, int64_t index, int64_t seed) {
  random_best(b, index == 12 ? seed + 1000000 : seed);
  for (size_t k = 0; k < b->n; k++) {
    if (index == 4 && k % 2 == 0)
      b->best[k] = fabs(b->best[k]);
    if (index == 5)
      b->best[k] = copysign(5, b->best[k]);
    if (index == 8)
      b->best[k] *= 0.75;
  }
  if (index == 9 || index == 19)
    best_about_half(b);
  if (index == 20)
    best_in_corner(b, 4.2096874633 / 2, seed, false);
  if (index == 21)
    random_peaks(b, 101, 5, sqrt(1000), seed);
  if (index == 22)
    random_peaks(b, 21, 4.9, 1000, seed);
  if (index == 24)
    best_in_corner(b, 1.25, seed, true);
}

void bbob_make_instance(struct bbob *b, int64_t index, int64_t same, int64_t instance) {
  int64_t seed = same + 10000 * instance;
  b->minimum = random_minimum(seed);
  random_rotation(b->r, b->n, seed + 1000000);
  random_rotation(b->q, b->n, seed);
  place_best(b, index, seed);
}
