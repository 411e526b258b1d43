/* Simulated studies whose course is known: by arithmetic, by queueing one trial after the other, by what must hold. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "par/wire.h"
#include "run/protocol.h"
#include "run/simulate_world.h"
#include "testing.h"

static const char study[] = "evaluator = \"function\";\n"
                            "study = { name = \"simulated\"; metric = \"value\"; trials = 100; };\n"
                            "function = { name = \"sphere\"; };\n"
                            "space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };\n";

static const char *study_file(void) {
  static char path[300];
  snprintf(path, sizeof path, "%s/simulated.cfg", test_folder("simulate"));
  REQUIRE(file_write_atomic(path, study, sizeof study - 1) == OK);
  return path;
}

static struct simulate_options ideal(int64_t workers, double seconds) {
  return (struct simulate_options){.study_file = study_file(),
                                   .workers = workers,
                                   .trial = {DURATION_CONSTANT, seconds, 0},
                                   .seed = 1,
                                   .ideal = true};
}

static struct simulate_result run(struct simulate_options o, size_t n, const char *const *sets) {
  struct simulate_result r;
  o.overrides = sets;
  o.n_overrides = n;
  enum err e = simulate(&o, &r);
  if (e != OK)
    printf("%s\n", err_text());
  REQUIRE(e == OK);
  CHECK(r.end.begun == r.end.ended); /* whatever is handed out comes to an end */
  CHECK(r.ramp.time <= r.tail.time || !r.filled);
  CHECK(r.tail.time <= r.end.time && r.end.time <= r.study_seconds);
  for (size_t i = 1; i < r.n_best; i++)
    CHECK(r.best[i].time >= r.best[i - 1].time && r.best[i].value < r.best[i - 1].value);
  return r;
}

/* ---- durations ---- */

static void test_laws(void) {
  struct duration_law l;
  struct rng rng = rng_of(rng_key("laws", 1));
  static const char *const bad[] = {
      "",          "x",        "constant",      "constant:",      "constant:-1", "uniform:2,1",
      "normal:10", "10,2",     "lognormal:0,1", "lognormal:1,-1", "10s",         "cauchy:1,2",
      "10:2",      "normal:,", "constant:nan",  "constant:inf"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(duration_law_read(&l, bad[i], "--trial-time") == ERR_INPUT);
    err_clear();
  }
  REQUIRE(duration_law_read(&l, "7.5", "--trial-time") == OK);
  CHECK(duration_draw(&l, &rng) == 7.5);
  REQUIRE(duration_law_read(&l, "lognormal:60,0.5", "--trial-time") == OK);
  int below = 0;
  double sum = 0;
  for (int i = 0; i < 20000; i++) {
    double x = duration_draw(&l, &rng);
    below += x < 60;
    sum += x;
  }
  CHECK_NEAR(below / 20000.0, 0.5, 0.02);
  CHECK_NEAR(sum / 20000, 60 * exp(0.125), 1.5);
  REQUIRE(duration_law_read(&l, "uniform:2,4", "--trial-time") == OK);
  for (int i = 0; i < 1000; i++) {
    double x = duration_draw(&l, &rng);
    CHECK(x >= 2 && x <= 4);
  }
}

/* ---- known courses ---- */

static void test_constant_times(void) {
  struct simulate_result r = run(ideal(10, 10), 0, NULL);
  CHECK_NEAR(r.end.time, 100, 1e-6); /* 100 trials of 10 s by 10 workers */
  CHECK_NEAR(simulate_utilisation(&r, &r.ramp, &r.tail), 1, 1e-9);
  CHECK_NEAR(r.end.area, 1000, 1e-6);
  CHECK(r.complete == 100 && r.failed == 0 && r.lost == 0);
  simulate_free(&r);
}

static void test_last_round_is_not_full(void) {
  static const char *const sets[] = {"study.trials=25"};
  struct simulate_result r = run(ideal(10, 10), 1, sets);
  CHECK_NEAR(r.end.time, 30, 1e-6);
  CHECK_NEAR(r.tail.time, 20, 1e-6); /* the 25th begins with the third round */
  CHECK_NEAR(simulate_utilisation(&r, &(struct simulate_mark){0}, &r.end), 25.0 / 30, 1e-9);
  simulate_free(&r);
}

static void test_too_few_trials_for_all(void) {
  static const char *const sets[] = {"study.trials=5"};
  struct simulate_result r = run(ideal(10, 10), 1, sets);
  CHECK(!r.filled);
  CHECK_NEAR(r.end.time, 10, 1e-6);
  simulate_free(&r);
}

/* Each trial goes to whoever is free first: what a queue with several counters does. */
static double queued(int n, int workers, struct duration_law law) {
  double free_at[64] = {0}, end = 0;
  for (int i = 0; i < n; i++) {
    struct rng_key key = rng_child(rng_key("simulate", 1), RNG_TRIAL, (uint64_t)i);
    struct rng rng = rng_of(rng_child(key, RNG_FUNCTION, 0));
    int first = 0;
    for (int k = 1; k < workers; k++)
      if (free_at[k] < free_at[first])
        first = k;
    free_at[first] += duration_draw(&law, &rng);
    end = fmax(end, free_at[first]);
  }
  return end;
}

static void test_random_times(void) {
  struct simulate_options o = ideal(7, 0);
  o.trial = (struct duration_law){DURATION_UNIFORM, 20, 60};
  struct simulate_result r = run(o, 0, NULL);
  CHECK_NEAR(r.end.time, queued(100, 7, o.trial), 1e-6);
  CHECK_NEAR(simulate_utilisation(&r, &r.ramp, &r.tail), 1, 1e-9);
  simulate_free(&r);
}

static void test_slots(void) {
  static const char *const sets[] = {"run.slots=4"};
  struct simulate_result r = run(ideal(5, 100), 1, sets);
  CHECK(r.slots == 20);
  CHECK_NEAR(r.end.area, 10000, 1e-6);
  CHECK_NEAR(r.end.time, 500, 1e-6);
  simulate_free(&r);
}

/* ---- what it charges ---- */

/* One worker without a backlog: each trial waits for the commit of its stint. */
static void test_commits_are_charged(void) {
  static const char *const sets[] = {"study.trials=10"};
  struct simulate_options o = ideal(1, 10);
  o.ideal = false;
  o.fsync = 2;
  struct simulate_result r = run(o, 1, sets);
  CHECK(r.end.time >= 10 * 12);
  CHECK(r.end.disk >= 10 * 2);
  CHECK(r.end.steering > 0);
  CHECK(simulate_utilisation(&r, &r.ramp, &r.tail) <= 10.0 / 12);
  simulate_free(&r);
}

static void test_latency_is_charged(void) {
  static const char *const sets[] = {"study.trials=10"};
  struct simulate_options o = ideal(1, 10);
  o.ideal = false;
  o.latency = 1.5;
  struct simulate_result r = run(o, 1, sets);
  CHECK(r.end.time >= 10 * 13 - 3); /* there and back for each */
  CHECK(r.end.time >= 9 * 13);
  simulate_free(&r);
}

/* ---- failures and schedules ---- */

static void test_failures(void) {
  static const char *const sets[] = {"study.trials=400", "function.steps=4", "study.failures=1"};
  struct simulate_options o = ideal(10, 10);
  o.fail = 0.25;
  struct simulate_result r = run(o, 3, sets);
  CHECK(r.complete + r.failed == 400);
  CHECK(r.failed > 60 && r.failed < 140);
  CHECK(r.end.area < 4000 && r.end.area > 3000); /* those that fail end early */
  simulate_free(&r);
}

static void test_halving(void) {
  static const char *const sets[] = {"study.trials=270", "schedule.name=halving", "function.steps=9",
                                     "function.name=curve"};
  struct simulate_result r = run(ideal(10, 90), 4, sets);
  CHECK(r.end.trials == 270);
  CHECK(r.complete >= 20 && r.complete <= 60);
  CHECK(r.end.begun > 270 + 80);
  CHECK_NEAR(simulate_utilisation(&r, &r.ramp, &r.tail), 1, 0.02); /* a promotion may have to wait for nobody */
  simulate_free(&r);
}

static void test_time_limit(void) {
  static const char *const sets[] = {"study.timeout=35"};
  struct simulate_result r = run(ideal(10, 10), 1, sets);
  CHECK(r.lost == 10); /* those of the fourth round */
  CHECK(r.complete == 30);
  CHECK(r.end.time >= 35 && r.end.time < 36);
  simulate_free(&r);
}

static void test_same_again(void) {
  static const char *const sets[] = {"study.trials=200", "schedule.name=halving", "function.steps=9",
                                     "function.name=curve"};
  struct simulate_options o = ideal(13, 0);
  o.trial = (struct duration_law){DURATION_LOGNORMAL, 50, 0.5};
  struct simulate_result a = run(o, 4, sets), b = run(o, 4, sets);
  CHECK(a.end.time == b.end.time && a.end.begun == b.end.begun && a.n_best == b.n_best);
  o.seed = 2;
  struct simulate_result c = run(o, 4, sets);
  CHECK(a.end.time != c.end.time);
  simulate_free(&a);
  simulate_free(&b);
  simulate_free(&c);
}

/* ---- other evaluators, and what is refused ---- */

static void test_refused(void) {
  struct simulate_result r;
  static const char *const command[] = {"evaluator=command", "command.run=./x @x @y"};
  struct simulate_options o = ideal(2, 10);
  o.overrides = command;
  o.n_overrides = 2;
  CHECK(simulate(&o, &r) != OK);
  CHECK(test_text_contains(err_text(), "--function") || test_text_contains(err_text(), "command"));
  err_clear();
  o = ideal(2, 10);
  o.trial.kind = DURATION_NONE;
  CHECK(simulate(&o, &r) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "--trial-time"));
  err_clear();
  o = ideal(2, 10);
  o.study_file = "not-there.cfg";
  CHECK(simulate(&o, &r) != OK);
  err_clear();
}

/* ---- the engine alone ---- */

struct count {
  int hellos, ends;
};

static void start_worker(struct wire *wire, int rank) {
  struct strbuf b = STRBUF_INIT;
  put_i64(&b, 0); /* the layout */
  REQUIRE(wire_to_worker(wire, rank, &b) == OK);
  strbuf_clear(&b);
  put_i64(&b, COMMAND_START);
  put_text(&b, study);
  put_text(&b, "study.cfg");
  put_text(&b, ".");
  put_text(&b, "simulated");
  put_i64(&b, 0);
  put_i64(&b, 1);
  REQUIRE(wire_to_worker(wire, rank, &b) == OK);
  strbuf_free(&b);
}

/* One for its slot, one for its backlog. */
static void give_two_stints(struct wire *wire, int rank) {
  struct strbuf b = STRBUF_INIT;
  for (int i = 0; i < 2; i++) {
    int64_t trial = 2 * (rank - 1) + i;
    struct assignment a = {.trial = trial, .key = trial, .id = 10 * rank + i, .to = 1};
    params_init(&a.params);
    params_set(&a.params, "x", value_float(0.5));
    params_set(&a.params, "y", value_float(0.25));
    put_i64(&b, COMMAND_STINT);
    put_assignment(&b, &a);
    assignment_free(&a);
  }
  REQUIRE(wire_to_worker(wire, rank, &b) == OK);
  strbuf_free(&b);
}

static void take_item(struct wire *wire, int from, struct reader *r, struct count *n) {
  struct ending e = {0};
  switch ((enum news)get_i64(r)) {
  case NEWS_HELLO:
    n->hellos++;
    for (int i = 0; i < 4; i++)
      get_i64(r);
    free(get_text(r));
    free(get_text(r));
    give_two_stints(wire, from);
    break;
  case NEWS_BEAT:
    for (int i = 0; i < 4; i++)
      get_i64(r);
    break;
  case NEWS_MOVED:
    get_i64(r);
    break;
  case NEWS_END:
    n->ends++; /* fall through */
  case NEWS_REPORT:
    get_ending(r, &e);
    CHECK(e.id / 10 == from && e.value == 0.3125);
    ending_free(&e);
    break;
  default:
    CU_FAIL_FATAL("an item that is not known");
  }
}

/* Steering that hands out stints of its own accord: time never goes back, and all that is sent is answered. */
static void test_world(void) {
  struct simulate_options o = ideal(3, 5);
  struct simulate_result r = {.workers = 3, .slots = 3, .fsync = 0.5, .latency = 0.01};
  struct world w;
  struct wire *wire;
  struct strbuf b = STRBUF_INIT;
  struct count n = {0, 0};
  o.ideal = false;
  world_init(&w, &o, &r, 1);
  wire_simulate(&wire, 4, &world_ends, &w);
  CHECK(wire_size(wire) == 4 && wire_rank(wire) == 0);
  for (int rank = 1; rank <= 3; rank++)
    start_worker(wire, rank);
  double last = wire_now(wire);
  wire_committed(wire);
  CHECK(wire_now(wire) - last >= 0.5);
  for (int turn = 0; turn < 5000 && n.ends < 6; turn++) {
    int from = 0;
    REQUIRE(wire_from_workers(wire, &from, &b) == OK);
    double now = wire_now(wire);
    CHECK(now >= last);
    last = now;
    struct reader message = reader_of(&b);
    while (from > 0 && reader_more(&message))
      take_item(wire, from, &message, &n);
    wire_idle(wire, from > 0);
  }
  CHECK(n.hellos == 3 && n.ends == 6);
  CHECK(w.at.begun == 6 && w.at.ended == 6 && w.taken == 0);
  CHECK(last >= 10); /* two stints of 5 s, one after the other */
  strbuf_free(&b);
  wire_close(wire, false);
  world_free(&w);
  simulate_free(&r);
}

int main(void) {
  log_levels(LOG_ERROR, LOG_ERROR);
  return TEST_MAIN("simulate", {"laws of durations", test_laws}, {"constant times", test_constant_times},
                   {"the last round is not full", test_last_round_is_not_full},
                   {"too few trials for all", test_too_few_trials_for_all}, {"random times", test_random_times},
                   {"slots", test_slots}, {"commits are charged", test_commits_are_charged},
                   {"latency is charged", test_latency_is_charged}, {"failures", test_failures},
                   {"halving", test_halving}, {"a limit of time", test_time_limit}, {"the same again", test_same_again},
                   {"refused", test_refused}, {"the engine alone", test_world});
}
