/* Objectives that are made up: smooth ones of any number of floats, and spaces with integers, categories and
 * conditions. The minimum of all but smooth:branin and smooth:hartmann6 is 0. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "objective.h"
#include "run/functions.h"
#include "run/functions_bbob.h"

static const double pi = 3.14159265358979323846;

static bool is(const struct params *p, const char *name, const char *choice) {
  const struct value *v = params_get(p, name);
  return v && v->kind == VALUE_TEXT && strcmp(v->as.text, choice) == 0;
}

static void tell(struct answer *out, double value) {
  out->told[0] = out->truth[0] = value;
}

static double square(double x) {
  return x * x;
}

/* ---- smooth:NAME[:D] ---- */

struct smooth {
  const struct test_function *function;
  size_t n;
};

static const struct {
  const char *name;
  double low, high, best;
  size_t arguments; /* if not given */
} smooth_ranges[] = {
    {"sphere", -4, 5, 0, 5},
    {"rosenbrock", -2, 2, 0, 5},
    {"rastrigin", -4, 5, 0, 5},
    {"ackley", -10, 15, 0, 5},
    {"griewank", -50, 70, 0, 5},
    {"levy", -10, 10, 0, 5},
    {"branin", -5, 15, 0.397887357729739, 2},
    {"hartmann6", 0, 1, -3.32236801141551, 6},
};

static enum err smooth_open(struct objective *o, const char *arguments) {
  struct smooth *s = MEM_NEW(struct smooth);
  char name[32];
  size_t length = strcspn(arguments, ":"), kind = sizeof smooth_ranges / sizeof *smooth_ranges;
  snprintf(name, sizeof name, "%.*s", (int)length, arguments);
  o->context = s;
  while (kind-- > 0 && strcmp(smooth_ranges[kind].name, name) != 0)
    ;
  if (kind >= sizeof smooth_ranges / sizeof *smooth_ranges)
    return FAIL(ERR_INPUT, "smooth:%s: there is no such function", arguments);
  s->function = test_function_of(name);
  s->n = arguments[length] ? strtoul(arguments + length + 1, NULL, 10) : smooth_ranges[kind].arguments;
  if (s->n < 1 || s->n > 1000 || (s->function->arguments && s->n != s->function->arguments))
    return FAIL(ERR_INPUT, "smooth:%s: takes another number of arguments", arguments);
  o->best = smooth_ranges[kind].best;
  for (size_t i = 0; i < s->n; i++)
    strbuf_printf(&o->text, "x%zu = { low = %.1f; high = %.1f; };\n", i + 1, smooth_ranges[kind].low,
                  smooth_ranges[kind].high);
  return OK;
}

static void smooth_answer(struct objective *o, const struct space *space, const struct params *p, const double *u,
                          struct rng *rng, struct answer *out) {
  (void)u, (void)rng;
  const struct smooth *s = o->context;
  double *x = MEM_NEW_ARRAY(double, s->n);
  for (size_t i = 0; i < s->n; i++)
    x[i] = params_double(p, space->dims[i].name, 0);
  tell(out, s->function->at(x, s->n, 1));
  free(x);
}

static void free_context(struct objective *o) {
  free(o->context);
}

const struct objective_ops objective_smooth = {
    .usage = "smooth:NAME[:D]",
    .help = "sphere, rosenbrock, rastrigin, ackley, griewank, levy (D floats, 5), branin, hartmann6",
    .open = smooth_open,
    .answer = smooth_answer,
    .close = free_context,
};

/* ---- bbob:F:INSTANCE:D ---- */

static enum err bbob_objective_open(struct objective *o, const char *arguments) {
  long long f = 0, instance = 0, n = 0;
  char end;
  if (sscanf(arguments, "%lld:%lld:%lld%c", &f, &instance, &n, &end) != 3 || f < 1 || f > BBOB_FUNCTIONS ||
      instance < 1 || n < 2 || n > BBOB_MOST_DIMENSIONS)
    return FAIL(ERR_INPUT, "bbob:%s: FUNCTION:INSTANCE:DIMENSIONS is expected, as bbob:8:1:5", arguments);
  o->context = bbob_open(f, instance, (size_t)n);
  o->best = bbob_minimum(o->context);
  for (long long i = 0; i < n; i++)
    strbuf_printf(&o->text, "x%lld = { low = -5.0; high = 5.0; };\n", i + 1);
  return OK;
}

static void bbob_answer(struct objective *o, const struct space *space, const struct params *p, const double *u,
                        struct rng *rng, struct answer *out) {
  (void)u, (void)rng;
  double x[BBOB_MOST_DIMENSIONS];
  for (size_t i = 0; i < space->n; i++)
    x[i] = params_double(p, space->dims[i].name, 0);
  tell(out, bbob_at(o->context, x));
}

static void bbob_objective_close(struct objective *o) {
  bbob_close(o->context);
}

const struct objective_ops objective_bbob = {
    .usage = "bbob:F:INSTANCE:D",
    .help = "the BBOB functions, 1 to 24; ranges as bbob:1-24:1-3:5 and bbob:1,8,15:1:10",
    .open = bbob_objective_open,
    .answer = bbob_answer,
    .close = bbob_objective_close,
};

/* ---- mixed: as the training of a small network ---- */

static enum err mixed_open(struct objective *o, const char *arguments) {
  (void)arguments;
  strbuf_puts(&o->text, "lr = { low = 1e-5; high = 1e-1; log = true; }; width = { low = 8; high = 512; log = true; };\n"
                        "decay = { low = 1e-6; high = 1e-1; log = true; }; depth = { low = 1; high = 8; };\n"
                        "drop = { low = 0.0; high = 0.5; step = 0.1; };\n"
                        "act = (\"relu\", \"elu\", \"tanh\", \"swish\"); opt = (\"adam\", \"sgd\", \"rmsprop\");\n");
  return OK;
}

static void mixed_answer(struct objective *o, const struct space *space, const struct params *p, const double *u,
                         struct rng *rng, struct answer *out) {
  (void)o, (void)space, (void)u, (void)rng;
  double lr = log10(params_double(p, "lr", 0)), width = log2(params_double(p, "width", 0));
  double decay = log10(params_double(p, "decay", 0)), drop = params_double(p, "drop", 0);
  double depth = params_double(p, "depth", 0), wide = width - 7;
  /* the best rate depends on the optimizer, and falls with the depth; wide networks need dropout and decay */
  double best_lr = (is(p, "opt", "sgd") ? -1.5 : -2.8) - 0.1 * (depth - 4);
  double loss = 0.3 * square(lr - best_lr) + 0.05 * square(wide) + 0.04 * square(decay + 3.5 - 0.5 * wide) +
                2 * square(drop - 0.2 - 0.1 * (wide > 1)) + 0.02 * square(depth - 4);
  loss += is(p, "opt", "sgd") ? 0.03 : is(p, "opt", "rmsprop") ? 0.01 : 0;
  loss += is(p, "act", "relu") ? 0.02 : is(p, "act", "elu") ? 0.01 : is(p, "act", "tanh") ? 0.1 : 0;
  tell(out, loss + 0.02 * (1 - cos(2 * pi * (lr - best_lr))));
}

const struct objective_ops objective_mixed = {
    .usage = "mixed",
    .help = "floats in the logarithm, integers, a step, categories, as a network has them",
    .open = mixed_open,
    .answer = mixed_answer,
};

/* ---- conditional ---- */

static enum err conditional_open(struct objective *o, const char *arguments) {
  (void)arguments;
  strbuf_puts(&o->text, "layers = { low = 1; high = 4; }; width1 = { low = 8; high = 256; log = true; };\n"
                        "width2 = { low = 8; high = 256; log = true; when = { layers = (2, 3, 4); }; };\n"
                        "width3 = { low = 8; high = 256; log = true; when = { layers = (3, 4); }; };\n"
                        "width4 = { low = 8; high = 256; log = true; when = { layers = 4; }; };\n"
                        "lr = { low = 1e-5; high = 1e-1; log = true; }; opt = (\"adam\", \"sgd\", \"rmsprop\");\n"
                        "momentum = { low = 0.0; high = 0.99; when = { opt = \"sgd\"; }; };\n"
                        "beta = { low = 0.8; high = 0.999; when = { opt = \"adam\"; }; };\n");
  return OK;
}

static void conditional_answer(struct objective *o, const struct space *space, const struct params *p, const double *u,
                               struct rng *rng, struct answer *out) {
  (void)o, (void)space, (void)u, (void)rng;
  static const char *const width[] = {"width1", "width2", "width3", "width4"};
  static const double best_width[] = {7, 6, 5, 4};
  double layers = params_double(p, "layers", 0), lr = log10(params_double(p, "lr", 0));
  double loss = 0.05 * square(layers - 3);
  for (size_t i = 0; i < (size_t)layers; i++)
    loss += 0.02 * square(log2(params_double(p, width[i], 8)) - best_width[i]);
  if (is(p, "opt", "sgd"))
    loss += 0.3 * square(lr + 1.5 + 2 * params_double(p, "momentum", 0) - 1) +
            square(params_double(p, "momentum", 0) - 0.9);
  else if (is(p, "opt", "adam"))
    loss += 0.02 + 0.2 * square(lr + 3) + 2 * square(params_double(p, "beta", 0) - 0.9);
  else
    loss += 0.05 + 0.3 * square(lr + 3.5);
  tell(out, loss);
}

const struct objective_ops objective_conditional = {
    .usage = "conditional",
    .help = "1 to 4 layers with widths of their own, optimizers with settings of their own",
    .open = conditional_open,
    .answer = conditional_answer,
};

/* ---- categorical ---- */

enum { CATEGORIES = 7, CHOICES = 4, ALL_CHOICES = 16384 /* 4^7 */ };

static double categorical_value(uint64_t index) {
  struct rng_key key = rng_key("categorical", 1);
  uint64_t c[CATEGORIES];
  double sum = 0;
  for (size_t i = 0; i < CATEGORIES; i++, index /= CHOICES) {
    c[i] = index % CHOICES;
    sum += rng_uniform_at(key, i, c[i]);
  }
  for (size_t i = 0; i + 1 < CATEGORIES; i++) /* neighbours act together */
    sum += 0.5 * rng_uniform_at(key, 100 + i, c[i] * CHOICES + c[i + 1]);
  return sum;
}

static enum err categorical_open(struct objective *o, const char *arguments) {
  (void)arguments;
  o->best = (double)INFINITY;
  for (uint64_t i = 0; i < ALL_CHOICES; i++)
    o->best = fmin(o->best, categorical_value(i));
  for (size_t i = 0; i < CATEGORIES; i++)
    strbuf_printf(&o->text, "c%zu = (\"a\", \"b\", \"c\", \"d\");\n", i + 1);
  return OK;
}

static void categorical_answer(struct objective *o, const struct space *space, const struct params *p, const double *u,
                               struct rng *rng, struct answer *out) {
  (void)o, (void)u, (void)rng;
  uint64_t index = 0;
  for (size_t i = CATEGORIES; i-- > 0;) {
    uint64_t cell = 0;
    dimension_cell_of(&space->dims[i], params_get(p, space->dims[i].name), &cell);
    index = index * CHOICES + cell;
  }
  tell(out, categorical_value(index));
}

const struct objective_ops objective_categorical = {
    .usage = "categorical",
    .help = "7 categories of 4 choices whose neighbours act together",
    .open = categorical_open,
    .answer = categorical_answer,
};
