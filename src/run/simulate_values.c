/* What simulated trials come to, and how long they take: the evaluator `function` as it is, asked for a whole stint at
 * once. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/state.h"
#include "run/simulate_world.h"

/* ---- durations ---- */

static const char *const law_names[] = {[DURATION_CONSTANT] = "constant",
                                        [DURATION_UNIFORM] = "uniform",
                                        [DURATION_NORMAL] = "normal",
                                        [DURATION_LOGNORMAL] = "lognormal"};

static bool law_is_sound(const struct duration_law *l, int values) {
  bool finite = isfinite(l->a) && isfinite(l->b) && values == (l->kind == DURATION_CONSTANT ? 1 : 2);
  switch (l->kind) {
  case DURATION_CONSTANT:
    return finite && l->a >= 0;
  case DURATION_UNIFORM:
    return finite && l->a >= 0 && l->b >= l->a;
  case DURATION_NORMAL:
  case DURATION_LOGNORMAL:
    return finite && l->a > 0 && l->b >= 0;
  case DURATION_NONE:
    break;
  }
  return false;
}

enum err duration_law_read(struct duration_law *law, const char *text, const char *what) {
  const char *colon = strchr(text, ':'), *numbers = colon ? colon + 1 : text;
  size_t length = colon ? (size_t)(colon - text) : 0;
  char *end;
  int values = 1;
  *law = (struct duration_law){.kind = colon ? DURATION_NONE : DURATION_CONSTANT};
  for (enum duration_kind k = DURATION_CONSTANT; colon && k <= DURATION_LOGNORMAL; k++)
    if (strlen(law_names[k]) == length && !strncmp(text, law_names[k], length))
      law->kind = k;
  law->a = strtod(numbers, &end);
  if (end != numbers && *end == ',') {
    numbers = end + 1;
    law->b = strtod(numbers, &end);
    values = 2;
  }
  if (end != numbers && !*end && law_is_sound(law, values))
    return OK;
  return FAIL(ERR_INPUT,
              "%s %s: it takes constant:SECONDS, uniform:FROM,TO, normal:MEAN,DEVIATION or lognormal:MEDIAN,SIGMA, in "
              "seconds",
              what, text);
}

double duration_draw(const struct duration_law *law, struct rng *rng) {
  switch (law->kind) {
  case DURATION_UNIFORM:
    return law->a + (law->b - law->a) * rng_uniform(rng);
  case DURATION_NORMAL:
    return fmax(law->a + law->b * rng_normal(rng), law->a / 100);
  case DURATION_LOGNORMAL:
    return law->a * exp(law->b * rng_normal(rng));
  case DURATION_CONSTANT:
    return law->a;
  case DURATION_NONE:
    break;
  }
  return 0;
}

static struct rng_key key_of(const struct world *w, int64_t trial) {
  return rng_child(rng_key("simulate", w->o->seed), RNG_TRIAL, (uint64_t)trial);
}

double values_step_seconds(const struct world *w, int64_t key, int64_t step) {
  bool whole = w->o->trial.kind != DURATION_NONE;
  struct rng rng = rng_of(rng_child(key_of(w, key), RNG_FUNCTION, whole ? 0 : (uint64_t)step));
  return whole ? duration_draw(&w->o->trial, &rng) / (double)w->steps : duration_draw(&w->step, &rng);
}

/* The step in which it fails; 0: it does not. */
static int64_t fails_at(const struct world *w, int64_t key) {
  struct rng rng = rng_of(rng_child(key_of(w, key), RNG_SCHEDULE, 0));
  if (rng_uniform(&rng) >= w->o->fail)
    return 0;
  return 1 + (int64_t)rng_below(&rng, (uint64_t)w->steps);
}

/* ---- values ---- */

enum err values_open(struct world *w, struct reader *r) {
  char *text = get_text(r), *name = get_text(r);
  w->folder = get_text(r);
  w->name = get_text(r);
  w->maximize = get_i64(r) != 0;
  static const char *const at_once[] = {"function.seconds=0"};
  struct complaints c;
  struct settings *timed = NULL;
  complaints_init(&c);
  settings_read_text(&timed, text ? text : "", name ? name : "study", NULL, 0, &c);
  settings_read_text(&w->conf, text ? text : "", name ? name : "study", at_once, 1, &c);
  if (w->conf)
    space_from_settings(&w->space, w->conf, &c);
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  free(text);
  free(name);
  if (e == OK) {
    w->steps = settings_int(w->conf, "function.steps");
    w->quantum = settings_double(w->conf, "run.quantum");
    w->beat_every = fmin(1, settings_double(w->conf, "run.lost_after") / 4);
    w->step = w->o->step.kind != DURATION_NONE
                  ? w->o->step
                  : (struct duration_law){DURATION_CONSTANT, settings_double(timed, "function.seconds"), 0};
    struct evaluator_options o = {.conf = w->conf, .space = &w->space, .folder = w->folder, .study_name = w->name};
    o.maximize = w->maximize;
    o.slots = 1;
    if (strcmp(settings_text(w->conf, "function.name"), "descent") == 0)
      e = FAIL(ERR_CONFIG, "simulate: function.name = descent has a state, which simulated workers do not keep: use "
                           "--function curve");
    if (e == OK)
      e = evaluator_open(&w->evaluator, "function", &o);
  }
  settings_free(timed);
  return e;
}

void values_close(struct world *w) {
  evaluator_close(w->evaluator);
  space_free(&w->space);
  settings_free(w->conf);
  free(w->folder);
  free(w->name);
}

void plan_free(struct plan *p) {
  free(p->values);
  free(p->reason);
}

static void take_outcome(struct world *w, const struct assignment *a, const struct outcome *o, struct plan *p) {
  int64_t fails = fails_at(w, a->key);
  bool fails_here = fails > a->from && fails <= o->step && o->kind != WORK_FAILED;
  if (p->how != STINT_OPEN)
    return;
  if (o->kind == WORK_REPORT && !fails_here) {
    p->values[p->n++] = o->value;
    return;
  }
  p->end_value = fails_here ? (double)NAN : o->value;
  p->how = fails_here || o->kind == WORK_FAILED ? STINT_failed
           : o->kind == WORK_FINISHED           ? STINT_finished
                                                : STINT_reached;
  if (p->how == STINT_failed)
    p->reason = mem_strdup(fails_here ? "simulated failure (--fail)" : o->reason);
}

static enum err run_stint(struct world *w, const struct assignment *a, struct plan *p) {
  struct evaluator *e = w->evaluator;
  struct outcome o;
  while (p->how == STINT_OPEN) {
    TRY(e->ops->advance(e, 0));
    while (e->ops->outcome(e, &o)) {
      take_outcome(w, a, &o, p);
      params_free(&o.metrics);
    }
  }
  return OK;
}

enum err values_plan(struct world *w, const struct assignment *a, struct plan *p) {
  struct evaluator *e = w->evaluator;
  struct work work = {.trial = a->trial, .key = a->key, .params = a->params, .from = a->from, .to = a->to};
  struct state start;
  *p = (struct plan){.how = STINT_OPEN, .values = MEM_NEW_ARRAY(double, a->to - a->from + 1)};
  state_init(&start);
  state_put_i64(&start, "step", a->from);
  enum err code = e->ops->admit(e, 0, &work, a->from ? &start : NULL);
  state_free(&start);
  TRY(code);
  code = run_stint(w, a, p);
  e->ops->evict(e, 0);
  return code;
}
