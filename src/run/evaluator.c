#include "run/evaluator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/explore.h"
#include "hpo/schedule.h"

const struct evaluator_ops *evaluator_ops_of(const char *name) {
#define EVALUATOR_ENTRY(name, help) &evaluator_##name,
  static const struct evaluator_ops *const all[] = {EVALUATOR_LIST(EVALUATOR_ENTRY)};
#undef EVALUATOR_ENTRY
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i]->name, name) == 0)
      return all[i];
  return NULL;
}

static void complain_at(const struct settings *conf, const char *key, const char *text, struct complaints *c) {
  const char *file = NULL;
  int line = settings_line(conf, key, &file);
  complain(c, file, line, "%s", text);
}

void evaluator_check_schedule(const struct evaluator_ops *ops, const struct settings *conf, struct complaints *c) {
  bool pauses = settings_bool(conf, "schedule.pause");
  if (!pauses && !ops->forget)
    complain_at(conf, "schedule.pause",
                "schedule.pause = false is for programs (evaluator = command); anything else pauses at no cost: leave "
                "it out",
                c);
  if (!pauses && settings_bool(conf, "run.ordered"))
    complain_at(conf, "schedule.pause",
                "schedule.pause = false decides while programs run, by who was fast, which run.ordered = true rules "
                "out: set one of them to its default",
                c);
  int64_t limit = settings_int(conf, "study.steps"), steps = ops->steps(conf);
  if (limit > 0 && limit < steps) {
    char text[160];
    snprintf(text, sizeof text, "study.steps = %lld does not suffice for one trial of %lld", (long long)limit,
             (long long)steps);
    complain_at(conf, "study.steps", text, c);
  }
}

/* What population based training needs. */
static void check_population(const struct evaluator_ops *ops, const struct evaluator_options *o, struct complaints *c) {
  int64_t interval = settings_int(o->conf, "schedule.interval"), steps = ops->steps(o->conf);
  struct strbuf text = STRBUF_INIT;
  if (steps < 2 || interval >= steps) {
    strbuf_printf(
        &text, "schedule.name = pbt compares trials every schedule.interval = %lld of their %lld steps: make it less",
        (long long)interval, (long long)steps);
    complain_at(o->conf, steps < 2 ? "schedule.name" : "schedule.interval", text.text, c);
  }
  strbuf_free(&text);
  if (!settings_bool(o->conf, "schedule.pause"))
    complain_at(o->conf, "schedule.pause",
                "schedule.name = pbt starts programs from the checkpoints of others, and with schedule.pause = false "
                "they keep none",
                c);
  if (ops->keeps_states && !settings_given(o->conf, "schedule.perturb"))
    complain_at(
        o->conf, "schedule.name",
        "schedule.name = pbt with a program: say in schedule.perturb = (\"lr\", ...) which hyperparameters it can "
        "go on with when they change",
        c);
  if (settings_int(o->conf, "study.confirm") > 0)
    complain_at(o->conf, "study.confirm",
                "study.confirm trains a point anew, which is not what schedule.name = pbt did: its hyperparameters "
                "change on the way. Leave one of them out",
                c);
  explore_check(o->conf, o->space, c);
}

void evaluator_check(const struct evaluator_ops *ops, const struct evaluator_options *o, struct complaints *c) {
  evaluator_check_schedule(ops, o->conf, c);
  if (schedule_named_breeds(settings_text(o->conf, "schedule.name")))
    check_population(ops, o, c);
  if (ops->check)
    ops->check(o, c);
}

enum err evaluator_open(struct evaluator **out, const char *name, const struct evaluator_options *o) {
  *out = NULL;
  const struct evaluator_ops *ops = evaluator_ops_of(name);
  if (!ops)
    return FAIL(ERR_CONFIG, "evaluator = %s: there is no such evaluator", name);
  struct evaluator *e = MEM_NEW(struct evaluator);
  e->ops = ops;
  e->options = *o;
  enum err code = ops->open(e);
  if (code != OK) {
    free(e);
    TRY(code);
  }
  *out = e;
  return OK;
}

void evaluator_close(struct evaluator *e) {
  if (!e)
    return;
  e->ops->close(e);
  free(e);
}

enum err evaluator_check_work(const struct work *w, int64_t steps, const struct state *start) {
  int64_t step = 0;
  if (w->from < 0 || w->to < w->from || w->to > steps || (w->from > 0 && !start))
    return FAIL(ERR_BUG, "trial %lld cannot go from step %lld to %lld of %lld%s", (long long)w->trial,
                (long long)w->from, (long long)w->to, (long long)steps, start ? "" : " without a state");
  if (start)
    TRY(state_take_i64(start, "step", &step));
  if (step != w->from)
    return FAIL(ERR_DAMAGED, "trial %lld: its state is of step %lld, not %lld", (long long)w->trial, (long long)step,
                (long long)w->from);
  return OK;
}
