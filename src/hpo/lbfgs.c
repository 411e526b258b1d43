/* D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization", Math. Program. 45 (1989)
 * 503; bounds by the projection of D. P. Bertsekas, "Projected Newton methods for optimization problems with simple
 * constraints", SIAM J. Control Optim. 20 (1982) 221: coordinates that a bound holds take no part in a direction, and
 * a step is bent along the bounds it meets. */
#include "hpo/lbfgs.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define MEMORY 10       /* pairs kept */
#define MOST_BACK 12    /* times a step is shortened before giving up */
#define ARMIJO 1e-4     /* share of the promised decrease that is enough */
#define CURVATURE 1e-10 /* pairs with less of it are of no use */
#define STALLED 1e-10   /* relative decrease below which nothing more comes */

struct lbfgs {
  size_t n;
  double *low, *high;
  double *x, *g, f; /* the best point, and what is known there */
  double *trial;    /* where to evaluate next */
  double *direction;
  double step, first, tolerance;
  int back;                   /* how often this step was shortened */
  bool begun;                 /* x has a value */
  double *s, *y, rho[MEMORY]; /* (MEMORY, n): steps and changes of the gradient */
  size_t pairs, newest;
};

struct lbfgs *lbfgs_open(size_t n, const double *low, const double *high, const double *x, double first,
                         double tolerance) {
  struct lbfgs *s = MEM_NEW(struct lbfgs);
  *s = (struct lbfgs){.n = n, .first = first, .tolerance = tolerance, .f = (double)INFINITY};
  double *room = MEM_NEW_ARRAY(double, (6 + 2 * MEMORY) * n + 1);
  s->low = room;
  s->high = s->low + n;
  s->x = s->high + n;
  s->g = s->x + n;
  s->trial = s->g + n;
  s->direction = s->trial + n;
  s->s = s->direction + n;
  s->y = s->s + MEMORY * n;
  for (size_t i = 0; i < n; i++) {
    s->low[i] = low[i];
    s->high[i] = high[i];
    s->x[i] = s->trial[i] = fmin(fmax(x[i], low[i]), high[i]);
  }
  return s;
}

void lbfgs_free(struct lbfgs *s) {
  if (s)
    free(s->low);
  free(s);
}

const double *lbfgs_point(const struct lbfgs *s) {
  return s->trial;
}

double lbfgs_best(const struct lbfgs *s, double *x) {
  for (size_t i = 0; i < s->n; i++)
    x[i] = s->x[i];
  return s->f;
}

static double dot(size_t n, const double *a, const double *b) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += a[i] * b[i];
  return sum;
}

static bool is_held(const struct lbfgs *s, size_t i) {
  return (s->x[i] <= s->low[i] && s->g[i] > 0) || (s->x[i] >= s->high[i] && s->g[i] < 0);
}

static double *pair(double *list, const struct lbfgs *s, size_t age) {
  return list + (s->newest + MEMORY - age) % MEMORY * s->n;
}

/* The two-loop recursion over the pairs, in the coordinates that are free. */
static void newton_direction(struct lbfgs *s) {
  double alpha[MEMORY], *d = s->direction;
  for (size_t i = 0; i < s->n; i++)
    d[i] = is_held(s, i) ? 0 : -s->g[i];
  for (size_t age = 0; age < s->pairs; age++) {
    double *y = pair(s->y, s, age);
    alpha[age] = s->rho[(s->newest + MEMORY - age) % MEMORY] * dot(s->n, pair(s->s, s, age), d);
    for (size_t i = 0; i < s->n; i++)
      d[i] -= alpha[age] * y[i];
  }
  if (s->pairs > 0) {
    const double *y = pair(s->y, s, 0);
    double scale = 1 / (s->rho[s->newest] * dot(s->n, y, y));
    for (size_t i = 0; i < s->n; i++)
      d[i] *= scale;
  }
  for (size_t age = s->pairs; age-- > 0;) {
    const double *step = pair(s->s, s, age);
    double beta = s->rho[(s->newest + MEMORY - age) % MEMORY] * dot(s->n, pair(s->y, s, age), d);
    for (size_t i = 0; i < s->n; i++)
      d[i] += (alpha[age] - beta) * step[i];
  }
  for (size_t i = 0; i < s->n; i++)
    if (is_held(s, i))
      d[i] = 0;
}

static void go_along(struct lbfgs *s) {
  for (size_t i = 0; i < s->n; i++)
    s->trial[i] = fmin(fmax(s->x[i] + s->step * s->direction[i], s->low[i]), s->high[i]);
}

/* A direction from x and a first length along it. False: there is nowhere to go. */
static bool set_out(struct lbfgs *s) {
  double steepest = 0;
  for (size_t i = 0; i < s->n; i++)
    if (!is_held(s, i))
      steepest = fmax(steepest, fabs(s->g[i]));
  if (!(steepest > s->tolerance))
    return false;
  newton_direction(s);
  if (!(dot(s->n, s->direction, s->g) < 0)) { /* the memory is of no use here */
    s->pairs = 0;
    newton_direction(s);
  }
  double longest = 0;
  for (size_t i = 0; i < s->n; i++)
    longest = fmax(longest, fabs(s->direction[i]));
  s->step = s->pairs > 0 ? 1 : fmin(1, s->first / longest);
  s->back = 0;
  go_along(s);
  return true;
}

static void remember(struct lbfgs *s, const double *gradient) {
  size_t at = s->pairs > 0 ? (s->newest + 1) % MEMORY : 0;
  double *step = s->s + at * s->n, *change = s->y + at * s->n, sy = 0, yy = 0;
  for (size_t i = 0; i < s->n; i++) {
    step[i] = s->trial[i] - s->x[i];
    change[i] = gradient[i] - s->g[i];
    sy += step[i] * change[i];
    yy += change[i] * change[i];
  }
  if (!(sy > CURVATURE * yy))
    return;
  s->rho[at] = 1 / sy;
  s->newest = at;
  s->pairs += s->pairs < MEMORY;
}

static void move(struct lbfgs *s, double value, const double *gradient) {
  s->f = value;
  for (size_t i = 0; i < s->n; i++) {
    s->x[i] = s->trial[i];
    s->g[i] = gradient[i];
  }
}

/* Shorter, to the lowest point of the parabola through what is known, within [0.1, 0.5] of the step. */
static bool shorten(struct lbfgs *s, double value, double promised) {
  if (++s->back > MOST_BACK)
    return false;
  double share = 0.1;
  if (isfinite(value))
    share = fmin(fmax(-promised / (2 * (value - s->f - promised)), 0.1), 0.5);
  s->step *= share;
  go_along(s);
  return true;
}

static bool is_finite(size_t n, double value, const double *gradient) {
  double sum = value;
  for (size_t i = 0; i < n; i++)
    sum += gradient[i];
  return isfinite(sum);
}

bool lbfgs_tell(struct lbfgs *s, double value, const double *gradient) {
  if (!is_finite(s->n, value, gradient))
    value = (double)INFINITY;
  if (!s->begun) {
    s->begun = true;
    if (!isfinite(value))
      return false;
    move(s, value, gradient);
    return set_out(s);
  }
  double promised = 0;
  for (size_t i = 0; i < s->n; i++)
    promised += s->g[i] * (s->trial[i] - s->x[i]);
  if (!(promised < 0))
    return false; /* the box leaves no way down */
  if (!(value <= s->f + ARMIJO * promised))
    return shorten(s, value, promised);
  bool stalled = s->f - value <= STALLED * (1 + fabs(value));
  remember(s, gradient);
  move(s, value, gradient);
  return !stalled && set_out(s);
}
