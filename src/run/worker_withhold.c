/* The end of a stint from which others may start is told when its state is on disk, and not before, so that whatever is
 * decided on it afterwards can be done, whoever dies. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/worker_parts.h"

void worker_withhold_end(struct worker *w, const struct assignment *a, const struct outcome *o, double seconds) {
  struct ending e = {
      .trial = a->trial, .id = a->id, .step = o->step, .how = STINT_reached, .value = o->value, .seconds = seconds};
  params_init(&e.metrics);
  params_copy(&e.metrics, &o->metrics);
  MEM_GROW(w->withheld, w->n_withheld, &w->cap_withheld);
  w->withheld[w->n_withheld++] = e;
}

/* In the order in which they came. */
static void take_off(struct worker *w, size_t i) {
  ending_free(&w->withheld[i]);
  memmove(&w->withheld[i], &w->withheld[i + 1], (--w->n_withheld - i) * sizeof *w->withheld);
}

static void say(struct worker *w, size_t i, enum stint_end how) {
  w->withheld[i].how = how;
  put_i64(&w->news, NEWS_END);
  put_ending(&w->news, &w->withheld[i]);
  w->ended++;
  take_off(w, i);
}

void worker_tell_withheld(struct worker *w, int64_t trial, int64_t step) {
  for (size_t i = 0; i < w->n_withheld; i++)
    if (w->withheld[i].trial == trial && w->withheld[i].step == step) {
      say(w, i, STINT_reached);
      return;
    }
}

void worker_say_withheld_interrupted(struct worker *w) {
  while (w->n_withheld)
    say(w, 0, STINT_interrupted);
}

bool worker_drop_withheld(struct worker *w, int64_t trial) {
  bool found = false;
  for (size_t i = w->n_withheld; i-- > 0;)
    if (trial < 0 || w->withheld[i].trial == trial) {
      take_off(w, i);
      found = true;
    }
  return found;
}
