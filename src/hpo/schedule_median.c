/* median: the median stopping rule (Golovin et al. 2017, "Google Vizier: a service for black-box optimization", section
 * 3.2.2). Trials pause every schedule.first steps to be looked at. One whose best value so far is worse than the median
 * of the running averages, up to the same step, of all trials that came as far (those that were stopped there included)
 * is pruned at once; the others go on. An average of a curve that falls lies above its last value, so the rule is
 * lenient: it drops the clearly bad and spends more than halving on the rest.
 *
 * A running median is kept for each look, in two heaps, so that a decision is O(log n). */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/schedule.h"
#include "hpo/schedule_paused.h"

enum { FEWEST = 5 /* trials that came as far, before one is stopped there */ };

struct look {
  struct heap better, worse; /* halves of the averages; `better` has the middle one of an odd number */
};

struct place {
  int64_t looks;    /* passed */
  uint32_t reports; /* until the last of them, their sum and the best of them, minimised */
  double sum, best;
};

struct median {
  int64_t every; /* schedule.first */
  struct look *looks;
  size_t n, cap;
  struct place *places; /* by trial number */
  size_t n_places;
  struct heap paused;
};

static enum err median_open(struct schedule *s, const struct settings *conf) {
  struct median *m = MEM_NEW(struct median);
  m->every = settings_int(conf, "schedule.first");
  m->paused.best_first = true;
  s->context = m;
  return OK;
}

static void median_close(struct schedule *s) {
  struct median *m = s->context;
  for (size_t i = 0; i < m->n; i++) {
    free(m->looks[i].better.items);
    free(m->looks[i].worse.items);
  }
  free(m->looks);
  free(m->places);
  free(m->paused.items);
  free(m);
}

/* ---- tell ---- */

static struct place *place_of(struct median *m, int64_t trial) {
  while (m->n_places <= (size_t)trial) {
    size_t n = m->n_places;
    m->places = mem_grow(m->places, n, &m->n_places, sizeof *m->places);
    for (; n < m->n_places; n++)
      m->places[n] = (struct place){.best = (double)INFINITY};
  }
  return &m->places[trial];
}

static struct look *look_of(struct median *m, int64_t k) {
  while (m->n <= (size_t)k) {
    MEM_GROW(m->looks, m->n, &m->cap);
    m->looks[m->n++] = (struct look){.worse.best_first = true};
  }
  return &m->looks[k];
}

static void look_add(struct look *l, struct member m) {
  if (l->better.n > 0 && member_before(m, l->better.items[0])) {
    heap_push(&l->better, m);
    m = heap_pop(&l->better);
  }
  heap_push(&l->worse, m);
  if (l->worse.n > l->better.n)
    heap_push(&l->better, heap_pop(&l->worse));
}

static void median_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  struct median *m = s->context;
  struct place *p = place_of(m, t->number);
  for (int64_t step; (step = (p->looks + 1) * m->every) <= t->reached; p->looks++) {
    for (; p->reports < t->n_reports && t->reports[p->reports].step <= step; p->reports++) {
      double value = t->reports[p->reports].value;
      p->sum += study->maximize ? -value : value;
      p->best = fmin(p->best, study->maximize ? -value : value);
    }
    double average = p->reports ? p->sum / p->reports : (double)INFINITY;
    look_add(look_of(m, p->looks), (struct member){.value = average, .trial = t->number});
  }
  paused_tell(&m->paused, t, s->steps);
}

/* ---- next ---- */

static double median_of(const struct look *l) {
  double middle = l->better.items[0].value;
  return l->worse.n == l->better.n ? middle / 2 + l->worse.items[0].value / 2 : middle;
}

static bool median_goes_on(struct schedule *s, const struct study *study, const struct trial *t, int64_t *to) {
  (void)study;
  struct median *m = s->context;
  const struct place *p = place_of(m, t->number);
  int64_t next = (p->looks + 1) * m->every;
  *to = next < s->steps ? next : s->steps;
  if (p->looks == 0)
    return true;
  const struct look *l = &m->looks[p->looks - 1];
  return l->better.n + l->worse.n < FEWEST || p->best <= median_of(l);
}

static enum next median_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to,
                             int64_t fresh) {
  struct median *m = s->context;
  const struct trial *t = paused_first(&m->paused, study, s->steps);
  if (!t) {
    *to = m->every < s->steps ? m->every : s->steps;
    return fresh >= 0 ? NEXT_NEW : NEXT_WAIT;
  }
  *trial = t->number;
  return median_goes_on(s, study, t, to) ? NEXT_RESUME : NEXT_PRUNE;
}

const struct schedule_ops schedule_median = {.name = "median",
                                             .open = median_open,
                                             .tell = median_tell,
                                             .next = median_next,
                                             .goes_on = median_goes_on,
                                             .close = median_close};
