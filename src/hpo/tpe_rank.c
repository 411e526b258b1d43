#include "hpo/tpe_rank.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void ranking_init(struct ranking *r, int64_t step, size_t cap_top, size_t cap_sample, struct rng_key key) {
  *r = (struct ranking){.step = step, .cap_top = cap_top, .cap_sample = cap_sample, .key = key};
  r->top = MEM_NEW_ARRAY(struct ranked, cap_top + 1);
}

void ranking_free(struct ranking *r) {
  components_free(&r->sample);
  free(r->top);
  free(r->place);
}

/* ---- order ---- */

static bool has_rank(const struct event *e) {
  return e->state != TRIAL_FAIL && !isnan(e->value);
}

/* Is the trial of event a before that of event b? */
static bool before(const struct ranking *r, const struct history *h, int64_t a, int64_t b) {
  const struct event *x = &h->events[a], *y = &h->events[b];
  bool x_whole = r->step >= 0 || x->state == TRIAL_COMPLETE, y_whole = r->step >= 0 || y->state == TRIAL_COMPLETE;
  if (x_whole != y_whole)
    return x_whole;
  if (!x_whole && x->step != y->step)
    return x->step > y->step;
  return x->value != y->value ? x->value < y->value : x->row < y->row;
}

static void drop_from_top(struct ranking *r, int64_t row) {
  size_t kept = 0;
  for (size_t i = 0; i < r->n_top; i++)
    if (r->top[i].row != row)
      r->top[kept++] = r->top[i];
  r->n_top = kept;
}

/* `others`: ranked trials that are not in the list, all of them behind its last one. */
static void put_in_top(struct ranking *r, const struct history *h, int64_t event, bool others) {
  size_t at = r->n_top;
  while (at > 0 && before(r, h, event, r->top[at - 1].event))
    at--;
  if (at == r->n_top && (others || at == r->cap_top))
    return;
  if (r->n_top == r->cap_top)
    r->n_top--;
  memmove(&r->top[at + 1], &r->top[at], (r->n_top - at) * sizeof *r->top);
  r->top[at] = (struct ranked){.row = h->events[event].row, .event = event};
  r->n_top++;
}

/* ---- the sample ---- */

size_t ranking_place(const struct ranking *r, int64_t row) {
  return (size_t)row < r->n_places && r->place[row] ? (size_t)r->place[row] - 1 : SIZE_MAX;
}

static void set_place(struct ranking *r, int64_t row, size_t place) {
  if ((size_t)row >= r->n_places) {
    size_t n = 2 * (size_t)row + 64;
    r->place = mem_realloc(r->place, n * sizeof *r->place);
    memset(r->place + r->n_places, 0, (n - r->n_places) * sizeof *r->place);
    r->n_places = n;
  }
  r->place[row] = (int32_t)place + 1;
}

static void put_in_sample(struct ranking *r, const struct axes *a, const struct axis_kernel *k, const struct history *h,
                          int64_t row) {
  struct components *s = &r->sample;
  size_t at = (size_t)(rng_uniform_at(r->key, (uint64_t)r->n, 0) * (double)(r->n + 1));
  const bool *active = h->active ? &h->active[(size_t)row * h->d] : NULL;
  const double *u = &h->u[(size_t)row * h->d];
  if (s->n < r->cap_sample) {
    size_t end = s->n;
    components_put(a, k, s, end, row, u, active);
    if (at < end) { /* the one there makes room */
      components_copy(a, s, end, at);
      set_place(r, s->row[end], end);
    }
  }
  if (at >= s->n)
    return;
  if (s->row[at] != row && ranking_place(r, s->row[at]) == at)
    set_place(r, s->row[at], SIZE_MAX);
  components_put(a, k, s, at, row, u, active);
  set_place(r, row, at);
}

/* ---- the fold ---- */

/* The event of the same trial that this ranking knew so far; -1: none. */
static int64_t known_before(const struct ranking *r, const struct history *h, int64_t event) {
  int64_t i = h->events[event].before;
  while (i >= 0 && r->step >= 0 && h->events[i].step != r->step && h->events[i].state != TRIAL_FAIL)
    i = h->events[i].before;
  return i;
}

void ranking_tell(struct ranking *r, const struct axes *a, const struct axis_kernel *k, const struct history *h,
                  int64_t i) {
  const struct event *e = &h->events[i];
  int64_t last = known_before(r, h, i);
  bool had_rank = last >= 0 && has_rank(&h->events[last]);
  if (had_rank) {
    drop_from_top(r, e->row);
    r->ranked--;
  }
  if (has_rank(e)) {
    put_in_top(r, h, i, (size_t)r->ranked > r->n_top);
    r->ranked++;
  }
  if (ranking_place(r, e->row) == SIZE_MAX && last < 0) {
    put_in_sample(r, a, k, h, e->row);
    r->n++;
  }
}

static int64_t newest_of(const struct ranking *r, const struct history *h, int64_t row) {
  int64_t i = h->last_event[row];
  while (i >= 0 && r->step >= 0 && h->events[i].step != r->step && h->events[i].state != TRIAL_FAIL)
    i = h->events[i].before;
  return i >= 0 && has_rank(&h->events[i]) ? i : -1;
}

void ranking_settle(struct ranking *r, const struct history *h, size_t n) {
  if (r->n_top >= n || (int64_t)r->n_top == r->ranked)
    return;
  r->n_top = 0; /* so many of the best have failed since that others take their places */
  for (int64_t row = 0; row < (int64_t)h->n; row++) {
    int64_t event = newest_of(r, h, row);
    if (event >= 0)
      put_in_top(r, h, event, false);
  }
}
