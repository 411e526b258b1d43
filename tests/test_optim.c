/* 20 steps of small networks against what PyTorch computes from the same weights (tests/torch_reference.py writes the
 * stored numbers): every optimizer, learning-rate schedule and loss, batch norm, weights, clipping. And learning rates
 * by themselves. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "nn/layer.h"
#include "nn/optim.h"
#include "nn/rate.h"
#include "testing.h"

enum { ROWS = 96, INPUTS = 5, STEPS = 20, BATCH = 24 };

static double pattern(int64_t i, int64_t salt) {
  return (double)((i * 7919 + salt * 104729 + i * i * 31) % 10007) / 10007 * 2 - 1;
}

/* ---- a case from the file ---- */

static double number(const json_t *j, const char *key) {
  const json_t *v = json_object_get(j, key);
  REQUIRE(v != NULL);
  return json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
}

static size_t word(const json_t *j, const struct list_word *words, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(words[i].name, json_string_value(j)) == 0)
      return i;
  printf("\n    unknown word %s ", json_string_value(j));
  REQUIRE(false);
  return 0;
}
#define WORD(json, LIST)                                     \
  word((json), (const struct list_word[]){LIST_WORDS(LIST)}, \
       sizeof(struct list_word[]){LIST_WORDS(LIST)} / sizeof(struct list_word))

static void read_plateau(struct spec *s, const json_t *p) {
  s->plateau.monitor = MONITOR_train_loss;
  s->plateau.factor = number(p, "factor");
  s->plateau.minimum = number(p, "minimum");
  s->plateau.threshold = number(p, "threshold");
  s->plateau.patience = (int64_t)number(p, "patience");
  s->plateau.cooldown = (int64_t)number(p, "cooldown");
}

static struct spec read_case(const json_t *j) {
  struct spec s = {.inputs = INPUTS, .batch = BATCH, .piece = 16, .epochs = STEPS * BATCH / ROWS};
  const json_t *hidden = json_object_get(j, "hidden"), *weights = json_object_get(j, "class_weights");
  s.n_hidden = json_array_size(hidden);
  for (size_t i = 0; i < s.n_hidden; i++) {
    const json_t *h = json_array_get(hidden, i);
    s.hidden[i].width = json_integer_value(json_array_get(h, 0));
    s.hidden[i].activation = (enum activation)WORD(json_array_get(h, 1), ACTIVATION_LIST);
  }
  s.batch_norm = number(j, "batch_norm") > 0;
  s.loss = (enum loss)WORD(json_object_get(j, "loss"), LOSS_LIST);
  s.outputs = s.loss == LOSS_softmax ? 3 : 1;
  s.optimizer = (enum optimizer)WORD(json_object_get(j, "optimizer"), OPTIMIZER_LIST);
  s.rate = (enum rate)WORD(json_object_get(j, "rate"), RATE_LIST);
  s.lr = number(j, "lr");
  s.momentum = number(j, "momentum");
  s.nesterov = number(j, "nesterov") > 0;
  s.beta1 = number(j, "beta1");
  s.beta2 = number(j, "beta2");
  s.rho = number(j, "rho");
  s.epsilon = number(j, "epsilon");
  s.weight_decay = number(j, "weight_decay");
  s.clip = number(j, "clip");
  s.lr_factor = number(j, "lr_factor");
  s.lr_every = (int64_t)number(j, "lr_every");
  s.lr_min = number(j, "lr_min");
  s.warmup = number(j, "warmup");
  read_plateau(&s, json_object_get(j, "plateau"));
  for (size_t k = 0; k < SPEC_MAX_CLASSES; k++)
    s.class_weights[k] = k < 3 && s.loss == LOSS_softmax ? json_number_value(json_array_get(weights, k)) : 1;
  return s;
}

/* ---- our side ---- */

struct session {
  struct spec spec;
  struct net *net;
  float *weights, *statistics, *m, *v;
  double losses[STEPS], lrs[STEPS];
};

static float x[ROWS * INPUTS], target[ROWS], weight[ROWS];
static int32_t label[ROWS];

static void make_rows(const struct spec *s) {
  for (int i = 0; i < ROWS * INPUTS; i++)
    x[i] = (float)pattern(i, 2) * 1.5f;
  for (int i = 0; i < ROWS; i++) {
    int k = (i * 31 + i * i) % 7 % 3;
    label[i] = s->loss == LOSS_sigmoid ? k > 0 : k;
    target[i] = (float)pattern(i, 3);
    weight[i] = (float)pattern(i, 4) * 0.5f + 1;
  }
}

static void start(struct session *s, const struct backend *b, struct threads *t) {
  REQUIRE(net_open(&s->net, &s->spec, b, t, NULL) == OK);
  size_t n = s->net->n_weights;
  s->weights = MEM_NEW_ARRAY(float, n);
  s->statistics = MEM_NEW_ARRAY(float, s->net->n_statistics);
  s->m = MEM_NEW_ARRAY(float, n);
  s->v = MEM_NEW_ARRAY(float, n);
  net_init(s->net, s->weights, s->statistics);
  for (size_t i = 0; i < n; i++)
    s->weights[i] = (float)pattern((int64_t)i, 1) * 0.7f;
  for (size_t i = 0; i < s->net->n_layers; i++) /* gamma about 1 */
    for (size_t u = 0; s->net->layers[i].ops == &layer_norm && u < s->net->layers[i].units; u++)
      s->weights[s->net->layers[i].weight + u] += 1;
}

static void train(struct session *s, const struct backend *b, bool weighted) {
  const int64_t batches = ROWS / BATCH;
  struct rate_state rate = rate_start();
  struct loss_sums epoch = {0, 0};
  for (int64_t step = 0; step < STEPS; step++) {
    struct net_rows rows = {.x = x,
                            .label = label,
                            .target = target,
                            .weight = weighted ? weight : NULL,
                            .all = ROWS,
                            .first = (size_t)(step % batches) * BATCH,
                            .n = BATCH};
    struct net_sums sums = {{0, 0}, 0};
    float *gradient;
    REQUIRE(net_gradient(s->net, &rows, step, s->weights, s->statistics, &gradient, &sums) == OK);
    s->losses[step] = sums.loss.loss / sums.loss.weight;
    s->lrs[step] = rate_at(&s->spec, &rate, step / batches, step % batches, batches);
    optim_apply(&s->spec, b, s->lrs[step], step + 1, sums.loss.weight, s->net->n_weights, gradient, s->weights, s->m,
                s->v);
    epoch.loss += sums.loss.loss;
    epoch.weight += sums.loss.weight;
    if ((step + 1) % batches == 0) {
      rate_epoch(&s->spec, &rate, epoch.loss / epoch.weight);
      epoch = (struct loss_sums){0, 0};
    }
  }
}

static void stop(struct session *s) {
  net_close(s->net);
  free(s->weights);
  free(s->statistics);
  free(s->m);
  free(s->v);
}

/* Largest difference, relative to the larger of 1 and the stored number. */
static double worst(const json_t *stored, const double *d, const float *f, size_t n) {
  double largest = 0;
  CHECK(json_array_size(stored) == n);
  for (size_t i = 0; i < n && i < json_array_size(stored); i++) {
    double theirs = json_number_value(json_array_get(stored, i)), ours = d ? d[i] : (double)f[i];
    double error = fabs(ours - theirs) / fmax(1, fabs(theirs));
    largest = error > largest || isnan(error) ? error : largest;
  }
  return largest;
}

static json_t *stored_numbers(void) {
  json_t *all = NULL;
  const char *path = test_source_file("tests/data/torch_reference.json");
  REQUIRE(path != NULL);
  REQUIRE(json_read_file(path, &all) == OK);
  return all;
}

static void check_case(const json_t *j, const struct backend *b, struct threads *t) {
  struct session s = {.spec = read_case(j)};
  make_rows(&s.spec);
  start(&s, b, t);
  train(&s, b, number(j, "event_weights") > 0);
  double loss = worst(json_object_get(j, "losses"), s.losses, NULL, STEPS);
  double lr = worst(json_object_get(j, "lrs"), s.lrs, NULL, STEPS);
  double weights = worst(json_object_get(j, "weights"), NULL, s.weights, s.net->n_weights);
  double statistics = worst(json_object_get(j, "statistics"), NULL, s.statistics, s.net->n_statistics);
  bool good = loss < 2e-6 && lr < 1e-9 && weights < 1e-5 && statistics < 2e-6;
  if (!good)
    printf("\n    %s: losses %.1e, rates %.1e, weights %.1e, statistics %.1e ",
           json_string_value(json_object_get(j, "name")), loss, lr, weights, statistics);
  CHECK(good);
  stop(&s);
}

static void test_against_torch(void) {
  json_t *all = stored_numbers();
  const json_t *cases = json_object_get(all, "cases");
  const struct backend *b;
  struct threads *t;
  REQUIRE(backend_find("cpu", &b) == OK);
  REQUIRE(threads_open(&t, 1) == OK);
  CHECK(json_array_size(cases) >= 20);
  for (size_t i = 0; i < json_array_size(cases); i++)
    check_case(json_array_get(cases, i), b, t);
  threads_close(t);
  json_decref(all);
}

/* ---- learning rates ---- */

static void test_plateau_against_torch(void) {
  json_t *all = stored_numbers();
  const json_t *series = json_object_get(all, "plateau");
  CHECK(json_array_size(series) >= 3);
  for (size_t i = 0; i < json_array_size(series); i++) {
    const json_t *j = json_array_get(series, i), *monitors = json_object_get(j, "monitors");
    struct spec spec = {.rate = RATE_plateau, .lr = 0.01};
    struct rate_state rate = rate_start();
    size_t reductions = 0;
    double last = spec.lr;
    read_plateau(&spec, j);
    for (size_t k = 0; k < json_array_size(monitors); k++) {
      rate_epoch(&spec, &rate, json_number_value(json_array_get(monitors, k)));
      double lr = rate_at(&spec, &rate, (int64_t)k + 1, 0, 4);
      CHECK_NEAR(lr, json_number_value(json_array_get(json_object_get(j, "lrs"), k)), 1e-11);
      reductions += lr < last;
      last = lr;
    }
    CHECK(reductions > 0);
  }
  json_decref(all);
}

static void test_rates_at_their_ends(void) {
  struct rate_state rate = rate_start();
  struct spec s = {.rate = RATE_cosine, .lr = 1, .lr_min = 0.1, .epochs = 10};
  CHECK_NEAR(rate_at(&s, &rate, 0, 0, 7), 1, 1e-15);
  CHECK_NEAR(rate_at(&s, &rate, 5, 0, 7), 0.55, 1e-12);
  CHECK_NEAR(rate_at(&s, &rate, 10, 0, 7), 0.1, 1e-12);
  s = (struct spec){.rate = RATE_exponential, .lr = 1, .lr_factor = 0.5, .lr_min = 0.2};
  CHECK_NEAR(rate_at(&s, &rate, 1, 0, 2), 0.5, 1e-15);
  CHECK_NEAR(rate_at(&s, &rate, 0, 1, 2), sqrt(0.5), 1e-15);
  CHECK_NEAR(rate_at(&s, &rate, 30, 0, 2), 0.2, 1e-15);
  s.lr = 0.05; /* the minimum does not lift a rate that started below it */
  CHECK_NEAR(rate_at(&s, &rate, 30, 0, 2), 0.05, 1e-15);
  s = (struct spec){.rate = RATE_constant, .lr = 1, .warmup = 2};
  CHECK_NEAR(rate_at(&s, &rate, 0, 0, 5), 0.1, 1e-15);
  CHECK_NEAR(rate_at(&s, &rate, 1, 4, 5), 1, 1e-15);
  CHECK_NEAR(rate_at(&s, &rate, 7, 0, 5), 1, 1e-15);
}

/* A batch whose weights sum to 0 or less moves a net without momentum nowhere. */
static void test_weightless_batch(void) {
  const struct backend *b;
  struct spec s = {.optimizer = OPTIMIZER_sgd, .lr = 1};
  float w[3] = {1, 2, 3};
  const float g[3] = {5, 5, 5};
  REQUIRE(backend_find("cpu", &b) == OK);
  optim_apply(&s, b, 1, 1, 0, 3, g, w, NULL, NULL);
  optim_apply(&s, b, 1, 1, -2, 3, g, w, NULL, NULL);
  CHECK(w[0] == 1 && w[1] == 2 && w[2] == 3);
}

int main(void) {
  return TEST_MAIN("optim", {"20 steps against PyTorch", test_against_torch},
                   {"plateau against PyTorch", test_plateau_against_torch},
                   {"learning rates at their ends", test_rates_at_their_ends},
                   {"a batch without weight", test_weightless_batch});
}
