/* Tables of trained networks.
 *
 * FCNet (Klein and Hutter 2019, "Tabular benchmarks for joint architecture and hyperparameter optimization"): 62,208
 * configurations with 4 trainings each; float64 [62208][4], the row a mixed-radix number over the hyperparameters
 * below, the last one fastest.
 *
 * TaskSet (Metz et al. 2020, "Using a thousand optimization tasks to learn hyperparameter search strategies"): 1,000
 * configurations of Adam with 8 hyperparameters; float32 [1000][8 + 3 x 51]: the configuration, then losses of
 * training, validation and test part at 51 points of the training. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "objective.h"

/* ---- FCNet ---- */

enum { FCNET_ROWS = 62208, FCNET_SEEDS = 4, FCNET_DIMS = 9 };

static const struct {
  const char *name, *range;
  int values;
} fcnet_dims[FCNET_DIMS] = {
    {"activation_fn_1", "(\"relu\", \"tanh\")", 2}, {"activation_fn_2", "(\"relu\", \"tanh\")", 2},
    {"batch_size", "{ low = 0; high = 3; }", 4},    {"dropout_1", "{ low = 0; high = 2; }", 3},
    {"dropout_2", "{ low = 0; high = 2; }", 3},     {"init_lr", "{ low = 0; high = 5; }", 6},
    {"lr_schedule", "(\"cosine\", \"const\")", 2},  {"n_units_1", "{ low = 0; high = 5; }", 6},
    {"n_units_2", "{ low = 0; high = 5; }", 6},
};

struct fcnet {
  double mse[FCNET_ROWS][FCNET_SEEDS], mean[FCNET_ROWS];
  bool noisy;
};

static enum err fcnet_load(struct objective *o, const char *path, bool noisy) {
  struct fcnet *t = MEM_NEW(struct fcnet);
  o->context = t;
  o->name = objective_label(noisy ? "fcnet_noisy" : "fcnet", path);
  t->noisy = noisy;
  TRY(objective_read(path, sizeof t->mse, t->mse));
  o->best = (double)INFINITY;
  for (size_t i = 0; i < FCNET_ROWS; i++) {
    for (size_t k = 0; k < FCNET_SEEDS; k++)
      t->mean[i] += t->mse[i][k] / FCNET_SEEDS;
    o->best = fmin(o->best, t->mean[i]);
  }
  o->median = median_of(t->mean, FCNET_ROWS);
  o->in_decades = true;
  for (size_t i = 0; i < FCNET_DIMS; i++)
    strbuf_printf(&o->text, "%s = %s;\n", fcnet_dims[i].name, fcnet_dims[i].range);
  return OK;
}

static enum err fcnet_open(struct objective *o, const char *path) {
  return fcnet_load(o, path, false);
}

static enum err fcnet_noisy_open(struct objective *o, const char *path) {
  return fcnet_load(o, path, true);
}

static void fcnet_answer(struct objective *o, const struct space *space, const struct params *p, const double *u,
                         struct rng *rng, struct answer *out) {
  (void)u;
  const struct fcnet *t = o->context;
  size_t row = 0;
  for (size_t i = 0; i < FCNET_DIMS; i++) {
    uint64_t cell = 0;
    dimension_cell_of(space_dimension(space, fcnet_dims[i].name), params_get(p, fcnet_dims[i].name), &cell);
    row = row * (size_t)fcnet_dims[i].values + (size_t)cell;
  }
  out->truth[0] = t->mean[row];
  out->told[0] = t->noisy ? t->mse[row][rng_below(rng, FCNET_SEEDS)] : t->mean[row];
}

static void free_context(struct objective *o) {
  free(o->context);
}

const struct objective_ops objective_fcnet = {
    .usage = "fcnet:FILE",
    .help = "table of 62,208 networks (.f64.gz); a point's value is the mean of its 4 trainings",
    .open = fcnet_open,
    .answer = fcnet_answer,
    .close = free_context,
};
const struct objective_ops objective_fcnet_noisy = {
    .usage = "fcnet_noisy:FILE",
    .help = "the same, but told is one of the 4 trainings; regret is of the mean",
    .open = fcnet_noisy_open,
    .answer = fcnet_answer,
    .close = free_context,
};

/* ---- TaskSet ---- */

enum { TASK_ROWS = 1000, TASK_DIMS = 8, TASK_POINTS = 51 };

/* The ranges they were drawn from, all evenly in the logarithm; of the betas it is 1 - beta that was drawn. */
static const struct {
  const char *name;
  double low, high;
  bool from_one;
} task_dims[TASK_DIMS] = {
    {"learning_rate", 1e-8, 10, false},
    {"one_minus_beta1", 1e-4, 1, true},
    {"one_minus_beta2", 1e-6, 1, true},
    {"epsilon", 1e-10, 1000, false},
    {"l1", 1e-8, 10, false},
    {"l2", 1e-8, 10, false},
    {"linear_decay", 1e-7, 1e-4, false},
    {"exponential_decay", 1e-6, 1e-3, false},
};

struct task {
  double u[TASK_ROWS][TASK_DIMS];
  double loss[TASK_ROWS][TASK_POINTS]; /* of the validation part */
  bool used[TASK_ROWS];
};

static void take_row(struct task *t, size_t i, const float *row) {
  for (size_t k = 0; k < TASK_DIMS; k++) {
    double x = task_dims[k].from_one ? 1 - (double)row[k] : (double)row[k], low = task_dims[k].low;
    t->u[i][k] = log(x / low) / log(task_dims[k].high / low);
  }
  for (size_t k = 0; k < TASK_POINTS; k++) {
    double loss = (double)row[TASK_DIMS + TASK_POINTS + k];
    t->loss[i][k] = isfinite(loss) ? loss : (double)NAN;
  }
}

static enum err taskset_open(struct objective *o, const char *path) {
  enum { WIDTH = TASK_DIMS + 3 * TASK_POINTS };
  struct task *t = MEM_NEW(struct task);
  float *raw = MEM_NEW_ARRAY(float, TASK_ROWS *WIDTH);
  double *final = MEM_NEW_ARRAY(double, TASK_ROWS);
  o->context = t;
  o->name = objective_label("taskset", path);
  enum err e = objective_read(path, TASK_ROWS * WIDTH * sizeof *raw, raw);
  o->best = (double)INFINITY;
  for (size_t i = 0; i < TASK_ROWS && e == OK; i++) {
    take_row(t, i, raw + i * WIDTH);
    for (size_t k = 1; k < TASK_POINTS; k++)
      o->best = fmin(o->best, t->loss[i][k]);
    final[i] = t->loss[i][TASK_POINTS - 1];
  }
  o->median = median_of(final, TASK_ROWS);
  o->of_median = true;
  o->steps = TASK_POINTS - 1; /* the first point is before any training */
  for (size_t k = 0; k < TASK_DIMS; k++)
    strbuf_printf(&o->text, "%s = { low = %.1e; high = %.1e; log = true; };\n", task_dims[k].name, task_dims[k].low,
                  task_dims[k].high);
  free(raw);
  free(final);
  TRY(e);
  return OK;
}

static void taskset_start(struct objective *o) {
  struct task *t = o->context;
  for (size_t i = 0; i < TASK_ROWS; i++)
    t->used[i] = false;
}

/* The nearest row that has not answered yet. After a thousand questions all are there again. */
static void taskset_answer(struct objective *o, const struct space *space, const struct params *p, const double *u,
                           struct rng *rng, struct answer *out) {
  (void)space, (void)p, (void)rng;
  struct task *t = o->context;
  size_t row = TASK_ROWS;
  double nearest = (double)INFINITY;
  for (size_t i = 0; i < TASK_ROWS; i++) {
    double distance = 0;
    for (size_t k = 0; k < TASK_DIMS; k++)
      distance += (u[k] - t->u[i][k]) * (u[k] - t->u[i][k]);
    if (!t->used[i] && distance < nearest) {
      nearest = distance;
      row = i;
    }
  }
  if (row == TASK_ROWS) {
    taskset_start(o);
    taskset_answer(o, space, p, u, rng, out);
    return;
  }
  t->used[row] = true;
  for (size_t k = 1; k < TASK_POINTS; k++)
    out->told[k - 1] = out->truth[k - 1] = t->loss[row][k];
}

const struct objective_ops objective_taskset = {
    .usage = "taskset:FILE",
    .help = "1,000 recorded curves of 50 epochs (.f32.gz): the nearest row that is not taken answers",
    .open = taskset_open,
    .start = taskset_start,
    .answer = taskset_answer,
    .close = free_context,
};
