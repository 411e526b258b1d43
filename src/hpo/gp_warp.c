/* The bad half of the values says little about where the best is, and its scale nothing: there ranks are enough.
 *
 * X. Song et al., "The Vizier Gaussian process bandit algorithm", arXiv 2408.11527, section 4.1 (half-rank). */
#include "hpo/gp_warp.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct place {
  double y;
  size_t i;
};

static int by_value(const void *a, const void *b) {
  const struct place *p = a, *q = b;
  return p->y < q->y ? -1 : p->y > q->y ? 1 : p->i < q->i ? -1 : p->i > q->i;
}

/* The quantile function of the normal distribution: by Newton steps on erfc from a rough start. */
static double normal_quantile(double share) {
  double x = 0;
  for (int i = 0; i < 60; i++) {
    double rest = 0.5 * erfc(-x * M_SQRT1_2) - share, density = exp(-0.5 * x * x) * 0.39894228040143268;
    double step = rest / fmax(density, 1e-3);
    x -= fmin(fmax(step, -1), 1);
  }
  return x;
}

/* Values above the median get what a normal distribution has at their rank, with the spread of the good half. All is
 * measured from the median in units of the distance to the best, so that neither huge nor tiny numbers are lost. */
static void half_rank(size_t n, struct place *sorted) {
  size_t good = (n - 1) / 2 + 1;
  double median = sorted[good - 1].y, unit = 0.25 * median - 0.25 * sorted[0].y, sum = 0;
  for (size_t i = 0; i < good; i++) {
    sorted[i].y = unit > 0 ? (0.25 * sorted[i].y - 0.25 * median) / unit : 0;
    sum += sorted[i].y * sorted[i].y;
  }
  double spread = unit > 0 ? sqrt(sum / (double)good) : 1;
  for (size_t i = good; i < n;) {
    size_t end = i + 1;
    while (end < n && sorted[end].y <= sorted[i].y)
      end++;
    double rank = 0.5 * (double)(i + end - 1), value = 0;
    if (sorted[i].y > median)
      value = spread * fmax(normal_quantile((rank + 0.5) / (double)n), 0);
    for (; i < end; i++)
      sorted[i].y = value;
  }
}

static void standardise(size_t n, struct place *sorted) {
  double mean = 0, variance = 0;
  for (size_t i = 0; i < n; i++)
    mean += sorted[i].y / (double)n;
  for (size_t i = 0; i < n; i++)
    variance += (sorted[i].y - mean) * (sorted[i].y - mean) / (double)n;
  double deviation = sqrt(variance);
  for (size_t i = 0; i < n; i++)
    sorted[i].y = deviation > 0 ? (sorted[i].y - mean) / deviation : 0;
}

void gp_warp(size_t n, double *y) {
  struct place *sorted = MEM_NEW_ARRAY(struct place, n + 1);
  size_t m = 0;
  for (size_t i = 0; i < n; i++)
    if (isfinite(y[i]))
      sorted[m++] = (struct place){y[i], i};
  qsort(sorted, m, sizeof *sorted, by_value);
  if (m > 0) {
    half_rank(m, sorted);
    standardise(m, sorted);
  }
  double worst = m > 0 ? sorted[m - 1].y : 0, best = m > 0 ? sorted[0].y : 0;
  for (size_t i = 0; i < n; i++)
    if (!isfinite(y[i]))
      y[i] = y[i] < 0 ? best : worst; /* -infinity is as good as the best */
  for (size_t i = 0; i < m; i++)
    y[sorted[i].i] = sorted[i].y;
  free(sorted);
}
