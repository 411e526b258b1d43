/* full: every trial to the last step, in one stint. Trials that another schedule left paused are brought to the end
 * first, the lowest number first: the schedule may change from one job to the next. */
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/schedule.h"
#include "hpo/schedule_paused.h"

static enum err full_open(struct schedule *s, const struct settings *conf) {
  (void)conf;
  struct heap *paused = MEM_NEW(struct heap);
  paused->best_first = true;
  s->context = paused;
  return OK;
}

static void full_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  (void)study;
  paused_tell(s->context, t, s->steps);
}

static enum next full_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to, int64_t fresh) {
  const struct trial *t = paused_first(s->context, study, s->steps);
  *to = s->steps;
  if (!t)
    return fresh >= 0 ? NEXT_NEW : NEXT_WAIT;
  *trial = t->number;
  return NEXT_RESUME;
}

static void full_close(struct schedule *s) {
  struct heap *paused = s->context;
  free(paused->items);
  free(paused);
}

const struct schedule_ops schedule_full = {
    .name = "full", .open = full_open, .tell = full_tell, .next = full_next, .close = full_close};
