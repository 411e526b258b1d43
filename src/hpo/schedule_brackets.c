#include "hpo/schedule_brackets.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/schedule_rung.h"

enum { MAX_RUNGS = 64 };

struct place {
  unsigned char rungs; /* of its bracket, how many it counts in: the lowest ones */
  bool waiting;        /* is listed as one that could go on */
  bool gone;           /* counts as one that has left the last of them */
  bool over;           /* counts in the rung it was on its way to */
};

struct bracket {
  struct rung rungs[MAX_RUNGS];
  size_t n;
  struct rung strays; /* paused short of the first rung; only its list of those waiting is used */
  double share;       /* of all trials */
};

struct brackets {
  struct bracket *list;
  size_t n;
  bool delay;           /* schedule.delay */
  struct place *places; /* by trial number */
  size_t n_places;
};

/* ---- which bracket ---- */

/* Li et al. 2018, "Hyperband", JMLR 18, Algorithm 1: the bracket whose trials may be halved s times gets
 * n = ceil((s_max + 1) / (s + 1) eta^s) of them, so that all brackets cost about the same. */
static void share_out(struct brackets *b, int64_t eta) {
  double sum = 0, power = 1;
  for (size_t s = 0; s < b->n; s++, power *= (double)eta) {
    b->list[b->n - 1 - s].share = ceil((double)b->n / (double)(s + 1) * power);
    sum += b->list[b->n - 1 - s].share;
  }
  for (size_t k = 0; k < b->n; k++)
    b->list[k].share /= sum;
}

/* By the number of the trial alone, so that it need not be recorded: multiples of the golden ratio modulo 1 come to
 * each share as often as it is large, at any time of the study. */
static size_t number_of_bracket(const struct brackets *b, int64_t trial) {
  double x = (double)((uint64_t)trial * UINT64_C(0x9E3779B97F4A7C15) >> 11) * 0x1p-53;
  size_t k = 0;
  for (; k + 1 < b->n && x >= b->list[k].share; k++)
    x -= b->list[k].share;
  return k;
}

static struct bracket *bracket_of(struct brackets *b, int64_t trial) {
  return &b->list[number_of_bracket(b, trial)];
}

size_t brackets_of(const struct schedule *s, int64_t trial) {
  return number_of_bracket(s->context, trial);
}

enum err brackets_open(struct schedule *s, const struct settings *conf, bool several) {
  struct brackets *b = MEM_NEW(struct brackets);
  int64_t eta = settings_int(conf, "schedule.eta"), first = settings_int(conf, "schedule.first"), at[MAX_RUNGS];
  size_t n = 0;
  for (int64_t step = first; step<s->steps; step = step> s->steps / eta ? s->steps : step * eta)
    at[n++] = step;
  at[n++] = s->steps;
  b->delay = settings_bool(conf, "schedule.delay");
  b->n = several ? n : 1;
  b->list = MEM_NEW_ARRAY(struct bracket, b->n);
  for (size_t k = 0; k < b->n; k++) {
    rung_init(&b->list[k].strays, 0, eta);
    for (size_t i = k; i < n; i++)
      rung_init(&b->list[k].rungs[b->list[k].n++], at[i], eta);
  }
  share_out(b, eta);
  s->context = b;
  return OK;
}

void brackets_close(struct schedule *s) {
  struct brackets *b = s->context;
  for (size_t k = 0; k < b->n; k++) {
    rung_free(&b->list[k].strays);
    for (size_t i = 0; i < b->list[k].n; i++)
      rung_free(&b->list[k].rungs[i]);
  }
  free(b->list);
  free(b->places);
  free(b);
}

/* ---- tell ---- */

static struct place *place_of(struct brackets *b, int64_t trial) {
  size_t needed = (size_t)trial + 1;
  if (needed > b->n_places) {
    size_t larger = 2 * b->n_places > needed ? 2 * b->n_places : needed;
    b->places = mem_realloc(b->places, larger * sizeof *b->places);
    for (; b->n_places < larger; b->n_places++)
      b->places[b->n_places] = (struct place){0};
  }
  return &b->places[trial];
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

static void leave_rung(struct bracket *h, struct place *p) {
  if (p->rungs > 0 && !p->gone)
    h->rungs[p->rungs - 1].gone++;
  p->gone = true;
}

static void enter_rung(struct bracket *h, struct place *p, struct member m) {
  leave_rung(h, p);
  rung_add(&h->rungs[p->rungs++], m);
  p->gone = p->waiting = false;
}

void brackets_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  struct brackets *b = s->context;
  struct bracket *h = bracket_of(b, t->number);
  struct place *p = place_of(b, t->number);
  while (p->rungs < h->n && t->reached >= h->rungs[p->rungs].step)
    enter_rung(h, p, member_of(study, t, h->rungs[p->rungs].step));
  bool was_sent = p->rungs < h->n && t->stints > 0 && h->rungs[p->rungs].step <= t->aim;
  if (ended_on_the_way(t) && !p->over) {
    p->over = true;
    struct member m = member_of(study, t, t->step);
    if (t->fate != STINT_finished)
      m.value = (double)INFINITY;
    if (was_sent)
      enter_rung(h, p, m);
  } else if (was_sent && !p->over) {
    leave_rung(h, p);
  }
  if (trial_is_paused(t) && t->stint.end == STINT_reached && !p->waiting && p->rungs < h->n) {
    struct rung *here = p->rungs ? &h->rungs[p->rungs - 1] : &h->strays;
    rung_wait(here, member_of(study, t, here->step));
    p->waiting = true;
  }
}

/* ---- next ---- */

/* Is this trial still paused in its k-th rung (from 1; 0: short of the first)? */
static bool still_there(struct brackets *b, const struct trial *t, size_t k) {
  return trial_is_paused(t) && t->stint.end == STINT_reached && place_of(b, t->number)->rungs == k;
}

/* Those who have gone on, or are over, leave the list when they come to its top. */
static void tidy(struct brackets *b, const struct study *study, struct rung *r, size_t k) {
  while (r->waiting.n > 0) {
    const struct trial *t = &study->trials[r->waiting.items[0].trial];
    if (still_there(b, t, k))
      return;
    if (place_of(b, t->number)->rungs == k)
      place_of(b, t->number)->waiting = false;
    rung_drop_first(r);
  }
}

/* Delayed promotion, D-ASHA: one more may leave a rung when that leaves eta members in it for each that left. With
 * hundreds of workers, ASHA itself lets far more than one in eta go on, as whoever is among the best for a moment goes.
 */
static bool may_leave(const struct brackets *b, const struct rung *r) {
  return !b->delay || rung_size(r) / (size_t)r->eta > r->gone;
}

/* Algorithm 2, get_job: from the top rung down, a member of the best floor(n/eta) that has not been promoted. */
static bool promote(struct brackets *b, struct bracket *h, const struct study *study, int64_t *trial, int64_t *to) {
  for (size_t k = h->n - 1; k > 0; k--) {
    struct rung *r = &h->rungs[k - 1];
    tidy(b, study, r, k);
    const struct member *m = may_leave(b, r) ? rung_first(r) : NULL;
    if (m) {
      *trial = m->trial;
      *to = h->rungs[k].step;
      return true;
    }
  }
  tidy(b, study, &h->strays, 0);
  if (h->strays.waiting.n == 0)
    return false;
  *trial = h->strays.waiting.items[0].trial;
  *to = h->rungs[0].step;
  return true;
}

/* Of several brackets the one whose promotion leads furthest. */
enum next brackets_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to, int64_t fresh) {
  struct brackets *b = s->context;
  int64_t number, step;
  bool found = false;
  for (size_t k = 0; k < b->n; k++)
    if (promote(b, &b->list[k], study, &number, &step) && (!found || step > *to)) {
      *trial = number;
      *to = step;
      found = true;
    }
  if (found)
    return NEXT_RESUME;
  if (fresh < 0)
    return NEXT_WAIT;
  *to = bracket_of(b, fresh)->rungs[0].step;
  return NEXT_NEW;
}

/* The stopping variant of the algorithm: decided on arrival, by those who came before. The best of a rung that is not
 * full goes on, or the first eta - 1 trials would always be stopped. */
bool brackets_go_on(struct schedule *s, const struct study *study, const struct trial *t, int64_t *to) {
  struct brackets *b = s->context;
  const struct bracket *h = bracket_of(b, t->number);
  size_t k = place_of(b, t->number)->rungs;
  if (k < h->n)
    *to = h->rungs[k].step;
  return k == 0 || rung_passes(&h->rungs[k - 1], member_of(study, t, h->rungs[k - 1].step));
}
