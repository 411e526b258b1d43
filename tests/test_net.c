/* Networks: gradients of every layer, activation and loss against central differences of a double-precision forward
 * pass written here independently; the functions of the kernels against libm; sharing out over threads and ranks. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/backend_cpu.h"
#include "nn/net.h"
#include "testing.h"

#define MAX_ROWS 64
#define MAX_WIDTH 16

static const struct backend *const every_class[] = {
#ifdef COXSWAIN_KERNELS_X86
    &backend_cpu_avx512, &backend_cpu_avx2,
#endif
    &backend_cpu_generic};
#define N_CLASSES (sizeof every_class / sizeof *every_class)

static bool runs_here(const struct backend *b) {
#ifdef COXSWAIN_KERNELS_X86
  if (b == &backend_cpu_avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (b == &backend_cpu_avx2)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return b != NULL;
}

/* ---- the reference ---- */

struct problem {
  struct spec spec;
  size_t rows;
  float x[MAX_ROWS * MAX_WIDTH];
  int32_t label[MAX_ROWS];
  float target[MAX_ROWS], weight[MAX_ROWS];
  bool weighted;
  int64_t step;
};

static double act(enum activation a, double x) {
  switch (a) {
  case ACTIVATION_relu:
    return x > 0 ? x : 0;
  case ACTIVATION_leaky_relu:
    return x > 0 ? x : 0.01 * x;
  case ACTIVATION_elu:
    return x > 0 ? x : expm1(x);
  case ACTIVATION_selu:
    return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x));
  case ACTIVATION_tanh:
    return tanh(x);
  case ACTIVATION_sigmoid:
    return 1 / (1 + exp(-x));
  case ACTIVATION_swish:
    return x / (1 + exp(-x));
  case ACTIVATION_gelu:
    return 0.5 * x * erfc(-x / sqrt(2));
  case ACTIVATION_linear:
    return x;
  }
  return (double)NAN;
}

static double row_loss(const struct problem *p, size_t row, const double *z) {
  double d = z[0] - (double)p->target[row], total = 0;
  switch (p->spec.loss) {
  case LOSS_softmax:
    for (int64_t k = 0; k < p->spec.outputs; k++)
      total += exp(z[k]);
    return log(total) - z[p->label[row]];
  case LOSS_sigmoid:
    return log(1 + exp(p->label[row] ? -z[0] : z[0]));
  case LOSS_mse:
    return d * d;
  case LOSS_mae:
    return fabs(d);
  }
  return (double)NAN;
}

static double row_weight(const struct problem *p, size_t row) {
  bool classes = p->spec.loss == LOSS_softmax || p->spec.loss == LOSS_sigmoid;
  double w = p->weighted ? (double)p->weight[row] : 1;
  return classes ? w * p->spec.class_weights[p->label[row]] : w;
}

static bool kept(const struct problem *p, size_t layer, size_t row, size_t unit) {
  uint32_t word[4];
  struct rng_key key = rng_child(p->spec.key, RNG_DROPOUT, layer);
  rng_block(key, (uint64_t)p->step, (uint64_t)row << 32 | unit / 4, word);
  return (double)word[unit % 4] >= p->spec.hidden[layer].dropout * 4294967296.0;
}

static double reference_a[MAX_ROWS][MAX_WIDTH], reference_b[MAX_ROWS][MAX_WIDTH];

static const double *reference_norm(const struct problem *p, size_t units, const double *w) {
  for (size_t u = 0; u < units; u++) {
    double mean = 0, variance = 0;
    for (size_t r = 0; r < p->rows; r++)
      mean += reference_b[r][u] / (double)p->rows;
    for (size_t r = 0; r < p->rows; r++)
      variance += pow(reference_b[r][u] - mean, 2) / (double)p->rows;
    for (size_t r = 0; r < p->rows; r++)
      reference_b[r][u] = (reference_b[r][u] - mean) / sqrt(variance + 1e-5) * w[u] + w[units + u];
  }
  return w + 2 * units;
}

/* sum w l / sum w over the batch. */
static double reference_loss(const struct problem *p, const double *w) {
  const struct spec *s = &p->spec;
  size_t in = (size_t)s->inputs;
  double loss = 0, weight = 0;
  for (size_t r = 0; r < p->rows; r++)
    for (size_t i = 0; i < in; i++)
      reference_a[r][i] = (double)p->x[r * in + i];
  for (size_t l = 0; l <= s->n_hidden; l++) {
    bool last = l == s->n_hidden;
    size_t out = (size_t)(last ? s->outputs : s->hidden[l].width);
    for (size_t r = 0; r < p->rows; r++)
      for (size_t o = 0; o < out; o++) {
        reference_b[r][o] = w[in * out + o];
        for (size_t i = 0; i < in; i++)
          reference_b[r][o] += w[o * in + i] * reference_a[r][i];
      }
    w += (in + 1) * out;
    if (!last && s->batch_norm)
      w = reference_norm(p, out, w);
    for (size_t r = 0; r < p->rows; r++)
      for (size_t o = 0; o < out; o++) {
        double y = last ? reference_b[r][o] : act(s->hidden[l].activation, reference_b[r][o]);
        if (!last && s->hidden[l].dropout > 0)
          y = kept(p, l, r, o) ? y / (1 - s->hidden[l].dropout) : 0;
        reference_a[r][o] = y;
      }
    in = out;
  }
  for (size_t r = 0; r < p->rows; r++) {
    loss += row_weight(p, r) * row_loss(p, r, reference_a[r]);
    weight += row_weight(p, r);
  }
  return loss / weight;
}

/* ---- problems ---- */

static struct problem make_problem(enum activation a, enum loss loss, bool norm, double dropout) {
  struct problem p = {.rows = 53, .weighted = true, .step = 7};
  p.spec = (struct spec){.inputs = 5, .outputs = loss == LOSS_softmax ? 3 : 1, .n_hidden = 3, .batch_norm = norm};
  p.spec.loss = loss;
  p.spec.batch = 53;
  p.spec.piece = 16;
  p.spec.key = rng_key("test", 3);
  static const int64_t width[] = {11, 6, 9};
  for (size_t i = 0; i < 3; i++)
    p.spec.hidden[i] = (struct hidden_layer){.width = width[i], .activation = a, .dropout = dropout};
  for (size_t k = 0; k < SPEC_MAX_CLASSES; k++)
    p.spec.class_weights[k] = 1 + 0.25 * (double)k;
  struct rng rng = rng_of(rng_key("rows", (uint64_t)a * 8 + loss));
  for (size_t i = 0; i < p.rows * 5; i++)
    p.x[i] = (float)rng_normal(&rng) + 0.5f;
  for (size_t i = 0; i < p.rows; i++) {
    p.label[i] = (int32_t)rng_below(&rng, loss == LOSS_softmax ? 3 : 2);
    p.target[i] = (float)rng_normal(&rng);
    p.weight[i] = (float)rng_uniform(&rng) + 0.1f;
  }
  return p;
}

static struct net_rows rows_of(const struct problem *p) {
  return (struct net_rows){.x = p->x,
                           .label = p->label,
                           .target = p->target,
                           .weight = p->weighted ? p->weight : NULL,
                           .all = p->rows,
                           .n = p->rows};
}

struct run {
  struct net *net;
  float *weights, *statistics, *gradient;
  struct net_sums sums;
};

static void fresh(struct run *run, const struct problem *p, const struct backend *b, struct threads *t,
                  struct comm *team) {
  REQUIRE(net_open(&run->net, &p->spec, b, t, team) == OK);
  run->weights = MEM_NEW_ARRAY(float, run->net->n_weights);
  run->statistics = MEM_NEW_ARRAY(float, run->net->n_statistics);
  net_init(run->net, run->weights, run->statistics);
  struct rng rng = rng_of(rng_key("weights", 1)); /* no zeros and ones left */
  for (size_t i = 0; i < run->net->n_weights; i++)
    run->weights[i] += 0.2f * (float)rng_normal(&rng);
  for (size_t i = 0; i < run->net->n_layers; i++)
    run->sums.vote = 1;
  struct net_rows rows = rows_of(p);
  REQUIRE(net_gradient(run->net, &rows, p->step, run->weights, run->statistics, &run->gradient, &run->sums) == OK);
}

static void done(struct run *run) {
  net_close(run->net);
  free(run->weights);
  free(run->statistics);
}

/* Largest difference between the gradient and central differences, in units of the largest gradient. */
static double worst_difference(const struct problem *p, const struct run *run) {
  size_t n = run->net->n_weights;
  double *w = MEM_NEW_ARRAY(double, n), worst = 0, size = 1e-3;
  for (size_t i = 0; i < n; i++)
    w[i] = (double)run->weights[i];
  for (size_t i = 0; i < n; i++) {
    const double h = 1e-7, at = w[i];
    w[i] = at + h;
    double up = reference_loss(p, w);
    w[i] = at - h;
    double difference = (up - reference_loss(p, w)) / (2 * h);
    w[i] = at;
    double error = fabs((double)run->gradient[i] / run->sums.loss.weight - difference);
    worst = error > worst ? error : worst;
    size = fabs(difference) > size ? fabs(difference) : size;
  }
  CHECK_NEAR(run->sums.loss.loss / run->sums.loss.weight, reference_loss(p, w), 1e-5);
  free(w);
  return worst / size;
}

static void check_gradient(const struct problem *p, const struct backend *b, struct threads *t) {
  struct run run = {0};
  fresh(&run, p, b, t, NULL);
  double worst = worst_difference(p, &run);
  if (worst > 2e-5)
    printf("\n    %s, activation %d, loss %d, norm %d: off by %.2g ", b->kernels, (int)p->spec.hidden[0].activation,
           (int)p->spec.loss, (int)p->spec.batch_norm, worst);
  CHECK(worst <= 2e-5);
  done(&run);
}

static void test_gradients(void) {
  struct threads *t;
  REQUIRE(threads_open(&t, 1) == OK);
  for (size_t c = 0; c < N_CLASSES; c++)
    for (int a = 0; a <= ACTIVATION_linear && runs_here(every_class[c]); a++)
      for (int l = 0; l <= LOSS_mae; l++)
        for (int norm = 0; norm < 2; norm++) {
          struct problem p = make_problem((enum activation)a, (enum loss)l, norm, 0);
          check_gradient(&p, every_class[c], t);
        }
  threads_close(t);
}

static void test_dropout_gradients(void) {
  struct threads *t;
  REQUIRE(threads_open(&t, 2) == OK);
  for (size_t c = 0; c < N_CLASSES; c++)
    for (int a = 0; a <= ACTIVATION_linear && runs_here(every_class[c]); a++)
      for (int norm = 0; norm < 2; norm++) {
        struct problem p = make_problem((enum activation)a, LOSS_softmax, norm, 0.3);
        p.weighted = false;
        check_gradient(&p, every_class[c], t);
      }
  threads_close(t);
}

static void test_without_hidden_layers(void) {
  struct threads *t;
  struct problem p = make_problem(ACTIVATION_relu, LOSS_softmax, true, 0);
  p.spec.n_hidden = 0;
  REQUIRE(threads_open(&t, 1) == OK);
  check_gradient(&p, every_class[N_CLASSES - 1], t);
  threads_close(t);
}

/* ---- statistics ---- */

static void test_running_statistics(void) {
  struct threads *t;
  struct problem p = make_problem(ACTIVATION_relu, LOSS_softmax, true, 0);
  struct run run = {0};
  REQUIRE(threads_open(&t, 1) == OK);
  fresh(&run, &p, every_class[0], t, NULL);
  for (size_t u = 0; u < 11; u++) {
    double mean = 0, variance = 0, z[MAX_ROWS];
    for (size_t r = 0; r < p.rows; r++) {
      z[r] = (double)run.weights[55 + u];
      for (size_t i = 0; i < 5; i++)
        z[r] += (double)run.weights[5 * u + i] * (double)p.x[5 * r + i];
      mean += z[r] / (double)p.rows;
    }
    for (size_t r = 0; r < p.rows; r++)
      variance += (z[r] - mean) * (z[r] - mean) / (double)(p.rows - 1);
    CHECK_NEAR(run.statistics[u], 0.1 * mean, 1e-6);
    CHECK_NEAR(run.statistics[11 + u], 0.9 + 0.1 * variance, 1e-6);
  }
  done(&run);
  threads_close(t);
}

/* With the batch's own statistics in place of the running ones, prediction and training agree. */
static void test_prediction(void) {
  struct threads *t;
  struct problem p = make_problem(ACTIVATION_tanh, LOSS_mse, false, 0.4);
  struct run run = {0};
  float out[MAX_ROWS];
  double loss = 0, weight = 0;
  REQUIRE(threads_open(&t, 2) == OK);
  fresh(&run, &p, every_class[0], t, NULL);
  net_logits(run.net, p.x, p.rows, run.weights, run.statistics, out);
  for (size_t l = 0; l < 3; l++)
    p.spec.hidden[l].dropout = 0;
  for (size_t r = 0; r < p.rows; r++) {
    loss += (double)p.weight[r] * pow((double)(out[r] - p.target[r]), 2);
    weight += (double)p.weight[r];
  }
  double w[400];
  REQUIRE(run.net->n_weights <= 400);
  for (size_t i = 0; i < run.net->n_weights; i++)
    w[i] = (double)run.weights[i];
  CHECK_NEAR(loss / weight, reference_loss(&p, w), 1e-5);
  done(&run);
  threads_close(t);
}

/* ---- sharing out ---- */

static void test_threads_agree(void) {
  struct problem p = make_problem(ACTIVATION_swish, LOSS_softmax, true, 0.2);
  struct threads *t;
  struct run alone = {0};
  REQUIRE(threads_open(&t, 1) == OK);
  fresh(&alone, &p, every_class[0], t, NULL);
  for (int n = 2; n <= 6; n++) { /* more threads than pieces, too */
    struct threads *many;
    struct run first = {0}, second = {0};
    REQUIRE(threads_open(&many, n) == OK);
    fresh(&first, &p, every_class[0], many, NULL);
    fresh(&second, &p, every_class[0], many, NULL);
    size_t bytes = first.net->n_weights * sizeof(float);
    CHECK(memcmp(first.gradient, second.gradient, bytes) == 0);
    struct net_rows rows = rows_of(&p); /* nothing is left of the batch before */
    REQUIRE(net_gradient(first.net, &rows, p.step, first.weights, first.statistics, &first.gradient, &first.sums) ==
            OK);
    CHECK(memcmp(first.gradient, second.gradient, bytes) == 0);
    for (size_t i = 0; i < first.net->n_weights; i++)
      CHECK_NEAR(first.gradient[i], alone.gradient[i], 2e-4);
    done(&first);
    done(&second);
    threads_close(many);
  }
  done(&alone);
  threads_close(t);
}

/* A team of threads that sums in the order of the ranks. */
struct table {
  pthread_barrier_t barrier;
  int size;
  void *x[4];
};

static enum err table_sum(struct comm *c, void *x, size_t n, bool wide) {
  struct table *t = c->context;
  double *sum = MEM_NEW_ARRAY(double, n);
  t->x[c->rank] = x;
  pthread_barrier_wait(&t->barrier);
  for (int r = 0; r < t->size; r++)
    for (size_t i = 0; i < n; i++)
      sum[i] += wide ? ((double *)t->x[r])[i] : (double)((float *)t->x[r])[i];
  pthread_barrier_wait(&t->barrier);
  for (size_t i = 0; i < n; i++)
    if (wide)
      ((double *)x)[i] = sum[i];
    else
      ((float *)x)[i] = (float)sum[i];
  free(sum);
  return OK;
}
static enum err table_sum_float(struct comm *c, float *x, size_t n) {
  return table_sum(c, x, n, false);
}
static enum err table_sum_double(struct comm *c, double *x, size_t n) {
  return table_sum(c, x, n, true);
}
static const struct comm_ops table_ops = {"table", table_sum_float, table_sum_double, NULL, NULL};

struct member {
  struct comm comm;
  struct run run;
  const struct problem *problem;
  pthread_t thread;
};

static void *row(void *argument) {
  struct member *m = argument;
  struct threads *t;
  if (threads_open(&t, 1) != OK)
    return NULL;
  fresh(&m->run, m->problem, every_class[0], t, &m->comm);
  m->run.net->threads = NULL;
  threads_close(t);
  return NULL;
}

static void test_teams_agree(void) {
  struct problem p = make_problem(ACTIVATION_elu, LOSS_softmax, true, 0.2);
  struct threads *t;
  struct run alone = {0};
  REQUIRE(threads_open(&t, 1) == OK);
  fresh(&alone, &p, every_class[0], t, NULL);
  for (int size = 2; size <= 4; size++) {
    struct table table = {.size = size};
    struct member member[4] = {0};
    pthread_barrier_init(&table.barrier, NULL, (unsigned)size);
    for (int r = 0; r < size; r++) {
      member[r].comm = (struct comm){.ops = &table_ops, .rank = r, .size = size, .context = &table};
      member[r].problem = &p;
      REQUIRE(pthread_create(&member[r].thread, NULL, row, &member[r]) == 0);
    }
    for (int r = 0; r < size; r++)
      pthread_join(member[r].thread, NULL);
    for (int r = 0; r < size; r++) {
      const struct run *run = &member[r].run;
      CHECK(memcmp(run->gradient, member[0].run.gradient, alone.net->n_weights * sizeof(float)) == 0);
      CHECK(memcmp(run->statistics, member[0].run.statistics, alone.net->n_statistics * sizeof(float)) == 0);
      CHECK_NEAR(run->sums.vote, size, 0);
      CHECK_NEAR(run->sums.loss.loss, alone.sums.loss.loss, 1e-4);
      for (size_t i = 0; i < alone.net->n_weights; i++)
        CHECK_NEAR(run->gradient[i], alone.gradient[i], 2e-4);
    }
    for (int r = 0; r < size; r++)
      done(&member[r].run);
    pthread_barrier_destroy(&table.barrier);
  }
  done(&alone);
  threads_close(t);
}

/* Shuffled rows are the permuted ones. */
static void test_shuffled_rows(void) {
  struct problem p = make_problem(ACTIVATION_relu, LOSS_softmax, false, 0), q = p;
  struct threads *t;
  struct run run = {0}, other = {0};
  struct rng_key order = rng_key("order", 5);
  for (size_t i = 0; i < p.rows; i++) {
    size_t from = rng_permute(order, p.rows, i);
    memcpy(q.x + 5 * i, p.x + 5 * from, 5 * sizeof(float));
    q.label[i] = p.label[from];
    q.weight[i] = p.weight[from];
  }
  REQUIRE(threads_open(&t, 1) == OK);
  fresh(&run, &p, every_class[0], t, NULL);
  fresh(&other, &q, every_class[0], t, NULL);
  struct net_rows rows = rows_of(&p);
  rows.shuffled = true;
  rows.order = order;
  REQUIRE(net_gradient(run.net, &rows, p.step, run.weights, run.statistics, &run.gradient, &run.sums) == OK);
  CHECK(memcmp(run.gradient, other.gradient, run.net->n_weights * sizeof(float)) == 0);
  done(&run);
  done(&other);
  threads_close(t);
}

/* ---- kernels against libm ---- */

static double floor_of(enum activation a) { /* what cancellation or saturation leaves, absolute */
  return a == ACTIVATION_gelu ? 3e-7 : a == ACTIVATION_elu || a == ACTIVATION_selu ? 2e-7 : 1e-37;
}

static void test_functions_against_libm(void) {
  enum { N = 4001 };
  static float x[N], y[N], shift[1] = {0};
  struct panel in = {x, 1, N, N}, out = {y, 1, N, N};
  for (size_t c = 0; c < N_CLASSES && runs_here(every_class[c]); c++)
    for (int a = 0; a <= ACTIVATION_linear; a++) {
      for (int i = 0; i < N; i++)
        x[i] = (float)(i - N / 2) * (i % 2 ? 0.04f : 0.0011f);
      every_class[c]->activate((enum activation)a, &in, (struct affine){NULL, shift}, &out);
      double worst = 0;
      for (int i = 0; i < N; i++) {
        double exact = act((enum activation)a, (double)x[i]), error = fabs((double)y[i] - exact);
        double units = error / (fabs(exact) * 0x1p-24 + floor_of((enum activation)a));
        worst = units > worst ? units : worst;
      }
      if (worst > 8)
        printf("\n    %s, activation %d: %.1f half units in the last place ", every_class[c]->kernels, a, worst);
      CHECK(worst <= 8);
    }
}

static void test_nan_passes_through(void) {
  for (size_t c = 0; c < N_CLASSES && runs_here(every_class[c]); c++)
    for (int a = 0; a <= ACTIVATION_linear; a++) {
      float x[40], y[40];
      struct panel in = {x, 1, 40, 40}, out = {y, 1, 40, 40};
      for (int i = 0; i < 40; i++)
        x[i] = i == 3 || i == 39 ? NAN : 1.0f;
      every_class[c]->activate((enum activation)a, &in, (struct affine){NULL, NULL}, &out);
      CHECK(isnan(y[3]) && isnan(y[39]) && !isnan(y[4]));
    }
}

static void test_large_logits(void) {
  struct threads *t;
  struct problem p = make_problem(ACTIVATION_linear, LOSS_softmax, false, 0);
  struct run run = {0};
  REQUIRE(threads_open(&t, 1) == OK);
  for (size_t i = 0; i < p.rows * 5; i++)
    p.x[i] *= 1e4f;
  fresh(&run, &p, every_class[0], t, NULL);
  CHECK(isfinite(run.sums.loss.loss));
  for (size_t i = 0; i < run.net->n_weights; i++)
    CHECK(isfinite(run.gradient[i]));
  done(&run);
  threads_close(t);
}

static void test_refused(void) {
  struct threads *t;
  struct net *net = NULL;
  struct problem p = make_problem(ACTIVATION_relu, LOSS_mse, false, 0);
  struct backend half = *every_class[0];
  REQUIRE(threads_open(&t, 1) == OK);
  half.dropout = NULL;
  CHECK(net_open(&net, &p.spec, &half, t, NULL) == ERR_DEVICE);
  CHECK(test_text_contains(err_text(), "dropout"));
  err_clear();
  p.spec.hidden[1].width = 0;
  CHECK(net_open(&net, &p.spec, every_class[0], t, NULL) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "hidden layer 2"));
  err_clear();
  p.spec.hidden[0].width = p.spec.hidden[1].width = p.spec.hidden[2].width = 65536;
  CHECK(net_open(&net, &p.spec, every_class[0], t, NULL) == ERR_INPUT);
  err_clear();
  CHECK(net == NULL);
  threads_close(t);
}

int main(void) {
  const struct backend *b;
  backend_find("cpu", &b); /* one BLAS thread */
  return TEST_MAIN("net", {"gradients of every activation and loss, with and without batch norm", test_gradients},
                   {"gradients with dropout", test_dropout_gradients},
                   {"gradients without hidden layers", test_without_hidden_layers},
                   {"running statistics", test_running_statistics}, {"prediction", test_prediction},
                   {"threads agree", test_threads_agree}, {"teams agree", test_teams_agree},
                   {"shuffled rows", test_shuffled_rows}, {"functions against libm", test_functions_against_libm},
                   {"NaN passes through", test_nan_passes_through}, {"large logits", test_large_logits},
                   {"what cannot be built is refused", test_refused});
}
