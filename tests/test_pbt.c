/* Population based training: who gives its place to whom, and with which point. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/explore.h"
#include "hpo/propose.h"
#include "hpo/schedule.h"
#include "testing.h"

static const char text[] =
    "space = { lr = { low = 1e-4; high = 1.0; log = true; };\n"
    "  layers = { low = 1; high = 8; };\n"
    "  dropout = { low = 0.0; high = 0.5; step = 0.1; };\n"
    "  shift = { low = -1.0; high = 1.0; };\n"
    "  kind = (\"a\", \"b\", \"c\");\n"
    "  momentum = { low = 0.5; high = 0.9; when = { kind = \"b\"; }; };\n"
    "  optimizer = (\"adam\", \"sgd\");\n"
    "  fixed = 7; };\n"
    "schedule = { name = \"pbt\"; population = 8; interval = 2; };\n"
    "model = { hidden = (32, \"@layers\"); }; train = { lr = \"@lr\"; optimizer = \"@optimizer\"; };\n";

struct population {
  struct settings *conf;
  struct space space;
  struct schedule schedule;
  struct study study;
};

static void population_open(struct population *p, const char *more, int64_t steps) {
  char *all = MEM_NEW_ARRAY(char, sizeof text + strlen(more));
  struct complaints c;
  complaints_init(&c);
  sprintf(all, "%s%s", text, more);
  settings_read_text(&p->conf, all, "study.cfg", NULL, 0, &c);
  REQUIRE(p->conf != NULL && c.n == 0);
  space_from_settings(&p->space, p->conf, &c);
  complaints_free(&c);
  free(all);
  REQUIRE(schedule_open(&p->schedule, "pbt", steps, p->conf) == OK);
  study_init(&p->study, &p->space);
  struct op op = op_of(OP_CREATE_STUDY, -1);
  op.name = "population";
  REQUIRE(study_apply(&p->study, &op) == OK);
}

static void population_close(struct population *p) {
  study_free(&p->study);
  schedule_close(&p->schedule);
  space_free(&p->space);
  settings_free(p->conf);
}

static void put(struct population *p, struct op op) {
  REQUIRE(study_apply(&p->study, &op) == OK);
  if (schedule_hears(&p->study, &op))
    schedule_tell(&p->schedule, &p->study, &p->study.trials[op.trial]);
}

static enum err take(void *population, const struct op *op) {
  put(population, *op);
  return OK;
}

static void go_out(struct population *p, int64_t trial, int64_t to) {
  struct op op = op_of(OP_STINT, trial);
  op.stint = (struct stint){.id = p->study.next_stint, .from = p->study.trials[trial].step, .to = to};
  put(p, op);
}

static void member(struct population *p, int64_t to) {
  struct params point;
  double u[7] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
  params_init(&point);
  u[0] = ((double)p->study.n + 0.5) / 20;
  space_decode(&p->space, u, &point);
  REQUIRE(propose_trial(&p->space, &point, (int64_t)p->study.n, (int64_t)p->study.n, 0, false, take, p) == OK);
  params_free(&point);
  go_out(p, (int64_t)p->study.n - 1, to);
}

static void is_over(struct population *p, int64_t trial, enum trial_state state, double value) {
  struct op op = op_of(OP_STATE, trial);
  op.state = state;
  op.value = value;
  op.time = 1;
  put(p, op);
}

static void ends(struct population *p, int64_t trial, enum stint_end how, double value) {
  const struct trial *t = &p->study.trials[trial];
  struct op report = op_of(OP_REPORT, trial), saved = op_of(OP_SAVED, trial), end = op_of(OP_END, trial);
  report.step = saved.step = end.step = t->stint.to;
  report.value = value;
  saved.name = "pack";
  end.stint = t->stint;
  end.stint.end = how;
  if (how == STINT_reached) {
    put(p, report);
    put(p, saved);
  }
  put(p, end);
  if (how != STINT_reached)
    is_over(p, trial, TRIAL_FAIL, (double)NAN);
}

static enum next next(struct population *p, int64_t *trial, int64_t *to, bool may_ask) {
  *trial = *to = -1;
  return schedule_next(&p->schedule, &p->study, trial, to, may_ask ? (int64_t)p->study.n : -1);
}

/* Eight members come to the first station, worth their number. */
static void fill(struct population *p) {
  int64_t trial, to;
  for (int64_t i = 0; i < 8; i++) {
    REQUIRE(next(p, &trial, &to, true) == NEXT_NEW && to == 2);
    member(p, to);
  }
  CHECK(next(p, &trial, &to, true) == NEXT_WAIT); /* the population is full */
  for (int64_t i = 8; i-- > 0;)
    ends(p, i, STINT_reached, (double)i);
}

/* Of the two that are worst each gives its place to one that goes on from one of the two best, and no other does. */
static void test_truncation(void) {
  struct population p;
  int64_t trial, to;
  population_open(&p, "", 6);
  fill(&p);
  CHECK(schedule_oldest(&p.schedule, &p.study) == 2);
  for (int64_t i = 0; i < 6; i++) { /* the best first */
    CHECK(next(&p, &trial, &to, true) == NEXT_RESUME && trial == i && to == 4);
    go_out(&p, trial, to);
  }
  for (int64_t i = 6; i < 8; i++) {
    struct child child;
    params_init(&child.point);
    REQUIRE(next(&p, &trial, &to, true) == NEXT_CHILD && trial == i && to == 4);
    REQUIRE(schedule_child(&p.schedule, &p.study, trial, &child) == OK);
    CHECK((child.parent == 0 || child.parent == 1) && child.step == 2);
    is_over(&p, trial, TRIAL_PRUNED, (double)i);
    struct op origin = op_of(OP_PARENT, (int64_t)p.study.n);
    origin.parent = child.parent;
    origin.step = child.step;
    origin.replaces = trial;
    origin.name = "pack";
    REQUIRE(propose_derived(&p.space, &child.point, &origin, origin.trial, 0, take, &p) == OK);
    const struct trial *t = &p.study.trials[origin.trial];
    CHECK(t->step == 2 && t->parent == child.parent && t->replaces == i && t->row < 0 && t->start.step == 2);
    CHECK(params_get(&t->params, "layers")->as.i == params_get(&p.study.trials[0].params, "layers")->as.i);
    go_out(&p, origin.trial, to);
    params_free(&child.point);
  }
  CHECK(p.study.children == 2 && study_proposed(&p.study) == 8 && p.study.history.n == 8);
  CHECK(next(&p, &trial, &to, true) == NEXT_WAIT);
  population_close(&p);
}

/* Somebody without a state there, or no better, is no parent; with quantile 0 nobody is replaced. */
static void test_nobody_to_start_from(void) {
  struct population p;
  int64_t trial, to;
  population_open(&p, "", 6);
  fill(&p);
  p.study.trials[0].n_marks = p.study.trials[1].n_marks = 0;
  for (int64_t i = 0; i < 8; i++) {
    CHECK(next(&p, &trial, &to, true) == NEXT_RESUME && trial == i);
    go_out(&p, trial, to);
  }
  population_close(&p);
  population_open(&p, "", 6);
  for (int64_t i = 0; i < 8; i++)
    member(&p, 2);
  for (int64_t i = 0; i < 8; i++)
    ends(&p, i, STINT_reached, 1); /* all the same */
  for (int64_t i = 0; i < 8; i++) {
    CHECK(next(&p, &trial, &to, true) == NEXT_RESUME && trial == i);
    go_out(&p, trial, to);
  }
  population_close(&p);
}

/* One that fails gives its place away as soon as somebody has come to where it could go on, whatever it was worth; one
 * that is cancelled does not. */
static void test_failed(void) {
  struct population p;
  int64_t trial, to;
  struct child child;
  params_init(&child.point);
  population_open(&p, "", 6);
  for (int64_t i = 0; i < 3; i++)
    member(&p, 2);
  ends(&p, 0, STINT_failed, 0);
  ends(&p, 1, STINT_cancelled, 0);
  CHECK(next(&p, &trial, &to, false) == NEXT_WAIT);
  ends(&p, 2, STINT_reached, 5);
  CHECK(next(&p, &trial, &to, false) == NEXT_RESUME && trial == 2 && to == 4);
  go_out(&p, trial, to);
  REQUIRE(next(&p, &trial, &to, false) == NEXT_CHILD && trial == 0 && to == 4);
  REQUIRE(schedule_child(&p.schedule, &p.study, trial, &child) == OK);
  CHECK(child.parent == 2 && child.step == 2);
  params_free(&child.point);
  population_close(&p);
}

/* ---- points ---- */

static void test_what_may_change(void) {
  struct population p;
  struct complaints c;
  population_open(&p, "", 6);
  CHECK(explore_changes(p.conf, "lr") && explore_changes(p.conf, "dropout"));
  CHECK(!explore_changes(p.conf, "layers") && !explore_changes(p.conf, "optimizer"));
  struct strbuf said = STRBUF_INIT;
  explore_describe(p.conf, &p.space, &said);
  CHECK_TEXT(said.text, "changes: lr, dropout, shift, kind, momentum; stays: layers (model.hidden), optimizer "
                        "(train.optimizer)");
  strbuf_free(&said);
  population_close(&p);
  population_open(&p, "", 6);
  settings_free(p.conf);
  complaints_init(&c);
  const char *const set[] = {"schedule.perturb=(\"lr\", \"layers\", \"nonsense\", \"fixed\")"};
  settings_read_text(&p.conf, text, "study.cfg", set, 1, &c);
  explore_check(p.conf, &p.space, &c);
  CHECK(c.n == 3);
  CHECK(explore_changes(p.conf, "lr") && !explore_changes(p.conf, "dropout"));
  complaints_free(&c);
  population_close(&p);
}

/* Numbers change by a fifth and stay in their range and on their grid; what must stay stays. */
static void test_explore(void) {
  struct population p;
  struct params parent, child;
  const bool changes[] = {true, false, true, true, true, true, false, false};
  int up = 0, n = 0, kinds = 0;
  params_init(&parent);
  params_init(&child);
  population_open(&p, "", 6);
  struct rng rng = rng_of(rng_key("explore", 1));
  for (int i = 0; i < 3000; i++, n++) {
    double u[7];
    for (int k = 0; k < 7; k++)
      u[k] = rng_uniform(&rng);
    space_decode(&p.space, u, &parent);
    struct rng own = rng_of(rng_child(rng.key, RNG_SCHEDULE, (uint64_t)i));
    REQUIRE(explore_point(&p.space, changes, i % 3 ? 0 : 1, &parent, &own, &child) == OK);
    double lr = params_double(&child, "lr", 0), was = params_double(&parent, "lr", 0);
    double dropout = params_double(&child, "dropout", -1), before = params_double(&parent, "dropout", -1);
    if (i % 3) {
      CHECK(fabs(lr / was - 1.2) < 1e-12 || fabs(lr / was - 0.8) < 1e-12 || lr == 1e-4 || lr == 1.0);
      CHECK(fabs(fabs(dropout - before) - 0.1) < 1e-12); /* never the same */
      CHECK(fabs(fabs(params_double(&child, "shift", 9) - params_double(&parent, "shift", 9)) - 0.2) < 1e-12 ||
            fabs(params_double(&child, "shift", 9)) == 1);
      up += lr > was;
    }
    kinds += !value_equal(params_get(&parent, "kind"), params_get(&child, "kind"));
    CHECK(i % 3 == 0 || value_equal(params_get(&parent, "kind"), params_get(&child, "kind")));
    CHECK(value_equal(params_get(&parent, "layers"), params_get(&child, "layers")));
    CHECK(value_equal(params_get(&parent, "optimizer"), params_get(&child, "optimizer")));
    bool has = params_get(&child, "momentum") != NULL;
    CHECK(has == (strcmp(params_get(&child, "kind")->as.text, "b") == 0));
  }
  CHECK(up > 900 && up < 1100);      /* of 2000 */
  CHECK(kinds > 550 && kinds < 780); /* of 1000, two thirds */
  params_free(&parent);
  params_free(&child);
  population_close(&p);
}

int main(void) {
  return TEST_MAIN("pbt", {"truncation selection", test_truncation},
                   {"nobody to start from", test_nobody_to_start_from}, {"failed ones", test_failed},
                   {"what may change", test_what_may_change}, {"explore", test_explore});
}
