/* Who has room for a stint: with ten thousands of workers and thousands of decisions a second nobody may look at all of
 * them for each. They are put in order once a turn, in a heap, and each stint that goes out moves one of them. */
#include <stdlib.h>

#include "base/mem.h"
#include "run/steer.h"

/* ---- room ---- */

/* Stints beyond the slots, so that a worker of short ones does not wait for each: twice what it ended in its last
 * quantum; one where a stint takes less than a second; none where waiting a quantum for the next decision costs
 * nothing. */
static int64_t backlog_of(const struct steer *s, const struct peer *p) {
  int64_t given = settings_int(s->conf, "run.backlog");
  if (s->runs_on) /* it would wait for programs that have slots */
    return 0;
  if (given > 0)
    return given;
  if (p->ended > 1)
    return p->ended < 256 ? 2 * p->ended : 512;
  double quantum = settings_double(s->conf, "run.quantum");
  int64_t over = s->study.next_stint - s->study.out;
  return over > 0 && s->study.seconds / (double)over < 20 * quantum ? 1 : 0;
}

static int64_t free_slots(const struct peer *p) {
  return p->slots - (int64_t)p->n_out - p->live;
}

static bool has_room(const struct peer *p) {
  return p->presence == PEER_HERE && free_slots(p) + p->backlog > 0;
}

bool steer_has_room(struct steer *s, struct peer *p) {
  if (s->runs_on)
    p->live = steer_live_with(s, p);
  p->backlog = backlog_of(s, p);
  return has_room(p);
}

/* ---- the heap: the most free slots on top; of equal ones the lower rank ---- */

static bool above(const struct peer *a, const struct peer *b) {
  int64_t more = free_slots(a) - free_slots(b);
  return more > 0 || (more == 0 && a < b);
}

static void put(struct steer *s, size_t place, struct peer *p) {
  s->roomy[place] = p;
  p->place = place + 1;
}

/* Lets the one at `place` sink to where it belongs. */
static void sink(struct steer *s, size_t place) {
  struct peer *p = s->roomy[place];
  for (size_t child; (child = 2 * place + 1) < s->n_roomy; place = child) {
    if (child + 1 < s->n_roomy && above(s->roomy[child + 1], s->roomy[child]))
      child++;
    if (!above(s->roomy[child], p))
      break;
    put(s, place, s->roomy[child]);
  }
  put(s, place, p);
}

static void rise(struct steer *s, size_t place) {
  struct peer *p = s->roomy[place];
  for (size_t parent; place > 0 && above(p, s->roomy[parent = (place - 1) / 2]); place = parent)
    put(s, place, s->roomy[parent]);
  put(s, place, p);
}

static void leave(struct steer *s, struct peer *p) {
  size_t place = p->place - 1;
  struct peer *last = s->roomy[--s->n_roomy];
  p->place = 0;
  if (last == p)
    return;
  put(s, place, last);
  sink(s, place);
  rise(s, last->place - 1);
}

/* The backlog is the same for most: what it hangs on is looked up once for those that ended no more than one stint. */
static void arrange(struct steer *s) {
  int64_t usual = backlog_of(s, &(struct peer){.ended = 0});
  s->roomy = mem_realloc(s->roomy, (s->n_peers + 1) * sizeof *s->roomy);
  s->n_roomy = 0;
  for (size_t i = 0; i < s->n_peers; i++) {
    struct peer *p = &s->peers[i];
    p->live = s->runs_on ? steer_live_with(s, p) : 0;
    p->backlog = p->ended > 1 ? backlog_of(s, p) : usual;
    p->place = 0;
    if (p->presence == PEER_HERE && (s->ordered || has_room(p)))
      put(s, s->n_roomy++, p);
  }
  for (size_t i = s->n_roomy / 2; i-- > 0;)
    sink(s, i);
  s->rooms_known = true;
}

struct peer *steer_roomiest(struct steer *s) {
  if (!s->rooms_known || s->runs_on)
    arrange(s);
  return s->n_roomy ? s->roomy[0] : NULL;
}

void steer_room_taken(struct steer *s, struct peer *p) {
  if (!s->rooms_known || !p->place)
    return;
  if (s->ordered || has_room(p))
    sink(s, p->place - 1);
  else
    leave(s, p);
}
