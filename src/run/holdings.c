#include "run/holdings.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void holdings_free(struct holdings *h) {
  for (size_t i = 0; i < h->n; i++)
    state_free(&h->items[i].state);
  free(h->items);
  free(h->place);
  *h = (struct holdings){0};
}

struct held *holdings_find(struct holdings *h, int64_t trial) {
  size_t place = trial >= 0 && (size_t)trial < h->n_places ? h->place[trial] : 0;
  return place ? &h->items[place - 1] : NULL;
}

static void make_place(struct holdings *h, int64_t trial) {
  size_t needed = (size_t)trial + 1, larger = 2 * h->n_places > needed ? 2 * h->n_places : needed;
  if (needed <= h->n_places)
    return;
  h->place = mem_realloc(h->place, larger * sizeof *h->place);
  memset(h->place + h->n_places, 0, (larger - h->n_places) * sizeof *h->place);
  h->n_places = larger;
}

void holdings_put(struct holdings *h, int64_t trial, int64_t step, struct state *state, bool unsaved) {
  holdings_drop(h, trial);
  make_place(h, trial);
  MEM_GROW(h->items, h->n, &h->cap);
  h->items[h->n++] = (struct held){.trial = trial, .step = step, .state = *state, .unsaved = unsaved};
  h->place[trial] = h->n;
  h->bytes += state_bytes(state);
  state_init(state);
}

/* The last one takes its place. */
void holdings_drop(struct holdings *h, int64_t trial) {
  struct held *held = holdings_find(h, trial);
  if (!held)
    return;
  h->bytes -= state_bytes(&held->state);
  state_free(&held->state);
  *held = h->items[--h->n];
  h->place[held->trial] = h->place[trial];
  h->place[trial] = 0;
}

void holdings_shed(struct holdings *h, size_t bytes) {
  for (size_t i = h->n; i-- > 0 && h->bytes > bytes;)
    if (!h->items[i].unsaved)
      holdings_drop(h, h->items[i].trial);
}
