#include "hpo/tpe.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/sampler_sobol.h"
#include "hpo/tpe_rank.h"
#include "hpo/tpe_seen.h"

struct tpe {
  const struct space *space;
  struct rng_key key;
  struct tpe_options options;
  struct axes axes;

  struct ranking *rankings; /* one, or one for each step that trials ended at; ascending */
  size_t n_rankings, cap_rankings;
  struct components pending; /* running trials that nothing is known of, by row */
  struct seen_points seen;   /* only if the space has finitely many points */
  size_t events, rows;       /* of the history, folded so far */

  /* The model, of one of the rankings. */
  struct components good;
  struct axis_kernel *good_kernels, *bad_kernels;
  double *share;       /* (n_good) weights; their sum is 1 */
  struct ranked *best; /* (options.good + 1) what the good ones and the first bad one were when it was made */
  size_t n_best, n_good;
  int64_t step;       /* of its ranking */
  size_t fitted_good; /* likewise, of those that have a rank, for good_kernels */
  size_t fitted;      /* number of trials that the widths of bad_kernels are for */

  struct queries queries;
  double *u;      /* (candidates, d) */
  bool *there;    /* (candidates, d) */
  double *scores; /* (candidates) */
  struct log_sum *sums;
};

struct tpe_options tpe_defaults(void) {
  return (struct tpe_options){.startup = 10,
                              .candidates = 24,
                              .gamma = 0.15,
                              .good = 25,
                              .weights = TPE_RANK,
                              .bandwidth = TPE_SPREAD,
                              .multivariate = true,
                              .sample = 10000,
                              .wider = 1,
                              .narrowest = 1e-3,
                              .least = 1};
}

struct tpe *tpe_new(const struct space *space, struct rng_key study_key, const struct tpe_options *options) {
  struct tpe *t = MEM_NEW(struct tpe);
  size_t candidates = (size_t)options->candidates, d = space->n_coordinates;
  t->space = space;
  t->key = study_key;
  t->options = *options;
  axes_init(&t->axes, space, options->multivariate);
  t->good_kernels = kernels_new(&t->axes);
  t->bad_kernels = kernels_new(&t->axes);
  t->best = MEM_NEW_ARRAY(struct ranked, options->good + 1);
  t->share = MEM_NEW_ARRAY(double, options->good);
  t->step = -2;
  queries_init(&t->queries, &t->axes, candidates);
  t->u = MEM_NEW_ARRAY(double, candidates *d + 1);
  t->there = MEM_NEW_ARRAY(bool, candidates *d + 1);
  t->scores = MEM_NEW_ARRAY(double, 2 * candidates);
  t->sums = MEM_NEW_ARRAY(struct log_sum, candidates);
  seen_points_init(&t->seen, space_cardinality(space));
  return t;
}

void tpe_free(struct tpe *t) {
  for (size_t i = 0; i < t->n_rankings; i++)
    ranking_free(&t->rankings[i]);
  free(t->rankings);
  components_free(&t->pending);
  components_free(&t->good);
  seen_points_free(&t->seen);
  kernels_free(&t->axes, t->good_kernels);
  kernels_free(&t->axes, t->bad_kernels);
  free(t->best);
  free(t->share);
  queries_free(&t->queries);
  free(t->u);
  free(t->there);
  free(t->scores);
  free(t->sums);
  axes_free(&t->axes);
  free(t);
}

/* ---- the fold ---- */

static struct ranking *ranking_of(struct tpe *t, int64_t step) {
  size_t at = t->n_rankings;
  while (at > 0 && t->rankings[at - 1].step >= step)
    at--;
  if (at < t->n_rankings && t->rankings[at].step == step)
    return &t->rankings[at];
  MEM_GROW(t->rankings, t->n_rankings, &t->cap_rankings);
  memmove(&t->rankings[at + 1], &t->rankings[at], (t->n_rankings - at) * sizeof *t->rankings);
  t->n_rankings++;
  ranking_init(&t->rankings[at], step, 2 * (size_t)t->options.good + 2, (size_t)t->options.sample,
               rng_child(t->key, RNG_ASK, UINT64_MAX - 1));
  return &t->rankings[at];
}

/* Kernels that are not fitted yet have any width: what follows from it is made anew when they are. */
static void fold_event(struct tpe *t, const struct history *h, int64_t i) {
  const struct event *e = &h->events[i];
  if (!t->options.by_budget)
    ranking_tell(ranking_of(t, -1), &t->axes, t->bad_kernels, h, i);
  else if (e->state != TRIAL_FAIL)
    ranking_tell(ranking_of(t, e->step), &t->axes, t->bad_kernels, h, i);
  else /* it counts against its point at each budget */
    for (size_t k = 0; k < t->n_rankings; k++)
      ranking_tell(&t->rankings[k], &t->axes, t->bad_kernels, h, i);
}

static const bool *active_at(const struct history *h, int64_t row) {
  return h->active ? &h->active[(size_t)row * h->d] : NULL;
}

static void forget_pending(struct tpe *t, const struct history *h) {
  struct components *p = &t->pending;
  size_t kept = 0;
  for (size_t j = 0; j < p->n; j++) {
    if (h->last_event[p->row[j]] >= 0)
      continue;
    if (kept != j)
      components_copy(&t->axes, p, kept, j);
    kept++;
  }
  p->n = kept;
}

static void fold(struct tpe *t, const struct history *h) {
  if (t->events < h->n_events)
    forget_pending(t, h);
  for (; t->events < h->n_events; t->events++)
    fold_event(t, h, (int64_t)t->events);
  for (; t->rows < h->n; t->rows++) {
    int64_t row = (int64_t)t->rows;
    const double *u = &h->u[t->rows * h->d];
    if (h->last_event[row] < 0)
      components_put(&t->axes, t->bad_kernels, &t->pending, t->pending.n, row, u, active_at(h, row));
    if (t->seen.finite && h->number[row] >= 0) /* what another study tried is new to this one */
      seen_points_add(&t->seen, seen_points_hash(&t->axes, u, active_at(h, row)));
  }
}

/* ---- the widths of the kernels ---- */

/* Standard deviation of the good ones along an axis, by weight, of those that are there. */
static double spread_along(const struct tpe *t, size_t axis) {
  double weight = 0, mean = 0, squares = 0;
  for (size_t j = 0; j < t->n_good; j++)
    if (components_there(&t->axes, &t->good, j, axis)) {
      double w = t->share[j], x = components_centre(&t->axes, &t->good, j, axis) - 0.5;
      weight += w;
      mean += w * x;
      squares += w * x * x;
    }
  return weight > 0 ? sqrt(fmax(squares / weight - (mean / weight) * (mean / weight), 0)) : 0;
}

/* Scott's rule for a product of kernels, n^(-1 / (d + 4)) (Multivariate Density Estimation, 1992, equation 6.42), times
 * either the deviation of the trials themselves, so that kernels narrow as the search closes in, or a fixed share of
 * the range. The bias of a categorical kernel is of first order in b where that of a normal one is of second order in
 * its deviation, so b shrinks with the square (Li and Racine, J. Multivar. Anal. 86 (2003) 266). */
#define SPREAD_FACTOR 1.0
#define RANGE_FACTOR 0.2 /* Optuna 3.1 */
#define BAD_FACTOR 0.13  /* of the range: what a bad trial warns of is close to it */
#define CATEGORY_FACTOR 0.25
#define CELL_SHARE 0.5 /* kernels on grids are not narrower than this share of a cell: the neighbours stay in reach */
#define RANGE_VARIANCE (1.0 / 12)

static double width_of(const struct tpe *t, const struct axis *x, size_t n, double unshrunk) {
  double d = t->options.multivariate ? (double)t->axes.d : 1, shrink = pow(fmax((double)n, 1), -1 / (d + 4));
  if (x->kind == AXIS_CATEGORY)
    return (1 - 1 / (double)x->cells) * CATEGORY_FACTOR * shrink * shrink;
  double least = fmax(t->options.narrowest, x->cells ? CELL_SHARE / (double)x->cells : 0);
  return fmin(fmax(unshrunk * shrink, least), 1);
}

/* Widths change with every trial, a little; they are kept while the number of trials has the same 4 leading digits in
 * binary, so that all kernels are fitted anew only when there are 6 to 12 % more. */
static size_t fit_length(size_t n) {
  size_t unit = 1;
  while (n / unit >= 16)
    unit *= 2;
  return n / unit * unit;
}

static void fit_bad(struct tpe *t, struct ranking *r) {
  size_t n = fit_length(r->sample.n);
  if (t->fitted == n && t->step == r->step)
    return;
  t->fitted = n;
  for (size_t i = 0; i < t->axes.d; i++)
    axis_kernel_set(&t->axes.axis[i], &t->bad_kernels[i], width_of(t, &t->axes.axis[i], n, BAD_FACTOR));
  components_refit(&t->axes, t->bad_kernels, &r->sample);
  components_refit(&t->axes, t->bad_kernels, &t->pending);
}

/* ---- the good ones ---- */

/* Do two trials' values say the same thing? */
static bool comparable(const struct history *h, int64_t a, int64_t b) {
  const struct event *x = &h->events[a], *y = &h->events[b];
  return isfinite(x->value) && isfinite(y->value) &&
         (x->step == y->step || (x->state == TRIAL_COMPLETE && y->state == TRIAL_COMPLETE));
}

/* Weights by improvement over the best of the bad ones (Watanabe 2023, equation 11 and section 3.3.2): what the
 * expected improvement weighs them with. Where values cannot be compared, all weigh the same. */
static double weight_of(const struct tpe *t, const struct history *h, size_t i) {
  if (t->options.weights == TPE_RANK)
    return log((double)t->n_good + 1) - log((double)i + 1);
  if (t->options.weights == TPE_EQUAL || t->n_best == t->n_good)
    return 1;
  int64_t bad = t->best[t->n_good].event, best = t->best[0].event, own = t->best[i].event;
  if (!comparable(h, bad, best) || !comparable(h, bad, own))
    return 1;
  double all = h->events[bad].value - h->events[best].value, improvement = h->events[bad].value - h->events[own].value;
  return all > 0 && isfinite(all) ? fmax(improvement / all, 1e-12) : 1;
}

static void weigh_good(struct tpe *t, const struct history *h) {
  double sum = 0;
  for (size_t i = 0; i < t->n_good; i++)
    sum += weight_of(t, h, i);
  for (size_t i = 0; i < t->n_good; i++) {
    t->share[i] = weight_of(t, h, i) / sum;
    components_weigh(&t->good, i, log(t->share[i]));
  }
}

/* One trial of the prior's joins the deviation: few good trials, or equal ones, do not make it vanish. Beyond
 * options.good of them it counts as one among those that would be good without that limit, and so less and less. */
static double deviation_along(const struct tpe *t, size_t axis) {
  double n = fmax((double)t->n_good, t->options.gamma * (double)t->fitted_good);
  double spread = spread_along(t, axis);
  return sqrt((n * spread * spread + RANGE_VARIANCE) / (n + 1));
}

static void fit_good(struct tpe *t) {
  for (size_t i = 0; i < t->axes.d; i++) {
    double unshrunk = t->options.bandwidth == TPE_SPREAD ? SPREAD_FACTOR * deviation_along(t, i) : RANGE_FACTOR;
    axis_kernel_set(&t->axes.axis[i], &t->good_kernels[i], width_of(t, &t->axes.axis[i], t->n_good, unshrunk));
  }
  components_refit(&t->axes, t->good_kernels, &t->good);
}

/* Takes the good ones out of the sample of the bad, or puts them back. */
static void mask_good(struct tpe *t, struct ranking *r, double log_weight) {
  for (size_t i = 0; i < t->n_good; i++) {
    size_t place = ranking_place(r, t->best[i].row);
    if (place != SIZE_MAX)
      components_weigh(&r->sample, place, log_weight);
  }
}

static size_t count_good(const struct tpe *t, const struct ranking *r) {
  double n = ceil(t->options.gamma * (double)r->ranked);
  n = fmin(fmax(n, (double)t->options.least), (double)t->options.good);
  return (size_t)fmin(n, (double)r->ranked);
}

static bool same_best(const struct tpe *t, const struct ranking *r, size_t n_good, size_t n_best) {
  return t->step == r->step && t->n_good == n_good && t->n_best == n_best &&
         t->fitted_good == fit_length((size_t)r->ranked) && memcmp(t->best, r->top, n_best * sizeof *r->top) == 0;
}

static void model_good(struct tpe *t, const struct history *h, struct ranking *r) {
  size_t n_good = count_good(t, r), n_best = (int64_t)n_good < r->ranked ? n_good + 1 : n_good;
  ranking_settle(r, h, n_best);
  if (same_best(t, r, n_good, n_best))
    return;
  if (t->step == r->step)
    mask_good(t, r, 0);
  memcpy(t->best, r->top, n_best * sizeof *r->top);
  t->n_good = n_good;
  t->n_best = n_best;
  mask_good(t, r, -(double)INFINITY);
  t->fitted_good = fit_length((size_t)r->ranked);
  t->good.n = 0;
  for (size_t i = 0; i < n_good; i++) {
    int64_t row = t->best[i].row;
    components_set(&t->axes, &t->good, i, row, &h->u[(size_t)row * h->d], active_at(h, row));
  }
  weigh_good(t, h);
  fit_good(t);
}

/* The ranking to model; NULL: too little is known. */
static struct ranking *ranking_to_model(struct tpe *t) {
  for (size_t i = t->n_rankings; i-- > 0;)
    if (t->rankings[i].ranked >= t->options.startup && t->rankings[i].ranked > 0)
      return &t->rankings[i];
  return NULL;
}

/* Leaves the old model's ranking as it was before. */
static void leave_ranking(struct tpe *t, const struct ranking *next) {
  for (size_t i = 0; i < t->n_rankings; i++)
    if (t->rankings[i].step == t->step && &t->rankings[i] != next)
      mask_good(t, &t->rankings[i], 0);
}

static struct ranking *model(struct tpe *t, const struct history *h) {
  fold(t, h);
  struct ranking *r = ranking_to_model(t);
  if (!r)
    return NULL;
  leave_ranking(t, r);
  fit_bad(t, r);
  model_good(t, h, r);
  t->step = r->step;
  return r;
}

/* ---- densities ---- */

static double log_add(double a, double b) {
  double most = fmax(a, b), least = fmin(a, b);
  return most == -(double)INFINITY ? most : most + log1p(exp(least - most));
}

static double prior_at(const struct tpe *t, const double *u, const bool *there) {
  double log_prior = 0;
  for (size_t i = 0; i < t->axes.d; i++)
    if (!there || there[i])
      log_prior += axis_prior(&t->axes.axis[i], u[i]);
  return log_prior;
}

static void set_queries(struct tpe *t, const struct axis_kernel *k, size_t n, const double *u, const bool *there) {
  size_t d = t->axes.d;
  for (size_t i = 0; i < n; i++) {
    queries_set(&t->queries, &t->axes, k, i, u + i * d, there + i * d);
    t->sums[i] = (struct log_sum){.max = -(double)INFINITY};
  }
}

/* log l at n <= candidates points. The prior weighs as much as the mean of the others. */
static void good_densities(struct tpe *t, size_t n, const double *u, const bool *there, double *out) {
  double count = (double)t->n_good;
  set_queries(t, t->good_kernels, n, u, there);
  components_add(&t->good, 0, t->good.n, &t->queries, n, t->sums);
  for (size_t i = 0; i < n; i++) {
    double data = log_sum_value(&t->sums[i]) + t->queries.constant[i] + log(count / (count + 1));
    out[i] = log_add(data, prior_at(t, u + i * t->axes.d, there + i * t->axes.d) - log(count + 1));
  }
}

/* How many of the sample, and of the pending trials, are worth their time: history.effort. */
static size_t affordable(const struct history *h, size_t n) {
  for (int64_t e = 0; e < h->effort && n > 64; e++)
    n /= 4;
  return n;
}

/* log g likewise: the trials of the ranking that are not good, the pending ones, and the prior, each with one vote.
 * Where a sample stands for them it has their votes. */
static void bad_densities(struct tpe *t, const struct history *h, const struct ranking *r, size_t n, const double *u,
                          const bool *there, double *out) {
  size_t cap = affordable(h, (size_t)t->options.sample), most = cap / 4 ? cap / 4 : 1;
  size_t used = r->sample.n < cap ? r->sample.n : cap, taken = 0;
  for (size_t i = 0; i < t->n_good; i++)
    taken += ranking_place(r, t->best[i].row) < used;
  size_t from = t->pending.n > most ? (t->pending.n - most) / KERNEL_BLOCK * KERNEL_BLOCK : 0;
  double trials = (double)r->n - (double)t->n_good, pending = (double)t->pending.n, all = trials + pending + 1;
  set_queries(t, t->bad_kernels, n, u, there);
  components_add(&r->sample, 0, used, &t->queries, n, t->sums);
  for (size_t i = 0; i < n; i++)
    out[i] = used > taken ? log_sum_value(&t->sums[i]) + log(trials / (double)(used - taken)) : -(double)INFINITY;
  for (size_t i = 0; i < n; i++)
    t->sums[i] = (struct log_sum){.max = -(double)INFINITY};
  components_add(&t->pending, from, t->pending.n, &t->queries, n, t->sums);
  for (size_t i = 0; i < n; i++) {
    if (pending > 0)
      out[i] = log_add(out[i], log_sum_value(&t->sums[i]) + log(pending / (double)(t->pending.n - from)));
    out[i] = log_add(out[i] + t->queries.constant[i], prior_at(t, u + i * t->axes.d, there + i * t->axes.d)) - log(all);
  }
}

/* ---- candidates ---- */

/* One of the good ones, by weight; SIZE_MAX: the prior. */
static size_t draw_component(const struct tpe *t, struct rng *rng) {
  double x = rng_uniform(rng) * (double)(t->n_good + 1) / (double)t->n_good;
  for (size_t i = 0; i < t->n_good; i++) {
    x -= t->share[i];
    if (x < 0)
      return i;
  }
  return SIZE_MAX;
}

static void draw_point(const struct tpe *t, struct rng *rng, double *u) {
  size_t from = draw_component(t, rng);
  for (size_t i = 0; i < t->axes.d; i++) {
    const struct axis *x = &t->axes.axis[i];
    double width = t->good_kernels[i].width * t->options.wider;
    if (from == SIZE_MAX)
      u[i] = axis_draw_prior(x, rng);
    else if (components_there(&t->axes, &t->good, from, i))
      u[i] = axis_draw(x, components_centre(&t->axes, &t->good, from, i), fmin(width, 1), rng);
    else
      u[i] = axis_draw_uniform(x, rng);
  }
}

static void mark_there(const struct tpe *t, const struct history *h, const double *u, bool *there) {
  if (h->conditional)
    space_active_coordinates(t->space, u, there);
  else
    for (size_t i = 0; i < t->axes.d; i++)
      there[i] = true;
}

/* Fills the list of candidates. Where points are countable, those already tried are left out as long as there are
 * others within eight times as many draws. */
static size_t draw_candidates(struct tpe *t, const struct history *h, size_t n, struct rng *rng) {
  size_t d = t->axes.d, found = 0;
  for (size_t draw = 0; found < n && draw < 8 * n; draw++) {
    double *u = t->u + found * d;
    bool *there = t->there + found * d;
    draw_point(t, rng, u);
    mark_there(t, h, u, there);
    if (!t->seen.finite || !seen_points_has(&t->seen, seen_points_hash(&t->axes, u, h->active ? there : NULL)))
      found++;
  }
  return found ? found : 1;
}

static size_t best_of(const struct tpe *t, size_t n) {
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (t->scores[i] > t->scores[best])
      best = i;
  return best;
}

static void score(struct tpe *t, const struct history *h, const struct ranking *r, size_t n, const bool *there) {
  double *bad = t->scores + t->options.candidates;
  good_densities(t, n, t->u, there, t->scores);
  bad_densities(t, h, r, n, t->u, there, bad);
  for (size_t i = 0; i < n; i++)
    t->scores[i] -= bad[i];
}

/* Each axis takes the best of its own candidates. */
static void choose_by_axis(struct tpe *t, const struct history *h, const struct ranking *r, size_t n, double *u) {
  size_t d = t->axes.d;
  bool *only = MEM_NEW_ARRAY(bool, n *d + 1);
  for (size_t axis = 0; axis < d; axis++) {
    for (size_t i = 0; i < n * d; i++)
      only[i] = i % d == axis;
    score(t, h, r, n, only);
    u[axis] = t->u[best_of(t, n) * d + axis];
  }
  free(only);
}

/* Axes that choose by themselves have so few each that there are as many combinations as there would be candidates: the
 * best of 24 along every axis is always the same peak of the density, and the search ends there. */
static size_t count_candidates(const struct tpe *t, const struct history *h) {
  double n = (double)t->options.candidates;
  for (int64_t e = 0; e < h->effort && n >= 8; e++)
    n = floor(n / 2);
  return (size_t)(t->options.multivariate ? n : fmin(n, fmax(2, rint(pow(n, 1 / (double)t->axes.d)))));
}

void tpe_ask(struct tpe *t, const struct history *h, int64_t index, struct rng *rng, double *u) {
  struct ranking *r = model(t, h);
  bool random = t->options.random > 0 && rng_uniform(rng) < t->options.random;
  if (!r || random || t->axes.d == 0) {
    sobol_point(t->key, (uint64_t)index, (unsigned)t->axes.d, u);
    return;
  }
  size_t n = draw_candidates(t, h, count_candidates(t, h), rng);
  if (!t->options.multivariate) {
    choose_by_axis(t, h, r, n, u);
    return;
  }
  score(t, h, r, n, t->there);
  memcpy(u, t->u + best_of(t, n) * t->axes.d, t->axes.d * sizeof *u);
}

bool tpe_densities(struct tpe *t, const struct history *h, size_t n, const double *u, double *good, double *bad) {
  struct ranking *r = model(t, h);
  for (size_t i = 0; r && i < n; i++) {
    mark_there(t, h, u + i * t->axes.d, t->there);
    good_densities(t, 1, u + i * t->axes.d, t->there, &good[i]);
    bad_densities(t, h, r, 1, u + i * t->axes.d, t->there, &bad[i]);
  }
  return r != NULL;
}
