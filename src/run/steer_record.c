/* From decisions to the journal and the study: every change of the study goes through steer_record. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/propose.h"
#include "run/steer.h"

enum err steer_record(struct steer *s, const struct op *op) {
  journal_add(s->journal, op);
  TRY(study_apply(&s->study, op));
  if (s->snapshot)
    snapshot_touch(s->snapshot, op);
  if (schedule_hears(&s->study, op))
    schedule_tell(&s->schedule, &s->study, &s->study.trials[op->trial]);
  return OK;
}

enum err steer_attribute(struct steer *s, int64_t trial, bool system, const char *key, const char *json) {
  struct op op = op_of(trial < 0 ? OP_STUDY_ATTR : OP_TRIAL_ATTR, trial);
  op.name = key;
  op.json = json;
  op.system = system;
  return steer_record(s, &op);
}

static enum err record(void *steer, const struct op *op) {
  return steer_record(steer, op);
}

/* Sampler auto says whom it left the point to. */
static enum err record_sampler(struct steer *s, int64_t number) {
  char json[64];
  if (!sampler_name_of(s->sampler.by))
    return OK;
  snprintf(json, sizeof json, "\"%s\"", sampler_name_of(s->sampler.by));
  return steer_attribute(s, number, true, SAMPLER_ATTRIBUTE, json);
}

static void make_holder(struct steer *s, int64_t number) {
  size_t old = s->cap_holder;
  if ((size_t)number < old)
    return;
  MEM_GROW(s->holder, (size_t)number, &s->cap_holder);
  for (size_t i = old; i < s->cap_holder; i++)
    s->holder[i] = -1;
}

enum err steer_new_trial(struct steer *s, const struct params *point, int64_t key, bool enqueued, int64_t *number) {
  *number = (int64_t)s->study.n;
  TRY(propose_trial(&s->space, point, *number, key < 0 ? *number : key, journal_length(s->journal), enqueued, record,
                    s));
  if (!enqueued)
    TRY(record_sampler(s, *number));
  make_holder(s, *number);
  return OK;
}

enum err steer_new_derived(struct steer *s, const struct params *point, const struct op *origin) {
  const char *format = study_attribute(&s->study, "coxswain:format");
  if (!format || strcmp(format, "1") == 0) /* programs that know no such trials are to leave this study alone */
    TRY(steer_attribute(s, -1, true, "coxswain:format", "2"));
  TRY(propose_derived(&s->space, point, origin, origin->trial, journal_length(s->journal), record, s));
  make_holder(s, origin->trial);
  return OK;
}

enum err steer_end_trial(struct steer *s, int64_t trial, enum trial_state state, double value) {
  struct op op = op_of(OP_STATE, trial);
  op.state = state;
  op.value = value;
  op.time = propose_time();
  return steer_record(s, &op);
}

enum err steer_end_stint(struct steer *s, const struct trial *t, enum stint_end how, int64_t step, double seconds,
                         const char *reason) {
  struct op op = op_of(OP_END, t->number);
  op.stint = t->stint;
  op.stint.end = how;
  op.step = step;
  op.seconds = seconds;
  op.reason = reason;
  return steer_record(s, &op);
}
