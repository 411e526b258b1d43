/* full: every trial to the last step, in one stint. Trials that another schedule left paused are brought to the end
 * first: the schedule may change from one job to the next. */
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/schedule.h"

struct queue {
  int64_t *trials;
  size_t first, n, cap; /* first .. n are waiting */
};

static enum err full_open(struct schedule *s, const struct settings *conf) {
  (void)conf;
  s->context = MEM_NEW(struct queue);
  return OK;
}

static bool left_paused(const struct trial *t, int64_t steps) {
  return trial_is_paused(t) && t->stint.end == STINT_reached && t->step < steps;
}

static void full_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  (void)study;
  struct queue *q = s->context;
  if (!left_paused(t, s->steps))
    return;
  MEM_GROW(q->trials, q->n, &q->cap);
  q->trials[q->n++] = t->number;
}

static enum next full_next(struct schedule *s, const struct study *study, bool may_ask, int64_t *trial, int64_t *to) {
  struct queue *q = s->context;
  *to = s->steps;
  for (; q->first < q->n; q->first++)
    if (left_paused(&study->trials[q->trials[q->first]], s->steps)) {
      *trial = q->trials[q->first];
      return NEXT_RESUME;
    }
  return may_ask ? NEXT_NEW : NEXT_WAIT;
}

static void full_close(struct schedule *s) {
  struct queue *q = s->context;
  free(q->trials);
  free(q);
}

const struct schedule_ops schedule_full = {
    .name = "full", .open = full_open, .tell = full_tell, .next = full_next, .close = full_close};
