#include "hpo/rehearse.h"

#include "base/rng.h"
#include "hpo/journal.h"

static enum err add_trial(struct study *s, int64_t number) {
  struct op create = op_of(OP_CREATE_TRIAL, number), asked = op_of(OP_ASKED, number);
  asked.asked_at = 0;
  asked.key = number;
  TRY(study_apply(s, &create));
  return study_apply(s, &asked);
}

/* One stint from where the trial is to `to`, with a value at its end. */
static enum err play(struct study *s, int64_t number, int64_t to, int64_t steps, double value) {
  struct op stint = op_of(OP_STINT, number), report = op_of(OP_REPORT, number), end = op_of(OP_END, number),
            state = op_of(OP_STATE, number);
  stint.stint = (struct stint){.id = s->next_stint, .from = s->trials[number].step, .to = to, .end = STINT_OPEN};
  report.step = end.step = to;
  report.value = state.value = value;
  end.stint = stint.stint;
  end.stint.end = to == steps ? STINT_finished : STINT_reached;
  state.state = TRIAL_COMPLETE;
  TRY(study_apply(s, &stint));
  TRY(study_apply(s, &report));
  TRY(study_apply(s, &end));
  return to == steps ? study_apply(s, &state) : OK;
}

static enum err play_all(struct schedule *schedule, struct study *s, int64_t trials, struct rehearsal *out) {
  struct rng rng = rng_of(rng_key("rehearsal", 0));
  int64_t number, to;
  for (;;) {
    switch (schedule_next(schedule, s, (int64_t)s->n < trials, &number, &to)) {
    case NEXT_WAIT:
      return OK;
    case NEXT_NEW:
      number = (int64_t)s->n;
      TRY(add_trial(s, number));
      break;
    case NEXT_RESUME:
      break;
    }
    out->steps += to - s->trials[number].step;
    out->stints++;
    TRY(play(s, number, to, schedule->steps, rng_uniform(&rng)));
    schedule_tell(schedule, s, &s->trials[number]);
  }
}

enum err rehearse(const char *name, int64_t steps, int64_t trials, const struct settings *conf, struct rehearsal *out) {
  struct schedule schedule;
  struct study s;
  struct op create = op_of(OP_CREATE_STUDY, 0);
  create.name = "rehearsal";
  *out = (struct rehearsal){0};
  TRY(schedule_open(&schedule, name, steps, conf));
  study_init(&s, NULL);
  enum err e = study_apply(&s, &create);
  if (e == OK)
    e = play_all(&schedule, &s, trials, out);
  out->trials = (int64_t)s.n;
  study_free(&s);
  schedule_close(&schedule);
  return e;
}
