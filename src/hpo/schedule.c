#include "hpo/schedule.h"

#include <string.h>

static const struct schedule_ops *const all[] = {
#define SCHEDULE_OPS(name, help) &schedule_##name,
    SCHEDULE_LIST(SCHEDULE_OPS)
#undef SCHEDULE_OPS
};

static const struct schedule_ops *find(const char *name) {
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i]->name, name) == 0)
      return all[i];
  return NULL;
}

/* After an error there is nothing to close, but closing does no harm. */
enum err schedule_open(struct schedule *s, const char *name, int64_t steps, const struct settings *conf) {
  const struct schedule_ops *ops = find(name);
  *s = (struct schedule){.steps = steps};
  if (!ops)
    return FAIL(ERR_CONFIG, "schedule.name = %s: there is no such schedule", name);
  if (steps < 1)
    return FAIL(ERR_CONFIG, "a trial of %lld steps cannot be scheduled: it must have at least 1", (long long)steps);
  if (ops->open)
    TRY(ops->open(s, conf));
  s->ops = ops;
  return OK;
}

void schedule_close(struct schedule *s) {
  if (s->ops && s->ops->close)
    s->ops->close(s);
  *s = (struct schedule){0};
}

bool schedule_hears(const struct study *study, const struct op *op) {
  if (op->kind == OP_STATE)
    return trial_is_over(&study->trials[op->trial]);
  return op->kind == OP_STINT || op->kind == OP_END;
}

void schedule_tell(struct schedule *s, const struct study *study, const struct trial *t) {
  if (s->ops->tell && t->confirms < 0)
    s->ops->tell(s, study, t);
}

enum next schedule_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to, int64_t fresh) {
  return s->ops->next(s, study, trial, to, fresh);
}

bool schedule_goes_on(struct schedule *s, const struct study *study, const struct trial *t, int64_t *to) {
  *to = s->steps;
  return !s->ops->goes_on || s->ops->goes_on(s, study, t, to);
}

enum err schedule_child(struct schedule *s, const struct study *study, int64_t trial, struct child *out) {
  return s->ops->child(s, study, trial, out);
}

bool schedule_breeds(const struct schedule *s) {
  return s->ops->child != NULL;
}

bool schedule_named_breeds(const char *name) {
  const struct schedule_ops *ops = find(name);
  return ops && ops->child;
}

int64_t schedule_oldest(struct schedule *s, const struct study *study) {
  return s->ops->oldest ? s->ops->oldest(s, study) : INT64_MAX;
}

bool schedule_affords(const struct schedule *s, const struct study *study, int64_t limit, int64_t from, int64_t to) {
  int64_t kept_back = to < s->steps && study->counts[TRIAL_COMPLETE] == 0 ? s->steps : 0;
  return limit == 0 || study->steps + study->steps_out + to - from + kept_back <= limit;
}

bool schedule_may_promote(const struct schedule *s, const struct study *study, const struct trial *t) {
  (void)study;
  return trial_is_paused(t) && t->step < s->steps;
}
