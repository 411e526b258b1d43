/* CMA-ES, asynchronous: whatever results come, lambda of them in a row are a generation, and as many points as there
 * are idle workers are drawn from the distribution as it stands. Points of others take part as injected ones. */
#include "hpo/sampler_cmaes.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/cma.h"

#define START_SIGMA 0.3 /* [H16]: the optimum should lie within the cube of start +- 3 sigma */
#define TRIES_INSIDE 8  /* asks again for the same trial before points are drawn from further out */

struct told {
  int64_t row, reach; /* reach: its step, or as far as can be for a complete trial */
  double value;
};

struct cmaes {
  struct cma cma;
  struct rng_key key;
  size_t first; /* event the fold starts at */
  size_t events;
  bool started;
  struct told *told; /* of the generation that is being filled */
  size_t n_told, cap_told;
  int64_t *counted; /* (n_rows): step at which a row took part last; -1: it did not yet */
  size_t n_rows, cap_rows;
  int64_t restarts;
  double *bests; /* of the last generations since the restart, a ring */
  size_t n_bests, cap_bests;
};

static int by_rank(const void *a, const void *b) {
  const struct told *x = a, *y = b;
  bool lost = isnan(x->value), behind = isnan(y->value);
  if (lost != behind)
    return lost - behind;
  if (x->reach != y->reach) /* of several budgets: those that were thought worth the larger one */
    return x->reach > y->reach ? -1 : 1;
  if (!lost && x->value != y->value)
    return x->value < y->value ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

static struct told told_of(const struct event *e) {
  return (struct told){.row = e->row, .reach = e->state == TRIAL_COMPLETE ? INT64_MAX : e->step, .value = e->value};
}

/* ---- where it starts ---- */

/* The best rows of the first `first` events, best first. */
static size_t best_rows(const struct cmaes *c, const struct history *h, size_t k, struct told *best) {
  size_t n = 0;
  for (size_t i = 0; i < c->first && i < h->n_events; i++) {
    struct told t = told_of(&h->events[i]);
    size_t at = 0;
    while (at < n && best[at].row != t.row)
      at++;
    if (at == n && isnan(t.value))
      continue;
    if (at == n && n == k && by_rank(&t, &best[n - 1]) >= 0)
      continue;
    if (at == n)
      at = n < k ? n++ : n - 1;
    for (best[at] = t; at > 0 && by_rank(&best[at], &best[at - 1]) < 0; at--) {
      struct told swap = best[at];
      best[at] = best[at - 1];
      best[at - 1] = swap;
    }
  }
  return n;
}

/* The middle of the best points and how far apart they are. */
static double start_at_best(const struct cmaes *c, const struct history *h, double *start) {
  size_t d = h->d, k = d + 1;
  struct told *best = MEM_NEW_ARRAY(struct told, k);
  size_t n = best_rows(c, h, k, best);
  double apart = 0;
  for (size_t i = 0; i < d && n > 0; i++) {
    const double *point = &h->u[(size_t)best[0].row * d];
    start[i] = point[i];
    for (size_t r = 1; r < n; r++) {
      double off = h->u[(size_t)best[r].row * d + i] - point[i];
      apart += off * off / (double)((n - 1) * d);
    }
  }
  free(best);
  return n > 1 ? fmin(fmax(0.5 * sqrt(apart), 0.01), START_SIGMA) : START_SIGMA;
}

static void begin(struct cmaes *c, const struct history *h) {
  double *start = MEM_NEW_ARRAY(double, h->d + 1), sigma = START_SIGMA;
  size_t lambda = cma_default_lambda(&c->cma);
  for (size_t i = 0; i < h->d; i++)
    start[i] = 0.5;
  if (c->restarts > 0) { /* A. Auger and N. Hansen, "A restart CMA-ES with increasing population size", CEC 2005 */
    lambda <<= c->restarts < 10 ? c->restarts : 10;
    for (size_t i = 0; i < h->d; i++)
      start[i] = rng_uniform_at(c->key, (uint64_t)c->restarts, i);
  } else if (c->first > 0) {
    sigma = start_at_best(c, h, start);
  }
  cma_start(&c->cma, start, sigma, lambda);
  c->n_bests = 0;
  c->started = true;
  free(start);
}

/* ---- when it starts again ---- */

/* Nothing gets better, or the points cannot be told apart any more [H16, sec. B.3]. */
static bool is_stuck(struct cmaes *c, double best, double worst) {
  const struct cma *m = &c->cma;
  size_t window = 10 + (size_t)ceil(30 * (double)m->n / (double)m->lambda);
  if (c->cap_bests < window)
    c->bests = mem_realloc(c->bests, (c->cap_bests = window) * sizeof *c->bests);
  c->bests[c->n_bests++ % window] = best;
  double low = best, high = worst;
  for (size_t i = 0; i < window && i < c->n_bests; i++) {
    low = fmin(low, c->bests[i]);
    high = fmax(high, c->bests[i]);
  }
  bool flat = c->n_bests >= window && !(high - low > 1e-12 * fmax(fabs(low), fabs(high)));
  bool narrow = m->n > m->n_cells && cma_spread(m) < 1e-10;
  return flat || narrow || m->condition > 0.99e14;
}

/* ---- the fold ---- */

static void finish_generation(struct cmaes *c, const struct history *h) {
  size_t n = c->n_told;
  struct cma_result *results = MEM_NEW_ARRAY(struct cma_result, n);
  qsort(c->told, n, sizeof *c->told, by_rank);
  for (size_t i = 0; i < n; i++) {
    size_t at = (size_t)c->told[i].row * h->d;
    results[i] = (struct cma_result){
        .u = &h->u[at], .active = h->active ? &h->active[at] : NULL, .id = (uint64_t)c->told[i].row};
  }
  double best = c->told[0].value, worst = best;
  for (size_t i = 0; i < n; i++)
    worst = fmax(worst, c->told[i].value);
  c->n_told = 0;
  if (!isnan(best)) { /* nothing can be learned where all failed */
    cma_update(&c->cma, c->key, results);
    if (is_stuck(c, best, worst)) {
      c->restarts++;
      begin(c, h);
    }
  }
  free(results);
}

static void note_row(struct cmaes *c, const struct event *e) {
  while (c->n_rows <= (size_t)e->row) {
    MEM_GROW(c->counted, c->n_rows, &c->cap_rows);
    c->counted[c->n_rows++] = -1;
  }
}

/* A row counts once at every step it comes to. A trial may be over right after its last stint and say its final value
 * then: that takes the place of the stint's, so a generation is closed by what comes behind it. */
static void tell(struct cmaes *c, const struct history *h, const struct event *e) {
  note_row(c, e);
  for (size_t i = 0; i < c->n_told; i++)
    if (c->told[i].row == e->row) {
      c->told[i] = told_of(e);
      c->counted[e->row] = e->step;
    }
  if (c->counted[e->row] < e->step) {
    if (c->n_told == c->cma.lambda)
      finish_generation(c, h);
    c->counted[e->row] = e->step;
    MEM_GROW(c->told, c->n_told, &c->cap_told);
    c->told[c->n_told++] = told_of(e);
  }
  if (c->n_told == c->cma.lambda && e->state != TRIAL_RUNNING)
    finish_generation(c, h);
}

static void fold(struct cmaes *c, const struct history *h) {
  if (!c->started)
    begin(c, h);
  if (c->events < c->first)
    c->events = c->first;
  while (c->events < h->n_events)
    tell(c, h, &h->events[c->events++]);
}

/* ---- the sampler ---- */

static enum err cmaes_open(struct sampler *s, const struct settings *conf) {
  (void)conf;
  struct cmaes *c = MEM_NEW(struct cmaes);
  cma_init(&c->cma, s->space);
  c->key = rng_child(s->key, RNG_CMAES, 0);
  s->context = c;
  return OK;
}

static enum err cmaes_ask(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                          enum ask *answer) {
  struct cmaes *c = s->context;
  int64_t again = index - h->asked;
  fold(c, h);
  cma_sample(&c->cma, rng, again > TRIES_INSIDE ? pow(1.1, (double)(again - TRIES_INSIDE)) : 1, u);
  *answer = ASK_POINT;
  return OK;
}

static void cmaes_close(struct sampler *s) {
  struct cmaes *c = s->context;
  cma_free(&c->cma);
  free(c->told);
  free(c->counted);
  free(c->bests);
  free(c);
}

void cmaes_start_from(struct sampler *s, size_t events) {
  ((struct cmaes *)s->context)->first = events;
}

const struct sampler_ops sampler_cmaes = {
    .name = "cmaes", .uses_history = true, .open = cmaes_open, .ask = cmaes_ask, .close = cmaes_close};
