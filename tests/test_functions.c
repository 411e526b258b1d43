/* Test functions, tables and recorded curves, and the evaluator that serves them. */
#include "run/functions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/evaluator.h"
#include "run/function_table.h"
#include "testing.h"

/* ---- functions ---- */

static void check_minimum(const char *name, const double *x, size_t n, double minimum) {
  const struct test_function *f = test_function_of(name);
  REQUIRE(f != NULL);
  CHECK(f->arguments == 0 || f->arguments == n);
  CHECK_NEAR(f->at(x, n, 1), minimum, 1e-5);
  double y[8]; /* a minimum: the neighbours are not lower */
  for (size_t i = 0; i < n; i++)
    for (int side = -1; side <= 1; side += 2) {
      memcpy(y, x, n * sizeof *y);
      y[i] += side * 1e-3;
      CHECK(f->at(y, n, 1) > f->at(x, n, 1));
    }
}

static void test_known_minima(void) {
  const double origin[4] = {0}, ones[4] = {1, 1, 1, 1};
  const char *at_origin[] = {"sphere", "rastrigin", "ackley", "griewank"}, *at_ones[] = {"rosenbrock", "levy"};
  for (size_t n = 1; n <= 4; n++) {
    for (size_t i = 0; i < 4; i++)
      check_minimum(at_origin[i], origin, n, 0);
    for (size_t i = 0; i < 2; i++)
      check_minimum(at_ones[i], ones, n, 0);
  }
  const double pi = acos(-1), branin[3][2] = {{-pi, 12.275}, {pi, 2.275}, {9.42478, 2.475}};
  for (size_t i = 0; i < 3; i++)
    check_minimum("branin", branin[i], 2, 0.397887);
  check_minimum("hartmann6", (double[]){0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573}, 6, -3.32237);
}

/* Values elsewhere, worked out by hand. */
static void test_known_values(void) {
  CHECK_NEAR(test_function_of("sphere")->at((double[]){1, -2, 3}, 3, 1), 14, 1e-12);
  CHECK_NEAR(test_function_of("rosenbrock")->at((double[]){0, 0, 0}, 3, 1), 2, 1e-12);
  CHECK_NEAR(test_function_of("rosenbrock")->at((double[]){2, 3}, 2, 1), 101, 1e-12);
  CHECK_NEAR(test_function_of("rastrigin")->at((double[]){0.5, 1}, 2, 1), 21.25, 1e-9);
  CHECK_NEAR(test_function_of("levy")->at((double[]){5}, 1, 1), 1, 1e-9);
  CHECK_NEAR(test_function_of("branin")->at((double[]){0, 0}, 2, 1), 36 + 20 - 10 / (8 * acos(-1)), 1e-9);
}

static void test_every_function_in_the_settings_is_there(void) {
  const struct setting *row = settings_row("function.name");
  REQUIRE(row != NULL && row->choices != NULL);
  size_t n = 0;
  for (const struct list_word *w = row->choices; w->name; w++, n++)
    CHECK((test_function_of(w->name) != NULL) == (strcmp(w->name, "table") != 0 && strcmp(w->name, "bbob") != 0));
  CHECK(n > 1);
  CHECK(test_function_of("no such function") == NULL);
}

static void test_curves_fall_and_cross(void) {
  const struct test_function *f = test_function_of("curve");
  bool crossed = false;
  for (int i = 0; i < 20; i++) {
    const double a[2] = {0.1 * i, 0.05 * i}, b[2] = {0.1 * i + 0.3, 0.05 * i};
    for (int64_t step = 1; step < 50; step++)
      CHECK(f->at(a, 2, step + 1) < f->at(a, 2, step));
    CHECK_NEAR(f->at(a, 2, INT64_C(1) << 62), test_function_of("sphere")->at(a, 2, 1), 0.3);
    crossed |= (f->at(a, 2, 2) < f->at(b, 2, 2)) != (f->at(a, 2, 10000) < f->at(b, 2, 10000));
  }
  CHECK(crossed);
}

/* ---- tables ---- */

struct fixture {
  struct settings *conf;
  struct complaints complaints;
  struct space space;
  struct evaluator *evaluator;
};

static void start(struct fixture *f, const char *text) {
  *f = (struct fixture){0};
  complaints_init(&f->complaints);
  settings_read_text(&f->conf, text, "study.cfg", NULL, 0, &f->complaints);
  REQUIRE(f->conf != NULL);
  space_from_settings(&f->space, f->conf, &f->complaints);
  for (size_t i = 0; i < f->complaints.n; i++)
    printf("\n  unexpected: %s\n", f->complaints.lines[i]);
  REQUIRE(f->complaints.n == 0);
}

static struct evaluator_options options_of(const struct fixture *f, size_t slots) {
  return (struct evaluator_options){
      .conf = f->conf, .space = &f->space, .folder = ".", .study_name = "test", .slots = slots};
}

static void open_evaluator(struct fixture *f, size_t slots) {
  struct evaluator_options o = options_of(f, slots);
  enum err e = evaluator_open(&f->evaluator, "function", &o);
  if (e != OK)
    printf("\n  %s\n", err_text());
  REQUIRE(e == OK);
}

static void drop(struct fixture *f) {
  evaluator_close(f->evaluator);
  space_free(&f->space);
  settings_free(f->conf);
  complaints_free(&f->complaints);
}

static const char *write_file(const char *name, const char *text, bool zipped) {
  static char path[600];
  snprintf(path, sizeof path, "%s/%s", test_folder("functions"), name);
  if (zipped) {
    gzFile g = gzopen(path, "wb");
    REQUIRE(g != NULL && gzputs(g, text) > 0);
    REQUIRE(gzclose(g) == Z_OK);
  } else
    REQUIRE(file_write_atomic(path, text, strlen(text)) == OK);
  return path;
}

static const char table_space[] =
    "space = { lr = { low = 0.1; high = 0.9; step = 0.1; }; act = { choices = (\"relu\", 3, true); };"
    " m = { low = 1; high = 5; when = { act = \"relu\"; }; }; depth = { value = 4; }; };";

/* Other columns, quotes, spaces, Windows line ends, an empty line, a row outside the space, an absent hyperparameter
 * with any value. */
static const char table_text[] = "\xef\xbb\xbfid,act,\"lr\",m,value\r\n"
                                 "1,\"relu\",0.3,2, 0.5\r\n"
                                 "2,3.0,0.3,77,0.25\r\n"
                                 "\r\n"
                                 "3,\"say \"\"hi\"\", loud\",0.3,1,9\r\n"
                                 "4,TRUE,0.30000000000000004,,0.125\r\n"
                                 "5,relu,0.3,2,100\r\n"
                                 "6,relu,0.9,5,-1e-3";

static void find(const struct function_table *t, const char *act, double lr, int64_t m, size_t expected) {
  struct params p;
  size_t row = 99;
  params_init(&p);
  params_set(&p, "lr", value_float(lr));
  params_set(&p, "act", *act == '3' ? value_int(3) : *act == 't' ? value_bool(true) : value_text(act));
  if (m > 0)
    params_set(&p, "m", value_int(m));
  params_set(&p, "depth", value_int(4));
  CHECK(function_table_find(t, &p, &row) == OK);
  CHECK(row == expected);
  params_free(&p);
}

static void test_table(void) {
  for (int zipped = 0; zipped < 2; zipped++) {
    struct fixture f;
    struct function_table *t = NULL;
    start(&f, table_space);
    REQUIRE(function_table_open(&t, write_file("t.csv", table_text, zipped), &f.space) == OK);
    CHECK(function_table_steps(t) == 0);
    find(t, "relu", 0.3, 2, 0); /* the first of two equal rows */
    find(t, "3", 0.3, 0, 1);
    find(t, "true", 0.3, 0, 2);
    find(t, "relu", 0.9, 5, 4);
    find(t, "relu", 0.8, 5, 4); /* not there: the nearest */
    find(t, "relu", 0.2, 1, 0);
    find(t, "true", 0.9, 0, 2); /* however far, a row of the same category is nearer */
    const double values[] = {0.5, 0.25, 0.125, 100, -1e-3};
    const int64_t lines[] = {2, 3, 6, 7, 8};
    for (size_t i = 0; i < 5; i++) {
      CHECK(function_table_value(t, i, 7) == values[i]);
      CHECK(function_table_line(t, i) == lines[i]);
    }
    function_table_close(t);
    drop(&f);
  }
}

static void test_recorded_curves(void) {
  struct fixture f;
  struct function_table *t = NULL;
  start(&f, "space = { x = { low = 0.0; high = 1.0; }; };");
  REQUIRE(function_table_open(
              &t, write_file("c.csv", "x,step_2,step_1,step_3\n0.25,2,1,3\n0.75,5,4,\n0.5,nan,inf,0\n", false),
              &f.space) == OK);
  CHECK(function_table_steps(t) == 3);
  for (int64_t step = 1; step <= 3; step++)
    CHECK(function_table_value(t, 0, step) == (double)step);
  CHECK(function_table_value(t, 1, 2) == 5 && isnan(function_table_value(t, 1, 3)));
  CHECK(isinf(function_table_value(t, 2, 1)) && isnan(function_table_value(t, 2, 2)));
  function_table_close(t);
  drop(&f);
}

static void test_broken_tables(void) {
  static const struct {
    const char *text, *message;
  } broken[] = {
      {"", "is empty"},
      {"x,y\n1,2\n", "t.csv:1: no column value and no columns step_1"},
      {"y,value\n1,2\n", "t.csv:1: no column for the hyperparameter x"},
      {"x,value,step_1\n1,2,3\n", "t.csv:1:9: column step_1: give either"},
      {"x,value,x\n1,2,3\n", "t.csv:1:9: column x: there is another one"},
      {"x,step_1,step_3\n1,2,3\n", "but no step_2"},
      {"x,value\n0.5,1\n0.5,abc\n", "t.csv:3:5: 'abc' must be a number"},
      {"x,value\n0.5,1\nlow,1\n", "t.csv:3:1: x = 'low' must be a number"},
      {"x,value\n0.5\n", "t.csv:2: 1 columns, but the header has 2"},
      {"x,value\n0.5,1,2\n", "t.csv:2: 3 columns, but the header has 2"},
      {"x,value\n7,1\n8,2\n", "t.csv: no row is a point of the space"},
      {"x,value\n7,1\n8,2\n", "t.csv:2: x = 7.0 must be a number in [0.0, 1.0]"},
  };
  struct fixture f;
  start(&f, "space = { x = { low = 0.0; high = 1.0; }; };");
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    struct function_table *t = NULL;
    err_clear();
    CHECK(function_table_open(&t, write_file("t.csv", broken[i].text, false), &f.space) == ERR_INPUT);
    CHECK(test_text_contains(err_text(), broken[i].message));
    if (!test_text_contains(err_text(), broken[i].message))
      printf("\n  missing: %s\n  instead: %s\n", broken[i].message, err_text());
  }
  struct function_table *t = NULL;
  err_clear();
  CHECK(function_table_open(&t, "test-files/no-such-file.csv", &f.space) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "no-such-file.csv"));
  err_clear();
  drop(&f);
}

static void test_torn_gz_is_refused(void) {
  struct fixture f;
  struct function_table *t = NULL;
  struct strbuf text = STRBUF_INIT, bytes = STRBUF_INIT;
  start(&f, "space = { x = { low = 0.0; high = 1.0; }; };");
  strbuf_puts(&text, "x,value\n");
  for (int i = 0; i < 5000; i++)
    strbuf_printf(&text, "0.5,%d\n", i * 7919 % 10007);
  const char *path = write_file("t.csv.gz", text.text, true);
  REQUIRE(file_read(path, &bytes) == OK);
  REQUIRE(file_write_atomic(path, bytes.text, bytes.len / 2) == OK);
  err_clear();
  CHECK(function_table_open(&t, path, &f.space) == ERR_INPUT);
  CHECK(t == NULL);
  err_clear();
  strbuf_free(&text);
  strbuf_free(&bytes);
  drop(&f);
}

/* ---- the evaluator ---- */

static const char sphere_study[] =
    "evaluator = \"function\"; space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };"
    "function = { name = \"curve\"; steps = 20; noise = 0.5; };";

static void admit(struct fixture *f, size_t slot, int64_t trial, double x, int64_t from, int64_t to,
                  const struct state *s) {
  struct work w = {.trial = trial, .key = trial, .from = from, .to = to};
  params_init(&w.params);
  params_set(&w.params, "x", value_float(x));
  params_set(&w.params, "y", value_float(0.25));
  REQUIRE(f->evaluator->ops->admit(f->evaluator, slot, &w, s) == OK);
  params_free(&w.params);
}

static bool next_outcome(struct fixture *f, struct outcome *o) {
  for (int i = 0; i < 100000; i++) { /* an idle evaluator returns at once, so this ends */
    if (f->evaluator->ops->outcome(f->evaluator, o))
      return true;
    REQUIRE(f->evaluator->ops->advance(f->evaluator, 0.01) == OK);
  }
  return false;
}

/* Reports of one slot from step `from` + 1 on into values, which has those before; returns how it ended. Only that slot
 * may be at work. */
static enum outcome_kind run_slot(struct fixture *f, size_t slot, int64_t from, double *values) {
  struct outcome o = {.kind = WORK_FAILED};
  int64_t step = from;
  double last = values[from];
  while (next_outcome(f, &o) && o.kind == WORK_REPORT) {
    CHECK(o.slot == slot && o.step == ++step);
    values[step] = last = o.value;
    params_free(&o.metrics);
  }
  CHECK(o.step == step);
  if (o.kind != WORK_FAILED)
    CHECK(o.value == last);
  params_free(&o.metrics);
  return o.kind;
}

static void test_a_trial_runs(void) {
  struct fixture f;
  double values[21] = {0};
  struct outcome o;
  start(&f, sphere_study);
  open_evaluator(&f, 2);
  CHECK(f.evaluator->ops->steps(f.conf) == 20);
  admit(&f, 1, 5, 0.5, 0, 20, NULL);
  CHECK(run_slot(&f, 1, 0, values) == WORK_FINISHED);
  CHECK(!f.evaluator->ops->outcome(f.evaluator, &o));
  const struct test_function *curve = test_function_of("curve");
  double sum = 0, squares = 0;
  for (int64_t step = 1; step <= 20; step++) {
    double noise = values[step] - curve->at((double[]){0.5, 0.25}, 2, step);
    sum += noise;
    squares += noise * noise;
  }
  CHECK(fabs(sum / 20) < 0.5 && squares / 20 > 0.05 && squares / 20 < 1); /* deviation 0.5, four sigmas and more */
  drop(&f);
}

/* The same numbers whether in one go, by stops at rungs, or from a snapshot in another evaluator and slot. */
static void test_stops_change_nothing(void) {
  double straight[21] = {0}, rungs[21] = {0}, moved[21] = {0};
  struct fixture f, g;
  start(&f, sphere_study);
  open_evaluator(&f, 1);
  admit(&f, 0, 3, -0.25, 0, 20, NULL);
  CHECK(run_slot(&f, 0, 0, straight) == WORK_FINISHED);
  f.evaluator->ops->evict(f.evaluator, 0);

  admit(&f, 0, 3, -0.25, 0, 4, NULL);
  CHECK(run_slot(&f, 0, 0, rungs) == WORK_REACHED);
  struct state s, bad;
  state_init(&s);
  REQUIRE(f.evaluator->ops->snapshot(f.evaluator, 0, &s) == OK);
  f.evaluator->ops->evict(f.evaluator, 0);
  admit(&f, 0, 3, -0.25, 4, 4, &s); /* saved at the end of a stint that was not told: told again */
  CHECK(run_slot(&f, 0, 4, rungs) == WORK_REACHED);
  f.evaluator->ops->evict(f.evaluator, 0);
  admit(&f, 0, 3, -0.25, 4, 9, &s);
  CHECK(run_slot(&f, 0, 4, rungs) == WORK_REACHED);
  memcpy(moved, rungs, sizeof moved);
  REQUIRE(f.evaluator->ops->snapshot(f.evaluator, 0, &s) == OK);
  f.evaluator->ops->evict(f.evaluator, 0);
  admit(&f, 0, 3, -0.25, 9, 20, &s);
  CHECK(run_slot(&f, 0, 9, rungs) == WORK_FINISHED);
  drop(&f);

  start(&g, sphere_study);
  open_evaluator(&g, 3);
  admit(&g, 2, 3, -0.25, 9, 20, &s);
  CHECK(run_slot(&g, 2, 9, moved) == WORK_FINISHED);
  CHECK(memcmp(straight, rungs, sizeof straight) == 0);
  CHECK(memcmp(straight, moved, sizeof straight) == 0);

  state_init(&bad);
  state_put_i64(&bad, "step", 8);
  struct work w = {.from = 9, .to = 20};
  CHECK(g.evaluator->ops->admit(g.evaluator, 0, &w, &bad) == ERR_DAMAGED);
  CHECK(g.evaluator->ops->admit(g.evaluator, 0, &w, NULL) == ERR_BUG);
  err_clear();
  state_free(&bad);
  state_free(&s);
  drop(&g);
}

static void test_slots_do_not_disturb_each_other(void) {
  enum { SLOTS = 7 };
  struct fixture f;
  double alone[SLOTS][21] = {{0}}, together[SLOTS][21] = {{0}};
  start(&f, sphere_study);
  open_evaluator(&f, SLOTS);
  for (size_t i = 0; i < SLOTS; i++) {
    admit(&f, 0, (int64_t)i, 0.1 * (double)i, 0, 20, NULL);
    CHECK(run_slot(&f, 0, 0, alone[i]) == WORK_FINISHED);
    f.evaluator->ops->evict(f.evaluator, 0);
  }
  for (size_t i = 0; i < SLOTS; i++)
    admit(&f, i, (int64_t)i, 0.1 * (double)i, 0, 20, NULL);
  struct outcome o;
  for (size_t ended = 0; ended < SLOTS;) {
    REQUIRE(next_outcome(&f, &o));
    if (o.kind == WORK_REPORT)
      together[o.slot][o.step] = o.value;
    else
      ended++;
    params_free(&o.metrics);
  }
  CHECK(memcmp(alone, together, sizeof alone) == 0);
  CHECK(alone[1][1] != alone[2][1]);
  drop(&f);
}

static void test_what_an_evicted_slot_said_goes_with_it(void) {
  struct fixture f;
  struct outcome o;
  double values[21] = {0};
  start(&f, sphere_study);
  open_evaluator(&f, 2);
  admit(&f, 0, 1, 0.5, 0, 20, NULL);
  admit(&f, 1, 2, 0.5, 0, 20, NULL);
  REQUIRE(f.evaluator->ops->advance(f.evaluator, 1) == OK);
  f.evaluator->ops->evict(f.evaluator, 0);
  CHECK(run_slot(&f, 1, 0, values) == WORK_FINISHED);
  CHECK(!f.evaluator->ops->outcome(f.evaluator, &o));
  CHECK(f.evaluator->ops->snapshot(f.evaluator, 0, &(struct state){0}) == ERR_BUG);
  err_clear();
  drop(&f);
}

/* A table with an end to it, NaN in a curve, a row found by the nearest point. */
static void test_recorded_curves_as_trials(void) {
  struct fixture f;
  char text[1000];
  double values[4] = {0};
  const char *path = write_file("c.csv", "x,y,step_1,step_2,step_3\n-0.5,0,3,2,1\n0.5,0,3,nan,1\n", false);
  char *full = realpath(path, NULL);
  snprintf(text, sizeof text,
           "evaluator = \"function\"; space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };"
           "function = { name = \"table\"; steps = 3; file = \"%s\"; };",
           full);
  start(&f, text);
  struct evaluator_options o = options_of(&f, 1);
  evaluator_ops_of("function")->check(&o, &f.complaints);
  CHECK(f.complaints.n == 0);
  struct strbuf identity = STRBUF_INIT;
  CHECK(evaluator_ops_of("function")->identity(&o, &identity) == OK);
  CHECK(strncmp(identity.text, "table ", 6) == 0 && identity.len == 6 + 64);
  strbuf_free(&identity);

  open_evaluator(&f, 1);
  admit(&f, 0, 1, -0.4, 0, 3, NULL);
  CHECK(run_slot(&f, 0, 0, values) == WORK_FINISHED);
  CHECK(values[1] == 3 && values[2] == 2 && values[3] == 1);
  f.evaluator->ops->evict(f.evaluator, 0);
  admit(&f, 0, 2, 0.5, 0, 3, NULL);
  struct outcome first, second;
  REQUIRE(next_outcome(&f, &first) && next_outcome(&f, &second));
  CHECK(first.kind == WORK_REPORT && first.value == 3);
  CHECK(second.kind == WORK_FAILED && second.step == 1);
  CHECK(test_text_contains(second.reason, "step 2 is nan in line 3"));
  free(full);
  drop(&f);
}

static void test_steps_that_take_time(void) {
  struct fixture f;
  struct outcome o;
  start(&f, "evaluator = \"function\"; space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };"
            "function = { name = \"sphere\"; steps = 3; seconds = 0.02; };");
  open_evaluator(&f, 4);
  double begin = clock_seconds();
  for (size_t i = 0; i < 4; i++)
    admit(&f, i, (int64_t)i, 0.5, 0, 3, NULL);
  for (size_t ended = 0; ended < 4;) {
    REQUIRE(next_outcome(&f, &o));
    if (o.kind == WORK_FINISHED) {
      CHECK(clock_seconds() - begin >= 0.06); /* never faster than they pretend */
      CHECK(o.seconds == 0);                  /* since the last report */
      ended++;
    } else
      CHECK(o.seconds == 0.02);
  }
  drop(&f);
}

static void check_complains(const char *text, const char *message) {
  struct fixture f;
  start(&f, text);
  struct evaluator_options o = options_of(&f, 1);
  evaluator_ops_of("function")->check(&o, &f.complaints);
  CHECK(f.complaints.n == 1);
  CHECK(f.complaints.n >= 1 && test_text_contains(f.complaints.lines[0], message));
  if (f.complaints.n != 1 || !test_text_contains(f.complaints.lines[0], message))
    printf("\n  missing: %s\n  instead: %s\n", message, f.complaints.n ? f.complaints.lines[0] : "nothing");
  drop(&f);
}

#define TWO "evaluator = \"function\"; space = { x = { low = 0.0; high = 1.0; }; y = { low = 0.0; high = 1.0; }; };\n"
static void test_check(void) {
  check_complains(TWO "function = { name = \"hartmann6\"; };",
                  "study.cfg:2: function.name = hartmann6 takes 6 numbers, the space has 2");
  check_complains(
      "evaluator = \"function\"; space = { a = { choices = (\"u\", \"v\"); }; };\nfunction = { name = \"sphere\"; };",
      "study.cfg:2: function.name = sphere needs numbers");
  check_complains("space = { x = { low = -5.0; high = 5.0; }; }; function = { name = \"bbob\"; };",
                  "function.name = bbob takes 2 to 40 numbers, the space has 1");
  check_complains(TWO "function = { name = \"table\"; };", "study.cfg:2: function.name = table needs function.file");
  check_complains(TWO "function = { name = \"table\"; file = \"no-such.csv\"; };", "no-such.csv");
  check_complains(TWO "function = { name = \"branin\"; file = \"t.csv\"; };", "only read with function.name = table");
  check_complains(TWO "study = { metric = \"val_auc\"; };", "study.cfg:2: study.metric: a function has one metric");
  char text[1000];
  char *full = realpath(write_file("c.csv", "x,y,step_1,step_2\n0,0,1,2\n", false), NULL);
  snprintf(text, sizeof text, TWO "function = { name = \"table\"; steps = 3; file = \"%s\"; };", full);
  check_complains(text, "study.cfg:2: function.steps = 3, but the curves of");
  free(full);
}

/* Conditions may take a number away: such a point fails, the study goes on. */
static void test_a_point_with_too_few_numbers_fails(void) {
  struct fixture f;
  struct outcome o;
  start(&f, "evaluator = \"function\"; space = { x = { low = 0.0; high = 1.0; }; y = { low = 0.0; high = 1.0; when = { "
            "k = true; }; };"
            " k = { choices = (true, false); }; }; function = { name = \"branin\"; };");
  open_evaluator(&f, 1);
  struct work w = {.to = 1};
  params_set(&w.params, "x", value_float(0.5));
  params_set(&w.params, "k", value_bool(false));
  REQUIRE(f.evaluator->ops->admit(f.evaluator, 0, &w, NULL) == OK);
  REQUIRE(next_outcome(&f, &o));
  CHECK(o.kind == WORK_FAILED && test_text_contains(o.reason, "branin takes 2 numbers, this point has 1"));
  params_free(&w.params);
  drop(&f);
}

int main(void) {
  return TEST_MAIN("functions", {"known minima", test_known_minima}, {"known values", test_known_values},
                   {"every function in the settings is there", test_every_function_in_the_settings_is_there},
                   {"curves fall and cross", test_curves_fall_and_cross}, {"table", test_table},
                   {"recorded curves", test_recorded_curves}, {"broken tables", test_broken_tables},
                   {"torn gz is refused", test_torn_gz_is_refused}, {"a trial runs", test_a_trial_runs},
                   {"stops change nothing", test_stops_change_nothing},
                   {"slots do not disturb each other", test_slots_do_not_disturb_each_other},
                   {"what an evicted slot said goes with it", test_what_an_evicted_slot_said_goes_with_it},
                   {"recorded curves as trials", test_recorded_curves_as_trials},
                   {"steps that take time", test_steps_that_take_time}, {"check", test_check},
                   {"a point with too few numbers fails", test_a_point_with_too_few_numbers_fails});
}
