/* full: every trial to the last step, in one stint. Trials that another schedule left paused are brought to the end
 * first, the lowest number first: the schedule may change from one job to the next. */
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/schedule.h"
#include "hpo/schedule_rung.h"

static enum err full_open(struct schedule *s, const struct settings *conf) {
  (void)conf;
  struct heap *paused = MEM_NEW(struct heap);
  paused->best_first = true;
  s->context = paused;
  return OK;
}

static bool left_paused(const struct trial *t, int64_t steps) {
  return trial_is_paused(t) && t->stint.end == STINT_reached && t->step < steps;
}

static void full_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  (void)study;
  if (left_paused(t, s->steps))
    heap_push(s->context, (struct member){.trial = t->number});
}

static enum next full_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to, int64_t fresh) {
  struct heap *paused = s->context;
  *to = s->steps;
  for (; paused->n > 0; heap_pop(paused))
    if (left_paused(&study->trials[paused->items[0].trial], s->steps)) {
      *trial = paused->items[0].trial;
      return NEXT_RESUME;
    }
  return fresh >= 0 ? NEXT_NEW : NEXT_WAIT;
}

static void full_close(struct schedule *s) {
  struct heap *paused = s->context;
  free(paused->items);
  free(paused);
}

const struct schedule_ops schedule_full = {
    .name = "full", .open = full_open, .tell = full_tell, .next = full_next, .close = full_close};
