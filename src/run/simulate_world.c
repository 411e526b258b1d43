/* The clock, the disk and the wire of a simulation. */
#include "run/simulate_world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

#define AT_MOST 0.25 /* seconds that steering sleeps through: it looks into its inbox as often */

/* ---- the heap of workers ---- */

static bool before(const struct sim_worker *a, const struct sim_worker *b) {
  return a->wake < b->wake || (a->wake == b->wake && a->rank < b->rank);
}

static void put(struct world *w, size_t place, struct sim_worker *k) {
  w->heap[place] = k;
  k->place = place;
}

void world_wake(struct world *w, struct sim_worker *k, double at) {
  size_t i = k->place;
  k->wake = at;
  for (; i > 0 && before(k, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
    put(w, i, w->heap[(i - 1) / 2]);
  for (size_t child; (child = 2 * i + 1) < w->n; i = child) {
    if (child + 1 < w->n && before(w->heap[child + 1], w->heap[child]))
      child++;
    if (!before(w->heap[child], k))
      break;
    put(w, i, w->heap[child]);
  }
  put(w, i, k);
}

/* ---- time ---- */

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pass(struct world *w, double seconds) {
  if (!w->o->ideal)
    w->now += seconds;
}

/* Steering hands over: what it has used since it was given the word has gone by. */
static void enter(struct world *w) {
  double used = w->o->ideal ? 0 : cpu_seconds() - w->mark;
  w->now += used;
  w->at.steering += used;
  w->at.time = w->now - w->zero;
}

static void leave(struct world *w) {
  w->mark = w->o->ideal ? 0 : cpu_seconds();
}

/* All that workers do until `now`. */
static void catch_up(struct world *w) {
  while (w->n && w->heap[0]->wake <= w->now) {
    struct sim_worker *k = w->heap[0];
    sim_worker_live(w, k, k->wake);
  }
}

void world_count_taken(struct world *w, double now, int64_t change) {
  w->at.area += (double)w->taken * (now - w->area_at);
  w->area_at = now;
  w->taken += change;
}

/* ---- letters ---- */

static void make_room(struct world *w) {
  if (w->n_letters < w->cap_letters || w->first <= w->n_letters / 2)
    return;
  w->n_letters -= w->first;
  memmove(w->letters, w->letters + w->first, w->n_letters * sizeof *w->letters);
  w->first = 0;
}

struct strbuf *world_letter(struct world *w, int from, double sent) {
  make_room(w);
  MEM_GROW(w->letters, w->n_letters, &w->cap_letters);
  struct sim_letter *l = &w->letters[w->n_letters++];
  *l = (struct sim_letter){.from = from, .due = sent + (w->o->ideal ? 0 : w->r->latency)};
  strbuf_init(&l->text);
  return &l->text;
}

static double next_letter(const struct world *w) {
  return w->first < w->n_letters ? w->letters[w->first].due : (double)INFINITY;
}

/* ---- the ends of the wire ---- */

static enum err to_worker(void *context, int rank, const struct strbuf *message) {
  struct world *w = context;
  struct sim_worker *k = &w->workers[rank - 1];
  if (w->failure)
    return FAIL(w->failure, "%s", w->why);
  if (!k->opened) { /* the first message is the layout of ranks */
    k->opened = true;
    return OK;
  }
  if (w->zero <= 0)
    w->zero = w->now;
  pass(w, w->r->message);
  sim_worker_hear(w, k, w->now + (w->o->ideal ? 0 : w->r->latency), message);
  return OK;
}

static enum err from_workers(void *context, int *from, struct strbuf *out) {
  struct world *w = context;
  *from = -1;
  if (next_letter(w) > w->now) { /* the clock is looked at once for all that had come by then */
    enter(w);
    catch_up(w);
    leave(w);
  }
  if (w->failure)
    return FAIL(w->failure, "%s", w->why);
  if (next_letter(w) > w->now)
    return OK;
  struct sim_letter *l = &w->letters[w->first++];
  strbuf_free(out);
  *out = l->text;
  *from = l->from;
  if (w->first == w->n_letters)
    w->first = w->n_letters = 0;
  w->at.messages++;
  pass(w, w->r->message);
  return OK;
}

/* As wire_idle waits, but through waits in which nothing comes at one go. */
static void sleep_until_news(struct world *w) {
  const double until = w->now + AT_MOST;
  do {
    double next = fmin(next_letter(w), w->n ? w->heap[0]->wake : (double)INFINITY);
    w->idle = wire_idle_after(w->idle);
    double waits = next > w->now + w->idle ? floor((fmin(next, until) - w->now) / w->idle) : 1;
    w->now += w->idle * fmax(waits, 1);
    catch_up(w);
  } while (next_letter(w) > w->now && w->now < until);
}

static void idle(void *context, bool busy) {
  struct world *w = context;
  enter(w);
  w->at.turns++;
  if (busy)
    w->idle = 0;
  else if (w->o->ideal) {
    double next = fmin(next_letter(w), w->n ? w->heap[0]->wake : (double)INFINITY);
    w->now = fmax(w->now, fmin(next, w->now + AT_MOST));
  } else
    sleep_until_news(w);
  leave(w);
}

static double now(void *context) {
  struct world *w = context;
  return w->now + (w->o->ideal ? 0 : cpu_seconds() - w->mark);
}

static void committed(void *context) {
  struct world *w = context;
  enter(w);
  pass(w, w->r->fsync);
  w->at.disk += w->o->ideal ? 0 : w->r->fsync;
  leave(w);
}

const struct wire_ends world_ends = {
    .to_worker = to_worker, .from_workers = from_workers, .idle = idle, .now = now, .committed = committed};

/* ---- beginning and end ---- */

/* Zero would mean "not yet" in some places of steering. */
#define BEGINNING 1.0

void world_init(struct world *w, const struct simulate_options *o, struct simulate_result *r, int64_t slots) {
  *w = (struct world){.o = o, .r = r, .now = BEGINNING, .n = (size_t)o->workers, .slots = slots, .area_at = BEGINNING};
  w->workers = MEM_NEW_ARRAY(struct sim_worker, w->n);
  w->heap = MEM_NEW_ARRAY(struct sim_worker *, w->n);
  for (size_t i = 0; i < w->n; i++) {
    struct sim_worker *k = &w->workers[i];
    *k = (struct sim_worker){.rank = (int)i + 1, .wake = (double)INFINITY, .silent_until = (double)INFINITY};
    k->seats = MEM_NEW_ARRAY(struct sim_seat, slots);
    for (int64_t j = 0; j < slots; j++)
      k->seats[j].freed_at = -1;
    strbuf_init(&k->news);
    put(w, i, k);
  }
  leave(w);
}

void world_free(struct world *w) {
  for (size_t i = 0; i < w->n; i++)
    sim_worker_free(&w->workers[i], w->slots);
  for (size_t i = w->first; i < w->n_letters; i++)
    strbuf_free(&w->letters[i].text);
  values_close(w);
  free(w->letters);
  free(w->workers);
  free(w->heap);
}
