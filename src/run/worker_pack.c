/* What a worker keeps on disk, and how it leaves. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "run/crew.h"
#include "run/worker_parts.h"

/* What parked states may take once they are on disk too. A study by halving parks most of its trials for good. */
#define PARKED_BYTES ((size_t)256 << 20)

/* ---- packs ---- */

static void say_packed(struct worker *w, const struct packer_news *n) {
  worker_say_pack(w, n->seconds, n->stood, n->bytes);
  for (size_t i = 0; i < n->n; i++) {
    put_i64(&w->news, NEWS_SAVED);
    put_i64(&w->news, n->items[i].trial);
    put_i64(&w->news, n->items[i].step);
    put_text(&w->news, n->name);
    worker_tell_withheld(w, n->items[i].trial, n->items[i].step);
  }
}

/* Another one is to have them. */
static void take_back(struct worker *w, const struct packer_news *n) {
  for (size_t i = 0; i < n->n; i++) {
    struct held *held = holdings_find(&w->parked, n->items[i].trial);
    if (held && held->step == n->items[i].step)
      held->unsaved = true;
  }
  for (size_t i = 0; i < w->n_seats; i++)
    w->seats[i].unsaved = w->seats[i].taken;
}

/* Steering hears of states when they are on disk, not before. */
static void hear_of_pack(struct worker *w) {
  struct packer_news n;
  if (!packer_listen(w->packer, &n))
    return;
  if (n.good)
    say_packed(w, &n);
  else
    take_back(w, &n);
}

static size_t unsaved(const struct worker *w) {
  size_t n = 0;
  for (size_t i = 0; i < w->n_seats; i++)
    n += w->seats[i].taken && w->seats[i].unsaved;
  for (size_t i = 0; i < w->parked.n; i++)
    n += w->parked.items[i].unsaved;
  return n;
}

/* Snapshots what was trained on into the holdings' company, and begins one pack of all that no pack has yet. With
 * `whole` false only of what is parked: it comes in between, when an end is withheld. */
static enum err begin_pack(struct worker *w, bool whole) {
  size_t n = 0;
  struct pack_item *items = MEM_NEW_ARRAY(struct pack_item, w->n_seats + w->parked.n + 1);
  struct state *running = MEM_NEW_ARRAY(struct state, w->n_seats + 1);
  const double began = clock_seconds();
  enum err e = OK;
  for (size_t i = 0; i < w->n_seats; i++) {
    state_init(&running[i]);
    if (!whole || !w->seats[i].taken || !w->seats[i].unsaved)
      continue;
    TRY_GOTO(e, end, crew_snapshot(w->evaluator, i, &running[i]));
    items[n++] = (struct pack_item){w->seats[i].work.trial, w->seats[i].step, &running[i]};
  }
  for (size_t i = 0; i < w->parked.n; i++)
    if (w->parked.items[i].unsaved)
      items[n++] = (struct pack_item){w->parked.items[i].trial, w->parked.items[i].step, &w->parked.items[i].state};
  if (!n) {
    packer_skip(w->packer);
    goto end;
  }
  TRY_GOTO(e, end, packer_write(w->packer, items, n, began, whole));
  for (size_t i = 0; i < w->n_seats && whole; i++)
    w->seats[i].unsaved = false;
  for (size_t i = 0; i < w->parked.n; i++)
    w->parked.items[i].unsaved = false;
end:
  w->last_look = clock_seconds(); /* what packs take is known apart */
  for (size_t i = 0; i < w->n_seats; i++)
    state_free(&running[i]);
  free(running);
  free(items);
  return e;
}

enum err worker_keep(struct worker *w) {
  hear_of_pack(w);
  bool due = packer_is_due(w->packer);
  if (!due && !(w->n_withheld && packer_is_free(w->packer)))
    return OK;
  holdings_shed(&w->parked, PARKED_BYTES); /* of earlier packs: steering knows by now where these states are */
  return begin_pack(w, due);
}

/* ---- leaving ---- */

/* Each stint gets an end, and goodbye. */
static enum err say_goodbye(struct worker *w) {
  if (w->evaluator) {
    for (size_t i = 0; i < w->n_seats; i++)
      if (w->seats[i].taken)
        worker_say_end(w, &w->seats[i].work, STINT_interrupted, w->seats[i].step, 0, w->seats[i].seconds, NULL, NULL);
    for (size_t i = 0; i < w->n_backlog; i++)
      worker_say_end(w, &w->backlog[i], STINT_interrupted, w->backlog[i].from, 0, 0, NULL, NULL);
    worker_say_withheld_interrupted(w);
    worker_beat(w);
    if (w->leads)
      TRY(crew_dismiss(w->evaluator));
  }
  put_i64(&w->news, NEWS_BYE);
  w->left = true;
  return OK;
}

/* Everything that is out comes home: see worker_leave_on. */
enum err worker_leave(struct worker *w, bool now) {
  w->leaving = true;
  return now || !w->evaluator ? say_goodbye(w) : OK;
}

/* States to disk first, which nobody waits for: what is being written already, then all that has changed since. A disk
 * that refuses gets a second chance. */
enum err worker_leave_on(struct worker *w) {
  enum { MOST_TRIES = 2 };
  hear_of_pack(w);
  if (stop_requested() == STOP_NOW)
    return say_goodbye(w);
  if (packer_is_busy(w->packer))
    return OK;
  size_t left = unsaved(w);
  if (left && w->last_tries++ < MOST_TRIES)
    return begin_pack(w, true);
  if (left) {
    put_i64(&w->news, NEWS_UNSAVED);
    put_i64(&w->news, (int64_t)left);
  }
  return say_goodbye(w);
}
