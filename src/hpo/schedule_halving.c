/* halving: asynchronous successive halving, ASHA (Li et al. 2020, "A system for massively parallel hyperparameter
 * tuning", arXiv 1810.05934, Algorithm 2), in the variant that promotes: a trial pauses at each rung and goes on from
 * its state when it turns out to be among the best.
 *
 * Rungs are at first, first eta, first eta^2, ... steps, and at the last step of a trial. What counts at a rung is the
 * running best up to its step. In the rung it was on its way to, a trial that failed or was cancelled counts as the
 * worst, so that a rung is as large as the trials that were let into it. So does a trial that ended early by itself
 * (early stop), there with its best, which no further step would change; it takes a place among those that go on, but
 * nobody has to train it. In the rungs beyond it does not count.
 *
 * A trial that comes to a step that is no rung (the schedule was another one, or had other settings) counts in the
 * rungs it has passed; if it is short of the first, it is brought there. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/schedule.h"
#include "hpo/schedule_rung.h"

enum { MAX_RUNGS = 64 };

struct place {
  unsigned char rungs; /* how many it counts in: the lowest ones */
  bool waiting;        /* is listed as one that could go on */
  bool over;           /* counts in the rung it was on its way to */
};

struct halving {
  struct rung rungs[MAX_RUNGS];
  size_t n;
  struct rung strays;   /* paused short of the first rung; only its list of those waiting is used */
  struct place *places; /* by trial number */
  size_t n_places;
};

static enum err halving_open(struct schedule *s, const struct settings *conf) {
  struct halving *h = MEM_NEW(struct halving);
  int64_t eta = settings_int(conf, "schedule.eta"), step = settings_int(conf, "schedule.first");
  for (; step<s->steps; step = step> s->steps / eta ? s->steps : step * eta)
    rung_init(&h->rungs[h->n++], step, eta);
  rung_init(&h->rungs[h->n++], s->steps, eta);
  rung_init(&h->strays, 0, eta);
  s->context = h;
  return OK;
}

static void halving_close(struct schedule *s) {
  struct halving *h = s->context;
  for (size_t k = 0; k < h->n; k++)
    rung_free(&h->rungs[k]);
  rung_free(&h->strays);
  free(h->places);
  free(h);
}

/* ---- tell ---- */

static struct place *place_of(struct halving *h, int64_t trial) {
  size_t needed = (size_t)trial + 1;
  if (needed > h->n_places) {
    size_t larger = 2 * h->n_places > needed ? 2 * h->n_places : needed;
    h->places = mem_realloc(h->places, larger * sizeof *h->places);
    for (; h->n_places < larger; h->n_places++)
      h->places[h->n_places] = (struct place){0};
  }
  return &h->places[trial];
}

static struct member member_of(const struct study *study, const struct trial *t, int64_t step) {
  double best = trial_best_until(t, step, study->maximize);
  double value = isnan(best) ? (double)INFINITY : study->maximize ? -best : best;
  return (struct member){.value = value, .trial = t->number};
}

/* Ended by itself, or failed, between two rungs. */
static bool ended_on_the_way(const struct trial *t) {
  return t->stints > 0 && t->fate != STINT_reached && (trial_is_over(t) || t->fate == STINT_finished);
}

static void halving_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  struct halving *h = s->context;
  struct place *p = place_of(h, t->number);
  for (; p->rungs < h->n && t->reached >= h->rungs[p->rungs].step; p->rungs++) {
    rung_add(&h->rungs[p->rungs], member_of(study, t, h->rungs[p->rungs].step));
    p->waiting = false;
  }
  if (ended_on_the_way(t) && !p->over) {
    p->over = true;
    struct member m = member_of(study, t, t->step);
    if (t->fate != STINT_finished)
      m.value = (double)INFINITY;
    if (p->rungs < h->n && h->rungs[p->rungs].step <= t->aim)
      rung_add(&h->rungs[p->rungs++], m);
  }
  if (trial_is_paused(t) && t->stint.end == STINT_reached && !p->waiting && p->rungs < h->n) {
    struct rung *here = p->rungs ? &h->rungs[p->rungs - 1] : &h->strays;
    rung_wait(here, member_of(study, t, here->step));
    p->waiting = true;
  }
}

/* ---- next ---- */

/* Is this trial still paused in its k-th rung (from 1; 0: short of the first)? */
static bool still_there(struct halving *h, const struct trial *t, size_t k) {
  return trial_is_paused(t) && t->stint.end == STINT_reached && place_of(h, t->number)->rungs == k;
}

/* Those who have gone on, or are over, leave the list when they come to its top. */
static void tidy(struct halving *h, const struct study *study, struct rung *r, size_t k) {
  while (r->waiting.n > 0) {
    const struct trial *t = &study->trials[r->waiting.items[0].trial];
    if (still_there(h, t, k))
      return;
    if (place_of(h, t->number)->rungs == k)
      place_of(h, t->number)->waiting = false;
    rung_drop_first(r);
  }
}

/* Algorithm 2, get_job: from the top rung down, a member of the best floor(n/eta) that has not been promoted. */
static enum next halving_next(struct schedule *s, const struct study *study, bool may_ask, int64_t *trial,
                              int64_t *to) {
  struct halving *h = s->context;
  for (size_t k = h->n - 1; k > 0; k--) {
    struct rung *r = &h->rungs[k - 1];
    tidy(h, study, r, k);
    const struct member *m = rung_first(r);
    if (m) {
      *trial = m->trial;
      *to = h->rungs[k].step;
      return NEXT_RESUME;
    }
  }
  *to = h->rungs[0].step;
  tidy(h, study, &h->strays, 0);
  if (h->strays.waiting.n > 0) {
    *trial = h->strays.waiting.items[0].trial;
    return NEXT_RESUME;
  }
  return may_ask ? NEXT_NEW : NEXT_WAIT;
}

/* The stopping variant of the algorithm: decided on arrival, by those who came before. The best of a rung that is not
 * full goes on, or the first eta - 1 trials would always be stopped. */
static bool halving_goes_on(struct schedule *s, const struct study *study, const struct trial *t, int64_t *to) {
  struct halving *h = s->context;
  size_t k = place_of(h, t->number)->rungs;
  *to = k < h->n ? h->rungs[k].step : s->steps;
  return k == 0 || rung_passes(&h->rungs[k - 1], member_of(study, t, h->rungs[k - 1].step));
}

const struct schedule_ops schedule_halving = {.name = "halving",
                                              .open = halving_open,
                                              .tell = halving_tell,
                                              .next = halving_next,
                                              .goes_on = halving_goes_on,
                                              .close = halving_close};
