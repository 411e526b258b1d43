/* The evaluator `train` on a small synthetic sample. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/space.h"
#include "run/evaluator.h"
#include "testing.h"

static const char study_text[] =
    "study = { name = \"small\"; metric = \"val_loss\"; seed = 3; };"
    "space = { lr = { low = 1e-4; high = 1e-1; log = true; }; nesterov = (true, false); drop = (0.0, 0.2); };"
    "data = { generate = \"jets\"; rows = 1500; classes = { light = 0; c = 4; b = 5; }; };"
    "model = { hidden = (12, 8); dropout = (\"@drop\", 0.0); };"
    "train = { epochs = 4; batch = 100; optimizer = \"sgd\"; lr = \"@lr\"; nesterov = \"@nesterov\"; };"
    "tag = { b = { c = 0.018; }; };";

struct fixture {
  struct settings *conf;
  struct space space;
  struct evaluator_options options;
};

static void fixture_open(struct fixture *f, const char *text, size_t slots) {
  struct complaints c;
  complaints_init(&c);
  settings_read_text(&f->conf, text, "small.cfg", NULL, 0, &c);
  space_from_settings(&f->space, f->conf, &c);
  for (size_t i = 0; i < c.n; i++)
    printf("%s\n", c.lines[i]);
  REQUIRE(c.n == 0);
  complaints_free(&c);
  f->options = (struct evaluator_options){.conf = f->conf,
                                          .space = &f->space,
                                          .folder = "test-files/evaluate_train",
                                          .study_name = "small",
                                          .slots = slots};
}

static void fixture_close(struct fixture *f) {
  space_free(&f->space);
  settings_free(f->conf);
}

static struct evaluator *evaluator_of(struct fixture *f) {
  struct evaluator *e = NULL;
  enum err opened = evaluator_open(&e, "train", &f->options);
  if (opened != OK)
    printf("%s\n", err_text());
  REQUIRE(opened == OK);
  return e;
}

static struct work work_of(double lr, bool nesterov, int64_t key, int64_t from, int64_t to) {
  struct work w = {.trial = key, .key = key, .from = from, .to = to};
  params_init(&w.params);
  params_set(&w.params, "lr", value_float(lr));
  params_set(&w.params, "nesterov", value_bool(nesterov));
  params_set(&w.params, "drop", value_float(0.2));
  return w;
}

static void admit(struct evaluator *e, size_t slot, double lr, int64_t key, int64_t from, int64_t to,
                  const struct state *start) {
  struct work w = work_of(lr, false, key, from, to);
  REQUIRE(e->ops->admit(e, slot, &w, start) == OK);
  params_free(&w.params);
}

/* What came of one stint. */
struct story {
  double value[16]; /* of the epoch, from 1 */
  int64_t reports;
  struct outcome end; /* its metrics are owned */
};

/* Advances until each of the first n slots has ended. */
static void run_to_end(struct evaluator *e, struct story *stories, size_t n) {
  size_t ended = 0;
  for (int quantum = 0; ended < n && quantum < 100000; quantum++) {
    struct outcome o;
    REQUIRE(e->ops->advance(e, 0.002) == OK);
    while (e->ops->outcome(e, &o)) {
      REQUIRE(o.slot < n);
      struct story *s = &stories[o.slot];
      if (o.kind == WORK_REPORT) {
        REQUIRE(o.step >= 0 && o.step < 16);
        s->value[o.step] = o.value;
        s->reports++;
        params_free(&o.metrics);
      } else {
        s->end = o;
        ended++;
      }
    }
  }
  CHECK(ended == n);
}

static void test_a_trial(void) {
  struct fixture f;
  struct story s = {0};
  fixture_open(&f, study_text, 1);
  struct evaluator *e = evaluator_of(&f);
  CHECK(e->ops->steps(f.conf) == 4);
  CHECK(test_text_contains(e->ops->describe(e), "cpu"));
  admit(e, 0, 0.05, 7, 0, 4, NULL);
  run_to_end(e, &s, 1);
  CHECK(s.end.kind == WORK_FINISHED && s.end.step == 4 && s.reports == 4);
  double best = s.value[1];
  for (int i = 2; i <= 4; i++)
    best = s.value[i] < best ? s.value[i] : best;
  CHECK_NEAR(s.end.value, best, 0);
  CHECK(params_get(&s.end.metrics, "val_loss") != NULL);
  CHECK(params_get(&s.end.metrics, "test_loss") != NULL);
  CHECK(params_get(&s.end.metrics, "test_auc") != NULL);
  CHECK(params_get(&s.end.metrics, "test_light_rej@b77") != NULL);
  params_free(&s.end.metrics);
  evaluator_close(e);
  fixture_close(&f);
}

/* What a trial does depends on its point and key only: not on the slot or on what is beside it. */
static void test_neighbours_do_not_matter(void) {
  struct fixture f;
  struct story alone[3] = {0}, together[3] = {0};
  const double lr[] = {0.05, 0.01, 0.05};
  const int64_t key[] = {1, 2, 3};
  fixture_open(&f, study_text, 3);
  struct evaluator *e = evaluator_of(&f);
  for (size_t i = 0; i < 3; i++) {
    admit(e, 0, lr[i], key[i], 0, 4, NULL);
    run_to_end(e, &alone[i], 1);
    e->ops->evict(e, 0);
  }
  for (size_t i = 0; i < 3; i++)
    admit(e, i, lr[i], key[i], 0, 4, NULL);
  run_to_end(e, together, 3);
  for (size_t i = 0; i < 3; i++) {
    CHECK(memcmp(alone[i].value, together[i].value, sizeof alone[i].value) == 0);
    CHECK(params_equal(&alone[i].end.metrics, &together[i].end.metrics));
    params_free(&alone[i].end.metrics);
    params_free(&together[i].end.metrics);
  }
  CHECK(alone[0].value[1] != alone[2].value[1]); /* same point, other key */
  evaluator_close(e);
  fixture_close(&f);
}

static void test_going_on_from_a_state(void) {
  struct fixture f;
  struct story whole = {0}, first = {0}, second = {0};
  struct state state;
  state_init(&state);
  fixture_open(&f, study_text, 2);
  struct evaluator *e = evaluator_of(&f);
  admit(e, 0, 0.05, 5, 0, 4, NULL);
  run_to_end(e, &whole, 1);
  e->ops->evict(e, 0);

  admit(e, 0, 0.05, 5, 0, 2, NULL);
  run_to_end(e, &first, 1);
  CHECK(first.end.kind == WORK_REACHED && first.end.step == 2 && first.reports == 2);
  REQUIRE(e->ops->snapshot(e, 0, &state) == OK);
  e->ops->evict(e, 0);
  admit(e, 0, 0.05, 5, 2, 4, &state);
  run_to_end(e, &second, 1);
  CHECK(second.end.kind == WORK_FINISHED && second.reports == 2);
  for (int i = 1; i <= 4; i++)
    CHECK_NEAR(i <= 2 ? first.value[i] : second.value[i], whole.value[i], 0);
  CHECK_NEAR(second.end.value, whole.end.value, 0);
  params_free(&whole.end.metrics);
  params_free(&first.end.metrics);
  params_free(&second.end.metrics);
  state_free(&state);
  evaluator_close(e);
  fixture_close(&f);
}

/* An impossible point fails as a trial; the slot is as good as before. */
static void test_refused_points(void) {
  struct fixture f;
  struct story s[2] = {0};
  fixture_open(&f, study_text, 2);
  struct evaluator *e = evaluator_of(&f);
  struct work bad = work_of(0.05, true, 1, 0, 4); /* nesterov without momentum */
  CHECK(e->ops->admit(e, 0, &bad, NULL) == OK);
  admit(e, 1, 0.05, 2, 0, 4, NULL);
  run_to_end(e, s, 2);
  CHECK(s[0].end.kind == WORK_FAILED && test_text_contains(s[0].end.reason, "momentum"));
  CHECK(s[1].end.kind == WORK_FINISHED);
  params_free(&s[0].end.metrics);
  params_free(&s[1].end.metrics);
  CHECK_TEXT(err_text(), "");
  e->ops->evict(e, 0);

  params_set(&bad.params, "lr", value_text("fast")); /* not even a number */
  CHECK(e->ops->admit(e, 0, &bad, NULL) == OK);
  run_to_end(e, s, 1);
  CHECK(s[0].end.kind == WORK_FAILED && test_text_contains(s[0].end.reason, "train.lr"));
  params_free(&s[0].end.metrics);
  e->ops->evict(e, 0);
  params_free(&bad.params);

  struct story again = {0};
  admit(e, 0, 0.05, 2, 0, 4, NULL);
  run_to_end(e, &again, 1);
  CHECK(again.end.kind == WORK_FINISHED);
  CHECK_NEAR(again.end.value, s[1].end.value, 0);
  params_free(&again.end.metrics);
  evaluator_close(e);
  fixture_close(&f);
}

/* A loss that runs away is a failed trial too. */
static void test_divergence(void) {
  struct fixture f;
  struct story s = {0};
  fixture_open(&f, study_text, 1);
  struct evaluator *e = evaluator_of(&f);
  struct work w = work_of(0.05, false, 1, 0, 4);
  params_set(&w.params, "lr", value_float(1e6));
  REQUIRE(e->ops->admit(e, 0, &w, NULL) == OK);
  run_to_end(e, &s, 1);
  CHECK(s.end.kind == WORK_FAILED && s.end.reason[0] != '\0');
  params_free(&s.end.metrics);
  params_free(&w.params);
  evaluator_close(e);
  fixture_close(&f);
}

static void test_identity_is_the_data(void) {
  struct strbuf a = STRBUF_INIT, b = STRBUF_INIT, c = STRBUF_INIT;
  struct fixture f;
  fixture_open(&f, study_text, 1);
  struct evaluator *e = evaluator_of(&f);
  CHECK(e->ops->identity(&f.options, &a) == OK);
  CHECK(e->ops->identity(&f.options, &b) == OK);
  evaluator_close(e);
  fixture_close(&f);
  fixture_open(&f, "data = { generate = \"jets\"; rows = 1500; seed = 2; };", 1);
  e = evaluator_of(&f);
  CHECK(e->ops->identity(&f.options, &c) == OK);
  evaluator_close(e);
  fixture_close(&f);
  CHECK(a.len > 0 && strcmp(a.text, b.text) == 0 && strcmp(a.text, c.text) != 0);
  strbuf_free(&a);
  strbuf_free(&b);
  strbuf_free(&c);
}

#define JETS "data = { generate = \"jets\"; rows = 1500; classes = { light = 0; c = 4; b = 5; }; };"

static void check_says(const char *text, const char *says) {
  struct fixture f;
  struct complaints c;
  complaints_init(&c);
  fixture_open(&f, text, 1);
  struct evaluator *e = NULL;
  const struct evaluator_ops *ops = evaluator_ops_of("train");
  REQUIRE(ops != NULL && e == NULL);
  ops->check(&f.options, &c);
  bool found = false;
  for (size_t i = 0; i < c.n; i++)
    found = found || (says && test_text_contains(c.lines[i], says));
  CHECK(says ? found : c.n == 0);
  for (size_t i = 0; i < c.n && !found; i++)
    printf("instead of '%s': %s\n", says ? says : "nothing", c.lines[i]);
  CHECK_TEXT(err_text(), "");
  complaints_free(&c);
  fixture_close(&f);
}

static void test_checks(void) {
  check_says(study_text, NULL);
  check_says("study = { metric = \"val_c_rej@b60\"; };" JETS, NULL);
  check_says("study = { metric = \"val_acuracy\"; };" JETS, "small.cfg:1: study.metric: val_acuracy is not a metric");
  check_says("study = { metric = \"val_tau_rej@b60\"; };" JETS, "light c b");
  check_says("study = { metric = \"test_auc\"; };" JETS, "use its val_ form");
  check_says("tag = { b = { tau = 0.5; }; };" JETS, "tag.b.tau");
  check_says("data = { files = (\"nowhere.h5\"); };", "nowhere.h5");
  check_says("study = { metric = \"val_loss\"; };", "data.files");
  check_says("space = { rate = { low = 0.1; high = 1.0; }; }; train = { lr = \"@rat\"; };" JETS, "did you mean @rate");
  check_says("space = { act = (\"relu\", \"step\"); }; model = { activation = \"@act\"; };" JETS, "'step'");
  check_says("model = { hidden = (8, 8); dropout = (0.1, 0.1, 0.1); };" JETS, "model.dropout has 3 values");
  check_says("space = { f = (\"sigmoid\"); }; model = { loss = \"sigmoid\"; };" JETS, "needs 2 classes");
}

/* The study files of the project: sound, apart from data files that are not there. */
static void test_configs(void) {
  static const struct {
    const char *name;
    double points; /* of the grid; 0: not looked at */
  } configs[] = {{"dl1_scan", 800}, {"dl1r", 1}, {"quickstart", 0}, {"higgs_scan", 0}, {"magic_scan", 0}, {"mnist", 1}};
  for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
    struct fixture f = {0};
    struct complaints c;
    char path[128];
    snprintf(path, sizeof path, "configs/%s.cfg", configs[i].name);
    REQUIRE(test_source_file(path) != NULL);
    complaints_init(&c);
    settings_read(&f.conf, test_source_file(path), NULL, 0, &c);
    REQUIRE(f.conf != NULL);
    space_from_settings(&f.space, f.conf, &c);
    f.options = (struct evaluator_options){.conf = f.conf, .space = &f.space, .folder = ".", .slots = 1};
    evaluator_ops_of("train")->check(&f.options, &c);
    for (size_t k = 0; k < c.n; k++) {
      bool file = test_text_contains(c.lines[k], "there is no file");
      CHECK(file);
      if (!file)
        printf("%s\n", c.lines[k]);
    }
    if (configs[i].points > 0)
      CHECK_NEAR(space_grid_size(&f.space), configs[i].points, 0);
    CHECK_TEXT(settings_text(f.conf, "study.name"), configs[i].name);
    complaints_free(&c);
    fixture_close(&f);
  }
}

int main(void) {
  test_folder("evaluate_train");
  return TEST_MAIN("evaluate_train", {"a trial", test_a_trial},
                   {"neighbours do not matter", test_neighbours_do_not_matter},
                   {"going on from a state", test_going_on_from_a_state}, {"refused points", test_refused_points},
                   {"divergence", test_divergence}, {"the data are part of the identity", test_identity_is_the_data},
                   {"checks", test_checks}, {"the project's study files", test_configs});
}
