#include "run/evaluator.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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
}

void evaluator_check(const struct evaluator_ops *ops, const struct evaluator_options *o, struct complaints *c) {
  evaluator_check_schedule(ops, o->conf, c);
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
