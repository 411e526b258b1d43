/* Sampler auto: it says who made a point, changes its mind by what it sees, and is a function of the history. */
#include "hpo/sampler_auto.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hpo/propose.h"
#include "testing.h"

struct search {
  struct settings *conf;
  struct complaints complaints;
  struct space space;
  struct study study;
  struct sampler sampler;
};

static enum err apply(void *search, const struct op *op) {
  return study_apply(&((struct search *)search)->study, op);
}

static const char numbers[] =
    "space = { x = { low = 0.0; high = 1.0; }; y = { low = 0.0; high = 1.0; }; n = { low = 1; high = 20; }; };";
static const char conditions[] =
    "space = { opt = { choices = (\"sgd\", \"adam\", \"lamb\"); };"
    " a = { low = 0.0; high = 1.0; when = { opt = \"sgd\"; }; }; b = { low = 0.0; high = 1.0; when = { opt = \"adam\"; "
    "}; }; };";

static void start(struct search *s, const char *text) {
  struct op create = op_of(OP_CREATE_STUDY, 0);
  *s = (struct search){0};
  complaints_init(&s->complaints);
  settings_read_text(&s->conf, text, "study.cfg", NULL, 0, &s->complaints);
  REQUIRE(s->conf != NULL);
  space_from_settings(&s->space, s->conf, &s->complaints);
  REQUIRE(s->complaints.n == 0);
  study_init(&s->study, &s->space);
  create.name = "test";
  REQUIRE(apply(s, &create) == OK);
  REQUIRE(sampler_open(&s->sampler, "auto", &s->space, rng_key("test", 1), s->conf) == OK);
}

static void stop(struct search *s) {
  sampler_close(&s->sampler);
  study_free(&s->study);
  space_free(&s->space);
  settings_free(s->conf);
  complaints_free(&s->complaints);
}

static void ask(struct search *s, struct sampler *sampler, struct params *p) {
  enum ask answer;
  REQUIRE(sampler_ask(sampler, &s->study, (int64_t)s->study.n, p, &answer) == OK);
  REQUIRE(answer == ASK_POINT);
}

/* A point of the sampler's as a running trial, with the attribute as steering writes it. */
static enum by begin(struct search *s) {
  struct params p;
  char json[32];
  int64_t number = (int64_t)s->study.n;
  struct op by = op_of(OP_TRIAL_ATTR, number);
  params_init(&p);
  ask(s, &s->sampler, &p);
  REQUIRE(sampler_name_of(s->sampler.by) != NULL);
  snprintf(json, sizeof json, "\"%s\"", sampler_name_of(s->sampler.by));
  by.name = SAMPLER_ATTRIBUTE;
  by.json = json;
  by.system = true;
  REQUIRE(propose_trial(&s->space, &p, number, number, 1, false, apply, s) == OK);
  REQUIRE(apply(s, &by) == OK);
  CHECK(s->study.history.by[number] == s->sampler.by);
  params_free(&p);
  return s->sampler.by;
}

static void end(struct search *s, double value) {
  struct op op = op_of(OP_STATE, (int64_t)s->study.n - 1);
  op.state = isnan(value) ? TRIAL_FAIL : TRIAL_COMPLETE;
  op.value = value;
  REQUIRE(apply(s, &op) == OK);
}

static double bowl(const struct search *s) {
  const double *u = &s->study.history.u[(s->study.history.n - 1) * s->study.history.d];
  return pow(u[0] - 0.3, 2) + pow(u[1] - 0.7, 2) + pow(u[2] - 0.5, 2);
}

/* Who made the points of a search; `flat`: nothing is ever better than the first. */
static void count_makers(const char *text, size_t n, bool flat, size_t made[BY_COUNT]) {
  struct search s;
  start(&s, text);
  for (size_t i = 0; i < n; i++) {
    made[begin(&s)]++;
    end(&s, flat ? 1 : bowl(&s));
  }
  stop(&s);
}

static void test_who_makes_the_points(void) {
  size_t numeric[BY_COUNT] = {0}, conditional[BY_COUNT] = {0};
  count_makers(numbers, 60, false, numeric);
  count_makers(conditions, 60, true, conditional);
  CHECK(numeric[BY_sobol] == 10 && conditional[BY_sobol] == 10);
  CHECK(numeric[BY_gp] > 20 && numeric[BY_tpe] > 0 && numeric[BY_cmaes] > 0);
  CHECK(conditional[BY_tpe] > 10);
  CHECK(conditional[BY_gp] > 0);
}

/* With hundreds of trials under way a model of milliseconds would keep them waiting. */
static void test_many_workers_get_cheap_points(void) {
  struct search s;
  size_t made[BY_COUNT] = {0};
  start(&s, numbers);
  for (size_t i = 0; i < 40; i++) {
    begin(&s);
    end(&s, bowl(&s));
  }
  for (size_t i = 0; i < 600; i++) {
    enum by by = begin(&s);
    if (i >= 400)
      made[by]++;
    if (i > 300)
      s.study.history.effort = 3; /* and steering has said so */
  }
  CHECK(made[BY_gp] < 10);
  CHECK(made[BY_tpe] > 0 && made[BY_cmaes] > 0);
  stop(&s);
}

static void test_shares_follow_success(void) {
  const double prior[AUTO_ARMS] = {0.6, 0.3, 0.1};
  double share[AUTO_ARMS];
  auto_shares((struct auto_credit[AUTO_ARMS]){{0}}, prior, share);
  for (size_t i = 0; i < AUTO_ARMS; i++)
    CHECK_NEAR(share[i], prior[i], 1e-12);
  auto_shares((struct auto_credit[AUTO_ARMS]){{20, 0}, {10, 4}, {3, 0}}, prior, share);
  CHECK(share[1] > 0.6 && share[0] < 0.35);
  CHECK(share[0] > 0 && share[2] > 0); /* nobody is given up */
  auto_shares((struct auto_credit[AUTO_ARMS]){{20, 0}, {10, 0}, {3, 0}}, prior, share);
  CHECK(share[1] > 0.3 && share[1] > prior[1]); /* who has been stuck for longer is trusted less */
}

/* At every prefix a sampler that never looked before asks the same, of the same hand. */
static void test_cold_is_warm(void) {
  struct search s;
  start(&s, numbers);
  for (size_t i = 0; i < 50; i++) {
    struct sampler cold;
    struct params a, b;
    params_init(&a);
    params_init(&b);
    REQUIRE(sampler_open(&cold, "auto", &s.space, rng_key("test", 1), s.conf) == OK);
    ask(&s, &cold, &a);
    ask(&s, &s.sampler, &b);
    CHECK(params_equal(&a, &b) && cold.by == s.sampler.by);
    sampler_close(&cold);
    params_free(&a);
    params_free(&b);
    begin(&s);
    if (i % 7 != 3)
      end(&s, i % 11 == 5 ? (double)NAN : bowl(&s));
  }
  stop(&s);
}

/* An attribute from elsewhere, and a name of no sampler, are nobody's. */
static void test_unknown_makers(void) {
  struct search s;
  start(&s, numbers);
  begin(&s);
  struct op op = op_of(OP_TRIAL_ATTR, 0);
  op.name = SAMPLER_ATTRIBUTE;
  op.json = "\"gpx\"";
  op.system = true;
  REQUIRE(apply(&s, &op) == OK);
  CHECK(s.study.history.by[0] == BY_UNKNOWN);
  op.json = "\"tpe\"";
  op.foreign = true;
  REQUIRE(apply(&s, &op) == OK);
  CHECK(s.study.history.by[0] == BY_UNKNOWN);
  stop(&s);
}

int main(void) {
  return TEST_MAIN("auto", {"who makes the points", test_who_makes_the_points},
                   {"many workers get cheap points", test_many_workers_get_cheap_points},
                   {"shares follow success", test_shares_follow_success}, {"cold is warm", test_cold_is_warm},
                   {"unknown makers", test_unknown_makers});
}
