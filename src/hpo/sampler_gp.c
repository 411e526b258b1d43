/* Bayesian optimisation with a Gaussian process. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/gp_acquire.h"
#include "hpo/gp_warp.h"
#include "hpo/linalg.h"
#include "hpo/sampler.h"
#include "hpo/sampler_sobol.h"
#include "hpo/trial.h"

#define STARTUP 10       /* points of a net before there is a model */
#define FIT_MOST 256     /* observations that parameters are fitted to */
#define MODEL_MOST 2000  /* observations that the posterior stands on */
#define RUNNING_MOST 256 /* running trials that the posterior knows of, the newest */
#define CENTRES 5
#define CANDIDATES 2048
#define STARTS 10
#define ENOUGH 5      /* values at a fidelity, for it to be what is asked for */
#define MOST_EFFORT 2 /* each one halves the searches, the candidates and what the posterior stands on */
#define EVALUATIONS 60

struct gp_search {
  struct gp_view view;
  size_t *told;                    /* (n_told) the events that say something: a value, or a failure */
  size_t n_told, cap_told, looked; /* events looked at so far */
  size_t rows;                     /* trials they are of */
  size_t fitted;                   /* how many of them theta comes from; 0: none */
  double *theta;
};

static enum err gp_sampler_open(struct sampler *s, const struct settings *conf) {
  (void)conf;
  struct gp_search *g = MEM_NEW(struct gp_search);
  linalg_use_one_thread();
  gp_view_open(&g->view, s->space);
  g->theta = MEM_NEW_ARRAY(double, GP_PARAMETERS(&g->view));
  s->context = g;
  return OK;
}

static void gp_sampler_close(struct sampler *s) {
  struct gp_search *g = s->context;
  if (!g)
    return;
  gp_view_close(&g->view);
  free(g->told);
  free(g->theta);
  free(g);
}

/* ---- what there is to learn from ---- */

static void look_at_events(struct gp_search *g, const struct history *h) {
  for (; g->looked < h->n_events; g->looked++) {
    const struct event *e = &h->events[g->looked];
    if (isnan(e->value) && e->state != TRIAL_FAIL)
      continue;
    MEM_GROW(g->told, g->n_told, &g->cap_told);
    g->told[g->n_told++] = g->looked;
    g->rows += e->before < 0;
  }
}

/* Where an event is among the first n of those that say something; n if it is not. */
static size_t place_of(const struct gp_search *g, size_t n, size_t event) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (g->told[middle] < event)
      low = middle + 1;
    else
      high = middle;
  }
  return low < n && g->told[low] == event ? low : n;
}

/* Which of the first n a later one of the same trial makes superfluous: it came no further since, or failed. */
static bool *find_superseded(const struct gp_search *g, const struct history *h, size_t n) {
  bool *superseded = MEM_NEW_ARRAY(bool, n + 1);
  for (size_t i = 0; i < n; i++) {
    const struct event *e = &h->events[g->told[i]];
    for (int64_t b = e->before; b >= 0; b = h->events[b].before)
      if (h->events[b].step == e->step || e->state == TRIAL_FAIL)
        superseded[place_of(g, n, (size_t)b)] = true;
  }
  return superseded;
}

/* How far a value is from that of a whole training: 1 = it is one, 0 = that of one step. Learning curves bend in the
 * logarithm of the step. */
static double fidelity_of(const struct event *e, int64_t last_step) {
  if (e->state == TRIAL_COMPLETE || e->state == TRIAL_FAIL || e->step >= last_step)
    return 1;
  return e->step > 1 ? log((double)e->step) / log((double)last_step) : 0;
}

struct observed {
  struct gp_data data; /* y is warped */
  size_t *row;         /* (n) of the history */
  double *fidelity;    /* (n) */
};

static void observed_free(struct observed *o) {
  free(o->data.z);
  free(o->data.y);
  free(o->row);
  free(o->fidelity);
}

static void put_features(const struct gp_view *v, const struct history *h, size_t row, double fidelity, bool *active,
                         double *z) {
  const double *u = &h->u[row * h->d];
  for (size_t j = 0; j < h->d; j++)
    active[j] = !h->active || h->active[row * h->d + j];
  gp_view_features(v, u, active, fidelity, z);
}

struct ranked {
  double y;
  size_t i;
};

static int by_y(const void *a, const void *b) {
  const struct ranked *p = a, *q = b;
  return p->y < q->y ? -1 : p->y > q->y ? 1 : p->i < q->i ? -1 : p->i > q->i;
}

/* At most `most` of the n observations: the best half, the newest quarter, the rest spread evenly. */
static void thin_out(struct observed *o, size_t p, size_t most) {
  size_t n = o->data.n, kept = 0;
  if (n <= most)
    return;
  bool *keep = MEM_NEW_ARRAY(bool, n);
  struct ranked *ranked = MEM_NEW_ARRAY(struct ranked, n);
  for (size_t i = 0; i < n; i++)
    ranked[i] = (struct ranked){o->data.y[i], i};
  qsort(ranked, n, sizeof *ranked, by_y);
  for (size_t i = 0; i < most / 2; i++, kept++)
    keep[ranked[i].i] = true;
  for (size_t i = n; i-- > 0 && kept < most / 2 + most / 4;)
    if (!keep[i]) {
      keep[i] = true;
      kept++;
    }
  size_t rest = n - kept, wanted = most - kept, seen = 0;
  for (size_t i = 0; i < n; i++)
    if (!keep[i]) {
      keep[i] = (seen + 1) * wanted / rest > seen * wanted / rest;
      seen++;
    }
  size_t to = 0;
  for (size_t i = 0; i < n; i++)
    if (keep[i]) {
      memmove(&o->data.z[to * p], &o->data.z[i * p], p * sizeof *o->data.z);
      o->data.y[to] = o->data.y[i];
      o->fidelity[to] = o->fidelity[i];
      o->row[to++] = o->row[i];
    }
  o->data.n = to;
  free(keep);
  free(ranked);
}

/* What the first n told. */
static void observe(const struct gp_search *g, const struct history *h, size_t n, size_t most, struct observed *o) {
  const struct gp_view *v = &g->view;
  bool *active = MEM_NEW_ARRAY(bool, v->d + 1), *superseded = find_superseded(g, h, n);
  int64_t last_step = 0;
  for (size_t i = 0; i < n; i++) {
    int64_t step = h->events[g->told[i]].step;
    last_step = step > last_step ? step : last_step;
  }
  *o = (struct observed){0};
  o->data.z = MEM_NEW_ARRAY(double, n * v->p + 1);
  o->data.y = MEM_NEW_ARRAY(double, n + 1);
  o->row = MEM_NEW_ARRAY(size_t, n + 1);
  o->fidelity = MEM_NEW_ARRAY(double, n + 1);
  for (size_t i = 0; i < n; i++) {
    if (superseded[i])
      continue;
    const struct event *e = &h->events[g->told[i]];
    size_t to = o->data.n++;
    o->row[to] = (size_t)e->row;
    o->data.y[to] = e->state == TRIAL_FAIL ? (double)NAN : e->value;
    o->fidelity[to] = fidelity_of(e, last_step);
    put_features(v, h, o->row[to], o->fidelity[to], active, &o->data.z[to * v->p]);
  }
  gp_warp(o->data.n, o->data.y);
  thin_out(o, v->p, most);
  free(active);
  free(superseded);
}

/* The largest fidelity that at least `enough` of the observations reached; what is asked for is good there. */
static double target_fidelity(const struct observed *o, size_t enough) {
  double target = 0;
  for (size_t i = 0; i < o->data.n; i++) {
    size_t reached = 0;
    for (size_t k = 0; o->fidelity[i] > target && k < o->data.n; k++)
      reached += o->fidelity[k] >= o->fidelity[i];
    if (reached >= (enough < o->data.n ? enough : o->data.n))
      target = o->fidelity[i];
  }
  return target;
}

/* ---- fits: at fixed numbers of observations, so that theta is a function of the history ---- */

static size_t fit_length(size_t n) {
  size_t at = 1;
  for (size_t next = 1; next <= n; next += next < 64 ? 1 : next / 32)
    at = next;
  return at;
}

static void fit(struct gp_search *g, const struct history *h) {
  size_t length = fit_length(g->n_told);
  if (g->fitted == length)
    return;
  struct observed o;
  observe(g, h, length, FIT_MOST, &o);
  gp_fit(&g->view, &o.data, EVALUATIONS, g->theta);
  observed_free(&o);
  g->fitted = length;
}

/* ---- asking ---- */

static void believe_running(const struct gp_search *g, const struct history *h, double fidelity, struct gp *model) {
  bool *active = MEM_NEW_ARRAY(bool, g->view.d + 1);
  double *z = MEM_NEW_ARRAY(double, g->view.p);
  size_t left = RUNNING_MOST;
  for (size_t row = h->n; row-- > 0 && left > 0;)
    if (h->state[row] == TRIAL_RUNNING) {
      put_features(&g->view, h, row, fidelity, active, z);
      gp_believe(model, 1, z);
      left--;
    }
  free(active);
  free(z);
}

/* The lowest mean at what was observed: noise makes the lowest value too good to be true. Also the rows of the best
 * few, the best first. */
static double find_centres(const struct gp_view *v, const struct history *h, const struct observed *o,
                           const struct gp *model, double fidelity, double *centres, size_t *n_centres) {
  size_t n = 0;
  struct ranked *ranked = MEM_NEW_ARRAY(struct ranked, o->data.n + 1);
  for (size_t i = 0; i < o->data.n; i++)
    if (o->fidelity[i] >= fidelity) /* (K - noise) alpha = y - mean - noise alpha */
      ranked[n++] = (struct ranked){o->data.y[i] - model->noise * model->alpha[i], i};
  qsort(ranked, n, sizeof *ranked, by_y);
  *n_centres = n < CENTRES ? n : CENTRES;
  for (size_t i = 0; i < *n_centres; i++)
    memcpy(&centres[i * v->d], &h->u[o->row[ranked[i].i] * v->d], v->d * sizeof *centres);
  double best = ranked[0].y;
  free(ranked);
  return best;
}

/* A candidate costs n^2: fewer of them as n grows, when the good places are known better. */
static size_t candidates_of(size_t n) {
  return n <= 250 ? CANDIDATES : n <= 500 ? CANDIDATES / 2 : n <= 1000 ? CANDIDATES / 4 : CANDIDATES / 8;
}

static void propose(const struct gp_search *g, const struct history *h, struct rng *rng, double *u) {
  struct observed o;
  struct gp model;
  int effort = (int)(h->effort < 0 ? 0 : h->effort < MOST_EFFORT ? h->effort : MOST_EFFORT);
  double *centres = MEM_NEW_ARRAY(double, CENTRES * g->view.d + 1);
  observe(g, h, g->n_told, MODEL_MOST >> effort, &o);
  gp_open(&model, &g->view, g->theta, &o.data, RUNNING_MOST);
  struct gp_acquire a = {.view = &g->view,
                         .gp = &model,
                         .centres = centres,
                         .n_seen = h->n,
                         .seen = h->u,
                         .fidelity = target_fidelity(&o, ENOUGH),
                         .candidates = candidates_of(o.data.n) >> effort,
                         .starts = STARTS >> effort};
  a.best = find_centres(&g->view, h, &o, &model, a.fidelity, centres, &a.n_centres);
  believe_running(g, h, a.fidelity, &model);
  gp_acquire(&a, rng, u);
  gp_close(&model);
  observed_free(&o);
  free(centres);
}

static enum err gp_ask(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                       enum ask *answer) {
  struct gp_search *g = s->context;
  *answer = ASK_POINT;
  look_at_events(g, h);
  if (index > h->asked) /* what the model wanted is there already */
    for (size_t j = 0; j < h->d; j++)
      u[j] = rng_uniform(rng);
  else if (g->rows < STARTUP || h->d == 0)
    sobol_point(s->key, (uint64_t)index, (unsigned)h->d, u);
  else {
    fit(g, h);
    propose(g, h, rng, u);
  }
  return OK;
}

const struct sampler_ops sampler_gp = {
    .name = "gp", .uses_history = true, .open = gp_sampler_open, .ask = gp_ask, .close = gp_sampler_close};
