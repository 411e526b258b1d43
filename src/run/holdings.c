#include "run/holdings.h"

#include <stdlib.h>

#include "base/mem.h"

void holdings_free(struct holdings *h) {
  for (size_t i = 0; i < h->n; i++)
    state_free(&h->items[i].state);
  free(h->items);
  *h = (struct holdings){0};
}

struct held *holdings_find(struct holdings *h, int64_t trial) {
  for (size_t i = 0; i < h->n; i++)
    if (h->items[i].trial == trial)
      return &h->items[i];
  return NULL;
}

void holdings_put(struct holdings *h, int64_t trial, int64_t step, struct state *state, bool unsaved) {
  struct held *held = holdings_find(h, trial);
  if (held)
    state_free(&held->state);
  else {
    MEM_GROW(h->items, h->n, &h->cap);
    held = &h->items[h->n++];
  }
  *held = (struct held){.trial = trial, .step = step, .state = *state, .unsaved = unsaved};
  state_init(state);
}

void holdings_drop(struct holdings *h, int64_t trial) {
  struct held *held = holdings_find(h, trial);
  if (!held)
    return;
  state_free(&held->state);
  *held = h->items[--h->n];
}

size_t holdings_unsaved(const struct holdings *h) {
  size_t n = 0;
  for (size_t i = 0; i < h->n; i++)
    n += h->items[i].unsaved;
  return n;
}
