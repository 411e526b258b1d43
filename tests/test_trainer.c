/* The contract of trainers, for each of TRAINER_LIST: what a slot computes depends on its spec, its data and its start
 * state only. Snapshots at random moments, also in the middle of an epoch and of a validation, go on in a fresh trainer
 * to the same bits: final states and reports. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/net.h"
#include "nn/optim.h"
#include "nn/rate.h"
#include "nn/trainer.h"
#include "testing.h"

static const char *const trainers[] = {
#define X(name, help) #name,
    TRAINER_LIST(X)
#undef X
};
#define N_TRAINERS (sizeof trainers / sizeof *trainers)

/* ---- data in memory: three overlapping clouds ---- */

enum { WIDTH = 5, TRAIN = 230, VALIDATION = 700, TEST = 90, ROWS = TRAIN + VALIDATION + 2 * TEST };

static float x[ROWS * WIDTH], weight[ROWS], target[ROWS];
static int32_t label[ROWS];
static char *part_names[] = {"train", "val", "test_a", "test_b"};
static char *class_names[] = {"u", "v", "w"};
static double class_weight[3];

static struct data make_data(bool classes) {
  struct rng rng = rng_of(rng_key("clouds", 2));
  for (size_t i = 0; i < ROWS; i++) {
    label[i] = (int32_t)rng_below(&rng, 3);
    weight[i] = 0.5f + (float)rng_uniform(&rng);
    for (size_t j = 0; j < WIDTH; j++)
      x[i * WIDTH + j] = (float)rng_normal(&rng) + 0.8f * (j == (size_t)label[i]);
    target[i] = x[i * WIDTH] * x[i * WIDTH + 1] + 0.1f * (float)rng_normal(&rng);
  }
  memset(class_weight, 0, sizeof class_weight);
  for (size_t i = 0; i < TRAIN; i++)
    class_weight[label[i]] += (double)weight[i];
  struct data d = {.x = x, .weight = weight, .rows = ROWS, .width = WIDTH, .n_parts = 4};
  d.part[0] = (struct range){0, TRAIN};
  d.part[1] = (struct range){TRAIN, VALIDATION};
  d.part[2] = (struct range){TRAIN + VALIDATION, TEST};
  d.part[3] = (struct range){TRAIN + VALIDATION + TEST, TEST};
  for (size_t i = 0; i < 4; i++)
    d.part_name[i] = part_names[i];
  if (classes) {
    d.label = label;
    d.n_classes = 3;
    d.classes = class_names;
    d.class_weight = class_weight;
  } else
    d.target = target;
  return d;
}

/* ---- specs ---- */

static struct spec make_spec(enum optimizer o, enum rate r, uint64_t seed) {
  struct spec s = {.inputs = WIDTH, .outputs = 3, .n_hidden = 2, .loss = LOSS_softmax, .epochs = 6, .batch = 48};
  s.hidden[0] = (struct hidden_layer){9, ACTIVATION_relu, 0.2};
  s.hidden[1] = (struct hidden_layer){6, ACTIVATION_tanh, 0.1};
  s.batch_norm = true;
  s.piece = 16;
  s.optimizer = o;
  s.lr = o == OPTIMIZER_sgd ? 0.1 : 0.01;
  s.momentum = o == OPTIMIZER_sgd ? 0.9 : o == OPTIMIZER_rmsprop ? 0.5 : 0;
  s.nesterov = o == OPTIMIZER_sgd;
  s.beta1 = 0.9;
  s.beta2 = 0.99;
  s.rho = 0.95;
  s.epsilon = 1e-8;
  s.weight_decay = 1e-3;
  s.clip = 1;
  s.rate = r;
  s.lr_factor = 0.7;
  s.lr_every = 2;
  s.lr_min = 1e-4;
  s.warmup = 0.5;
  s.plateau.monitor = seed % 2 ? MONITOR_train_loss : MONITOR_val_loss;
  s.plateau.factor = 0.5;
  s.plateau.threshold = 0.05;
  s.plateau.patience = 0;
  s.plateau.cooldown = 1;
  s.value_is_best = seed % 3 != 0;
  for (size_t k = 0; k < SPEC_MAX_CLASSES; k++)
    s.class_weights[k] = 1 + 0.1 * (double)k;
  strcpy(s.metric, "val_loss");
  s.key = rng_key("trial", seed);
  return s;
}

/* ---- a diary of what a slot reported ---- */

struct diary {
  struct train_report *items;
  size_t n, cap;
};

static void diary_free(struct diary *d) {
  for (size_t i = 0; i < d->n; i++)
    params_free(&d->items[i].metrics);
  free(d->items);
  *d = (struct diary){0};
}

static void note(struct diary *d, const struct train_report *r) {
  MEM_GROW(d->items, d->n, &d->cap);
  d->items[d->n++] = *r;
}

static bool same_number(double a, double b) {
  return a == b || (isnan(a) && isnan(b));
}

static bool same_metrics(const struct params *a, const struct params *b) {
  if (a->n != b->n)
    return false;
  for (size_t i = 0; i < a->n; i++) {
    const struct value *other = params_get(b, a->items[i].name);
    double left, right;
    if (!other || !value_to_double(&a->items[i].value, &left) || !value_to_double(other, &right) ||
        !same_number(left, right))
      return false;
  }
  return true;
}

static bool same_diaries(const struct diary *a, const struct diary *b) {
  bool same = a->n == b->n;
  for (size_t i = 0; same && i < a->n; i++)
    same = a->items[i].event == b->items[i].event && a->items[i].epoch == b->items[i].epoch &&
           same_number(a->items[i].value, b->items[i].value) &&
           same_metrics(&a->items[i].metrics, &b->items[i].metrics) &&
           strcmp(a->items[i].reason, b->items[i].reason) == 0;
  return same;
}

static void take_reports(struct trainer *t, struct diary *of_slot) {
  struct train_report r;
  while (t->ops->report(t, &r))
    note(&of_slot[r.slot], &r);
}

static bool over(const struct diary *d) {
  return d->n && (d->items[d->n - 1].event == SLOT_FINISHED || d->items[d->n - 1].event == SLOT_FAILED);
}

static struct trainer *open_trainer(const char *name, const struct data *d, size_t slots, int threads) {
  struct trainer_options o = {.data = d, .slots = slots, .threads = threads};
  struct trainer *t = NULL;
  REQUIRE(trainer_open(&t, name, &o) == OK);
  return t;
}

/* ---- unbroken and broken runs ---- */

static void run_unbroken(const char *name, const struct data *d, const struct spec *spec, struct diary *diary,
                         struct state *last) {
  struct trainer *t = open_trainer(name, d, 1, 1);
  REQUIRE(t->ops->admit(t, 0, spec, NULL, spec->epochs) == OK);
  for (int i = 0; i < 100000 && !over(diary); i++) {
    REQUIRE(t->ops->advance(t, 10) == OK);
    take_reports(t, diary);
  }
  state_init(last);
  REQUIRE(t->ops->snapshot(t, 0, last) == OK);
  trainer_close(t);
}

/* Advances by single units; now and then the state moves to another slot of a fresh trainer, in which neighbours train
 * something else. */
static void run_broken(const char *name, const struct data *d, const struct spec *spec, size_t slots, struct rng *rng,
                       struct diary *diary, struct state *last, size_t *moves) {
  struct state state;
  bool begun = false;
  state_init(&state);
  for (int life = 0; life < 1000 && !over(diary); life++) {
    struct trainer *t = open_trainer(name, d, slots, 1);
    size_t mine = (size_t)rng_below(rng, slots);
    struct diary of_slot[4] = {{0}};
    for (size_t i = 0; i < slots; i++) {
      struct spec other = *spec;
      other.key = rng_key("neighbour", i);
      REQUIRE(t->ops->admit(t, i, i == mine ? spec : &other, i == mine && begun ? &state : NULL, spec->epochs) == OK);
    }
    uint64_t units = life < 8 ? 1 + rng_below(rng, 9) : 1000000;
    for (uint64_t k = 0; k < units && !over(&of_slot[mine]); k++) {
      REQUIRE(t->ops->advance(t, 0) == OK);
      take_reports(t, of_slot);
    }
    state_free(&state);
    REQUIRE(t->ops->snapshot(t, mine, &state) == OK);
    begun = true;
    for (size_t i = 0; i < of_slot[mine].n; i++)
      note(diary, &of_slot[mine].items[i]);
    free(of_slot[mine].items);
    of_slot[mine] = (struct diary){0};
    for (size_t i = 0; i < slots; i++)
      diary_free(&of_slot[i]);
    trainer_close(t);
    (*moves)++;
  }
  *last = state;
}

static void check_equal(const char *name, const struct data *d, const struct spec *spec, size_t slots, uint64_t seed) {
  struct diary whole = {0}, broken = {0};
  struct state end, other;
  struct rng rng = rng_of(rng_key("moments", seed));
  size_t moves = 0;
  run_unbroken(name, d, spec, &whole, &end);
  run_broken(name, d, spec, slots, &rng, &broken, &other, &moves);
  CHECK(moves > 3);
  CHECK(whole.n >= (size_t)spec->epochs + 1 || spec->early_stop > 0);
  CHECK(whole.items[whole.n - 1].event == SLOT_FINISHED);
  if (!same_diaries(&whole, &broken) || state_crc(&end) != state_crc(&other))
    printf("\n    %s: optimizer %d, schedule %d, %zu slots ", name, (int)spec->optimizer, (int)spec->rate, slots);
  CHECK(same_diaries(&whole, &broken));
  CHECK(state_crc(&end) == state_crc(&other));
  diary_free(&whole);
  diary_free(&broken);
  state_free(&end);
  state_free(&other);
}

static void test_interrupted_runs_are_equal(void) {
  struct data d = make_data(true);
  uint64_t seed = 0;
  for (size_t i = 0; i < N_TRAINERS; i++)
    for (int o = 0; o <= OPTIMIZER_rmsprop; o++)
      for (int r = 0; r <= RATE_plateau; r++)
        for (size_t slots = 1; slots <= 4; slots += 3) {
          struct spec spec = make_spec((enum optimizer)o, (enum rate)r, ++seed);
          check_equal(trainers[i], &d, &spec, slots, seed);
        }
}

static void test_interrupted_early_stop_and_regression(void) {
  struct data classes = make_data(true), values = make_data(false);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    struct spec spec = make_spec(OPTIMIZER_sgd, RATE_constant, 7);
    spec.epochs = 60;
    spec.early_stop = 2;
    check_equal(trainers[i], &classes, &spec, 1, 1);
    strcpy(spec.metric, "val_auc");
    spec.maximize = true;
    check_equal(trainers[i], &classes, &spec, 4, 2);
    spec = make_spec(OPTIMIZER_adam, RATE_plateau, 8);
    spec.batch_norm = false;
    spec.outputs = 1;
    spec.loss = LOSS_mse;
    strcpy(spec.metric, "val_rmse");
    check_equal(trainers[i], &values, &spec, 4, 3);
  }
}

/* The moments of the test above must include the middle of an epoch and of a validation. */
static void test_snapshots_in_the_middle(void) {
  struct data d = make_data(true);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    struct spec spec = make_spec(OPTIMIZER_adam, RATE_cosine, 5);
    struct trainer *t = open_trainer(trainers[i], &d, 1, 1);
    struct diary diary = {0};
    bool in_epoch = false, in_validation = false;
    REQUIRE(t->ops->admit(t, 0, &spec, NULL, spec.epochs) == OK);
    for (int k = 0; k < 10000 && !over(&diary); k++) {
      struct state state;
      int64_t position;
      size_t before = diary.n;
      state_init(&state);
      REQUIRE(t->ops->advance(t, 0) == OK);
      take_reports(t, &diary);
      REQUIRE(t->ops->snapshot(t, 0, &state) == OK);
      REQUIRE(state_take_i64(&state, "position", &position) == OK);
      in_epoch = in_epoch || (position > 0 && position < TRAIN);
      in_validation = in_validation || (position == TRAIN && diary.n == before);
      state_free(&state);
    }
    CHECK(in_epoch);
    CHECK(in_validation);
    diary_free(&diary);
    trainer_close(t);
  }
}

static void test_threads_are_a_fixed_arithmetic(void) {
  struct data d = make_data(true);
  struct spec spec = make_spec(OPTIMIZER_adam, RATE_constant, 4);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    uint32_t crc[2];
    for (int k = 0; k < 2; k++) {
      struct trainer *t = open_trainer(trainers[i], &d, 1, 3);
      struct diary diary = {0};
      struct state state;
      state_init(&state);
      REQUIRE(t->ops->admit(t, 0, &spec, NULL, spec.epochs) == OK);
      for (int n = 0; n < 100000 && !over(&diary); n++) {
        REQUIRE(t->ops->advance(t, k ? 10 : 0) == OK);
        take_reports(t, &diary);
      }
      REQUIRE(t->ops->snapshot(t, 0, &state) == OK);
      crc[k] = state_crc(&state);
      state_free(&state);
      diary_free(&diary);
      trainer_close(t);
    }
    CHECK(crc[0] == crc[1]);
  }
}

/* ---- rungs ---- */

static void until_idle(struct trainer *t, struct diary *diary, enum slot_event event) {
  for (int i = 0; i < 100000 && !(diary->n && diary->items[diary->n - 1].event == event); i++) {
    REQUIRE(t->ops->advance(t, 0.01) == OK);
    take_reports(t, diary);
  }
}

static void test_reached_and_extended(void) {
  struct data d = make_data(true);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    struct spec spec = make_spec(OPTIMIZER_adam, RATE_cosine, 4);
    struct diary whole = {0}, rungs = {0};
    struct state end, other, at_rung;
    run_unbroken(trainers[i], &d, &spec, &whole, &end);
    struct trainer *t = open_trainer(trainers[i], &d, 1, 1);
    REQUIRE(t->ops->admit(t, 0, &spec, NULL, 2) == OK);
    until_idle(t, &rungs, SLOT_REACHED);
    CHECK(rungs.n == 3 && rungs.items[2].epoch == 2);
    double best = fmin(rungs.items[0].value, rungs.items[1].value);
    CHECK(rungs.items[2].value == best); /* rungs compare the running best */
    size_t before = rungs.n;
    REQUIRE(t->ops->advance(t, 0.01) == OK);
    take_reports(t, &rungs);
    CHECK(rungs.n == before); /* it rests */
    state_init(&at_rung);
    REQUIRE(t->ops->snapshot(t, 0, &at_rung) == OK);
    REQUIRE(t->ops->extend(t, 0, 6) == OK);
    until_idle(t, &rungs, SLOT_FINISHED);
    state_init(&other);
    REQUIRE(t->ops->snapshot(t, 0, &other) == OK);
    CHECK(state_crc(&end) == state_crc(&other));
    CHECK(same_number(rungs.items[rungs.n - 1].value, whole.items[whole.n - 1].value));
    t->ops->evict(t, 0);
    diary_free(&rungs);
    REQUIRE(t->ops->admit(t, 0, &spec, &at_rung, 2) == OK); /* is already there */
    take_reports(t, &rungs);
    CHECK(rungs.n == 1 && rungs.items[0].event == SLOT_REACHED && rungs.items[0].value == best);
    trainer_close(t);
    diary_free(&whole);
    diary_free(&rungs);
    state_free(&end);
    state_free(&other);
    state_free(&at_rung);
  }
}

/* ---- what a slot trains ---- */

/* An epoch written out: rows in the permuted order, one batch after the other. */
static double replay_epoch(struct net *net, const struct backend *b, const struct spec *spec, int64_t epoch, float *w,
                           float *statistics, float *m, float *v) {
  static float px[TRAIN * WIDTH], pweight[TRAIN];
  static int32_t plabel[TRAIN];
  struct rng_key order = rng_child(spec->key, RNG_SHUFFLE, (uint64_t)epoch);
  struct rate_state rate = rate_start();
  int64_t batches = (TRAIN + spec->batch - 1) / spec->batch;
  double loss = 0, total = 0;
  for (size_t i = 0; i < TRAIN; i++) {
    size_t from = rng_permute(order, TRAIN, i);
    memcpy(px + i * WIDTH, x + from * WIDTH, WIDTH * sizeof *x);
    plabel[i] = label[from];
    pweight[i] = weight[from];
  }
  for (int64_t k = 0; k < batches; k++) {
    size_t first = (size_t)(k * spec->batch), n = TRAIN - first;
    struct net_rows rows = {.x = px, .label = plabel, .weight = pweight, .all = TRAIN, .first = first};
    struct net_sums sums = {{0, 0}, 0};
    float *gradient;
    rows.n = n < (size_t)spec->batch ? n : (size_t)spec->batch;
    int64_t step = epoch * batches + k;
    REQUIRE(net_gradient(net, &rows, step, w, statistics, &gradient, &sums) == OK);
    optim_apply(spec, b, rate_at(spec, &rate, epoch, k, batches), step + 1, sums.loss.weight, net->n_weights, gradient,
                w, m, v);
    loss += sums.loss.loss;
    total += sums.loss.weight;
  }
  return loss / total;
}

static void test_steps_are_those_of_net_and_optim(void) {
  struct data d = make_data(true);
  struct spec spec = make_spec(OPTIMIZER_adamw, RATE_cosine, 11);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    struct diary diary = {0};
    struct state end;
    struct net *net;
    struct threads *t;
    const struct backend *b;
    run_unbroken(trainers[i], &d, &spec, &diary, &end);
    REQUIRE(backend_find("cpu", &b) == OK);
    REQUIRE(threads_open(&t, 1) == OK);
    REQUIRE(net_open(&net, &spec, b, t, NULL) == OK);
    CHECK(net->n_weights == (size_t)spec_weights(&spec));
    size_t n = net->n_weights;
    float *w = MEM_NEW_ARRAY(float, 5 * n), *m = w + n, *v = m + n, *statistics = v + n, *trained = statistics + n;
    net_init(net, w, statistics);
    for (int64_t epoch = 0; epoch < spec.epochs; epoch++) {
      double loss = replay_epoch(net, b, &spec, epoch, w, statistics, m, v);
      CHECK_NEAR(loss, params_double(&diary.items[epoch].metrics, "train_loss", -1), 1e-12);
    }
    REQUIRE(state_take(&end, "weights", STATE_F32, trained, n) == OK);
    CHECK(memcmp(w, trained, n * sizeof *w) == 0);
    free(w);
    net_close(net);
    threads_close(t);
    diary_free(&diary);
    state_free(&end);
  }
}

/* ---- reports say what they should ---- */

static void test_reports(void) {
  struct data d = make_data(true);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    struct spec spec = make_spec(OPTIMIZER_adam, RATE_step, 4);
    struct diary diary = {0};
    struct state end;
    run_unbroken(trainers[i], &d, &spec, &diary, &end);
    REQUIRE(diary.n == 7);
    double best = (double)INFINITY;
    int64_t best_epoch = 0;
    for (size_t k = 0; k < 6; k++) {
      const struct train_report *r = &diary.items[k];
      CHECK(r->event == SLOT_EPOCH && r->epoch == (int64_t)k + 1);
      CHECK(r->value == params_double(&r->metrics, "val_loss", -1));
      CHECK(params_double(&r->metrics, "train_loss", -1) > 0);
      CHECK(params_double(&r->metrics, "val_auc", -1) > 0.5);
      CHECK_NEAR(params_double(&r->metrics, "lr", -1), 0.01 * pow(0.7, (double)(k / 2)), 1e-12);
      if (r->value < best) {
        best = r->value;
        best_epoch = r->epoch;
      }
    }
    const struct train_report *last = &diary.items[6];
    CHECK(last->event == SLOT_FINISHED && last->value == best);
    CHECK(params_double(&last->metrics, "best_epoch", -1) == (double)best_epoch);
    CHECK(params_double(&last->metrics, "val_loss", -1) == best); /* evaluated again with the kept weights */
    CHECK(params_double(&last->metrics, "test_a_loss", -1) > 0);
    CHECK(params_double(&last->metrics, "test_b_auc", -1) > 0.5);
    diary_free(&diary);
    state_free(&end);
  }
}

static void test_early_stop(void) {
  struct data d = make_data(true);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    struct spec spec = make_spec(OPTIMIZER_sgd, RATE_constant, 7);
    struct diary diary = {0};
    struct state end;
    spec.epochs = 200;
    spec.early_stop = 3;
    run_unbroken(trainers[i], &d, &spec, &diary, &end);
    const struct train_report *last = &diary.items[diary.n - 1];
    CHECK(last->event == SLOT_FINISHED && last->epoch < 200);
    CHECK((double)last->epoch == params_double(&last->metrics, "best_epoch", -1) + 3);
    diary_free(&diary);
    state_free(&end);
  }
}

/* ---- trials that fail ---- */

static void test_failures_leave_neighbours_alone(void) {
  struct data d = make_data(true);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    struct spec good = make_spec(OPTIMIZER_adam, RATE_constant, 4), bad = good;
    struct diary alone = {0}, of_slot[2] = {{0}};
    struct state end, other, failed;
    bad.optimizer = OPTIMIZER_sgd;
    bad.momentum = 0;
    bad.nesterov = false;
    bad.clip = 0;
    bad.batch_norm = false;
    bad.lr = 1e25;
    run_unbroken(trainers[i], &d, &good, &alone, &end);
    struct trainer *t = open_trainer(trainers[i], &d, 2, 1);
    REQUIRE(t->ops->admit(t, 0, &bad, NULL, bad.epochs) == OK);
    REQUIRE(t->ops->admit(t, 1, &good, NULL, good.epochs) == OK);
    for (int n = 0; n < 100000 && !(over(&of_slot[0]) && over(&of_slot[1])); n++) {
      REQUIRE(t->ops->advance(t, 0) == OK);
      take_reports(t, of_slot);
    }
    const struct train_report *r = &of_slot[0].items[of_slot[0].n - 1];
    CHECK(r->event == SLOT_FAILED && isnan(r->value));
    CHECK(test_text_contains(r->reason, "epoch 1"));
    CHECK(test_text_contains(r->reason, "step "));
    CHECK(test_text_contains(r->reason, "1e+25") || test_text_contains(r->reason, "e+24"));
    state_init(&other);
    REQUIRE(t->ops->snapshot(t, 1, &other) == OK);
    CHECK(state_crc(&end) == state_crc(&other));
    CHECK(same_diaries(&alone, &of_slot[1]));
    state_init(&failed);
    REQUIRE(t->ops->snapshot(t, 0, &failed) == OK);
    t->ops->evict(t, 0);
    REQUIRE(t->ops->admit(t, 0, &bad, &failed, bad.epochs) == OK); /* stays failed, with its reason */
    diary_free(&of_slot[0]);
    take_reports(t, of_slot);
    CHECK(of_slot[0].n == 1 && of_slot[0].items[0].event == SLOT_FAILED);
    CHECK(test_text_contains(of_slot[0].items[0].reason, "learning rate"));
    trainer_close(t);
    diary_free(&alone);
    diary_free(&of_slot[0]);
    diary_free(&of_slot[1]);
    state_free(&end);
    state_free(&other);
    state_free(&failed);
  }
}

static void test_refused(void) {
  struct data d = make_data(true);
  for (size_t i = 0; i < N_TRAINERS; i++) {
    struct spec spec = make_spec(OPTIMIZER_adam, RATE_constant, 4), wider = spec;
    struct trainer *t = open_trainer(trainers[i], &d, 1, 1);
    struct state state;
    state_init(&state);
    wider.inputs = 6;
    CHECK(t->ops->admit(t, 0, &wider, NULL, 1) == ERR_INPUT);
    err_clear();
    REQUIRE(t->ops->admit(t, 0, &spec, NULL, 6) == OK);
    CHECK(t->ops->admit(t, 0, &spec, NULL, 6) == ERR_BUG);
    err_clear();
    REQUIRE(t->ops->snapshot(t, 0, &state) == OK);
    t->ops->evict(t, 0);
    wider = spec;
    wider.hidden[0].width = 10;
    CHECK(t->ops->admit(t, 0, &wider, &state, 6) == ERR_DAMAGED);
    err_clear();
    state_put_i64(&state, "position", TRAIN + 1);
    CHECK(t->ops->admit(t, 0, &spec, &state, 6) == ERR_DAMAGED);
    err_clear();
    state_put_i64(&state, "position", 0);
    CHECK(t->ops->admit(t, 0, &spec, &state, 6) == OK); /* the slot is free after a refusal */
    state_free(&state);
    trainer_close(t);
  }
}

/* ---- prediction ---- */

static void test_predict(void) {
  struct data d = make_data(true);
  struct spec spec = make_spec(OPTIMIZER_adam, RATE_constant, 4);
  struct diary diary = {0};
  struct state end;
  static float out[VALIDATION * 3];
  run_unbroken(trainers[0], &d, &spec, &diary, &end);
  REQUIRE(trainer_predict(&spec, &end, x + TRAIN * WIDTH, VALIDATION, out) == OK);
  double loss = 0, total = 0;
  for (size_t i = 0; i < VALIDATION; i++) {
    CHECK_NEAR(out[3 * i] + out[3 * i + 1] + out[3 * i + 2], 1, 1e-6);
    loss -= (double)weight[TRAIN + i] * log((double)out[3 * i + (size_t)label[TRAIN + i]]);
    total += (double)weight[TRAIN + i];
  }
  CHECK_NEAR(loss / total, diary.items[diary.n - 1].value, 1e-6);
  CHECK_TEXT(trainer_for(&spec, "cpu"), "net");
  CHECK(strlen(trainer_kernels()) > 3);
  diary_free(&diary);
  state_free(&end);
}

int main(void) {
  return TEST_MAIN(
      "trainer",
      {"interrupted runs are equal: every optimizer and schedule, 1 and 4 slots", test_interrupted_runs_are_equal},
      {"interrupted early stops and regressions are equal", test_interrupted_early_stop_and_regression},
      {"snapshots in the middle of an epoch and of a validation", test_snapshots_in_the_middle},
      {"threads are a fixed arithmetic", test_threads_are_a_fixed_arithmetic},
      {"epochs reached and extended", test_reached_and_extended},
      {"steps are those of net and optim", test_steps_are_those_of_net_and_optim}, {"reports", test_reports},
      {"early stop", test_early_stop}, {"failures leave neighbours alone", test_failures_leave_neighbours_alone},
      {"what is refused", test_refused}, {"prediction", test_predict});
}
