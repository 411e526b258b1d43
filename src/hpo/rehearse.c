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

/* Its state at the end of this stint is on disk, as far as the schedule is concerned. */
static enum err save(struct study *s, int64_t number, int64_t step) {
  struct op saved = op_of(OP_SAVED, number);
  saved.name = "rehearsed";
  saved.step = step;
  return study_apply(s, &saved);
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
  TRY(save(s, number, to));
  TRY(study_apply(s, &end));
  return to == steps ? study_apply(s, &state) : OK;
}

static enum err end_here(struct study *s, int64_t number, enum trial_state how) {
  struct op state = op_of(OP_STATE, number);
  state.state = how;
  state.value = s->trials[number].best;
  return study_apply(s, &state);
}

/* A made-up learning curve: where it ends is a matter of the trial, how far it has come of the step. */
static double value_at(int64_t number, int64_t step) {
  struct rng rng = rng_of(rng_child(rng_key("rehearsal", 0), RNG_TRIAL, (uint64_t)number));
  return rng_uniform(&rng) + 1 / (double)step;
}

/* A new trial takes the place of `number`, and its number. */
static enum err add_child(struct schedule *schedule, struct study *s, int64_t *number) {
  struct child child;
  struct op create = op_of(OP_CREATE_TRIAL, (int64_t)s->n), parent = op_of(OP_PARENT, (int64_t)s->n);
  params_init(&child.point);
  TRY(schedule_child(schedule, s, *number, &child));
  TRY(end_here(s, *number, TRIAL_PRUNED));
  schedule_tell(schedule, s, &s->trials[*number]);
  TRY(study_apply(s, &create));
  parent.parent = child.parent;
  parent.step = child.step;
  parent.replaces = *number;
  parent.name = "rehearsed";
  *number = parent.trial;
  return study_apply(s, &parent);
}

static enum err play_all(struct schedule *schedule, struct study *s, int64_t trials, int64_t limit,
                         struct rehearsal *out) {
  int64_t number, to;
  for (;;) {
    int64_t fresh = study_proposed(s) < trials ? (int64_t)s->n : -1;
    enum next next = schedule_next(schedule, s, &number, &to, fresh);
    if (next == NEXT_WAIT)
      return OK;
    if (next == NEXT_PRUNE || next == NEXT_FINISH) {
      TRY(end_here(s, number, next == NEXT_PRUNE ? TRIAL_PRUNED : TRIAL_COMPLETE));
    } else {
      if (!schedule_affords(schedule, s, limit, next == NEXT_NEW ? 0 : s->trials[number].step, to))
        return OK;
      if (next == NEXT_NEW)
        TRY(add_trial(s, number = fresh));
      if (next == NEXT_CHILD)
        TRY(add_child(schedule, s, &number));
      out->steps += to - s->trials[number].step;
      out->stints++;
      TRY(play(s, number, to, schedule->steps, value_at(number, to)));
    }
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
    e = play_all(&schedule, &s, trials, settings_int(conf, "study.steps"), out);
  out->trials = (int64_t)s.n;
  study_free(&s);
  schedule_close(&schedule);
  return e;
}
