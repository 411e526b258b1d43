/* Settings: reading, --set, hyperparameters, writing, differences. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "conf/settings.h"
#include "testing.h"

/* Reads `text`; all complaints, one a line, in `said` (caller frees), NULL when there are none. */
static struct settings *read_with(const char *text, const char *const *overrides, size_t n, char **said) {
  struct complaints c;
  struct settings *s;
  complaints_init(&c);
  settings_read_text(&s, text, "study.cfg", overrides, n, &c);
  *said = NULL;
  if (complaints_verdict(&c) != OK)
    *said = strdup(err_text());
  err_clear();
  complaints_free(&c);
  return s;
}

static struct settings *read_good(const char *text) {
  char *said;
  struct settings *s = read_with(text, NULL, 0, &said);
  if (said)
    printf("\n%s\n", said);
  REQUIRE(said == NULL && s != NULL);
  return s;
}

static struct settings *set_good(const char *text, const char *override) {
  char *said;
  struct settings *s = read_with(text, &override, 1, &said);
  if (said)
    printf("\n%s\n", said);
  REQUIRE(said == NULL && s != NULL);
  return s;
}

/* The only complaint about `override` is `expected`. */
static void check_set_bad(const char *text, const char *override, const char *expected) {
  char *said;
  struct settings *s = read_with(text, &override, 1, &said);
  REQUIRE(said != NULL);
  CHECK_TEXT(said, expected);
  free(said);
  settings_free(s);
}

static void test_defaults(void) {
  struct settings *s = read_good("");
  CHECK(settings_int(s, "study.trials") == 100);
  CHECK(settings_double(s, "train.lr") == 0.001);
  CHECK(settings_double(s, "run.checkpoint") == 60);
  CHECK(!settings_bool(s, "model.batch_norm"));
  CHECK_TEXT(settings_text(s, "train.optimizer"), "adam");
  CHECK_TEXT(settings_text(s, "study.name"), "");
  CHECK(strcmp(settings_row("train.optimizer")->choices[settings_choice(s, "train.optimizer")].name, "adam") == 0);
  size_t n;
  const struct value *v = settings_list(s, "model.hidden", &n);
  CHECK(n == 2 && v[0].as.i == 64 && v[1].as.i == 64 && settings_is_list(s, "model.hidden"));
  CHECK(settings_list(s, "data.files", &n) == NULL && n == 0);
  CHECK(!settings_given(s, "study.trials"));
  const char *file;
  CHECK(settings_line(s, "study.trials", &file) == 0 && file == NULL);
  settings_free(s);
}

/* Every default must itself be allowed by its row: reference.cfg says them to users. */
static void test_defaults_suit_their_rows(void) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++) {
    if (!rows[i].fallback || strchr(rows[i].key, '*'))
      continue;
    char *said;
    struct strbuf override = STRBUF_INIT;
    bool blank = rows[i].fallback[0] == '\0';
    strbuf_printf(&override, "%s=%s", rows[i].key, blank ? "\"\"" : rows[i].fallback);
    const char *text = override.text;
    struct settings *s = read_with("", &text, 1, &said);
    if (said)
      printf("\n%s\n", said);
    CHECK(said == NULL);
    struct settings *plain = read_good("");
    json_t *a = settings_to_json(s, rows[i].class), *b = settings_to_json(plain, rows[i].class);
    CHECK(json_equal(json_object_get(a, rows[i].key), json_object_get(b, rows[i].key)));
    json_decref(a);
    json_decref(b);
    settings_free(plain);
    settings_free(s);
    strbuf_free(&override);
    free(said);
  }
}

static const char full_study[] =
    "evaluator = \"train\";\n"
    "study = { name = \"DL1\"; metric = \"DL1 \\\"scan\\\"\"; trials = 2000000; seed = 5000000000;\n"
    "  target = -1; timeout = \"1h30m\"; };\n"
    "space = {\n"
    "  lr = { low = 1e-4; high = 0.1; log = true; };\n"
    "  width = { low = 8; high = 64; step = 8; };\n"
    "  wide = { low = 8.0; high = 64.0; };\n"
    "  act = (\"relu\", \"tanh\");\n"
    "  mixed = (1, 2.5, \"x\", true);\n"
    "  depth = 3;\n"
    "  mom = { low = 0.0; high = 0.9; when = { act = \"relu\"; depth = (1, 3); }; };\n"
    "};\n"
    "data = { files = \"a.h5\"; classes = { light = 0; c = 4; b = (5, 55); };\n"
    "  missing = [-999, -1]; test_files = { tt = \"t.h5\"; zp = (\"z.h5\", \"y.h5\"); }; };\n"
    "model = { hidden = (\"@width\", 32, \"@width\"); activation = \"@act\";\n"
    "  dropout = (0, 0.1, 0.5); };\n"
    "train = { lr = \"@lr\"; epochs = 1e2; momentum = \"@mom\"; class_weights = (1, 2, 3.5); };\n"
    "tag = { b = { c = 0.018; light = 0.982; }; c = { b = 0.2; light = 0.8; }; };\n"
    "run = { walltime = \"2:00:30\"; quantum = 0.1; checkpoint = \"2m\"; lost_after = 90; };\n";

static void test_accessors(void) {
  struct settings *s = read_good(full_study);
  size_t n;
  const char *file;
  CHECK_TEXT(settings_text(s, "study.metric"), "DL1 \"scan\"");
  CHECK(settings_int(s, "study.seed") == 5000000000);
  CHECK(settings_int(s, "train.epochs") == 100);
  CHECK(settings_double(s, "study.target") == -1);
  CHECK(settings_double(s, "study.timeout") == 5400);
  CHECK(settings_double(s, "run.walltime") == 7230);
  CHECK(settings_double(s, "run.checkpoint") == 120);
  CHECK(settings_double(s, "run.quantum") == 0.1);
  CHECK(settings_given(s, "study.target") && !settings_given(s, "train.batch"));
  CHECK(settings_line(s, "train.epochs", &file) == 17);
  CHECK_TEXT(file, "study.cfg");
  const struct value *v = settings_list(s, "data.files", &n);
  CHECK(n == 1 && strcmp(v[0].as.text, "a.h5") == 0 && !settings_is_list(s, "data.files"));
  v = settings_list(s, "data.classes.b", &n);
  CHECK(n == 2 && v[1].as.i == 55);
  v = settings_list(s, "train.class_weights", &n);
  CHECK(n == 3 && v[0].as.i == 1 && v[2].as.f == 3.5);
  v = settings_list(s, "model.dropout", &n);
  CHECK(n == 3 && v[0].kind == VALUE_FLOAT && settings_is_list(s, "model.dropout"));
  v = settings_list(s, "data.missing", &n);
  CHECK(n == 2 && v[0].as.f == -999);
  CHECK(settings_double(s, "tag.c.b") == 0.2);
  settings_free(s);
}

static void test_space(void) {
  struct settings *s = read_good(full_study);
  size_t n;
  CHECK(settings_double(s, "space.lr.low") == 1e-4 && settings_bool(s, "space.lr.log"));
  CHECK(!settings_bool(s, "space.width.log") && !settings_given(s, "space.width.log"));
  CHECK(settings_int(s, "space.lr.resolution") == 5 && !settings_given(s, "space.lr.resolution"));
  CHECK(!settings_given(s, "space.act.type") && !settings_given(s, "space.act.low"));
  CHECK(settings_list(s, "space.width.low", &n)->kind == VALUE_INT);  /* an int ... */
  CHECK(settings_list(s, "space.wide.low", &n)->kind == VALUE_FLOAT); /* ... and a float */
  CHECK(settings_double(s, "space.width.high") == 64);
  const struct value *v = settings_list(s, "space.act.choices", &n);
  CHECK(n == 2 && strcmp(v[1].as.text, "tanh") == 0);
  v = settings_list(s, "space.mixed.choices", &n);
  CHECK(n == 4 && v[0].kind == VALUE_INT && v[1].kind == VALUE_FLOAT && v[2].kind == VALUE_TEXT && v[3].as.b);
  CHECK(settings_list(s, "space.depth.value", &n)->as.i == 3);
  v = settings_list(s, "space.mom.when.depth", &n);
  CHECK(n == 2 && v[1].as.i == 3);
  settings_free(s);
}

static void check_names(const struct settings *s, const char *group, const char *expected) {
  size_t n;
  const char **names = settings_names(s, group, &n);
  struct strbuf all = STRBUF_INIT;
  for (size_t i = 0; i < n; i++)
    strbuf_printf(&all, "%s%s", i ? " " : "", names[i]);
  CHECK_TEXT(all.text, expected);
  strbuf_free(&all);
  free(names);
}

static void test_names(void) {
  struct settings *s = read_good(full_study);
  check_names(s, "space", "lr width wide act mixed depth mom");
  check_names(s, "space.mom.when", "act depth");
  check_names(s, "space.lr.when", "");
  check_names(s, "data.classes", "light c b");
  check_names(s, "data.test_files", "tt zp");
  check_names(s, "tag", "b c");
  check_names(s, "tag.c", "b light");
  settings_free(s);
}

static void test_rows(void) {
  CHECK_TEXT(settings_row("space.lr.low")->key, "space.*.low");
  CHECK_TEXT(settings_row("space.lr.when.act")->key, "space.*.when.*");
  CHECK_TEXT(settings_row("tag.b.c")->key, "tag.*.*");
  CHECK_TEXT(settings_row("evaluator")->key, "evaluator");
  CHECK(settings_row("space.lr") == NULL && settings_row("space.lr.when") == NULL && settings_row("train") == NULL);
  CHECK(settings_row("") == NULL && settings_row("space..low") == NULL && settings_row("train.lr.x") == NULL);
}

static void test_set(void) {
  size_t n;
  const char *file;
  const char *study =
      "study = { trials = 7; };\nspace = { lr = { low = 0.1; high = 1.0; }; act = (\"relu\", \"elu\"); };\n";
  struct settings *s = set_good(study, "study.trials=3");
  CHECK(settings_int(s, "study.trials") == 3 && settings_given(s, "study.trials"));
  CHECK(settings_line(s, "study.trials", &file) == 0);
  CHECK_TEXT(file, "--set study.trials=3");
  settings_free(s);
  s = set_good(study, "train.optimizer=sgd");
  CHECK_TEXT(settings_text(s, "train.optimizer"), "sgd");
  settings_free(s);
  s = set_good(study, "train.optimizer = \"sgd\"");
  CHECK_TEXT(settings_text(s, "train.optimizer"), "sgd");
  settings_free(s);
  s = set_good(study, "study.metric=12 b=c, (d)");
  CHECK_TEXT(settings_text(s, "study.metric"), "12 b=c, (d)");
  settings_free(s);
  s = set_good(study, "space.lr.low=1e-4"); /* the single key */
  CHECK(settings_double(s, "space.lr.low") == 1e-4 && settings_double(s, "space.lr.high") == 1);
  check_names(s, "space", "lr act");
  settings_free(s);
  s = set_good(study, "space.lr=0.5"); /* the whole hyperparameter becomes fixed */
  CHECK(!settings_given(s, "space.lr.low") && settings_list(s, "space.lr.value", &n)->as.f == 0.5);
  check_names(s, "space", "lr act");
  settings_free(s);
  s = set_good(study, "space.act=(tanh, \"gelu\")");
  CHECK_TEXT(settings_list(s, "space.act.choices", &n)[1].as.text, "gelu");
  settings_free(s);
  s = set_good(study, "space.new={ low = 1; high = 4; }");
  CHECK(settings_double(s, "space.new.high") == 4);
  check_names(s, "space", "lr act new");
  settings_free(s);
  s = set_good(study, "run.walltime=1:00:00");
  CHECK(settings_double(s, "run.walltime") == 3600);
  settings_free(s);
  s = set_good(study, "train.class_weights=balanced");
  CHECK_TEXT(settings_list(s, "train.class_weights", &n)->as.text, "balanced");
  settings_free(s);
  s = set_good(study, "data.files=(a.h5, b c.h5)");
  CHECK_TEXT(settings_list(s, "data.files", &n)[1].as.text, "b c.h5");
  settings_free(s);
  s = set_good(study, "model.batch_norm=true");
  CHECK(settings_bool(s, "model.batch_norm"));
  settings_free(s);
  s = set_good(study, "study.metric=\"\"");
  CHECK_TEXT(settings_text(s, "study.metric"), "");
  settings_free(s);
}

static void test_set_lists(void) {
  static const char *const forms[] = {"model.hidden=(32,16)", "model.hidden=[32,16]", "model.hidden = ( 32, 16, )",
                                      "model.hidden=(32, \"@w\")"};
  for (size_t i = 0; i < 4; i++) {
    char *said;
    struct settings *s = read_with("", &forms[i], 1, &said);
    CHECK(said == NULL && settings_is_list(s, "model.hidden"));
    json_t *json = settings_to_json(s, IDENTITY);
    char *text = json_text(json_object_get(json, "model.hidden"));
    CHECK_TEXT(text, i < 3 ? "[32,16]" : "[32,\"@w\"]");
    free(text);
    json_decref(json);
    settings_free(s);
    free(said);
  }
  struct settings *s = set_good("", "model.hidden=()"); /* no hidden layer: a linear model */
  size_t n;
  settings_list(s, "model.hidden", &n);
  CHECK(n == 0 && settings_given(s, "model.hidden"));
  settings_free(s);
}

static void test_set_order(void) {
  const char *const overrides[] = {"study.trials=3", "study.trials=4"};
  char *said;
  struct settings *s = read_with("", overrides, 2, &said);
  CHECK(said == NULL);
  CHECK(settings_int(s, "study.trials") == 4); /* the later one holds */
  settings_free(s);
  free(said);
}

static void test_set_bad(void) {
  check_set_bad("", "study.trils=3", "--set study.trils=3: unknown setting; did you mean study.trials?");
  check_set_bad("", "study.trials", "--set study.trials: write --set key=value, for example --set study.trials=20");
  check_set_bad("", "study.trials=", "--set study.trials=: no value after =; an empty text is written '\"\"'");
  check_set_bad("", "=3", "--set =3: '' is not a key; one is written group.name, for example study.trials");
  check_set_bad(
      "", "study..trials=3",
      "--set study..trials=3: 'study..trials' is not a key; one is written group.name, for example study.trials");
  check_set_bad("", "study.trials=0", "--set study.trials=0: study.trials = 0 must be >= 1");
  check_set_bad("", "study.trials=many", "--set study.trials=many: study.trials = 'many' must be a whole number");
  check_set_bad("", "train.lr=nan", "--set train.lr=nan: train.lr = 'nan' must be a number");
  check_set_bad("", "train.lr=1e999", "--set train.lr=1e999: train.lr = Infinity must be a finite number");
  check_set_bad(
      "", "train.optimizer=adma",
      "--set train.optimizer=adma: train.optimizer = 'adma' must be one of sgd, adam, adamw, rmsprop; did you "
      "mean adam?");
  check_set_bad("", "study=3",
                "--set study=3: study is a group { }, not a value; inside it stands name, metric, direction, seed, "
                "trials, steps, timeout, target, stall, failures, confirm, "
                "confirm_best");
  check_set_bad("", "model.hidden=(32, (1))",
                "--set model.hidden=(32, (1)): model.hidden is a list of values: no list or group can be inside it");
  check_set_bad("", "study.name=\"open",
                "--set study.name=\"open: cannot read the value: this text has no closing quote \" on its line");
  check_set_bad("", "study.trials={ x = 1; } y = 2",
                "--set study.trials={ x = 1; } y = 2: cannot read the value: more "
                "than one value");
  /* what --set replaces is not complained about, what it leaves is */
  check_set_bad("study = { trials = 0; seed = -1; };", "study.trials=5", "study.cfg:1: study.seed = -1 must be >= 0");
  /* a file that cannot be parsed hides no mistake in --set */
  check_set_bad("study = {", "study.trials=0",
                "study.cfg:1: this '{' is never closed\n--set study.trials=0: study.trials = 0 must be >= 1");
}

static void example_point(struct params *p) {
  params_init(p);
  params_set(p, "lr", value_float(0.01));
  params_set(p, "width", value_int(48));
  params_set(p, "act", value_text("tanh"));
}

static void test_resolve(void) {
  struct settings *s = read_good(full_study), *r;
  struct params p;
  size_t n;
  example_point(&p); /* mom is inactive: train.momentum takes its default */
  REQUIRE(settings_resolve(s, &p, &r) == OK);
  CHECK(settings_double(r, "train.lr") == 0.01 && settings_double(r, "train.momentum") == 0);
  CHECK_TEXT(settings_text(r, "model.activation"), "tanh");
  CHECK(!settings_is_list(r, "model.activation"));
  const struct value *v = settings_list(r, "model.hidden", &n);
  CHECK(n == 3 && v[0].as.i == 48 && v[1].as.i == 32 && v[2].as.i == 48);
  settings_free(s); /* the resolved one stands alone */
  CHECK_TEXT(settings_text(r, "study.metric"), "DL1 \"scan\"");
  check_names(r, "space", "lr width wide act mixed depth mom");
  settings_free(r);
  params_free(&p);
}

static void check_resolve(const char *text, struct value value, const char *expected) {
  struct settings *s = read_good(text), *r = NULL;
  struct params p;
  params_init(&p);
  params_set(&p, "x", value);
  err_clear();
  enum err e = settings_resolve(s, &p, &r);
  if (expected) {
    CHECK(e == ERR_CONFIG && r == NULL);
    CHECK_TEXT(err_text(), expected);
  } else
    CHECK(e == OK);
  err_clear();
  settings_free(r);
  settings_free(s);
  params_free(&p);
}

static void test_resolve_checks(void) {
  check_resolve("train = { lr = \"@x\"; };", value_text("relu"), "train.lr = @x = 'relu' must be a number");
  check_resolve("train = { lr = \"@x\"; };", value_float(-1), "train.lr = @x = -1.0 must be >= 0");
  check_resolve("train = { lr = \"@x\"; };", value_int(1), NULL);
  check_resolve("train = { batch = \"@x\"; };", value_float(500), NULL);
  check_resolve("train = { batch = \"@x\"; };", value_float(500.5), "train.batch = @x = 500.5 must be a whole number");
  check_resolve("model = { hidden = (3, \"@x\"); };", value_int(-2), "model.hidden = @x = -2 must be >= 0");
  check_resolve("model = { batch_norm = \"@x\"; };", value_bool(true), NULL);
  check_resolve("model = { batch_norm = \"@x\"; };", value_int(1), "model.batch_norm = @x = 1 must be true or false");
  check_resolve("train = { lr = \"@x\"; };", value_text("@x"),
                "train.lr = @x = '@x' must be \"@\" and the name of a "
                "hyperparameter");
}

static void test_resolve_missing(void) {
  struct settings *s = read_good("model = { hidden = (\"@a\", \"@b\", 8); dropout = (\"@a\", \"@b\", 0.5);\n"
                                 "  activation = (\"@a\", \"elu\", \"elu\"); };\n"
                                 "train = { batch = \"@b\"; lr = \"@b\"; };\n");
  struct settings *r;
  struct params none;
  size_t n;
  params_init(&none);
  REQUIRE(settings_resolve(s, &none, &r) == OK);
  const struct value *v = settings_list(r, "model.hidden", &n); /* places are kept: layer 3 keeps its dropout */
  CHECK(n == 3 && v[0].as.i == 0 && v[1].as.i == 0 && v[2].as.i == 8);
  v = settings_list(r, "model.dropout", &n);
  CHECK(n == 3 && v[0].as.f == 0 && v[2].as.f == 0.5);
  v = settings_list(r, "model.activation", &n);
  CHECK(n == 3 && strcmp(v[0].as.text, "relu") == 0);
  CHECK(settings_int(r, "train.batch") == 500 && settings_double(r, "train.lr") == 0.001);
  settings_free(r);
  settings_free(s);
}

static void test_references(void) {
  struct settings *s = read_good("space = { lr = { low = 0.1; high = 1.0; }; act = (\"relu\", 3); width = (8, 16); };\n"
                                 "model = {\n"
                                 "  hidden = (\"@widht\", \"@width\", \"@lr\");\n"
                                 "  activation = \"@act\";\n"
                                 "};\n"
                                 "train = { momentum = \"@lr\"; };\n");
  struct params points[2];
  for (size_t i = 0; i < 2; i++) {
    params_init(&points[i]);
    params_set(&points[i], "lr", value_float(i ? 1 : 0.1));
    params_set(&points[i], "act", i ? value_int(3) : value_text("relu"));
    params_set(&points[i], "width", value_int(i ? 16 : 8));
  }
  struct complaints c;
  complaints_init(&c);
  settings_check_references(s, points, 2, &c);
  REQUIRE(c.n == 4);
  CHECK_TEXT(c.lines[0],
             "study.cfg:3: model.hidden = '@widht': space has no hyperparameter widht; did you mean @width?");
  CHECK_TEXT(c.lines[1], "study.cfg:3: model.hidden = @lr = 0.1 must be a whole number");
  CHECK(test_text_contains(c.lines[2], "study.cfg:4: model.activation = @act = 3 must be one of relu, "));
  CHECK_TEXT(c.lines[3], "study.cfg:6: train.momentum = @lr = 1.0 must be <= 0.9999999");
  complaints_free(&c);
  settings_free(s);
  for (size_t i = 0; i < 2; i++)
    params_free(&points[i]);
}

static void check_same_json(const struct settings *a, const struct settings *b) {
  for (int class = IDENTITY; class <= FREE; class ++) {
    json_t *ja = settings_to_json(a, (enum setting_class) class), *jb = settings_to_json(b, (enum setting_class) class);
    char *ta = json_text(ja), *tb = json_text(jb);
    CHECK_TEXT(ta, tb);
    free(ta);
    free(tb);
    json_decref(ja);
    json_decref(jb);
  }
}

static void test_write(void) {
  static const char *const studies[] = {
      "", full_study, "study = { metric = \"tab\\tnewline\\nquote\\\"back\\\\ \\x01 é\"; };",
      "train = { lr = 0.1; epsilon = 1e-300; clip = 12345678901234567890.0; }; data = { rows = 4000000000; };"};
  for (size_t i = 0; i < sizeof studies / sizeof *studies; i++) {
    struct settings *a = read_good(studies[i]);
    struct strbuf text = STRBUF_INIT, again = STRBUF_INIT;
    settings_write(a, &text);
    struct settings *b = read_good(text.text);
    check_same_json(a, b);
    size_t n;
    const struct setting *rows = settings_table(&n);
    for (size_t k = 0; k < n; k++)
      CHECK(settings_given(a, rows[k].key) == settings_given(b, rows[k].key));
    settings_write(b, &again);
    CHECK_TEXT(text.text, again.text);
    strbuf_free(&text);
    strbuf_free(&again);
    settings_free(a);
    settings_free(b);
  }
}

static void test_json(void) {
  struct settings *s = read_good(full_study);
  json_t *identity = settings_to_json(s, IDENTITY), *free_ones = settings_to_json(s, FREE);
  CHECK(json_integer_value(json_object_get(identity, "study.seed")) == 5000000000);
  CHECK(json_is_real(json_object_get(identity, "space.wide.low")));
  CHECK(json_is_integer(json_object_get(identity, "space.width.low")));
  CHECK(json_array_size(json_object_get(identity, "data.files")) == 1); /* "a.h5" is ("a.h5") */
  CHECK_TEXT(json_string_value(json_object_get(identity, "train.lr")), "@lr");
  CHECK_TEXT(json_string_value(json_object_get(identity, "model.loss")), "auto"); /* a default */
  CHECK(json_object_get(identity, "study.trials") == NULL && json_object_get(free_ones, "study.trials") != NULL);
  CHECK(json_object_get(identity, "data.generate") == NULL); /* neither given nor default */
  CHECK(json_object_get(identity, "space.*.log") == NULL);
  json_decref(identity);
  json_decref(free_ones);
  settings_free(s);
}

/* What differs between two studies. Caller frees. */
static char *difference(const char *before, const char *now, enum setting_class class, size_t *n) {
  struct settings *a = read_good(before), *b = read_good(now);
  json_t *recorded = settings_to_json(a, class);
  struct strbuf out = STRBUF_INIT;
  *n = settings_difference(b, class, recorded, &out);
  json_decref(recorded);
  settings_free(a);
  settings_free(b);
  return strbuf_detach(&out);
}

static void check_difference(const char *before, const char *now, const char *expected) {
  size_t n, lines = 0;
  char *text = difference(before, now, IDENTITY, &n);
  CHECK_TEXT(text, expected);
  for (const char *p = expected; *p; p++)
    lines += *p == '\n';
  CHECK(n == lines);
  free(text);
}

static void test_difference(void) {
  check_difference(full_study, full_study, "");
  check_difference("train = { epochs = 20; };", "train = { epochs = 30; };", "train.epochs: 20 in the study, 30 now\n");
  check_difference("", "train = { epochs = 20; lr = 1e-3; };", ""); /* the defaults */
  check_difference("", "train = { optimizer = \"sgd\"; };", "train.optimizer: \"adam\" in the study, \"sgd\" now\n");
  check_difference("model = { hidden = 8; };", "model = { hidden = (8); };", "");
  check_difference("model = { dropout = 0.5; };", "model = { dropout = (0.5); };",
                   "model.dropout: 0.5 in the study, (0.5) now\n");
  check_difference("space = { a = (1, 2); };", "space = { a = (1, 2, \"x\"); };",
                   "space.a.choices: (1, 2) in the study, (1, 2, \"x\") now\n");
  check_difference("space = { a = 1; };", "", "space.a.value: 1 in the study, not set now\n");
  check_difference("", "space = { a = 1; };", "space.a.value: not set in the study, 1 now\n");
  check_difference("space = { a = { low = 1; high = 2; }; };", "space = { a = { low = 1.0; high = 2; }; };",
                   "space.a.low: 1 in the study, 1.0 now\n");
  check_difference("space = { a = 1; b = 2; };", "space = { b = 2; a = 1; };",
                   "space: in the order a, b in the study, b, a now\n");
  check_difference("study = { trials = 3; };", "study = { trials = 4; };", ""); /* free */
  size_t n;
  char *text = difference("study = { trials = 3; };", "study = { trials = 4; };", FREE, &n);
  CHECK_TEXT(text, "study.trials: 3 in the study, 4 now\n");
  free(text);
}

/* A study recorded by an older or a newer version: rows that are not in both tables. */
static void test_difference_versions(void) {
  struct settings *s = read_good("train = { clip = 2; };");
  json_t *recorded = settings_to_json(s, IDENTITY);
  json_object_del(recorded, "train.clip");
  json_object_del(recorded, "train.lr"); /* its default holds now as it did then */
  json_object_set_new(recorded, "train.bygone", json_integer(3));
  struct strbuf out = STRBUF_INIT;
  CHECK(settings_difference(s, IDENTITY, recorded, &out) == 2);
  CHECK_TEXT(out.text, "train.clip: 0.0 in the study, 2.0 now\n"
                       "train.bygone: 3 in the study, not set now\n");
  strbuf_free(&out);
  json_decref(recorded);
  settings_free(s);
}

static void test_files(void) {
  const char *folder = test_folder("settings");
  char path[600], other[600];
  REQUIRE(folder != NULL);
  snprintf(path, sizeof path, "%s/study.cfg", folder);
  snprintf(other, sizeof other, "%s/part.cfg", folder);
  const char *part = "epochs = 7;\r\nlr = 0.5;\r\n",
             *main_part = "\xef\xbb\xbf# utf-8 with a mark\ntrain = {\n@include \"part.cfg\"\n  batch = 0;\n};\n";
  REQUIRE(file_write_atomic(other, part, strlen(part)) == OK);
  REQUIRE(file_write_atomic(path, main_part, strlen(main_part)) == OK);
  struct complaints c;
  struct settings *s;
  complaints_init(&c);
  settings_read(&s, path, NULL, 0, &c);
  REQUIRE(c.n == 1 && s != NULL);
  CHECK_TEXT(c.lines[0],
             "test-files/settings/study.cfg:4: train.batch = 0 must be >= 1"); /* the line after the include */
  const char *file;
  CHECK(settings_line(s, "train.lr", &file) == 2 && settings_double(s, "train.lr") == 0.5);
  CHECK_TEXT(file, "test-files/settings/part.cfg");
  char *where = settings_path(s, "data/a.h5"), *there = settings_path(s, "/a.h5");
  CHECK_TEXT(where, "test-files/settings/data/a.h5");
  CHECK_TEXT(there, "/a.h5");
  free(where);
  free(there);
  settings_free(s);
  complaints_free(&c);
}

static void check_unreadable(const char *path, const char *expected) {
  struct complaints c;
  struct settings *s;
  complaints_init(&c);
  settings_read(&s, path, NULL, 0, &c);
  CHECK(s == NULL);
  REQUIRE(c.n == 1);
  CHECK_TEXT(c.lines[0], expected);
  CHECK(complaints_verdict(&c) == ERR_CONFIG);
  CHECK_TEXT(err_text(), expected);
  err_clear();
  complaints_free(&c);
}

static void test_unreadable(void) {
  check_unreadable("nowhere.cfg", "cannot read nowhere.cfg: No such file or directory");
  check_unreadable(".", ". is a folder, not a study file");
}

static void test_nearest(void) {
  static const char *const words[] = {"sgd", "adam", "adamw", "rmsprop", "batch"};
  CHECK_TEXT(nearest_word("adma", words, 5), "adam");
  CHECK_TEXT(nearest_word("ADAMW", words, 5), "adamw");
  CHECK_TEXT(nearest_word("rms-prop", words, 5), "rmsprop");
  CHECK_TEXT(nearest_word("batch_size", words, 5), "batch");
  CHECK(nearest_word("lbfgs", words, 5) == NULL && nearest_word("", words, 5) == NULL);
  CHECK(nearest_word("x", words, 0) == NULL);
}

int main(void) {
  return TEST_MAIN("settings", {"defaults", test_defaults}, {"defaults suit their rows", test_defaults_suit_their_rows},
                   {"accessors", test_accessors}, {"space and its short forms", test_space}, {"names", test_names},
                   {"rows", test_rows}, {"--set", test_set}, {"--set lists", test_set_lists},
                   {"--set twice", test_set_order}, {"--set mistakes", test_set_bad}, {"resolve", test_resolve},
                   {"resolve checks", test_resolve_checks}, {"resolve without a value", test_resolve_missing},
                   {"references", test_references}, {"written settings read back", test_write}, {"json", test_json},
                   {"difference", test_difference}, {"difference between versions", test_difference_versions},
                   {"files, @include, places", test_files}, {"no such file", test_unreadable},
                   {"nearest word", test_nearest});
}
