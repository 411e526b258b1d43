/* From decisions to the journal and the study: every change of the study goes through steer_record. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "run/steer.h"

enum err steer_record(struct steer *s, const struct op *op) {
  journal_add(s->journal, op);
  TRY(study_apply(&s->study, op));
  bool ended = op->kind == OP_END || (op->kind == OP_STATE && trial_is_over(&s->study.trials[op->trial]));
  if (ended)
    schedule_tell(&s->schedule, &s->study, &s->study.trials[op->trial]);
  return OK;
}

double epoch_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

enum err steer_attribute(struct steer *s, int64_t trial, bool system, const char *key, const char *json) {
  struct op op = {
      .kind = trial < 0 ? OP_STUDY_ATTR : OP_TRIAL_ATTR, .trial = trial, .name = key, .json = json, .system = system};
  return steer_record(s, &op);
}

static enum err record_param(struct steer *s, int64_t trial, const struct param *p) {
  const struct dimension *d = space_dimension(&s->space, p->name);
  if (!d)
    return FAIL(ERR_BUG, "trial %lld: %s is not in the space", (long long)trial, p->name);
  struct strbuf distribution = STRBUF_INIT;
  dimension_optuna_json(d, &distribution);
  struct op op = {.kind = OP_PARAM,
                  .trial = trial,
                  .name = p->name,
                  .json = distribution.text,
                  .value = dimension_internal(d, &p->value)};
  enum err e = steer_record(s, &op);
  strbuf_free(&distribution);
  return e;
}

enum err steer_new_trial(struct steer *s, const struct params *point, int64_t key, bool enqueued, int64_t *number) {
  *number = (int64_t)s->study.n;
  struct op create = {.kind = OP_CREATE_TRIAL, .trial = *number, .time = epoch_seconds()};
  TRY(steer_record(s, &create));
  for (size_t i = 0; i < point->n; i++)
    TRY(record_param(s, *number, &point->items[i]));
  struct op asked = {.kind = OP_ASKED,
                     .trial = *number,
                     .asked_at = journal_length(s->journal),
                     .enqueued = enqueued,
                     .key = key < 0 ? *number : key};
  TRY(steer_record(s, &asked));
  if ((size_t)*number >= s->cap_holder) {
    size_t old = s->cap_holder;
    MEM_GROW(s->holder, (size_t)*number, &s->cap_holder);
    for (size_t i = old; i < s->cap_holder; i++)
      s->holder[i] = -1;
  }
  return OK;
}

enum err steer_end_trial(struct steer *s, int64_t trial, enum trial_state state, double value) {
  struct op op = {.kind = OP_STATE, .trial = trial, .state = state, .value = value, .time = epoch_seconds()};
  return steer_record(s, &op);
}
