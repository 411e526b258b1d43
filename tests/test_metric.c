/* Metrics against definitions written out the slow way, against scikit-learn, and at their edges. */
#include "nn/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "conf/settings.h"
#include "nn/spec.h"
#include "testing.h"

#define MAX_ROWS 512

/* A sample made in the test: train (empty), val, and one named test part with the same rows. */
struct sample {
  struct data data;
  int32_t label[MAX_ROWS];
  float target[MAX_ROWS], weight[MAX_ROWS], logits[MAX_ROWS * 4];
  char *classes[4];
};

static char train_name[] = "train", val_name[] = "val", test_name[] = "test_ttbar";
static char light[] = "light", c_jets[] = "c", b_jets[] = "b", tau[] = "tau";

static struct sample *sample_new(size_t n, size_t n_classes, bool weighted) {
  struct sample *s = MEM_NEW(struct sample);
  char *names[] = {light, c_jets, b_jets, tau};
  memcpy(s->classes, names, sizeof names);
  s->data = (struct data){.label = n_classes ? s->label : NULL,
                          .target = n_classes ? NULL : s->target,
                          .weight = weighted ? s->weight : NULL,
                          .rows = n,
                          .n_classes = n_classes,
                          .classes = s->classes,
                          .n_parts = 3};
  char *parts[] = {train_name, val_name, test_name};
  memcpy(s->data.part_name, parts, sizeof parts);
  s->data.part[PART_VALIDATION] = s->data.part[PART_TEST] = (struct range){0, n};
  return s;
}

/* The same sample as in scripts/peers/metric_reference.py. */
static struct sample *reference_sample(size_t n_classes, bool weighted) {
  struct sample *s = sample_new(200, n_classes, weighted);
  for (int i = 0; i < 200; i++) {
    s->label[i] = n_classes ? (i * 7 + i / 3) % (int)n_classes : 0;
    s->weight[i] = 0.25f * (float)(i % 5);
    for (int k = 0; k < (int)n_classes; k++)
      s->logits[i * (int)n_classes + k] =
          0.25f * (float)((i * 37 + k * 11 + i * i * 3) % 29 - 14) + (k == s->label[i] ? 1.5f : 0);
  }
  return s;
}

static struct params all_metrics(const struct sample *s, enum part part, size_t outputs, int loss,
                                 const struct params *tag) {
  struct params out;
  params_init(&out);
  CHECK(metric_all(&s->data, part, s->logits, outputs, loss, tag, &out) == OK);
  return out;
}

static double metric_of(const struct params *p, const char *name) {
  CHECK(params_get(p, name) != NULL);
  return params_double(p, name, (double)NAN);
}

static void check_reference(size_t n_classes, bool weighted, double loss, double accuracy, double area) {
  struct sample *s = reference_sample(n_classes, weighted);
  struct params m = all_metrics(s, PART_VALIDATION, n_classes, LOSS_softmax, NULL);
  CHECK_NEAR(metric_of(&m, "val_loss"), loss, 1e-12);
  CHECK_NEAR(metric_of(&m, "val_accuracy"), accuracy, 1e-12);
  CHECK_NEAR(metric_of(&m, "val_auc"), area, 1e-12);
  params_free(&m);
  free(s);
}

/* scikit-learn 1.9.1, as printed by scripts/peers/metric_reference.py */
static void test_scikit_learn_classes(void) {
  check_reference(2, false, 0.992439944449616, 0.455, 0.785209291886433);
  check_reference(2, true, 1.00398144261736, 0.455, 0.775345911949686);
  check_reference(3, false, 1.61657965951922, 0.32, 0.712902507285854);
  check_reference(3, true, 1.52858923364169, 0.345, 0.739339570241845);
}

static void check_rejections(bool weighted, double of_light, double of_c) {
  struct sample *s = reference_sample(3, weighted);
  struct params tag;
  params_init(&tag);
  params_set(&tag, "b.c", value_float(0.018));
  params_set(&tag, "b@77", value_float(77));
  params_set(&tag, "b@60", value_float(60));
  struct params m = all_metrics(s, PART_TEST, 3, LOSS_softmax, &tag);
  CHECK_NEAR(metric_of(&m, "test_ttbar_light_rej@b77"), of_light, 1e-12);
  CHECK_NEAR(metric_of(&m, "test_ttbar_c_rej@b60"), of_c, 1e-12);
  params_set(&tag, "b.light", value_float(0.982)); /* what was left of 1 anyway */
  struct params same = all_metrics(s, PART_TEST, 3, LOSS_softmax, &tag);
  CHECK(params_equal(&m, &same));
  params_free(&same);
  params_free(&tag);
  params_free(&m);
  free(s);
}

static void test_rejections_by_definition(void) {
  check_rejections(false, 2.68, 3.04545454545455);
  check_rejections(true, 2.68, 3.21428571428571);
}

static void test_scikit_learn_numbers(void) {
  struct sample *s = sample_new(200, 0, true);
  for (int i = 0; i < 200; i++) {
    s->target[i] = 0.5f * (float)(i * 13 % 31);
    s->logits[i] = s->target[i] + 0.125f * (float)(i * 17 % 23 - 11);
    s->weight[i] = 0.25f * (float)(i % 5);
  }
  struct params m = all_metrics(s, PART_VALIDATION, 1, LOSS_mse, NULL);
  CHECK_NEAR(metric_of(&m, "val_rmse"), 0.832517830139391, 1e-12);
  CHECK_NEAR(metric_of(&m, "val_loss"), 0.832517830139391 * 0.832517830139391, 1e-12);
  CHECK_NEAR(metric_of(&m, "val_r2"), 0.965743377020712, 1e-12);
  CHECK(params_get(&m, "val_auc") == NULL);
  params_free(&m);
  m = all_metrics(s, PART_VALIDATION, 1, LOSS_mae, NULL);
  CHECK_NEAR(metric_of(&m, "val_loss"), 0.7209375, 1e-12);
  params_free(&m);
  free(s);
}

/* Every pair of a positive and a negative. */
static double slow_auc(const double *score, const unsigned char *positive, const float *weight, size_t n) {
  double above = 0, pairs = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      if (positive[i] && !positive[j]) {
        double w = weight ? (double)weight[i] * (double)weight[j] : 1;
        above += w * (score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0);
        pairs += w;
      }
  return above / pairs;
}

static void test_auc_of_all_pairs(void) {
  double score[300];
  unsigned char positive[300];
  float weight[300];
  for (uint64_t trial = 0; trial < 60; trial++) {
    struct rng r = rng_of(rng_key("auc", trial));
    size_t n = 2 + rng_below(&r, 298), levels = 1 + rng_below(&r, 40);
    for (size_t i = 0; i < n; i++) {
      positive[i] = i < 2 ? (unsigned char)i : (unsigned char)rng_below(&r, 2);
      /* some with many ties, both zeros among them, some over the whole range of doubles */
      score[i] = trial % 2 ? (double)rng_below(&r, levels) - 3 : rng_normal(&r) * pow(10, 300 * rng_uniform(&r));
      if (trial % 2 && score[i] == 0 && rng_below(&r, 2))
        score[i] = -0.0;
      weight[i] = i < 2 ? 1 : (float)rng_below(&r, 4) * 0.5f;
    }
    CHECK_NEAR(metric_auc(score, positive, NULL, n), slow_auc(score, positive, NULL, n), 1e-12);
    CHECK_NEAR(metric_auc(score, positive, weight, n), slow_auc(score, positive, weight, n), 1e-12);
  }
}

static void test_auc_properties(void) {
  double score[200], turned[200], stretched[200];
  unsigned char positive[200];
  struct rng r = rng_of(rng_key("auc properties", 1));
  for (size_t i = 0; i < 200; i++) {
    score[i] = rng_normal(&r);
    turned[i] = -score[i];
    stretched[i] = score[i] * score[i] * score[i];
    positive[i] = rng_uniform(&r) < 0.3;
  }
  double area = metric_auc(score, positive, NULL, 200);
  CHECK_NEAR(metric_auc(turned, positive, NULL, 200), 1 - area, 1e-12);
  CHECK_NEAR(metric_auc(stretched, positive, NULL, 200), area, 0);
  CHECK_NEAR(metric_auc((double[]){1, 2, 3}, (unsigned char[]){0, 0, 1}, NULL, 3), 1, 0);
  CHECK_NEAR(metric_auc((double[]){5, 5, 5}, (unsigned char[]){0, 1, 1}, NULL, 3), 0.5, 0);
  CHECK(isnan(metric_auc((double[]){1, 2}, (unsigned char[]){1, 1}, NULL, 2)));
  CHECK(isnan(metric_auc((double[]){1, 2}, (unsigned char[]){0, 1}, (float[]){0, 1}, 2)));
  CHECK(isnan(metric_auc(NULL, NULL, NULL, 0)));
}

/* Rows on the cut pass: the cut is the highest score that so much of the signal has or exceeds. */
static double slow_rejection(const double *d, const int32_t *label, const float *weight, size_t n, int32_t signal,
                             int32_t background, double percent) {
  double cut = -HUGE_VAL, passed = 0, total = 0, signals = 0;
  size_t count = 0;
  for (size_t i = 0; i < n; i++)
    signals += label[i] == signal ? (double)weight[i] : 0;
  for (size_t i = 0; i < n; i++) {
    double above = 0;
    for (size_t j = 0; j < n; j++)
      above += label[j] == signal && d[j] >= d[i] ? (double)weight[j] : 0;
    if (100 * above >= percent * signals && d[i] > cut)
      cut = d[i];
  }
  for (size_t i = 0; i < n; i++)
    if (label[i] == background) {
      total += (double)weight[i];
      passed += d[i] >= cut ? (double)weight[i] : 0;
      count += weight[i] > 0;
    }
  return passed > 0 ? total / passed : (double)count;
}

static void test_rejections_of_all_cuts(void) {
  static const double points[] = {0.5, 30, 60, 77, 85, 100};
  double d[300], rejection[6 * 3];
  int32_t label[300];
  float weight[300];
  for (uint64_t trial = 0; trial < 40; trial++) {
    struct rng r = rng_of(rng_key("rejection", trial));
    size_t n = 3 + rng_below(&r, 297);
    for (size_t i = 0; i < n; i++) {
      label[i] = i < 3 ? (int32_t)i : (int32_t)rng_below(&r, 3);
      weight[i] = i < 3 ? 1 : (float)rng_below(&r, 3);
      d[i] = label[i] + (trial % 2 ? rng_normal(&r) : (double)rng_below(&r, 6));
    }
    metric_rejections(d, label, weight, n, 3, 2, points, 6, rejection);
    for (size_t p = 0; p < 6; p++)
      for (int32_t k = 0; k < 2; k++)
        CHECK_NEAR(rejection[p * 3 + (size_t)k], slow_rejection(d, label, weight, n, 2, k, points[p]), 1e-12);
  }
}

static void test_rejection_by_hand(void) {
  /* 4 signal rows at 1, 2, 3, 4: half of them pass a cut at 3; of 5 background rows one is at 3 exactly */
  double d[] = {1, 2, 3, 4, 0, 0, 0, 2, 3}, rejection[2], point = 50;
  int32_t label[] = {1, 1, 1, 1, 0, 0, 0, 0, 0};
  metric_rejections(d, label, NULL, 9, 2, 1, &point, 1, rejection);
  CHECK_NEAR(rejection[0], 5, 0);
  point = 25; /* cut at 4: none is mistagged, so it is at least the number of events */
  metric_rejections(d, label, NULL, 9, 2, 1, &point, 1, rejection);
  CHECK_NEAR(rejection[0], 5, 0);
  point = 51; /* cut at 2 */
  metric_rejections(d, label, NULL, 9, 2, 1, &point, 1, rejection);
  CHECK_NEAR(rejection[0], 2.5, 0);
  metric_rejections(d, label, NULL, 4, 2, 1, &point, 1, rejection);
  CHECK(isnan(rejection[0]));
  metric_rejections(d + 4, label + 4, NULL, 5, 2, 1, &point, 1, rejection);
  CHECK(isnan(rejection[0]));
}

/* Probabilities that round to 0 and 1 must neither overflow the loss nor tie in the areas. */
static void test_extreme_logits(void) {
  struct sample *s = sample_new(4, 3, false);
  float logits[] = {900, 0, -900, 905, 0, -900, 0, 1e30f, 0, -1e30f, 0, 50};
  int32_t label[] = {1, 0, 1, 2};
  memcpy(s->logits, logits, sizeof logits);
  memcpy(s->label, label, sizeof label);
  struct params m = all_metrics(s, PART_VALIDATION, 3, LOSS_softmax, NULL);
  CHECK_NEAR(metric_of(&m, "val_loss"), 900.0 / 4, 1e-12);
  CHECK_NEAR(metric_of(&m, "val_accuracy"), 0.75, 0);
  /* light: one row, ranked over the other three, one of which has p_light = 1 too; c: rows 0 and 2 against 1 and 3,
   * log-odds -900, 1e30 against -905, -50; b: alone on top */
  CHECK_NEAR(metric_of(&m, "val_auc"), (1 + 0.75 + 1) / 3, 1e-12);
  params_free(&m);
  free(s);
}

static void test_one_output_is_two_classes(void) {
  struct sample *s = reference_sample(2, true), *one = reference_sample(2, true);
  for (size_t i = 0; i < 200; i++)
    one->logits[i] = s->logits[2 * i + 1] - s->logits[2 * i];
  struct params tag;
  params_init(&tag);
  params_set(&tag, "c@50", value_float(50));
  struct params two = all_metrics(s, PART_VALIDATION, 2, LOSS_softmax, &tag);
  struct params m = all_metrics(one, PART_VALIDATION, 1, LOSS_sigmoid, &tag);
  CHECK(m.n == two.n && m.n == 4);
  for (size_t i = 0; i < m.n; i++)
    CHECK_NEAR(params_double(&two, m.items[i].name, -1), m.items[i].value.as.f, 1e-12);
  params_free(&tag);
  params_free(&two);
  params_free(&m);
  free(one);
  free(s);
}

static void test_no_value_is_left_out(void) {
  struct sample *s = reference_sample(3, true);
  struct params tag;
  params_init(&tag);
  params_set(&tag, "b@77", value_float(77));
  for (size_t i = 0; i < 200; i++)
    s->label[i] = 1;
  struct params m = all_metrics(s, PART_VALIDATION, 3, LOSS_softmax, &tag);
  CHECK(params_get(&m, "val_loss") != NULL);
  CHECK(params_get(&m, "val_auc") == NULL);
  CHECK(params_get(&m, "val_c_rej@b77") == NULL);
  params_free(&m);
  memset(s->weight, 0, sizeof s->weight);
  m = all_metrics(s, PART_VALIDATION, 3, LOSS_softmax, &tag);
  CHECK(m.n == 0);
  params_free(&m);
  m = all_metrics(s, PART_TRAIN, 3, LOSS_softmax, &tag); /* no rows */
  CHECK(m.n == 0);
  params_free(&m);
  params_free(&tag);
  free(s);
}

/* The areas of the classes that are there; the fourth has no events. */
static void test_macro_over_present_classes(void) {
  struct sample *s = reference_sample(3, false), *four = reference_sample(3, false);
  four->data.n_classes = 4;
  for (size_t i = 0; i < 200; i++) {
    memcpy(four->logits + 4 * i, s->logits + 3 * i, 3 * sizeof(float));
    four->logits[4 * i + 3] = -1000;
  }
  struct params a = all_metrics(s, PART_VALIDATION, 3, LOSS_softmax, NULL);
  struct params b = all_metrics(four, PART_VALIDATION, 4, LOSS_softmax, NULL);
  CHECK(params_equal(&a, &b));
  params_free(&a);
  params_free(&b);
  free(s);
  free(four);
}

static void test_names(void) {
  struct sample *s = reference_sample(3, false), *numbers = sample_new(8, 0, false);
  static const char *const good[] = {"val_loss",        "val_accuracy",      "val_auc",        "test_ttbar_auc",
                                     "val_c_rej@b77.5", "val_light_rej@b77", "val_b_rej@c100", "test_ttbar_c_rej@b1"};
  static const char *const bad[] = {"val_rmse",       "loss",           "train_loss",      "test_auc",
                                    "val_loss ",      "val_b_rej@b77",  "val_c_rej@b",     "val_c_rej@b0",
                                    "val_c_rej@b101", "val_tau_rej@b7", "val_c_rej@b77.0", "val_"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    CHECK(metric_check(&s->data, good[i], NULL) == OK);
    CHECK(metric_is_maximized(good[i]) == (i > 0));
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    err_clear();
    CHECK(metric_check(&s->data, bad[i], NULL) == ERR_INPUT);
    CHECK(test_text_contains(err_text(), "P_accuracy"));
    CHECK(test_text_contains(err_text(), "light c b"));
    CHECK(test_text_contains(err_text(), "val test_ttbar"));
  }
  err_clear();
  CHECK(metric_check(&numbers->data, "val_r2", NULL) == OK);
  CHECK(metric_check(&numbers->data, "val_auc", NULL) == ERR_INPUT);
  CHECK(!metric_is_maximized("value") && !metric_is_maximized("val_rmse") && metric_is_maximized("val_r2"));
  err_clear();
  free(s);
  free(numbers);
}

static enum err tag_of(const char *text, const struct data *data, struct params *tag) {
  struct settings *conf;
  struct complaints c;
  complaints_init(&c);
  params_init(tag);
  settings_read_text(&conf, text, "test", NULL, 0, &c);
  REQUIRE(c.n == 0);
  enum err e = metric_tag(conf, data, tag);
  settings_free(conf);
  complaints_free(&c);
  return e;
}

static void test_tag_from_settings(void) {
  struct sample *s = reference_sample(3, false);
  struct params tag;
  CHECK(tag_of("study = { metric = \"val_light_rej@b72.5\"; };", &s->data, &tag) == OK);
  CHECK_NEAR(params_double(&tag, "b.c", -1), 0.018, 0);
  CHECK_NEAR(params_double(&tag, "b@72.5", -1), 72.5, 0);
  CHECK_NEAR(params_double(&tag, "b@77", -1), 77, 0);
  CHECK_NEAR(params_double(&tag, "c@30", -1), 30, 0);
  struct params m = all_metrics(s, PART_VALIDATION, 3, LOSS_softmax, &tag);
  CHECK(params_get(&m, "val_light_rej@b72.5") != NULL);
  params_free(&m);
  params_free(&tag);

  CHECK(tag_of("tag = { b = { c = 0.1; light = 0.9; }; c = { b = 0.2; }; };", &s->data, &tag) == OK);
  CHECK_NEAR(params_double(&tag, "b.c", -1), 0.1, 0);
  CHECK_NEAR(params_double(&tag, "b.light", -1), 0.9, 0);
  CHECK_NEAR(params_double(&tag, "c.b", -1), 0.2, 0);
  params_free(&tag);

  err_clear();
  CHECK(tag_of("tag = { b = { tau = 0.1; }; };", &s->data, &tag) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "tag.b.tau"));
  params_free(&tag);
  err_clear();
  CHECK(tag_of("tag = { b = { c = 0.5; light = 0.6; }; };", &s->data, &tag) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "1.1"));
  params_free(&tag);
  err_clear();
  free(s);
}

int main(void) {
  return TEST_MAIN("metric", {"classes as scikit-learn", test_scikit_learn_classes},
                   {"numbers as scikit-learn", test_scikit_learn_numbers},
                   {"rejections by definition", test_rejections_by_definition},
                   {"area over all pairs", test_auc_of_all_pairs}, {"properties of areas", test_auc_properties},
                   {"rejections over all cuts", test_rejections_of_all_cuts},
                   {"rejections by hand", test_rejection_by_hand}, {"extreme logits", test_extreme_logits},
                   {"one output is two classes", test_one_output_is_two_classes},
                   {"what has no value is left out", test_no_value_is_left_out},
                   {"macro over present classes", test_macro_over_present_classes}, {"names", test_names},
                   {"tag from settings", test_tag_from_settings});
}
