/* From the text of a study file and a point to what is trained. */
#include "nn/spec.h"

#include <stdio.h>
#include <string.h>

#include "nn/data.h"
#include "testing.h"

static char train_name[] = "train", val_name[] = "val", test_name[] = "test";
static char light[] = "light", c_jets[] = "c", b_jets[] = "b";
static char *class_names[] = {light, c_jets, b_jets};
static double class_sums[] = {600, 300, 100};

/* 36 inputs; three classes, two, or numbers. */
static struct data some_data(size_t n_classes) {
  struct data d = {.width = 36,
                   .n_classes = n_classes,
                   .classes = class_names,
                   .class_weight = class_sums,
                   .part_name = {train_name, val_name, test_name},
                   .n_parts = 3};
  return d;
}

/* The spec of a study file at a point. */
static enum err spec_of(const char *text, const struct params *point, size_t n_classes, struct spec *spec) {
  struct settings *conf = NULL, *resolved = NULL;
  struct complaints c;
  struct data data = some_data(n_classes);
  complaints_init(&c);
  settings_read_text(&conf, text, "test", NULL, 0, &c);
  for (size_t i = 0; i < c.n; i++)
    printf("%s\n", c.lines[i]);
  REQUIRE(c.n == 0);
  err_clear();
  REQUIRE(settings_resolve(conf, point, &resolved) == OK);
  enum err e = spec_from_settings(spec, resolved, &data, rng_key("spec", 7), false);
  settings_free(resolved);
  settings_free(conf);
  complaints_free(&c);
  return e;
}

static struct params no_point(void) {
  struct params p;
  params_init(&p);
  return p;
}

static void test_defaults(void) {
  struct spec s;
  struct params p = no_point();
  REQUIRE(spec_of("", &p, 3, &s) == OK);
  CHECK(s.inputs == 36 && s.outputs == 3 && s.loss == LOSS_softmax);
  CHECK(s.n_hidden == 2 && s.hidden[0].width == 64 && s.hidden[1].width == 64);
  CHECK(s.hidden[1].activation == ACTIVATION_relu && s.hidden[1].dropout == 0);
  CHECK(!s.batch_norm && s.init == INIT_glorot_uniform);
  CHECK(s.epochs == 20 && s.batch == 500 && s.piece == 256);
  CHECK(s.optimizer == OPTIMIZER_adam && s.rate == RATE_constant && s.plateau.monitor == MONITOR_val_loss);
  CHECK_NEAR(s.lr, 0.001, 0);
  CHECK_NEAR(s.beta1, 0.9, 0);
  CHECK_NEAR(s.beta2, 0.999, 0);
  CHECK_NEAR(s.epsilon, 1e-8, 0);
  CHECK(s.value_is_best && !s.maximize);
  CHECK_TEXT(s.metric, "val_loss");
  CHECK(s.class_weights[0] == 1 && s.class_weights[2] == 1);
}

static void test_every_key_arrives(void) {
  struct spec s;
  struct params p = no_point();
  REQUIRE(spec_of("study = { metric = \"val_accuracy\"; };"
                  "model = { hidden = (8, 4); activation = (\"tanh\", \"gelu\"); dropout = (0.1, 0.2);"
                  "  batch_norm = true; init = \"he_normal\"; };"
                  "train = { epochs = 7; batch = 33; optimizer = \"sgd\"; lr = 0.5; momentum = 0.9; nesterov = true;"
                  "  beta1 = 0.8; beta2 = 0.95; rho = 0.7; epsilon = 1e-5; weight_decay = 0.01; clip = 2.0;"
                  "  lr_schedule = \"plateau\"; lr_factor = 0.3; lr_every = 4; lr_min = 1e-4; warmup = 1.5;"
                  "  plateau = { monitor = \"train_loss\"; factor = 0.8; patience = 3; cooldown = 5; minimum = 1e-6;"
                  "    threshold = 1e-3; };"
                  "  early_stop = 6; class_weights = (1, 2.5, 0); value = \"last\"; piece = 128; };",
                  &p, 3, &s) == OK);
  CHECK(s.hidden[0].activation == ACTIVATION_tanh && s.hidden[1].activation == ACTIVATION_gelu);
  CHECK_NEAR(s.hidden[0].dropout, 0.1, 0);
  CHECK_NEAR(s.hidden[1].dropout, 0.2, 0);
  CHECK(s.batch_norm && s.init == INIT_he_normal);
  CHECK(s.epochs == 7 && s.batch == 33 && s.optimizer == OPTIMIZER_sgd && s.nesterov && s.piece == 128);
  CHECK(s.lr == 0.5 && s.momentum == 0.9 && s.beta1 == 0.8 && s.beta2 == 0.95 && s.rho == 0.7);
  CHECK(s.epsilon == 1e-5 && s.weight_decay == 0.01 && s.clip == 2);
  CHECK(s.rate == RATE_plateau && s.lr_factor == 0.3 && s.lr_every == 4 && s.lr_min == 1e-4 && s.warmup == 1.5);
  CHECK(s.plateau.monitor == MONITOR_train_loss && s.plateau.factor == 0.8 && s.plateau.patience == 3);
  CHECK(s.plateau.cooldown == 5 && s.plateau.minimum == 1e-6 && s.plateau.threshold == 1e-3);
  CHECK(s.early_stop == 6 && !s.value_is_best);
  CHECK(s.class_weights[0] == 1 && s.class_weights[1] == 2.5 && s.class_weights[2] == 0);
  CHECK_TEXT(s.metric, "val_accuracy");
}

static void test_point_fills_in(void) {
  struct spec s;
  struct params p = no_point();
  params_set(&p, "w1", value_int(72));
  params_set(&p, "w2", value_int(0));
  params_set(&p, "act", value_text("swish"));
  params_set(&p, "drop", value_float(0.25));
  params_set(&p, "lr", value_float(0.02));
  params_set(&p, "bn", value_bool(true));
  REQUIRE(spec_of("space = { w1 = { low = 1; high = 99; }; w2 = { low = 0; high = 99; };"
                  "  act = { choices = (\"relu\", \"swish\"); }; drop = { low = 0.0; high = 0.5; };"
                  "  lr = { low = 1e-4; high = 0.1; }; bn = { choices = (true, false); }; };"
                  "model = { hidden = (\"@w1\", \"@w2\", 24); activation = \"@act\"; dropout = (0.1, 0.2, \"@drop\");"
                  "  batch_norm = \"@bn\"; };"
                  "train = { lr = \"@lr\"; };",
                  &p, 3, &s) == OK);
  CHECK(s.n_hidden == 2); /* the layer of width 0 is left out, and its dropout with it */
  CHECK(s.hidden[0].width == 72 && s.hidden[1].width == 24);
  CHECK(s.hidden[0].activation == ACTIVATION_swish && s.hidden[1].activation == ACTIVATION_swish);
  CHECK(s.hidden[0].dropout == 0.1 && s.hidden[1].dropout == 0.25);
  CHECK(s.lr == 0.02 && s.batch_norm);
  params_free(&p);
}

static void test_losses(void) {
  struct spec s;
  struct params p = no_point();
  REQUIRE(spec_of("model = { loss = \"sigmoid\"; };", &p, 2, &s) == OK);
  CHECK(s.loss == LOSS_sigmoid && s.outputs == 1);
  REQUIRE(spec_of("", &p, 0, &s) == OK);
  CHECK(s.loss == LOSS_mse && s.outputs == 1);
  REQUIRE(spec_of("model = { loss = \"mae\"; };", &p, 0, &s) == OK);
  CHECK(s.loss == LOSS_mae && s.outputs == 1);
  CHECK(spec_of("model = { loss = \"sigmoid\"; };", &p, 3, &s) == ERR_INPUT);
  CHECK(spec_of("model = { loss = \"softmax\"; };", &p, 0, &s) == ERR_INPUT);
  CHECK(spec_of("model = { loss = \"mse\"; };", &p, 3, &s) == ERR_INPUT);
  err_clear();
}

static void test_balanced(void) {
  struct spec s;
  struct params p = no_point();
  REQUIRE(spec_of("train = { class_weights = \"balanced\"; };", &p, 3, &s) == OK);
  CHECK_NEAR(s.class_weights[0], 1000.0 / (3 * 600), 1e-15);
  CHECK_NEAR(s.class_weights[1], 1000.0 / (3 * 300), 1e-15);
  CHECK_NEAR(s.class_weights[2], 1000.0 / (3 * 100), 1e-15);
  class_sums[1] = 0;
  CHECK(spec_of("train = { class_weights = \"balanced\"; };", &p, 3, &s) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "class c"));
  class_sums[1] = 300;
  err_clear();
}

static void test_what_no_network_can_be(void) {
  static const struct {
    const char *text, *says;
  } bad[] = {
      {"model = { hidden = (8, 4); dropout = (0.1, 0.1, 0.1); };", "model.dropout has 3 values but model.hidden has 2"},
      {"model = { hidden = (8, 4); activation = (\"relu\"); };", "model.activation has 1 values"},
      {"train = { optimizer = \"sgd\"; nesterov = true; };", "train.momentum"},
      {"train = { class_weights = (1, 2); };", "the data have 3 classes"},
      {"study = { metric = \"val_rmse\"; };", "val_rmse is not a metric"},
      {"study = { metric = \"test_auc\"; };", "validation"},
  };
  struct spec s;
  struct params p = no_point();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(spec_of(bad[i].text, &p, 3, &s) == ERR_INPUT);
    CHECK(test_text_contains(err_text(), bad[i].says));
    if (!test_text_contains(err_text(), bad[i].says))
      printf("%s: %s\n", bad[i].text, err_text());
  }
  err_clear();
}

/* 56,087 trainable numbers and 323 kFLOP a jet: the figures published for the shape of DL1r. */
static void test_counts_of_dl1r(void) {
  struct spec s;
  struct params p = no_point();
  REQUIRE(spec_of("model = { hidden = (256, 128, 60, 48, 36, 24, 12, 6); };", &p, 3, &s) == OK);
  CHECK(spec_weights(&s) == 56087);
  s.inputs = 44;
  CHECK_NEAR(spec_flops(&s), 323e3, 500); /* with 44 inputs, 256-128-60-48-36-24-12-6 */
  REQUIRE(spec_of("model = { hidden = (72, 57, 60, 48, 36, 24, 12, 6); };", &p, 3, &s) == OK);
  s.inputs = 44;
  CHECK(spec_weights(&s) == 16860);
  CHECK_NEAR(spec_flops(&s), 92916, 0);
  s.batch_norm = true;
  CHECK(spec_weights(&s) == 16860 + 2 * (72 + 57 + 60 + 48 + 36 + 24 + 12 + 6));
  s.n_hidden = 0; /* logistic regression */
  CHECK(spec_weights(&s) == 45 * 3);
  CHECK_NEAR(spec_flops(&s), 4 * 44 * 3, 0);
}

int main(void) {
  return TEST_MAIN("spec", {"defaults", test_defaults}, {"every key arrives", test_every_key_arrives},
                   {"a point fills in", test_point_fills_in}, {"losses", test_losses},
                   {"balanced class weights", test_balanced}, {"what no network can be", test_what_no_network_can_be},
                   {"counts of DL1r", test_counts_of_dl1r});
}
