#include "search_loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hpo/propose.h"

/* A stint that is out. */
struct errand {
  int64_t trial, to;
  double due; /* virtual time; a step takes 1 on average */
};

struct loop {
  struct search search;
  struct schedule schedule;
  struct objective *objective;
  const struct search_options *options;
  struct search_result *result;
  struct rng_key key;
  struct errand *out; /* (workers) */
  int64_t n_out;
  struct answer *answers; /* by trial */
  size_t cap;
  double now, seen; /* seen: the best value told */
  double truth;     /* of that */
  size_t mark;
  int64_t over;
  bool exhausted; /* the sampler has no more points */
};

void latency_add(struct latency *l, double seconds) {
  l->sum += seconds;
  l->longest = fmax(l->longest, seconds);
  l->n++;
}

/* ---- what it stands on ---- */

enum err search_open(struct search *s, const struct search_options *o, const char *space, int64_t steps,
                     uint64_t seed) {
  struct strbuf text = STRBUF_INIT;
  *s = (struct search){0};
  strbuf_printf(&text,
                "evaluator = \"function\";\nstudy = { name = \"bench\"; metric = \"value\"; direction = \"minimize\";"
                " seed = %llu; trials = %lld; };\nfunction = { steps = %lld; };\nspace = {\n%s};\n"
                "sampler = { name = \"%s\"; };\nschedule = { name = \"%s\"; };\n",
                (unsigned long long)seed, (long long)o->trials, (long long)steps, space, o->sampler, o->schedule);
  complaints_init(&s->complaints);
  settings_read_text(&s->conf, text.text, "bench.cfg", o->sets, o->n_sets, &s->complaints);
  strbuf_free(&text);
  if (s->conf)
    space_from_settings(&s->space, s->conf, &s->complaints);
  TRY(complaints_verdict(&s->complaints));
  study_init(&s->study, &s->space);
  struct op create = op_of(OP_CREATE_STUDY, 0);
  create.name = "bench";
  TRY(study_apply(&s->study, &create));
  return sampler_open(&s->sampler, sampler_chosen(s->conf), &s->space, rng_key("bench", seed), s->conf);
}

void search_close(struct search *s) {
  sampler_close(&s->sampler);
  study_free(&s->study);
  space_free(&s->space);
  settings_free(s->conf);
  complaints_free(&s->complaints);
}

enum err search_apply(void *search, const struct op *op) {
  return study_apply(&((struct search *)search)->study, op);
}

/* ---- answers ---- */

static double *coordinates_of(struct loop *l, int64_t trial) {
  const struct study *study = &l->search.study;
  return study->history.u + (size_t)study->trials[trial].row * study->history.d;
}

static void look_up(struct loop *l, int64_t trial) {
  while ((size_t)trial >= l->cap)
    l->answers = mem_grow(l->answers, l->cap, &l->cap, sizeof *l->answers);
  struct answer *a = &l->answers[trial];
  const struct trial *t = &l->search.study.trials[trial];
  const double *u = coordinates_of(l, trial);
  struct rng rng = rng_of(rng_child(l->key, RNG_FUNCTION, (uint64_t)trial));
  l->objective->ops->answer(l->objective, &l->search.space, &t->params, u, &rng, a);
  for (int64_t k = 0; k < l->objective->steps; k++) {
    if (l->options->noise > 0)
      a->told[k] += l->options->noise * rng_normal(&rng);
    if (u[0] > 1 - l->options->fail)
      a->told[k] = (double)NAN;
  }
}

static void note_value(struct loop *l, const struct answer *a, int64_t step) {
  if (a->told[step - 1] < l->seen) {
    l->seen = a->told[step - 1];
    l->truth = a->truth[step - 1];
  }
}

/* So many epochs are spent, or trials over. */
static void note_progress(struct loop *l, int64_t progress) {
  for (; l->mark < l->options->n_marks && progress >= l->options->marks[l->mark]; l->mark++)
    l->result->truth[l->mark] = l->truth;
}

static bool spent(const struct loop *l) {
  return l->options->epochs > 0 && l->result->epochs >= l->options->epochs;
}

/* ---- a stint ---- */

static enum err apply(struct loop *l, struct op op) {
  TRY(study_apply(&l->search.study, &op));
  if (schedule_hears(&l->search.study, &op))
    schedule_tell(&l->schedule, &l->search.study, &l->search.study.trials[op.trial]);
  return OK;
}

static enum err send_out(struct loop *l, int64_t trial, int64_t to) {
  const struct trial *t = &l->search.study.trials[trial];
  struct op stint = op_of(OP_STINT, trial);
  stint.stint =
      (struct stint){.id = l->search.study.next_stint, .from = t->step, .to = to, .team = 1, .end = STINT_OPEN};
  TRY(apply(l, stint));
  double pace = 0.5 + rng_uniform_at(rng_child(l->key, RNG_SCHEDULE, (uint64_t)trial), 0, (uint64_t)to);
  l->out[l->n_out++] = (struct errand){.trial = trial, .to = to, .due = l->now + pace * (double)(to - t->step)};
  return OK;
}

/* Reports until the stint ends, the trial fails or the epochs are spent; *step: the last one. */
static enum err report(struct loop *l, int64_t trial, int64_t to, int64_t *step, bool *failed) {
  const struct answer *a = &l->answers[trial];
  *failed = false;
  for (*step = l->search.study.trials[trial].step; *step < to && !spent(l); ++*step) {
    struct op said = op_of(OP_REPORT, trial);
    said.step = *step + 1;
    said.value = a->told[*step];
    l->result->epochs++;
    *failed = isnan(said.value);
    if (!*failed) {
      note_value(l, a, said.step);
      TRY(apply(l, said));
    }
    if (l->options->epochs > 0)
      note_progress(l, l->result->epochs);
    if (*failed)
      return OK;
  }
  return OK;
}

/* The value of a trial is that of its best step, as with train.value = best. */
static enum err end_trial(struct loop *l, int64_t trial, enum trial_state how) {
  struct op state = op_of(OP_STATE, trial);
  state.state = how;
  state.value = how == TRIAL_FAIL ? (double)NAN : l->search.study.trials[trial].best;
  TRY(apply(l, state));
  l->over++;
  l->result->failed += how == TRIAL_FAIL;
  return OK;
}

static enum err bring_in(struct loop *l, struct errand e) {
  int64_t step;
  bool failed;
  l->now = e.due;
  double began = clock_seconds();
  TRY(report(l, e.trial, e.to, &step, &failed));
  if (step < e.to && !failed)
    return OK; /* the epochs are spent */
  struct op end = op_of(OP_END, e.trial);
  bool last = e.to == l->objective->steps;
  end.stint = l->search.study.trials[e.trial].stint;
  end.stint.end = failed ? STINT_failed : last ? STINT_finished : STINT_reached;
  end.step = step;
  end.seconds = (double)(step - end.stint.from);
  TRY(apply(l, end));
  if (failed || last)
    TRY(end_trial(l, e.trial, failed ? TRIAL_FAIL : TRIAL_COMPLETE));
  latency_add(&l->result->tell, clock_seconds() - began);
  if (l->options->epochs <= 0)
    note_progress(l, l->over);
  return OK;
}

/* ---- the loop ---- */

/* As steering does. */
static enum err note_sampler(struct search *s, int64_t number) {
  struct op op = op_of(OP_TRIAL_ATTR, number);
  char json[64];
  if (!sampler_name_of(s->sampler.by))
    return OK;
  snprintf(json, sizeof json, "\"%s\"", sampler_name_of(s->sampler.by));
  op.name = SAMPLER_ATTRIBUTE;
  op.json = json;
  op.system = true;
  return study_apply(&s->study, &op);
}

static enum err ask(struct loop *l, int64_t to, enum ask *answer) {
  struct search *s = &l->search;
  int64_t number = (int64_t)s->study.n;
  struct params point;
  params_init(&point);
  double began = clock_seconds();
  enum err e = sampler_ask(&s->sampler, &s->study, number, &point, answer);
  latency_add(&l->result->ask, clock_seconds() - began);
  if (e == OK && *answer == ASK_POINT)
    e = propose_trial(&s->space, &point, number, number, s->study.ops, false, search_apply, s);
  if (e == OK && *answer == ASK_POINT)
    e = note_sampler(s, number);
  params_free(&point);
  TRY(e);
  if (*answer != ASK_POINT)
    return OK;
  l->result->trials++;
  look_up(l, number);
  return send_out(l, number, to);
}

static enum err fill_workers(struct loop *l) {
  while (l->n_out < l->options->workers) {
    int64_t trial, to;
    enum ask answer = ASK_POINT;
    bool may_ask = !l->exhausted && l->result->trials < l->options->trials;
    int64_t fresh = may_ask ? (int64_t)l->search.study.n : -1;
    switch (schedule_next(&l->schedule, &l->search.study, &trial, &to, fresh)) {
    case NEXT_WAIT:
      return OK;
    case NEXT_RESUME:
      TRY(send_out(l, trial, to));
      break;
    case NEXT_PRUNE:
      TRY(end_trial(l, trial, TRIAL_PRUNED));
      break;
    case NEXT_FINISH:
      TRY(end_trial(l, trial, TRIAL_COMPLETE));
      break;
    case NEXT_CHILD:
      return FAIL(ERR_INPUT, "schedule.name = %s needs states of trials, which these objectives do not have",
                  l->schedule.ops->name);
    case NEXT_NEW:
      TRY(ask(l, to, &answer));
      l->exhausted |= answer == ASK_EXHAUSTED;
      if (answer == ASK_WAIT)
        return OK;
      break;
    }
  }
  return OK;
}

static struct errand take_earliest(struct loop *l) {
  int64_t first = 0;
  for (int64_t i = 1; i < l->n_out; i++)
    if (l->out[i].due < l->out[first].due)
      first = i;
  struct errand e = l->out[first];
  l->out[first] = l->out[--l->n_out];
  return e;
}

static enum err run_loop(struct loop *l) {
  for (;;) {
    TRY(fill_workers(l));
    if (l->n_out == 0 || spent(l))
      return OK;
    TRY(bring_in(l, take_earliest(l)));
  }
}

enum err search_run(struct objective *objective, const struct search_options *o, uint64_t seed,
                    struct search_result *out) {
  struct loop l = {.objective = objective, .options = o, .result = out, .key = rng_key("objective", seed)};
  enum err e;
  *out = (struct search_result){.truth = MEM_NEW_ARRAY(double, o->n_marks)};
  l.out = MEM_NEW_ARRAY(struct errand, o->workers);
  l.seen = (double)INFINITY;
  l.truth = (double)NAN;
  if (objective->ops->start)
    objective->ops->start(objective);
  TRY_GOTO(e, end, search_open(&l.search, o, objective->text.text, objective->steps, seed));
  TRY_GOTO(e, end,
           schedule_open(&l.schedule, settings_text(l.search.conf, "schedule.name"), objective->steps, l.search.conf));
  TRY_GOTO(e, end, run_loop(&l));
  note_progress(&l, INT64_MAX); /* of a space that has no more points */
end:
  schedule_close(&l.schedule);
  search_close(&l.search);
  free(l.out);
  free(l.answers);
  return e;
}
