/* The sampler that leaves each point to another, as the search stands: a Gaussian process while it can be afforded, the
 * Parzen estimator for conditions, partial results and hundreds of workers, CMA-ES from the best once there is much to
 * go on; and most to the one that has been right lately. Who made a trial's point is in its attributes, and so a part
 * of the history that all this is a function of. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/sampler_auto.h"
#include "hpo/sampler_cmaes.h"

#define STARTUP 10      /* trials with a result before there is anything to model */
#define MEMORY 0.97     /* what a trial's success counts for once the next one is over: about the last 30 matter */
#define DOUBT 4.0       /* trials' worth of the belief that all are equally good */
#define RANDOM 0.02     /* share of independent points, whatever is believed */
#define AFFORDABLE 3e3  /* milliseconds of model that all running trials together may cost */
#define GP_MOST 3000    /* trials: the model stands on a part of them from here on, and others do better */
#define CMAES_FROM 10.0 /* trials a coordinate */

static const enum by arms[AUTO_ARMS] = {BY_gp, BY_tpe, BY_cmaes};

struct auto_search {
  struct sampler sobol, random, arm[AUTO_ARMS];
  double conditional; /* share of the coordinates that are not always there */
  /* a fold over the events */
  size_t looked;
  struct auto_credit credit[AUTO_ARMS];
  double best;
  size_t rows, complete, over; /* with any event; to the end; complete, pruned or failed */
  size_t cmaes_from;           /* events when CMA-ES came into play; 0: not yet */
};

/* ---- what the history says ---- */

/* Only a new best counts: a model that is stuck proposes points that are nearly as good for ever. */
static void give_credit(struct auto_search *a, enum by by, bool improved) {
  for (size_t i = 0; i < AUTO_ARMS; i++) {
    if (arms[i] != by)
      continue;
    a->credit[i].trials += 1;
    a->credit[i].improved += improved;
  }
}

static void look_at(struct auto_search *a, const struct history *h, const struct event *e) {
  a->rows += e->before < 0;
  a->complete += e->state == TRIAL_COMPLETE || e->state == TRIAL_FAIL;
  if (e->state == TRIAL_RUNNING)
    return;
  bool improved = e->state == TRIAL_COMPLETE && e->value < a->best;
  if (improved)
    a->best = e->value;
  for (size_t i = 0; i < AUTO_ARMS; i++) {
    a->credit[i].trials *= MEMORY;
    a->credit[i].improved *= MEMORY;
  }
  give_credit(a, (enum by)h->by[e->row], improved);
  a->over++;
}

static void look(struct auto_search *a, const struct history *h) {
  for (; a->looked < h->n_events; a->looked++) {
    look_at(a, h, &h->events[a->looked]);
    if (a->cmaes_from == 0 && (double)a->over >= CMAES_FROM * (double)(h->d + 1))
      a->cmaes_from = a->looked + 1;
  }
}

/* ---- who may, and who should ---- */

double auto_gp_cost(double n, double d) {
  return (5 + 1e-4 * n * n) * (0.5 + 0.1 * d); /* milliseconds, measured on one core */
}

/* Which part of the points the Gaussian process can make in time: with many workers asks come often. */
static double gp_share(const struct auto_search *a, const struct history *h) {
  double running = (double)(h->n > a->over ? h->n - a->over : 0) + 1;
  if (a->complete < STARTUP || 2 * a->complete < a->rows || a->complete > GP_MOST)
    return 0;
  double cost = auto_gp_cost((double)a->complete, (double)h->d);
  return fmin(1, AFFORDABLE / (cost * running)) * pow(0.25, (double)h->effort);
}

void auto_shares(const struct auto_credit credit[AUTO_ARMS], const double prior[AUTO_ARMS], double share[AUTO_ARMS]) {
  double trials = 0, improved = 0, sum = 0;
  for (size_t i = 0; i < AUTO_ARMS; i++) {
    trials += credit[i].trials;
    improved += credit[i].improved;
  }
  double usual = (improved + 0.5) / (trials + 5); /* how often anybody improves; never 0 */
  for (size_t i = 0; i < AUTO_ARMS; i++) {
    double rate = (credit[i].improved + DOUBT * usual) / (credit[i].trials + DOUBT);
    sum += share[i] = prior[i] * pow(rate / usual, 2);
  }
  for (size_t i = 0; i < AUTO_ARMS; i++)
    share[i] = sum > 0 ? share[i] / sum : 0;
}

static enum by choose(const struct auto_search *a, const struct history *h, double x) {
  double share[AUTO_ARMS], gp = gp_share(a, h);
  double prior[AUTO_ARMS] = {0.75 - 0.6 * a->conditional, 0.2 + 0.6 * a->conditional, a->cmaes_from ? 0.1 : 0};
  auto_shares(a->credit, prior, share);
  if (a->rows < STARTUP)
    return BY_sobol;
  double spare = share[0] * (1 - gp), others = share[1] + share[2];
  share[0] -= spare;
  for (size_t i = 1; i < AUTO_ARMS; i++)
    share[i] += spare * (others > 0 ? share[i] / others : (double)(i == 1));
  x = x / (1 - RANDOM);
  for (size_t i = 0; i < AUTO_ARMS; i++)
    if ((x -= share[i]) < 0)
      return arms[i];
  return BY_random;
}

/* ---- the sampler ---- */

static double share_conditional(const struct space *s) {
  size_t n = 0;
  for (size_t i = 0; i < s->n; i++)
    n += s->dims[i].kind != DIM_FIXED && s->dims[i].n_conditions > 0;
  return s->n_coordinates ? (double)n / (double)s->n_coordinates : 0;
}

static enum err auto_open(struct sampler *s, const struct settings *conf) {
  struct auto_search *a = MEM_NEW(struct auto_search);
  s->context = a;
  a->best = (double)INFINITY;
  a->conditional = share_conditional(s->space);
  TRY(sampler_open(&a->sobol, "sobol", s->space, s->key, conf));
  TRY(sampler_open(&a->random, "random", s->space, s->key, conf));
  for (size_t i = 0; i < AUTO_ARMS; i++)
    TRY(sampler_open(&a->arm[i], sampler_name_of(arms[i]), s->space, s->key, conf));
  return OK;
}

static struct sampler *sampler_by(struct auto_search *a, enum by by) {
  for (size_t i = 0; i < AUTO_ARMS; i++)
    if (arms[i] == by)
      return &a->arm[i];
  return by == BY_sobol ? &a->sobol : &a->random;
}

static enum err auto_ask(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                         enum ask *answer) {
  struct auto_search *a = s->context;
  look(a, h);
  s->by = choose(a, h, rng_uniform(rng));
  if (s->by == BY_gp && index > h->asked) /* what it wants is there already; the estimator draws another point */
    s->by = BY_tpe;
  struct sampler *chosen = sampler_by(a, s->by);
  if (s->by == BY_cmaes)
    cmaes_start_from(chosen, a->cmaes_from);
  return chosen->ops->ask(chosen, h, index, rng, u, answer);
}

static void auto_close(struct sampler *s) {
  struct auto_search *a = s->context;
  if (!a)
    return;
  sampler_close(&a->sobol);
  sampler_close(&a->random);
  for (size_t i = 0; i < AUTO_ARMS; i++)
    sampler_close(&a->arm[i]);
  free(a);
}

const struct sampler_ops sampler_auto = {
    .name = "auto", .uses_history = true, .open = auto_open, .ask = auto_ask, .close = auto_close};
