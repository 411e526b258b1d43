/* patience: a trial is complete when its metric has not improved for schedule.patience steps, whatever evaluates it.
 * Each stint goes to the step at which that could be the case at the earliest, so a trial stops exactly there and
 * pauses no more often than needed. (Training has the same of its own, train.early_stop, which ends with the metrics of
 * the test part.) */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/schedule.h"
#include "hpo/schedule_paused.h"

struct patience {
  struct heap paused;
  int64_t steps; /* schedule.patience */
};

static enum err patience_open(struct schedule *s, const struct settings *conf) {
  struct patience *p = MEM_NEW(struct patience);
  p->paused.best_first = true;
  p->steps = settings_int(conf, "schedule.patience");
  s->context = p;
  return OK;
}

static void patience_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  (void)study;
  struct patience *p = s->context;
  paused_tell(&p->paused, t, s->steps);
}

/* Where patience ends that began with the best report, or with the trial. */
static int64_t end_of_patience(const struct schedule *s, const struct trial *t) {
  const struct patience *p = s->context;
  int64_t best_step = t && t->best_step > 0 ? t->best_step : 0;
  return best_step < s->steps - p->steps ? best_step + p->steps : s->steps;
}

static bool patience_goes_on(struct schedule *s, const struct study *study, const struct trial *t, int64_t *to) {
  (void)study;
  *to = end_of_patience(s, t);
  return *to > t->step;
}

static enum next patience_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to,
                               int64_t fresh) {
  struct patience *p = s->context;
  const struct trial *t = paused_first(&p->paused, study, s->steps);
  if (!t) {
    *to = end_of_patience(s, NULL);
    return fresh >= 0 ? NEXT_NEW : NEXT_WAIT;
  }
  *trial = t->number;
  if (patience_goes_on(s, study, t, to))
    return NEXT_RESUME;
  return isnan(t->best) ? NEXT_PRUNE : NEXT_FINISH;
}

static void patience_close(struct schedule *s) {
  struct patience *p = s->context;
  free(p->paused.items);
  free(p);
}

const struct schedule_ops schedule_patience = {.name = "patience",
                                               .open = patience_open,
                                               .tell = patience_tell,
                                               .next = patience_next,
                                               .goes_on = patience_goes_on,
                                               .close = patience_close};
