#include "run/trial_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Before it grows, the places of those that have gone are used again. */
void queue_add(struct trial_queue *q, int64_t trial) {
  if (q->n == q->cap && q->first > q->n / 2) {
    q->n -= q->first;
    memmove(q->items, q->items + q->first, q->n * sizeof *q->items);
    q->first = 0;
  }
  MEM_GROW(q->items, q->n, &q->cap);
  q->items[q->n++] = trial;
}

size_t queue_length(const struct trial_queue *q) {
  return q->n - q->first;
}

int64_t queue_first(const struct trial_queue *q) {
  return q->items[q->first];
}

int64_t queue_take(struct trial_queue *q) {
  return q->items[q->first++];
}

void queue_free(struct trial_queue *q) {
  free(q->items);
  *q = (struct trial_queue){0};
}
