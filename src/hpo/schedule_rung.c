#include "hpo/schedule_rung.h"

#include <stdlib.h>

#include "base/mem.h"

bool member_before(struct member a, struct member b) {
  return a.value < b.value || (a.value == b.value && a.trial < b.trial);
}

/* ---- heap ---- */

static bool above(const struct heap *h, size_t i, size_t j) {
  return h->best_first ? member_before(h->items[i], h->items[j]) : member_before(h->items[j], h->items[i]);
}

static void swap(struct heap *h, size_t i, size_t j) {
  struct member m = h->items[i];
  h->items[i] = h->items[j];
  h->items[j] = m;
}

void heap_push(struct heap *h, struct member m) {
  MEM_GROW(h->items, h->n, &h->cap);
  h->items[h->n] = m;
  for (size_t i = h->n++; i > 0 && above(h, i, (i - 1) / 2); i = (i - 1) / 2)
    swap(h, i, (i - 1) / 2);
}

struct member heap_pop(struct heap *h) {
  struct member top = h->items[0];
  h->items[0] = h->items[--h->n];
  for (size_t i = 0;;) {
    size_t child = 2 * i + 1;
    if (child + 1 < h->n && above(h, child + 1, child))
      child++;
    if (child >= h->n || !above(h, child, i))
      return top;
    swap(h, i, child);
    i = child;
  }
}

/* ---- rung ---- */

void rung_init(struct rung *r, int64_t step, int64_t eta) {
  *r = (struct rung){.step = step, .eta = eta, .rest.best_first = true, .waiting.best_first = true};
}

void rung_free(struct rung *r) {
  free(r->best.items);
  free(r->rest.items);
  free(r->waiting.items);
}

size_t rung_size(const struct rung *r) {
  return r->best.n + r->rest.n;
}

/* floor(n/eta) never falls, so a member only crosses from `rest` to `best` when there is a new place, or in exchange.
 */
void rung_add(struct rung *r, struct member m) {
  if (r->best.n > 0 && member_before(m, r->best.items[0])) {
    heap_push(&r->best, m);
    m = heap_pop(&r->best);
  }
  heap_push(&r->rest, m);
  if (r->best.n < rung_size(r) / (size_t)r->eta)
    heap_push(&r->best, heap_pop(&r->rest));
}

void rung_wait(struct rung *r, struct member m) {
  heap_push(&r->waiting, m);
}

const struct member *rung_first(const struct rung *r) {
  if (r->waiting.n == 0 || r->best.n == 0 || member_before(r->best.items[0], r->waiting.items[0]))
    return NULL;
  return &r->waiting.items[0];
}

bool rung_passes(const struct rung *r, struct member m) {
  if (r->best.n > 0)
    return !member_before(r->best.items[0], m);
  return r->rest.n == 0 || !member_before(r->rest.items[0], m);
}

void rung_drop_first(struct rung *r) {
  heap_pop(&r->waiting);
}
