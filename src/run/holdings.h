/* The states a worker holds in memory: of trials that wait for promotion, and of finished ones not yet on disk. */
#ifndef COXSWAIN_RUN_HOLDINGS_H
#define COXSWAIN_RUN_HOLDINGS_H

#include <stdbool.h>

#include "base/state.h"
#include "store/pack.h"

struct held {
  int64_t trial, step;
  struct state state; /* owned */
  bool unsaved;       /* in no pack yet */
};

struct holdings {
  struct held *items;
  size_t n, cap;
  size_t *place; /* (n_places) by trial number: 1 + its index in items; 0: not held */
  size_t n_places;
  size_t bytes; /* of all states */
};

void holdings_free(struct holdings *h);
struct held *holdings_find(struct holdings *h, int64_t trial); /* NULL if there is none */
/* Takes over the state; replaces the trial's older one. */
void holdings_put(struct holdings *h, int64_t trial, int64_t step, struct state *state, bool unsaved);
void holdings_drop(struct holdings *h, int64_t trial);
/* Lets go of states that a pack has, until all together take no more than `bytes` or only unsaved ones are left. */
void holdings_shed(struct holdings *h, size_t bytes);

#endif
