#include "hpo/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CELLS = 50 };

struct ranked {
  double value;
  size_t row;
};

static int by_value(const void *a, const void *b) {
  const struct ranked *x = a, *y = b;
  if (x->value != y->value)
    return x->value < y->value ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

/* Complete trials of this study, the best first. */
static struct ranked *rank_trials(const struct history *h, size_t *n) {
  struct ranked *list = MEM_NEW_ARRAY(struct ranked, h->n + 1);
  *n = 0;
  for (size_t i = 0; i < h->n; i++)
    if (h->number[i] >= 0 && h->state[i] == TRIAL_COMPLETE && isfinite(h->value[i]))
      list[(*n)++] = (struct ranked){h->value[i], i};
  qsort(list, *n, sizeof *list, by_value);
  return list;
}

/* ---- densities on a grid ---- */

/* The bandwidth of Scott (1992, "Multivariate density estimation") in cells. Values were rounded to cells, which has a
 * spread of its own: no kernel is narrower. */
static double bandwidth(const double *counts, size_t cells, double n) {
  double mean = 0, square = 0, below = 0, low = -1, high = -1;
  for (size_t i = 0; i < cells; i++)
    mean += counts[i] * (double)i / n;
  for (size_t i = 0; i < cells; i++) {
    square += counts[i] * ((double)i - mean) * ((double)i - mean);
    below += counts[i];
    low = low < 0 && below >= 0.25 * n ? (double)i : low;
    high = high < 0 && below >= 0.75 * n ? (double)i : high;
  }
  double spread = fmin(sqrt(square / fmax(1, n - 1)), (high - low) / 1.34);
  return fmax(1.059 * spread * pow(n, -0.2), sqrt(1.0 / 12));
}

static double normal_cdf(double x) {
  return 0.5 * erfc(-x * sqrt(0.5));
}

/* Counts become shares of probability: a Gaussian at each trial, cut off at the ends, and one more trial that is spread
 * evenly (the prior). Categories have no neighbours. */
static void smooth(const double *counts, size_t cells, bool ordered, double *p) {
  double n = 0;
  for (size_t i = 0; i < cells; i++)
    n += counts[i];
  for (size_t i = 0; i < cells; i++)
    p[i] = ((ordered ? 0 : counts[i]) + 1 / (double)cells) / (n + 1);
  if (!ordered || n == 0)
    return;
  double width = bandwidth(counts, cells, n), last = (double)cells - 0.5;
  for (size_t i = 0; i < cells; i++) {
    if (counts[i] == 0)
      continue;
    double at = (double)i, mass = normal_cdf((last - at) / width) - normal_cdf((-0.5 - at) / width);
    for (size_t k = 0; k < cells; k++) {
      double x = (double)k - at;
      p[k] += counts[i] / (n + 1) * (normal_cdf((x + 0.5) / width) - normal_cdf((x - 0.5) / width)) / mass;
    }
  }
}

/* The Pearson divergence of the best from the region they are the best of (eq. 10): the variance that this
 * hyperparameter alone explains of being among them. */
static double divergence(const double *best, const double *region, size_t cells, bool ordered) {
  double p[2 * CELLS], *heap = cells > CELLS ? MEM_NEW_ARRAY(double, 2 * cells) : NULL, *q = heap ? heap : p, sum = 0;
  smooth(best, cells, ordered, q);
  smooth(region, cells, ordered, q + cells);
  for (size_t i = 0; i < cells; i++) {
    double ratio = q[i] / q[cells + i] - 1;
    sum += q[cells + i] * ratio * ratio;
  }
  free(heap);
  return sum;
}

/* ---- one hyperparameter ---- */

/* The first ceil(share n) of n. */
static size_t first_of(double share, size_t n) {
  return (size_t)ceil(share * (double)n - 1e-9);
}

static size_t cells_of(const struct dimension *d) {
  uint64_t own = dimension_cells(d);
  return d->kind == DIM_CATEGORICAL || (own > 0 && own < CELLS && !d->log) ? (size_t)own : CELLS;
}

/* In the unit cube all scales are even: a cell of it is a share of what the sampler `random` would propose. */
static void importance_along(const struct history *h, const struct dimension *d, const struct ranked *list, size_t n,
                             double share, struct importance *out) {
  size_t cells = cells_of(d), m = 0, k = d->coordinate;
  double *counts = MEM_NEW_ARRAY(double, 3 * cells), *good = counts + cells, *all = good + cells;
  for (size_t i = 0; i < n; i++)
    m += !h->active || h->active[list[i].row * h->d + k];
  size_t best = first_of(share, m), fair = first_of(sqrt(share), m), place = 0;
  for (size_t i = 0; i < n; i++) {
    size_t at = list[i].row * h->d + k;
    if (h->active && !h->active[at])
      continue;
    size_t cell = (size_t)fmin(h->u[at] * (double)cells, (double)cells - 1);
    counts[cell] += place < best;
    good[cell] += place < fair;
    all[cell]++;
    place++;
  }
  bool ordered = d->kind != DIM_CATEGORICAL;
  out->trials = m;
  if (m >= IMPORTANCE_FEWEST && cells > 1) {
    out->all = divergence(counts, all, cells, ordered);
    out->good = divergence(counts, good, cells, ordered);
  }
  free(counts);
}

static void to_shares(struct importance *list, size_t n) {
  double all = 0, good = 0;
  for (size_t i = 0; i < n; i++) {
    all += list[i].all;
    good += list[i].good;
  }
  for (size_t i = 0; i < n; i++) {
    list[i].all = all > 0 ? list[i].all / all : 0;
    list[i].good = good > 0 ? list[i].good / good : 0;
  }
}

bool importance_of(const struct study *s, double share, struct importance *out) {
  size_t n;
  struct ranked *list = rank_trials(&s->history, &n);
  memset(out, 0, s->space->n * sizeof *out);
  for (size_t i = 0; i < s->space->n && n >= IMPORTANCE_FEWEST; i++)
    if (s->space->dims[i].kind != DIM_FIXED)
      importance_along(&s->history, &s->space->dims[i], list, n, share, &out[i]);
  to_shares(out, s->space->n);
  free(list);
  return n >= IMPORTANCE_FEWEST;
}
