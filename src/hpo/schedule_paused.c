#include "hpo/schedule_paused.h"

static bool waits(const struct trial *t, int64_t steps) {
  return trial_is_paused(t) && t->stint.end == STINT_reached && t->step < steps;
}

void paused_tell(struct heap *paused, const struct trial *t, int64_t steps) {
  if (waits(t, steps))
    heap_push(paused, (struct member){.trial = t->number});
}

const struct trial *paused_first(struct heap *paused, const struct study *study, int64_t steps) {
  for (; paused->n > 0; heap_pop(paused)) {
    const struct trial *t = &study->trials[paused->items[0].trial];
    if (waits(t, steps))
      return t;
  }
  return NULL;
}
