/* The evaluator `function`: a test function, a table or recorded curves stand for training. Values cost nothing, so
 * samplers, schedules and steering can be tried at any speed; function.seconds makes a step last. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"
#include "run/evaluator.h"
#include "run/function_table.h"
#include "run/functions.h"
#include "run/functions_bbob.h"

#define MOST_OUTCOMES 4096 /* waiting to be taken: more would only fill memory */
#define STEPS_AT_ONCE 64   /* of one slot before the next has its turn, when a step takes no time */

struct slot {
  bool used, running;
  int64_t step, to;
  double *x; /* arguments of the test function */
  double state[FUNCTION_STATE];
  double value; /* after the last step, of a function that has a state */
  size_t n_x;
  size_t row; /* of the table */
  struct rng_key key;
  double started, due; /* the stint; the end of the step under way */
  char problem[160];   /* why this point cannot be evaluated; "" */
};

struct function_run {
  const struct test_function *function; /* one of these three */
  struct bbob *bbob;
  struct function_table *table;
  const char *name;
  size_t arguments; /* that a function takes; 0: any number, at least one */
  int64_t steps;
  double seconds, noise;
  struct rng_key study_key;
  struct slot *slots;
  struct outcome *outcomes; /* first .. n wait */
  size_t first, n, cap;
  char description[64];
};

/* ---- settings ---- */

static int64_t function_steps(const struct settings *conf) {
  return settings_int(conf, "function.steps");
}

static char *table_path(const struct settings *conf) {
  return settings_path(conf, settings_text(conf, "function.file"));
}

static void complain_at(struct complaints *c, const struct settings *conf, const char *key, const char *text) {
  const char *file = NULL;
  int line = settings_line(conf, key, &file);
  complain(c, file, line, "%s", text);
}

static bool is_number(const struct value *v) {
  return v->kind == VALUE_FLOAT || v->kind == VALUE_INT;
}

static bool may_be_number(const struct dimension *d) {
  for (size_t i = 0; i < d->n_choices; i++)
    if (is_number(&d->choices[i]))
      return true;
  return d->kind == DIM_FLOAT || d->kind == DIM_INT;
}

static size_t count_numbers(const struct space *space) {
  size_t numbers = 0;
  for (size_t i = 0; i < space->n; i++)
    numbers += may_be_number(&space->dims[i]);
  return numbers;
}

static void check_arguments(const struct evaluator_options *o, const struct test_function *f, struct complaints *c) {
  size_t numbers = count_numbers(o->space);
  bool conditions = space_has_conditions(o->space);
  struct strbuf text = STRBUF_INIT;
  if (numbers == 0)
    strbuf_printf(&text, "function.name = %s needs numbers in the space, which has none", f->name);
  else if (f->arguments > 0 && (numbers < f->arguments || (numbers > f->arguments && !conditions)))
    strbuf_printf(&text, "function.name = %s takes %zu numbers, the space has %zu", f->name, f->arguments, numbers);
  if (text.len > 0)
    complain_at(c, o->conf, "function.name", text.text);
  strbuf_free(&text);
}

static bool is_bbob(const struct settings *conf) {
  return strcmp(settings_text(conf, "function.name"), "bbob") == 0;
}

static void check_bbob(const struct evaluator_options *o, struct complaints *c) {
  size_t numbers = count_numbers(o->space);
  char text[96];
  snprintf(text, sizeof text, "function.name = bbob takes 2 to %d numbers, the space has %zu", BBOB_MOST_DIMENSIONS,
           numbers);
  if (numbers < 2 || numbers > BBOB_MOST_DIMENSIONS)
    complain_at(c, o->conf, "function.name", text);
}

static void check_table(const struct evaluator_options *o, struct complaints *c) {
  if (!*settings_text(o->conf, "function.file")) {
    complain_at(c, o->conf, "function.name", "function.name = table needs function.file, a CSV file");
    return;
  }
  char *path = table_path(o->conf);
  struct function_table *t = NULL;
  if (function_table_open(&t, path, o->space) != OK) {
    complain_at(c, o->conf, "function.file", err_text());
    err_clear();
  } else if (function_table_steps(t) > 0 && function_table_steps(t) < function_steps(o->conf)) {
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "function.steps = %lld, but the curves of %s have %lld steps",
                  (long long)function_steps(o->conf), path, (long long)function_table_steps(t));
    complain_at(c, o->conf, "function.steps", text.text);
    strbuf_free(&text);
  }
  function_table_close(t);
  free(path);
}

static void function_check(const struct evaluator_options *o, struct complaints *c) {
  const struct test_function *f = test_function_of(settings_text(o->conf, "function.name"));
  if (settings_given(o->conf, "study.metric") && strcmp(settings_text(o->conf, "study.metric"), "value") != 0)
    complain_at(c, o->conf, "study.metric", "study.metric: a function has one metric, which is called value");
  if (!f && !is_bbob(o->conf)) {
    check_table(o, c);
    return;
  }
  if (f)
    check_arguments(o, f, c);
  else
    check_bbob(o, c);
  if (settings_given(o->conf, "function.file"))
    complain_at(c, o->conf, "function.file", "function.file is only read with function.name = table");
}

/* The study stands on the table, whatever its path. */
static enum err function_identity(const struct evaluator_options *o, struct strbuf *out) {
  if (test_function_of(settings_text(o->conf, "function.name")) || is_bbob(o->conf))
    return OK;
  char *path = table_path(o->conf);
  struct strbuf bytes = STRBUF_INIT;
  enum err e = file_read(path, &bytes);
  if (e == OK) {
    struct sha256 sum;
    char hex[65];
    sha256_init(&sum);
    sha256_add(&sum, bytes.text, bytes.len);
    sha256_hex(&sum, hex);
    strbuf_printf(out, "table %s", hex);
  }
  strbuf_free(&bytes);
  free(path);
  TRY(e);
  return OK;
}

static enum err function_open(struct evaluator *e) {
  const struct settings *conf = e->options.conf;
  struct function_run *f = MEM_NEW(struct function_run);
  f->name = settings_text(conf, "function.name");
  f->function = test_function_of(f->name);
  f->arguments = f->function ? f->function->arguments : 0;
  f->steps = function_steps(conf);
  f->seconds = settings_double(conf, "function.seconds");
  f->noise = settings_double(conf, "function.noise");
  f->study_key = rng_key(e->options.study_name, (uint64_t)settings_int(conf, "study.seed"));
  snprintf(f->description, sizeof f->description, "function %s", f->name);
  if (is_bbob(conf)) {
    f->arguments = count_numbers(e->options.space);
    f->bbob = bbob_open(settings_int(conf, "function.index"), settings_int(conf, "function.instance"), f->arguments);
    snprintf(f->description, sizeof f->description, "function bbob f%lld, instance %lld",
             (long long)settings_int(conf, "function.index"), (long long)settings_int(conf, "function.instance"));
  } else if (!f->function) {
    char *path = table_path(conf);
    enum err code = function_table_open(&f->table, path, e->options.space);
    free(path);
    if (code == OK && function_table_steps(f->table) > 0 && function_table_steps(f->table) < f->steps) {
      code = FAIL(ERR_CONFIG, "function.steps = %lld, but the recorded curves have %lld steps", (long long)f->steps,
                  (long long)function_table_steps(f->table));
      function_table_close(f->table);
    }
    if (code != OK) {
      free(f);
      TRY(code);
    }
  }
  f->slots = MEM_NEW_ARRAY(struct slot, e->options.slots);
  e->context = f;
  return OK;
}

/* ---- slots ---- */

static void start_stint(struct function_run *f, struct slot *s, int64_t to) {
  s->to = to;
  s->running = true;
  s->started = clock_seconds();
  s->due = s->started + f->seconds;
}

/* The numbers of the point, in the order of the space. */
static void take_arguments(const struct evaluator *e, const struct params *p, struct slot *s) {
  const struct function_run *f = e->context;
  const struct space *space = e->options.space;
  s->x = MEM_NEW_ARRAY(double, space->n + 1);
  for (size_t i = 0; i < space->n; i++) {
    const struct value *v = params_get(p, space->dims[i].name);
    if (v && is_number(v))
      value_to_double(v, &s->x[s->n_x++]);
  }
  if (s->n_x == 0 || (f->arguments > 0 && s->n_x != f->arguments))
    snprintf(s->problem, sizeof s->problem, "%s takes %s%zu number%s, this point has %zu", f->name,
             f->arguments ? "" : "at least ", f->arguments ? f->arguments : 1, f->arguments > 1 ? "s" : "", s->n_x);
}

static enum err function_admit(struct evaluator *e, size_t slot, const struct work *w, const struct state *start) {
  struct function_run *f = e->context;
  if (slot >= e->options.slots || f->slots[slot].used)
    return FAIL(ERR_BUG, "slot %zu of %zu is not free for trial %lld", slot, e->options.slots, (long long)w->trial);
  TRY(evaluator_check_work(w, f->steps, start));
  struct slot s = {.used = true, .step = w->from};
  s.key = rng_child(f->study_key, RNG_TRIAL, (uint64_t)w->key);
  if (start && f->function && f->function->train) {
    TRY(state_take(start, "state", STATE_F64, s.state, FUNCTION_STATE));
    TRY(state_take_f64(start, "value", &s.value));
  }
  if (f->table)
    TRY(function_table_find(f->table, &w->params, &s.row));
  else
    take_arguments(e, &w->params, &s);
  start_stint(f, &s, w->to);
  f->slots[slot] = s;
  return OK;
}

/* What the slot has said and no one has taken goes with it, so that it is not laid to the next trial there. */
static void function_evict(struct evaluator *e, size_t slot) {
  struct function_run *f = e->context;
  size_t kept = f->first;
  for (size_t i = f->first; i < f->n; i++)
    if (f->outcomes[i].slot != slot)
      f->outcomes[kept++] = f->outcomes[i];
  f->n = kept;
  free(f->slots[slot].x);
  f->slots[slot] = (struct slot){0};
}

static enum err function_snapshot(struct evaluator *e, size_t slot, struct state *out) {
  const struct function_run *f = e->context;
  if (!f->slots[slot].used)
    return FAIL(ERR_BUG, "slot %zu is empty", slot);
  state_put_i64(out, "step", f->slots[slot].step);
  if (f->function && f->function->train) {
    state_put(out, "state", STATE_F64, f->slots[slot].state, FUNCTION_STATE);
    state_put_f64(out, "value", f->slots[slot].value);
  }
  return OK;
}

/* ---- steps ---- */

static struct outcome *say(struct function_run *f, size_t slot, enum outcome_kind kind, double value, double seconds) {
  MEM_GROW(f->outcomes, f->n, &f->cap);
  struct outcome *o = &f->outcomes[f->n++];
  *o = (struct outcome){.slot = slot, .kind = kind, .step = f->slots[slot].step, .value = value, .seconds = seconds};
  return o;
}

static double truth_at(const struct function_run *f, struct slot *s, int64_t step) {
  if (f->function && f->function->train) {
    struct rng rng = rng_of(rng_child(rng_child(s->key, RNG_FUNCTION, (uint64_t)step), RNG_FUNCTION, 1));
    return f->function->train(s->x, s->n_x, &rng, s->state);
  }
  return f->function ? f->function->at(s->x, s->n_x, step)
         : f->bbob   ? bbob_at(f->bbob, s->x)
                     : function_table_value(f->table, s->row, step);
}

/* Of the next step: a state moves on. */
static double value_at(const struct function_run *f, struct slot *s, int64_t step) {
  double value = truth_at(f, s, step);
  if (f->noise > 0) {
    struct rng rng = rng_of(rng_child(s->key, RNG_FUNCTION, (uint64_t)step));
    value += f->noise * rng_normal(&rng);
  }
  return value;
}

static void give_up(struct function_run *f, size_t slot, const char *problem) {
  struct slot *s = &f->slots[slot];
  struct outcome *o = say(f, slot, WORK_FAILED, (double)NAN, 0);
  snprintf(o->reason, sizeof o->reason, "%s", problem);
  s->running = false;
}

static void come_to_end(struct function_run *f, size_t slot, double value) {
  struct slot *s = &f->slots[slot];
  say(f, slot, s->to == f->steps ? WORK_FINISHED : WORK_REACHED, value, 0);
  s->running = false;
}

static void take_step(struct function_run *f, size_t slot, double now) {
  struct slot *s = &f->slots[slot];
  progress_made("a step of a function");
  if (*s->problem) {
    give_up(f, slot, s->problem);
    return;
  }
  if (s->step == s->to) { /* its state was saved at the end of a stint whose end was not journaled */
    come_to_end(f, slot, f->function && f->function->train ? s->value : value_at(f, s, s->step));
    return;
  }
  double value = value_at(f, s, s->step + 1);
  if (!isfinite(value)) {
    char problem[160];
    int n = snprintf(problem, sizeof problem, "the value of step %lld is %g", (long long)s->step + 1, value);
    if (f->table)
      snprintf(problem + n, sizeof problem - (size_t)n, " in line %lld of the table",
               (long long)function_table_line(f->table, s->row));
    give_up(f, slot, problem);
    return;
  }
  s->step++;
  s->value = value;
  s->due = now + f->seconds;
  say(f, slot, WORK_REPORT, value, f->seconds);
  if (s->step == s->to)
    come_to_end(f, slot, value);
}

/* All steps that are due. Returns when the next one will be: `now` if there are more, INFINITY if no slot runs. */
static double take_due_steps(struct evaluator *e, double now) {
  struct function_run *f = e->context;
  double next = (double)INFINITY;
  for (size_t slot = 0; slot < e->options.slots; slot++) {
    struct slot *s = &f->slots[slot];
    for (int i = 0; i < STEPS_AT_ONCE && s->running && s->due <= now; i++)
      take_step(f, slot, now);
    if (s->running)
      next = fmin(next, s->due);
  }
  return next;
}

static enum err function_advance(struct evaluator *e, double seconds) {
  const struct function_run *f = e->context;
  double now = clock_seconds(), end = now + seconds;
  for (;;) {
    double next = take_due_steps(e, now);
    now = clock_seconds();
    if (isinf(next) || now >= end || f->n - f->first >= MOST_OUTCOMES || stop_requested() != STOP_NONE)
      return OK;
    if (next > now)
      clock_sleep(fmin(next, end) - now);
    now = clock_seconds();
  }
}

static bool function_outcome(struct evaluator *e, struct outcome *out) {
  struct function_run *f = e->context;
  if (f->first == f->n)
    return false;
  *out = f->outcomes[f->first++];
  if (f->first == f->n)
    f->first = f->n = 0;
  return true;
}

static const char *function_describe(const struct evaluator *e) {
  return ((const struct function_run *)e->context)->description;
}

static void function_close(struct evaluator *e) {
  struct function_run *f = e->context;
  for (size_t slot = 0; slot < e->options.slots; slot++)
    function_evict(e, slot);
  function_table_close(f->table);
  bbob_close(f->bbob);
  free(f->slots);
  free(f->outcomes);
  free(f);
}

static enum stint_cut function_cut(const struct settings *conf) {
  (void)conf;
  return CUT_BETWEEN_STEPS;
}

const struct evaluator_ops evaluator_function = {
    .name = "function",
    .check = function_check,
    .steps = function_steps,
    .identity = function_identity,
    .open = function_open,
    .admit = function_admit,
    .advance = function_advance,
    .outcome = function_outcome,
    .snapshot = function_snapshot,
    .evict = function_evict,
    .describe = function_describe,
    .cut = function_cut,
    .close = function_close,
};
