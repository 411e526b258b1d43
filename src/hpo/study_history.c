#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/study_parts.h"

/* ---- the set of points seen: open addressing, linear probing; params_hash is never 0 ---- */

struct seen {
  uint64_t hash;
  int64_t trial; /* the last one; those before it hang on its `twin` */
};

static struct seen *seen_slot(struct seen *set, size_t cap, uint64_t hash) {
  size_t i = hash & (cap - 1);
  while (set[i].hash && set[i].hash != hash)
    i = (i + 1) & (cap - 1);
  return &set[i];
}

static const struct seen *seen_find(const struct study *s, uint64_t hash) {
  const struct seen *found = s->seen_cap ? seen_slot(s->seen, s->seen_cap, hash) : NULL;
  return found && found->hash ? found : NULL;
}

static void seen_grow(struct study *s) {
  size_t cap = s->seen_cap ? 2 * s->seen_cap : 64;
  struct seen *larger = MEM_NEW_ARRAY(struct seen, cap);
  for (size_t i = 0; i < s->seen_cap; i++)
    if (s->seen[i].hash)
      *seen_slot(larger, cap, s->seen[i].hash) = s->seen[i];
  free(s->seen);
  s->seen = larger;
  s->seen_cap = cap;
}

static void seen_add(struct study *s, struct trial *t) {
  if (2 * (s->seen_n + 1) > s->seen_cap)
    seen_grow(s);
  uint64_t hash = params_hash(&t->params);
  struct seen *slot = seen_slot(s->seen, s->seen_cap, hash);
  t->twin = slot->hash ? slot->trial : -1;
  s->seen_n += !slot->hash;
  *slot = (struct seen){.hash = hash, .trial = t->number};
}

bool study_has_seen(const struct study *s, const struct params *p) {
  return seen_find(s, params_hash(p)) != NULL;
}

int64_t study_find_open(const struct study *s, const struct params *p) {
  const struct seen *seen = seen_find(s, params_hash(p));
  int64_t first = -1;
  for (int64_t i = seen ? seen->trial : -1; i >= 0; i = s->trials[i].twin)
    if (!trial_is_over(&s->trials[i]) && (first < 0 || i < first) && params_equal(&s->trials[i].params, p))
      first = i;
  return first;
}

/* ---- the columns ---- */

void history_init(struct history *h, const struct space *space) {
  *h = (struct history){.d = space ? space->n_coordinates : 0, .conditional = space && space_has_conditions(space)};
}

static void set_room(struct history *h, size_t cap) {
  h->cap = cap;
  h->u = mem_realloc(h->u, h->cap * h->d * sizeof *h->u);
  if (h->conditional)
    h->active = mem_realloc(h->active, h->cap * h->d * sizeof *h->active);
  h->last_event = mem_realloc(h->last_event, h->cap * sizeof *h->last_event);
  h->value = mem_realloc(h->value, h->cap * sizeof *h->value);
  h->best = mem_realloc(h->best, h->cap * sizeof *h->best);
  h->step = mem_realloc(h->step, h->cap * sizeof *h->step);
  h->state = mem_realloc(h->state, h->cap * sizeof *h->state);
  h->by = mem_realloc(h->by, h->cap * sizeof *h->by);
  h->number = mem_realloc(h->number, h->cap * sizeof *h->number);
}

static void make_room(struct history *h) {
  if (h->n == h->cap)
    set_room(h, h->cap ? 2 * h->cap : 64);
}

void history_restore(struct history *h, const struct space *space, size_t n, size_t n_events) {
  history_init(h, space);
  set_room(h, n);
  h->n = n;
  h->events = mem_realloc(NULL, n_events * sizeof *h->events);
  h->n_events = h->cap_events = n_events;
  for (size_t i = 0; i < n_events; i++)
    h->events[i].row = -1; /* until it is read */
}

void history_free(struct history *h) {
  free(h->u);
  free(h->active);
  free(h->last_event);
  free(h->events);
  free(h->value);
  free(h->best);
  free(h->step);
  free(h->state);
  free(h->by);
  free(h->number);
}

void history_update(struct study *s, const struct trial *t) {
  if (t->row < 0)
    return;
  s->history.value[t->row] = s->maximize ? -t->value : t->value;
  s->history.state[t->row] = (unsigned char)t->state;
}

void history_progress(struct study *s, const struct trial *t) {
  if (t->row < 0)
    return;
  struct history *h = &s->history;
  int64_t reported = t->n_reports ? t->reports[t->n_reports - 1].step : 0;
  h->best[t->row] = s->maximize ? -t->best : t->best;
  h->step[t->row] = reported > t->step ? reported : t->step;
}

static void push_event(struct history *h, int64_t row, double value) {
  MEM_GROW(h->events, h->n_events, &h->cap_events);
  h->events[h->n_events] = (struct event){
      .row = row, .before = h->last_event[row], .step = h->step[row], .value = value, .state = h->state[row]};
  h->last_event[row] = (int64_t)h->n_events++;
}

void history_event(struct study *s, const struct trial *t) {
  if (t->row >= 0)
    push_event(&s->history, t->row, trial_is_over(t) ? s->history.value[t->row] : s->history.best[t->row]);
}

const char *sampler_name_of(enum by by) {
#define BY_NAME(name, help) [BY_##name] = #name,
  static const char *const names[BY_COUNT] = {SAMPLER_LIST(BY_NAME)};
#undef BY_NAME
  return names[by];
}

static enum by by_of_json(const char *json) {
  for (enum by by = BY_UNKNOWN + 1; by < BY_COUNT; by++) {
    size_t n = strlen(sampler_name_of(by));
    if (json[0] == '"' && strncmp(json + 1, sampler_name_of(by), n) == 0 && strcmp(json + 1 + n, "\"") == 0)
      return by;
  }
  return BY_UNKNOWN;
}

void history_note_sampler(struct study *s, const struct trial *t) {
  const struct attribute *a = attribute_find(t->attributes, t->n_attributes, SAMPLER_ATTRIBUTE, true);
  if (t->row >= 0)
    s->history.by[t->row] = (unsigned char)(a ? by_of_json(a->json) : BY_UNKNOWN);
}

void study_note_marks(struct study *s) {
  const char *gone = study_attribute(s, "coxswain:gone");
  int64_t trials, step;
  if (!gone || sscanf(gone, "[%" SCNd64 ", %" SCNd64 "]", &trials, &step) != 2)
    trials = step = 0;
  s->gone_trials = trials;
  s->gone_step = step;
}

void study_note_effort(struct study *s) {
  const char *effort = study_attribute(s, "coxswain:effort");
  s->history.effort = effort ? strtoll(effort, NULL, 10) : 0;
}

/* The coordinates of a row. */
static void set_point(const struct study *s, int64_t row, const double *u) {
  const struct history *h = &s->history;
  size_t at = (size_t)row * h->d;
  memcpy(&h->u[at], u, h->d * sizeof *u);
  if (h->conditional)
    space_active_coordinates(s->space, u, &h->active[at]);
}

static int64_t new_row(struct study *s, const double *u) {
  make_room(&s->history);
  int64_t row = (int64_t)s->history.n++;
  set_point(s, row, u);
  return row;
}

/* ---- points of other studies; the value comes minimised ---- */

static void set_learned(struct history *h, int64_t row, double value, int64_t step) {
  h->number[row] = -1;
  h->value[row] = h->best[row] = value;
  h->step[row] = step;
  h->state[row] = TRIAL_COMPLETE;
  h->by[row] = BY_UNKNOWN;
}

void history_learn(struct study *s, const double *u, double value, int64_t step) {
  struct history *h = &s->history;
  int64_t row = new_row(s, u);
  set_learned(h, row, s->maximize ? -value : value, step);
  h->last_event[row] = -1;
  push_event(h, row, h->value[row]);
}

void history_restore_learned(struct study *s, int64_t row, const double *u, double value, int64_t step, int64_t event) {
  struct history *h = &s->history;
  set_point(s, row, u);
  set_learned(h, row, value, step);
  h->last_event[row] = event;
  h->events[event] = (struct event){.row = row, .before = -1, .step = step, .value = value, .state = TRIAL_COMPLETE};
}

/* ---- trials ---- */

void study_settle(struct study *s, struct trial *t) {
  if (t->settled)
    return;
  t->settled = true;
  if (trial_is_derived(t))
    return;
  seen_add(s, t);
  if (!s->space)
    return;
  struct history *h = &s->history;
  double *u = MEM_NEW_ARRAY(double, h->d);
  if (space_encode(s->space, &t->params, u, "journal") != OK) {
    err_clear(); /* a point from elsewhere: an older space, a guess of the user's */
    free(u);
    return;
  }
  t->row = new_row(s, u);
  free(u);
  h->number[t->row] = t->number;
  h->last_event[t->row] = -1;
  history_note_sampler(s, t);
  history_update(s, t);
  history_progress(s, t);
}

bool study_restore_point(struct study *s, struct trial *t) {
  struct history *h = &s->history;
  if (!s->space)
    t->row = -1;
  if (!t->settled || trial_is_derived(t))
    return t->row < 0;
  seen_add(s, t);
  if (!s->space)
    return true;
  double *u = MEM_NEW_ARRAY(double, h->d);
  bool of_the_space = space_encode(s->space, &t->params, u, "snapshot") == OK;
  if (!of_the_space)
    err_clear();
  if (of_the_space && t->row >= 0) {
    set_point(s, t->row, u);
    h->number[t->row] = t->number;
    history_note_sampler(s, t);
    history_update(s, t);
  }
  free(u);
  return of_the_space == (t->row >= 0);
}
