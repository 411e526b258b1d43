/* pbt: population based training (Jaderberg et al. 2017, "Population based training of neural networks", arXiv
 * 1711.09846, Algorithm 1 and section 4.1), asynchronous, with truncation selection.
 *
 * A member of the population is a trial; it pauses every `interval` steps. When its turn to go on comes, the ones that
 * have come least far first and of these the best, it is compared at that step with all that have come there: among the
 * worst quarter it gives its place to a new trial (exploit), which starts from the state that one of the best quarter
 * had at that same step, with that one's point changed a little (explore). So each place of the population costs as
 * many steps as a full trial. What counts is the value at that step, not the best one until then. A trial that fails
 * gives its place away too.
 *
 * All random choices hang on the number of the new trial. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/explore.h"
#include "hpo/schedule.h"
#include "hpo/schedule_rung.h"

struct place {
  int64_t counted; /* stations it counts at: the lowest ones */
  bool waiting;    /* is in a heap */
  bool replaced;
};

/* At a multiple of the interval: what the trials that came there were worth, the best first, and who waits there,
 * paused or failed and not replaced; the best is the first to go on, so that more is known when the worst has its turn.
 */
struct station {
  struct member *items;
  size_t n, cap;
  struct heap waiting;
};

struct pbt {
  int64_t interval, population;
  double quantile, resample;
  uint64_t seed;
  char **changes; /* names of hyperparameters that may change */
  size_t n_changes, cap_changes;
  struct station *stations; /* at interval, 2 interval ... */
  size_t n_stations;
  struct place *places; /* by trial number */
  size_t n_places;
};

static enum err pbt_open(struct schedule *s, const struct settings *conf) {
  struct pbt *b = MEM_NEW(struct pbt);
  int64_t interval = settings_int(conf, "schedule.interval");
  b->interval = interval > 0 ? interval : (s->steps + 9) / 10;
  b->population = settings_int(conf, "schedule.population");
  b->quantile = settings_double(conf, "schedule.quantile");
  b->resample = settings_double(conf, "schedule.resample");
  b->seed = (uint64_t)settings_int(conf, "study.seed");
  b->n_stations = (size_t)((s->steps - 1) / b->interval);
  b->stations = MEM_NEW_ARRAY(struct station, b->n_stations + 1); /* the one beyond is for those short of the first */
  for (size_t k = 0; k <= b->n_stations; k++)
    b->stations[k].waiting.best_first = true;
  size_t n;
  const char **names = settings_names(conf, "space", &n);
  for (size_t i = 0; i < n; i++)
    if (explore_changes(conf, names[i])) {
      MEM_GROW(b->changes, b->n_changes, &b->cap_changes);
      b->changes[b->n_changes++] = mem_strdup(names[i]);
    }
  free(names);
  s->context = b;
  return OK;
}

static void pbt_close(struct schedule *s) {
  struct pbt *b = s->context;
  for (size_t i = 0; i < b->n_changes; i++)
    free(b->changes[i]);
  for (size_t k = 0; k <= b->n_stations; k++) {
    free(b->stations[k].items);
    free(b->stations[k].waiting.items);
  }
  free(b->changes);
  free(b->stations);
  free(b->places);
  free(b);
}

/* ---- tell ---- */

static struct place *place_of(struct pbt *b, int64_t trial) {
  size_t needed = (size_t)trial + 1;
  if (needed > b->n_places) {
    size_t larger = 2 * b->n_places > needed ? 2 * b->n_places : needed;
    b->places = mem_realloc(b->places, larger * sizeof *b->places);
    for (; b->n_places < larger; b->n_places++)
      b->places[b->n_places] = (struct place){0};
  }
  return &b->places[trial];
}

static struct member member_at(const struct study *study, const struct trial *t, int64_t step) {
  double value = trial_value_at(t, step);
  value = isnan(value) ? (double)INFINITY : study->maximize ? -value : value;
  return (struct member){.value = value, .trial = t->number};
}

/* How many of the station are before it. */
static size_t rank_of(const struct station *s, struct member m) {
  size_t low = 0, high = s->n;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (member_before(s->items[middle], m))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void arrive(struct station *s, struct member m) {
  size_t at = rank_of(s, m);
  MEM_GROW(s->items, s->n, &s->cap);
  memmove(&s->items[at + 1], &s->items[at], (s->n - at) * sizeof m);
  s->items[at] = m;
  s->n++;
}

static bool is_paused(const struct schedule *s, const struct trial *t) {
  return trial_is_paused(t) && t->stint.end == STINT_reached && t->step < s->steps;
}

/* By itself, not on request or outside. */
static bool has_failed(const struct trial *t) {
  return t->state == TRIAL_FAIL && t->stints > 0 && t->stint.worker >= 0 && t->fate != STINT_cancelled;
}

/* Where its place is taken up again: nobody has a state before the first station. */
static int64_t place_step(const struct pbt *b, const struct trial *t) {
  int64_t step = t->step / b->interval * b->interval;
  return step > 0 ? step : b->interval;
}

static void wait_at(struct pbt *b, const struct study *study, const struct trial *t) {
  int64_t step = place_step(b, t);
  struct member m = member_at(study, t, step);
  if (trial_is_over(t))
    m.value = (double)INFINITY;
  heap_push(&b->stations[step / b->interval - 1].waiting, m);
}

static void pbt_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  struct pbt *b = s->context;
  if (t->parent >= 0)
    place_of(b, t->replaces)->replaced = true;
  struct place *p = place_of(b, t->number);
  int64_t before = t->parent >= 0 ? t->start.step / b->interval : 0;
  p->counted = p->counted > before ? p->counted : before;
  for (; p->counted < (int64_t)b->n_stations && t->reached >= (p->counted + 1) * b->interval; p->counted++)
    arrive(&b->stations[p->counted], member_at(study, t, (p->counted + 1) * b->interval));
  if (!p->waiting && !p->replaced && t->step < s->steps && (is_paused(s, t) || has_failed(t))) {
    wait_at(b, study, t);
    p->waiting = true;
  }
}

/* ---- next ---- */

/* From whom the place of t goes on at that step, if it is to; -1: from nobody. */
static int64_t choose_parent(const struct pbt *b, const struct study *study, const struct trial *t, int64_t step,
                             struct rng *rng) {
  if (step / b->interval > (int64_t)b->n_stations)
    return -1;
  const struct station *here = &b->stations[step / b->interval - 1];
  size_t share = (size_t)(b->quantile * (double)here->n), candidates = 0;
  struct member own = {.value = (double)INFINITY, .trial = t->number};
  if (!has_failed(t)) {
    own = member_at(study, t, step);
    if (rank_of(here, own) + share < here->n) /* not among the worst */
      return -1;
  } else if (share == 0)
    share = here->n > 0 && b->quantile > 0;
  int64_t *list = MEM_NEW_ARRAY(int64_t, share + 1), chosen = -1;
  for (size_t i = 0; i < share && here->items[i].value < own.value; i++)
    if (study_mark(study, &study->trials[here->items[i].trial], step))
      list[candidates++] = here->items[i].trial;
  if (candidates > 0)
    chosen = list[rng_below(rng, candidates)];
  free(list);
  return chosen;
}

static struct rng rng_of_next(const struct pbt *b, const struct study *study) {
  struct rng_key key = rng_key(study->name ? study->name : "", b->seed);
  return rng_of(rng_child(key, RNG_SCHEDULE, (uint64_t)study->n));
}

static int64_t parent_of_next(const struct pbt *b, const struct study *study, const struct trial *t) {
  struct rng rng = rng_of_next(b, study);
  return choose_parent(b, study, t, place_step(b, t), &rng);
}

/* The first of those that wait at the k-th station. Who went on, or is over, leaves the heap when it comes to its top.
 */
static const struct trial *first_at(const struct schedule *s, const struct study *study, size_t k) {
  struct pbt *b = s->context;
  struct heap *waiting = &b->stations[k].waiting;
  while (waiting->n > 0) {
    const struct trial *t = &study->trials[waiting->items[0].trial];
    struct place *p = place_of(b, t->number);
    bool waits = is_paused(s, t) || (has_failed(t) && !p->replaced);
    bool here = place_step(b, t) / b->interval - 1 == (int64_t)k;
    if (waits && here)
      return t;
    heap_pop(waiting);
    p->waiting = false;
    if (waits) { /* it has gone on since, and waits again */
      wait_at(b, study, t);
      p->waiting = true;
    }
  }
  return NULL;
}

/* A failed one is passed over as long as nobody is there from whom its place could go on. */
static const struct trial *first_waiting(const struct schedule *s, const struct study *study, bool *child) {
  const struct pbt *b = s->context;
  for (size_t k = 0; k <= b->n_stations; k++) {
    const struct trial *t = first_at(s, study, k);
    *child = t && parent_of_next(b, study, t) >= 0;
    if (t && (*child || !has_failed(t)))
      return t;
  }
  return NULL;
}

static int64_t next_stop(const struct schedule *s, int64_t step) {
  const struct pbt *b = s->context;
  int64_t to = (step / b->interval + 1) * b->interval;
  return to < s->steps ? to : s->steps;
}

static enum next pbt_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to, int64_t fresh) {
  const struct pbt *b = s->context;
  bool is_there = fresh >= 0 && fresh < (int64_t)study->n; /* a point of the user's, beyond the population if need be */
  *to = next_stop(s, 0);
  if (is_there || (fresh >= 0 && study_proposed(study) < b->population))
    return NEXT_NEW;
  bool child;
  const struct trial *t = first_waiting(s, study, &child);
  if (!t)
    return NEXT_WAIT;
  *trial = t->number;
  *to = next_stop(s, has_failed(t) ? place_step(b, t) : t->step);
  return child ? NEXT_CHILD : NEXT_RESUME;
}

/* ---- the new one ---- */

static bool may_change(const struct pbt *b, const char *name) {
  for (size_t i = 0; i < b->n_changes; i++)
    if (strcmp(b->changes[i], name) == 0)
      return true;
  return false;
}

static enum err pbt_child(struct schedule *s, const struct study *study, int64_t trial, struct child *out) {
  const struct pbt *b = s->context;
  const struct trial *t = &study->trials[trial];
  struct rng rng = rng_of_next(b, study);
  out->step = place_step(b, t);
  out->parent = choose_parent(b, study, t, out->step, &rng);
  if (out->parent < 0)
    return FAIL(ERR_BUG, "trial %lld: nobody is there to take its place from", (long long)trial);
  if (!study->space) /* a rehearsal */
    return OK;
  bool *changes = MEM_NEW_ARRAY(bool, study->space->n + 1);
  for (size_t i = 0; i < study->space->n; i++)
    changes[i] = may_change(b, study->space->dims[i].name);
  enum err e = explore_point(study->space, changes, b->resample, &study->trials[out->parent].params, &rng, &out->point);
  free(changes);
  return e;
}

/* A place of the population that is at some step can be compared there, or fail on its way from there. */
static int64_t pbt_oldest(struct schedule *s, const struct study *study) {
  struct pbt *b = s->context;
  int64_t oldest = study_proposed(study) < b->population ? 0 : INT64_MAX;
  for (size_t i = 0; i < study->n; i++) {
    const struct trial *t = &study->trials[i];
    bool lives = !trial_is_over(t) || (has_failed(t) && !place_of(b, t->number)->replaced);
    int64_t step = t->step / b->interval * b->interval;
    if (lives && t->confirms < 0 && step < oldest)
      oldest = step;
  }
  return oldest;
}

const struct schedule_ops schedule_pbt = {.name = "pbt",
                                          .open = pbt_open,
                                          .tell = pbt_tell,
                                          .next = pbt_next,
                                          .child = pbt_child,
                                          .oldest = pbt_oldest,
                                          .close = pbt_close};
