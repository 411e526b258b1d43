/* A net of candidates over the space and around the best points; from the most promising ones a search uphill, in turns
 * along the gradient for what is continuous and value by value for what is not. All searches go side by side, so that
 * one pass over the Cholesky factor serves them all. */
#include "hpo/gp_acquire.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/gp_improve.h"
#include "hpo/lbfgs.h"
#include "hpo/sampler_sobol.h"

#define CHUNK 64   /* points predicted at a time */
#define LINE 16    /* values tried along an axis of cells at a time */
#define ROUNDS 4   /* turns of both kinds */
#define CLIMB 40   /* evaluations along the gradient in one turn */
#define APART 0.05 /* starts are further from each other than this, along some axis */

struct search {
  const struct gp_acquire *a;
  size_t d, p;
  uint64_t *set; /* hashes of the points seen; open addressing, 0 = free */
  size_t set_size;
  double *z, *mean, *deviation, *by_z, *room, *by_u; /* of a chunk */
  bool *active;                                      /* (CHUNK, d) */
};

/* ---- points seen ---- */

static uint64_t hash_of(size_t d, const double *u) {
  uint64_t h = 0x9e3779b97f4a7c15;
  for (size_t j = 0; j < d; j++) {
    uint64_t bits;
    double x = u[j] + 0.0; /* -0 is 0 */
    memcpy(&bits, &x, sizeof bits);
    h = (h ^ bits) * 0xff51afd7ed558ccd;
    h ^= h >> 32;
  }
  return h | 1;
}

static uint64_t *slot_of(const struct search *s, uint64_t hash) {
  size_t i = hash & (s->set_size - 1);
  while (s->set[i] && s->set[i] != hash)
    i = (i + 1) & (s->set_size - 1);
  return &s->set[i];
}

static void remember_seen(struct search *s) {
  for (s->set_size = 64; s->set_size < 2 * s->a->n_seen; s->set_size *= 2)
    ;
  s->set = MEM_NEW_ARRAY(uint64_t, s->set_size);
  double *u = MEM_NEW_ARRAY(double, s->d + 1);
  for (size_t i = 0; i < s->a->n_seen; i++) {
    memcpy(u, &s->a->seen[i * s->d], s->d * sizeof *u);
    uint64_t hash = hash_of(s->d, u);
    *slot_of(s, hash) = hash;
  }
  free(u);
}

static bool was_seen(const struct search *s, const double *u) {
  return *slot_of(s, hash_of(s->d, u)) != 0;
}

/* ---- evaluation ---- */

/* On the grid, and with 0.5 where there is nothing, as the history writes it. */
static void make_canonical(const struct search *s, double *u, bool *active) {
  gp_view_snap(s->a->view, u);
  gp_view_active(s->a->view, u, active);
  for (size_t j = 0; j < s->d; j++)
    if (!active[j])
      u[j] = 0.5;
}

/* log EI at m points (m, d), and its gradients if by_u is given (m, d). Points of a grid are made canonical first;
 * seen ones are worth nothing. */
static void evaluate_chunk(struct search *s, size_t m, double *u, bool snap, double *value, double *by_u) {
  const struct gp_view *v = s->a->view;
  for (size_t i = 0; i < m; i++) {
    if (snap)
      make_canonical(s, &u[i * s->d], &s->active[i * s->d]);
    else
      gp_view_active(v, &u[i * s->d], &s->active[i * s->d]);
    gp_view_features(v, &u[i * s->d], &s->active[i * s->d], s->a->fidelity, &s->z[i * s->p]);
  }
  gp_predict(s->a->gp, m, s->z, s->mean, s->deviation, by_u ? s->by_z : NULL, s->room);
  for (size_t i = 0; i < m; i++) {
    double by_mean, by_deviation, *of_mean = &s->by_z[i * s->p], *of_deviation = &s->by_z[(m + i) * s->p];
    value[i] = gp_log_improvement(s->a->best, s->mean[i], s->deviation[i], &by_mean, &by_deviation);
    if (by_u) {
      for (size_t k = 0; k < s->p; k++)
        of_mean[k] = by_mean * of_mean[k] + by_deviation * of_deviation[k];
      gp_view_pull_back(v, &u[i * s->d], &s->active[i * s->d], of_mean, &by_u[i * s->d]);
    } else if (was_seen(s, &u[i * s->d]))
      value[i] = -(double)INFINITY;
  }
}

static void evaluate(struct search *s, size_t m, double *u, double *value) {
  for (size_t at = 0; at < m; at += CHUNK)
    evaluate_chunk(s, m - at < CHUNK ? m - at : CHUNK, &u[at * s->d], true, &value[at], NULL);
}

/* ---- candidates ---- */

/* Sobol points with a random digital shift. */
static void put_net(const struct search *s, size_t n, struct rng *rng, double *u) {
  uint32_t v[SOBOL_BITS];
  for (size_t j = 0; j < s->d; j++) {
    uint32_t shift = (uint32_t)rng_u64(rng);
    if (j < SOBOL_DIMENSIONS)
      sobol_directions((unsigned)j, v);
    for (size_t i = 0; i < n; i++)
      u[i * s->d + j] =
          j < SOBOL_DIMENSIONS ? ((sobol_coordinate(v, (uint32_t)i) ^ shift) + 0.5) * 0x1p-32 : rng_uniform(rng);
  }
}

static void put_all_points(const struct search *s, size_t n, double *u) {
  for (size_t i = 0; i < n; i++)
    space_nth_point(s->a->view->space, i, &u[i * s->d]);
}

/* A good point with some coordinates changed: by a normal step of a random size, or to another category. */
static void put_neighbour(const struct search *s, const double *centre, struct rng *rng, double *u) {
  double size = 0.3 * exp2(-6 * rng_uniform(rng)), share = fmax(0.3, 2 / (double)s->d);
  for (size_t j = 0; j < s->d; j++) {
    const struct gp_axis *axis = &s->a->view->axes[j];
    u[j] = centre[j];
    if (rng_uniform(rng) > share)
      continue;
    double step = size * rng_normal(rng);
    if (axis->category)
      u[j] = rng_uniform(rng);
    else if (axis->cells && fabs(step) < 1 / (double)axis->cells)
      u[j] += (step < 0 ? -1 : 1) / (double)axis->cells;
    else
      u[j] += step;
    u[j] = fmin(fmax(u[j], 0), 1);
  }
}

static size_t put_candidates(const struct search *s, struct rng *rng, double *u) {
  const struct gp_acquire *a = s->a;
  size_t net = a->candidates, near = a->n_centres > 0 ? a->candidates / 4 : 0;
  double points = a->view->finite ? space_cardinality(a->view->space) : (double)INFINITY;
  if (points <= (double)net) {
    put_all_points(s, (size_t)points, u);
    return (size_t)points;
  }
  put_net(s, net, rng, u);
  for (size_t i = 0; i < near; i++)
    put_neighbour(s, &a->centres[i % a->n_centres * s->d], rng, &u[(net + i) * s->d]);
  return net + near;
}

/* ---- starts ---- */

struct ranked {
  double value;
  size_t i;
};

static int by_value(const void *x, const void *y) {
  const struct ranked *p = x, *q = y;
  return p->value > q->value ? -1 : p->value < q->value ? 1 : p->i < q->i ? -1 : p->i > q->i;
}

static bool is_apart(const struct search *s, const double *u, const double *others, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double most = 0;
    for (size_t j = 0; j < s->d; j++)
      most = fmax(most, fabs(u[j] - others[i * s->d + j]));
    if (!(most > APART))
      return false;
  }
  return true;
}

/* The best candidates that are apart from each other, and the incumbent at the end. */
static size_t choose_starts(const struct search *s, size_t n, const double *u, const double *value, double *starts) {
  struct ranked *ranked = MEM_NEW_ARRAY(struct ranked, n + 1);
  size_t taken = 0, most = s->a->starts - (s->a->n_centres > 0);
  for (size_t i = 0; i < n; i++)
    ranked[i] = (struct ranked){value[i], i};
  qsort(ranked, n, sizeof *ranked, by_value);
  for (size_t i = 0; i < n && taken < most; i++) {
    const double *candidate = &u[ranked[i].i * s->d];
    if (i == 0 || is_apart(s, candidate, starts, taken))
      memcpy(&starts[taken++ * s->d], candidate, s->d * sizeof *starts);
  }
  free(ranked);
  if (s->a->n_centres > 0)
    memcpy(&starts[taken++ * s->d], s->a->centres, s->d * sizeof *starts);
  return taken;
}

/* ---- uphill ---- */

static bool is_smooth(const struct gp_axis *a) {
  return !a->category && (a->cells == 0 || a->cells > LINE);
}

/* Along the gradient; axes of few cells stay where they are. */
static void climb(struct search *s, size_t n, double *u) {
  size_t d = s->d;
  struct lbfgs **runs = MEM_NEW_ARRAY(struct lbfgs *, n);
  double *low = MEM_NEW_ARRAY(double, 2 * d), *high = low + d, *points = MEM_NEW_ARRAY(double, n *d + n);
  double *value = points + n * d;
  size_t *going = MEM_NEW_ARRAY(size_t, n), left = n;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < d; j++) {
      bool free_axis = is_smooth(&s->a->view->axes[j]);
      low[j] = free_axis ? 0 : u[i * d + j];
      high[j] = free_axis ? 1 : u[i * d + j];
    }
    runs[i] = lbfgs_open(d, low, high, &u[i * d], 0.1, 1e-4);
    going[i] = i;
  }
  for (int round = 0; round < CLIMB && left > 0; round++) {
    for (size_t k = 0; k < left; k++)
      memcpy(&points[k * d], lbfgs_point(runs[going[k]]), d * sizeof *points);
    evaluate_chunk(s, left, points, false, value, s->by_u);
    size_t still = 0;
    for (size_t k = 0; k < left; k++) {
      for (size_t j = 0; j < d; j++)
        s->by_u[k * d + j] = -s->by_u[k * d + j];
      if (lbfgs_tell(runs[going[k]], -value[k], &s->by_u[k * d]))
        going[still++] = going[k];
    }
    left = still;
  }
  for (size_t i = 0; i < n; i++) {
    lbfgs_best(runs[i], &u[i * d]);
    lbfgs_free(runs[i]);
  }
  free(runs);
  free(low);
  free(points);
  free(going);
}

/* The values to try along an axis: all but the present one if they are few, else nearer and farther ones. */
static size_t line_values(const struct gp_axis *a, double u, double *values) {
  size_t here = gp_axis_cell(a, u), n = 0;
  if (a->cells <= LINE || a->category) {
    size_t few = a->cells < LINE ? a->cells : LINE;
    for (size_t k = 0; k < few; k++) {
      size_t cell = a->cells <= LINE ? k : (here + 1 + k * (a->cells - 1) / few) % a->cells;
      if (cell != here)
        values[n++] = a->centres[cell];
    }
    return n;
  }
  for (size_t far = 1; far < a->cells && n + 2 <= LINE; far *= 2) {
    if (here >= far)
      values[n++] = a->centres[here - far];
    if (here + far < a->cells)
      values[n++] = a->centres[here + far];
  }
  return n;
}

/* Value by value along axes of cells, for each of the points in turn. Gives back whether any moved. */
static bool walk(struct search *s, size_t n, double *u, double *value) {
  double values[LINE], tried[LINE], *points = MEM_NEW_ARRAY(double, LINE * s->d + 1);
  bool moved = false;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < s->d; j++) {
      const struct gp_axis *axis = &s->a->view->axes[j];
      double *here = &u[i * s->d];
      if (!axis->cells)
        continue;
      size_t m = line_values(axis, here[j], values);
      for (size_t k = 0; k < m; k++) {
        memcpy(&points[k * s->d], here, s->d * sizeof *points);
        points[k * s->d + j] = values[k];
      }
      evaluate_chunk(s, m, points, true, tried, NULL);
      for (size_t k = 0; k < m; k++)
        if (tried[k] > value[i]) {
          value[i] = tried[k];
          memcpy(here, &points[k * s->d], s->d * sizeof *here);
          moved = true;
        }
    }
  free(points);
  return moved;
}

static void keep_better(const struct search *s, size_t n, const double *u, const double *value, double *best_u,
                        double *best) {
  for (size_t i = 0; i < n; i++)
    if (value[i] > *best) {
      *best = value[i];
      memcpy(best_u, &u[i * s->d], s->d * sizeof *best_u);
    }
}

static void go_uphill(struct search *s, size_t n, double *u, double *best_u, double *best) {
  bool smooth = false, cells = false;
  double *value = MEM_NEW_ARRAY(double, n + 1);
  for (size_t j = 0; j < s->d; j++) {
    smooth |= is_smooth(&s->a->view->axes[j]);
    cells |= s->a->view->axes[j].cells > 0;
  }
  for (int round = 0; round < ROUNDS; round++) {
    if (smooth)
      climb(s, n, u);
    evaluate(s, n, u, value);
    bool moved = cells && walk(s, n, u, value);
    keep_better(s, n, u, value, best_u, best);
    if (!moved || !cells)
      break;
  }
  free(value);
}

/* ---- */

static void search_open(struct search *s, const struct gp_acquire *a) {
  size_t d = a->view->d, p = a->view->p;
  *s = (struct search){.a = a, .d = d, .p = p};
  s->z = mem_realloc(NULL, (CHUNK * (p + 2 + 2 * p + d) + gp_predict_room(a->gp, CHUNK)) * sizeof *s->z);
  s->mean = s->z + CHUNK * p;
  s->deviation = s->mean + CHUNK;
  s->by_z = s->deviation + CHUNK;
  s->by_u = s->by_z + 2 * CHUNK * p;
  s->room = s->by_u + CHUNK * d;
  s->active = MEM_NEW_ARRAY(bool, CHUNK *d + 1);
  remember_seen(s);
}

static void search_close(struct search *s) {
  free(s->z);
  free(s->active);
  free(s->set);
}

void gp_acquire(const struct gp_acquire *a, struct rng *rng, double *u) {
  struct search s;
  search_open(&s, a);
  size_t most = a->candidates + a->candidates / 4;
  double *candidates = MEM_NEW_ARRAY(double, most *s.d + 1), *value = MEM_NEW_ARRAY(double, most + 1);
  double *starts = MEM_NEW_ARRAY(double, a->starts *s.d + 1), best = -(double)INFINITY;
  size_t n = put_candidates(&s, rng, candidates);
  evaluate(&s, n, candidates, value);
  memcpy(u, candidates, s.d * sizeof *u);
  keep_better(&s, n, candidates, value, u, &best);
  if (n > a->candidates || !a->view->finite) { /* else all points were tried */
    size_t taken = choose_starts(&s, n, candidates, value, starts);
    go_uphill(&s, taken, starts, u, &best);
  }
  free(candidates);
  free(value);
  free(starts);
  search_close(&s);
}
