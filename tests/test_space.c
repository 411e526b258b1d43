/* The search space: reading, the codec, conditions, counting, Optuna's distributions. */
#include "hpo/space.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/rng.h"
#include "testing.h"

struct fixture {
  struct settings *conf;
  struct complaints complaints;
  struct space space;
};

static void read_space(struct fixture *f, const char *text) {
  complaints_init(&f->complaints);
  f->conf = NULL;
  settings_read_text(&f->conf, text, "study.cfg", NULL, 0, &f->complaints);
  REQUIRE(f->conf != NULL);
  space_from_settings(&f->space, f->conf, &f->complaints);
}

static void drop(struct fixture *f) {
  space_free(&f->space);
  settings_free(f->conf);
  complaints_free(&f->complaints);
}

static void read_sound_space(struct fixture *f, const char *text) {
  read_space(f, text);
  for (size_t i = 0; i < f->complaints.n; i++)
    printf("\n  unexpected: %s\n%s", f->complaints.lines[i], text);
  REQUIRE(f->complaints.n == 0);
}

/* A point as text with all digits, for comparing and for sets of points. */
static char *point_text(const struct params *p) {
  struct strbuf b = STRBUF_INIT;
  for (size_t i = 0; i < p->n; i++) {
    const struct value *v = &p->items[i].value;
    strbuf_printf(&b, "%s%s=", i ? " " : "", p->items[i].name);
    if (v->kind == VALUE_TEXT)
      strbuf_puts(&b, v->as.text);
    else if (v->kind == VALUE_INT)
      strbuf_printf(&b, "%lld", (long long)v->as.i);
    else if (v->kind == VALUE_BOOL)
      strbuf_puts(&b, v->as.b ? "true" : "false");
    else
      strbuf_printf(&b, "%.17g", v->as.f);
  }
  return strbuf_detach(&b);
}

/* ---- random spaces ---- */

#define MOST_DIMS 7

/* What a random space was written from, so that the tests know it from outside. */
struct plan {
  struct strbuf text;
  size_t n;
  int values[MOST_DIMS]; /* how many values can stand in a condition: 0 .. values - 1, or "a" .. for categories; 0: none
                          */
  bool category[MOST_DIMS];
  int parent[MOST_DIMS]; /* -1: none */
  int when[MOST_DIMS];   /* the parent's value */
};

static void plan_condition(struct plan *p, struct rng *r, size_t i) {
  p->parent[i] = -1;
  size_t other = rng_below(r, MOST_DIMS);
  if (rng_below(r, 2) == 0 || other >= i || p->values[other] == 0) {
    strbuf_puts(&p->text, "};\n");
    return;
  }
  p->parent[i] = (int)other;
  p->when[i] = (int)rng_below(r, (uint64_t)p->values[other]);
  if (p->category[other])
    strbuf_printf(&p->text, " when = { h%zu = (\"%c\"); }; };\n", other, 'a' + p->when[i]);
  else
    strbuf_printf(&p->text, " when = { h%zu = (%d); }; };\n", other, p->when[i]);
}

static void plan_dimension(struct plan *p, struct rng *r, size_t i, bool small) {
  struct strbuf *t = &p->text;
  int n = 1 + (int)rng_below(r, small ? 3 : 6);
  p->category[i] = false;
  p->values[i] = 0;
  strbuf_printf(t, "  h%zu = { ", i);
  switch (rng_below(r, small ? 3 : 7)) {
  case 0:
    p->category[i] = true;
    p->values[i] = n;
    strbuf_puts(t, "choices = (");
    for (int k = 0; k < n; k++)
      strbuf_printf(t, "%s\"%c\"", k ? ", " : "", 'a' + k);
    strbuf_puts(t, ");");
    break;
  case 1:
    p->values[i] = n;
    strbuf_printf(t, "low = 0; high = %d;", n - 1);
    break;
  case 2:
    strbuf_printf(t, "low = 0.1; high = %.17g; step = 0.1;", 0.1 * n);
    break;
  case 3:
    strbuf_printf(t, "low = %d; high = %d; log = true;", n, n * 200);
    break;
  case 4:
    strbuf_printf(t, "low = -%d.5; high = 7.25;", n);
    break;
  case 5:
    strbuf_printf(t, "low = 1e-%d; high = 0.75; log = true;", n);
    break;
  default:
    strbuf_printf(t, "value = %d;", n);
  }
  plan_condition(p, r, i);
}

static void plan_space(struct plan *p, struct rng *r, bool small) {
  *p = (struct plan){.n = 1 + (size_t)rng_below(r, small ? 5 : MOST_DIMS)};
  strbuf_init(&p->text);
  strbuf_puts(&p->text, "space = {\n");
  for (size_t i = 0; i < p->n; i++)
    plan_dimension(p, r, i, small);
  strbuf_puts(&p->text, "};\n");
}

static void check_point(const struct plan *plan, const struct space *s, const struct params *p) {
  char name[24], letter[2] = "a";
  for (size_t i = 0; i < plan->n; i++) {
    snprintf(name, sizeof name, "h%zu", i);
    const struct value *v = params_get(p, name);
    bool expected = true;
    if (plan->parent[i] >= 0) {
      char parent[24];
      snprintf(parent, sizeof parent, "h%d", plan->parent[i]);
      const struct value *have = params_get(p, parent);
      letter[0] = (char)('a' + plan->when[i]);
      struct value want = plan->category[plan->parent[i]] ? value_text(letter) : value_int(plan->when[i]);
      expected = have && value_equal(have, &want);
      value_free(&want);
    }
    CHECK((v != NULL) == expected);
    CHECK(space_active(s, space_dimension(s, name), p) == expected);
    const struct dimension *d = space_dimension(s, name);
    double x;
    if (v && (d->kind == DIM_FLOAT || d->kind == DIM_INT))
      CHECK(value_to_double(v, &x) && x >= d->low && x <= d->high);
    if (v && d->kind == DIM_INT)
      CHECK(v->kind == VALUE_INT);
  }
}

static void test_decode_undoes_encode(void) {
  struct rng r = rng_of(rng_key("decode undoes encode", 1));
  for (int round = 0; round < 300; round++) {
    struct plan plan;
    struct fixture f;
    plan_space(&plan, &r, false);
    read_sound_space(&f, plan.text.text);
    double u[MOST_DIMS + 1] = {0}, back[MOST_DIMS + 1] = {0};
    struct params p, q;
    params_init(&p);
    params_init(&q);
    for (int point = 0; point < 40; point++) {
      for (size_t i = 0; i < f.space.n_coordinates; i++)
        u[i] = point == 0 ? 0 : point == 1 ? 1 : rng_uniform(&r);
      space_decode(&f.space, u, &p);
      check_point(&plan, &f.space, &p);
      CHECK(space_encode(&f.space, &p, back, "test") == OK);
      space_decode(&f.space, back, &q);
      char *a = point_text(&p), *b = point_text(&q);
      CHECK_TEXT(a, b);
      CHECK(params_hash(&p) == params_hash(&q));
      free(a);
      free(b);
    }
    params_free(&p);
    params_free(&q);
    drop(&f);
    strbuf_free(&plan.text);
  }
}

static void test_every_whole_number_comes_back(void) {
  struct fixture f;
  read_sound_space(&f, "space = { a = { low = 1; high = 5000; log = true; }; b = { low = -7; high = 600; step = 3; };"
                       " c = { low = 0.0; high = 1.0; step = 0.001; }; };");
  struct params p;
  params_init(&p);
  for (int i = 0; i < 5000; i++) {
    params_set(&p, "a", value_int(1 + i));
    params_set(&p, "b", value_float(-7 + 3 * (i % 203)));
    params_set(&p, "c", value_float(dimension_round((i % 1001) * 0.001)));
    double u[3];
    REQUIRE(space_encode(&f.space, &p, u, "test") == OK);
    struct params q;
    params_init(&q);
    space_decode(&f.space, u, &q);
    REQUIRE(params_equal(&p, &q));
    params_free(&q);
  }
  params_free(&p);
  drop(&f);
}

/* ---- shares ---- */

static void count_ints(const struct dimension *d, size_t n, int64_t first, size_t *counts) {
  for (size_t i = 0; i < n; i++) {
    struct value v = dimension_value(d, ((double)i + 0.5) / (double)n);
    REQUIRE(v.kind == VALUE_INT);
    counts[v.as.i - first]++;
  }
}

static void test_equal_shares(void) {
  struct fixture f;
  read_sound_space(&f, "space = { a = { low = 3; high = 12; }; b = { low = 1; high = 40; log = true; };"
                       " c = { choices = (true, 2, \"x\"); }; d = { low = 1e-4; high = 1.0; log = true; }; };");
  const struct dimension *d = f.space.dims;
  size_t a[10] = {0}, b[40] = {0}, c[3] = {0};
  count_ints(&d[0], 10000, 3, a);
  for (int i = 0; i < 10; i++)
    CHECK(a[i] == 1000);
  const size_t n = 100000;
  count_ints(&d[1], n, 1, b);
  for (int i = 0; i < 40; i++) {
    double x = i + 1, share = log((x + 0.5) / (x - 0.5)) / log(40.5 / 0.5);
    CHECK_NEAR((double)b[i] / (double)n, share, 2.0 / (double)n);
  }
  for (int i = 0; i < 3000; i++) {
    struct value v = dimension_value(&d[2], (i + 0.5) / 3000);
    c[v.kind == VALUE_BOOL ? 0 : v.kind == VALUE_INT ? 1 : 2]++;
  }
  CHECK(c[0] == 1000 && c[1] == 1000 && c[2] == 1000);
  for (int i = 0; i <= 4; i++)
    CHECK_NEAR(dimension_value(&d[3], i / 4.0).as.f, pow(10, i - 4), 1e-12);
  drop(&f);
}

static void test_large_ranges(void) {
  struct fixture f;
  read_sound_space(&f,
                   "space = { a = { type = \"int\"; low = -4e14; high = 4e14; }; b = { low = -1e300; high = 1e300; };"
                   " c = { low = 1e-300; high = 1e300; log = true; }; d = { low = 2.5; high = 2.5; }; };");
  struct rng r = rng_of(rng_key("large ranges", 1));
  struct params p, q;
  params_init(&p);
  params_init(&q);
  for (int i = 0; i < 2000; i++) {
    double u[4] = {rng_uniform(&r), rng_uniform(&r), rng_uniform(&r), rng_uniform(&r)};
    space_decode(&f.space, u, &p);
    REQUIRE(space_encode(&f.space, &p, u, "test") == OK);
    space_decode(&f.space, u, &q);
    CHECK(params_equal(&p, &q));
  }
  CHECK(dimension_cells(&f.space.dims[3]) == 1);
  CHECK(params_double(&p, "d", 0) == 2.5);
  params_free(&p);
  params_free(&q);
  drop(&f);
}

/* ---- counting ---- */

struct set {
  char **items;
  size_t n, cap;
};

static bool set_add(struct set *s, char *text) {
  for (size_t i = 0; i < s->n; i++)
    if (strcmp(s->items[i], text) == 0) {
      free(text);
      return false;
    }
  MEM_GROW(s->items, s->n, &s->cap);
  s->items[s->n++] = text;
  return true;
}

static void set_free(struct set *s) {
  for (size_t i = 0; i < s->n; i++)
    free(s->items[i]);
  free(s->items);
}

/* All combinations of cells, whether the dimensions are there or not. */
static void brute_force(const struct space *s, struct set *out) {
  uint64_t cell[MOST_DIMS] = {0};
  double u[MOST_DIMS + 1] = {0};
  struct params p;
  params_init(&p);
  for (bool more = true; more;) {
    for (size_t i = 0; i < s->n; i++)
      if (s->dims[i].kind != DIM_FIXED)
        u[s->dims[i].coordinate] = dimension_cell_centre(&s->dims[i], cell[i]);
    space_decode(s, u, &p);
    set_add(out, point_text(&p));
    size_t i = s->n;
    while (i > 0 && ++cell[i - 1] == dimension_cells(&s->dims[i - 1]))
      cell[--i] = 0;
    more = i > 0;
  }
  params_free(&p);
}

/* Written order, absent ones first, later ones faster: is the point after the one before? */
static bool in_order(const struct space *s, const struct params *before, const struct params *p) {
  for (size_t i = 0; i < s->n; i++) {
    const struct value *a = params_get(before, s->dims[i].name), *b = params_get(p, s->dims[i].name);
    uint64_t x = 0, y = 0;
    if (!a || !b)
      continue;
    dimension_cell_of(&s->dims[i], a, &x);
    dimension_cell_of(&s->dims[i], b, &y);
    if (x != y)
      return x < y;
  }
  return false;
}

static void check_listing(const struct space *s, void (*point)(const struct space *, uint64_t, double *), double size,
                          const struct set *all) {
  struct set found = {0};
  struct params p, before;
  params_init(&p);
  params_init(&before);
  double u[MOST_DIMS + 1] = {0};
  CHECK(size == (double)all->n);
  for (uint64_t i = 0; i < (uint64_t)size; i++) {
    point(s, i, u);
    space_decode(s, u, &p);
    CHECK(set_add(&found, point_text(&p)));
    if (i > 0)
      CHECK(in_order(s, &before, &p));
    params_copy(&before, &p);
  }
  for (size_t i = 0; i < all->n; i++)
    CHECK(!set_add(&found, mem_strdup(all->items[i])));
  params_free(&p);
  params_free(&before);
  set_free(&found);
}

static void test_listing_against_brute_force(void) {
  struct rng r = rng_of(rng_key("brute force", 1));
  for (int round = 0; round < 150; round++) {
    struct plan plan;
    struct fixture f;
    plan_space(&plan, &r, true);
    read_sound_space(&f, plan.text.text);
    struct set all = {0};
    brute_force(&f.space, &all);
    check_listing(&f.space, space_nth_point, space_cardinality(&f.space), &all);
    check_listing(&f.space, space_grid_point, space_grid_size(&f.space), &all);
    set_free(&all);
    drop(&f);
    strbuf_free(&plan.text);
  }
}

static void test_conditions_do_not_multiply(void) {
  struct fixture f;
  /* sgd: 3 momenta, each also nesterov or not above 0; adam: 2 betas; none of them for rmsprop; times 4 batches */
  read_sound_space(&f, "space = {\n"
                       " nesterov = { choices = (true, false); when = { momentum = (0.5, 0.9); }; };\n"
                       " momentum = { choices = (0.0, 0.5, 0.9); when = { optimizer = (\"sgd\"); }; };\n"
                       " optimizer = { choices = (\"sgd\", \"adam\", \"rmsprop\"); };\n"
                       " beta = { choices = (0.9, 0.99); when = { optimizer = \"adam\"; }; };\n"
                       " batch = { low = 1; high = 4; }; };");
  CHECK(space_cardinality(&f.space) == 4 * ((1 + 2 * 2) + 2 + 1));
  struct set all = {0};
  brute_force(&f.space, &all);
  CHECK(all.n == 32);
  struct set found = {0};
  struct params p;
  params_init(&p);
  for (uint64_t i = 0; i < 32; i++) {
    double u[5];
    space_grid_point(&f.space, i, u);
    space_decode(&f.space, u, &p);
    CHECK(set_add(&found, point_text(&p)));
  }
  params_free(&p);
  set_free(&found);
  set_free(&all);
  drop(&f);
}

static void test_grid_resolution(void) {
  struct fixture f;
  read_sound_space(
      &f, "space = { x = { low = 0.0; high = 2.0; resolution = 3; }; y = { low = 1e-4; high = 1.0; log = true; };"
          " m = { low = 0.0; high = 8.0; resolution = 1; }; n = { low = 1; high = 1000; resolution = 4; };"
          " l = { low = 1; high = 1000; log = true; resolution = 40; }; };");
  CHECK(space_grid_size(&f.space) == 3.0 * 5 * 1 * 4 * 40);
  CHECK(isinf(space_cardinality(&f.space)));
  const double x[] = {0, 1, 2}, y[] = {1e-4, 1e-3, 1e-2, 1e-1, 1}, n[] = {1, 334, 667, 1000};
  struct params p;
  params_init(&p);
  double u[5], before = 0;
  for (uint64_t i = 0; i < 2400; i++) {
    space_grid_point(&f.space, i, u);
    space_decode(&f.space, u, &p);
    CHECK_NEAR(params_double(&p, "x", -1), x[i / 800], 1e-12);
    CHECK_NEAR(params_double(&p, "y", -1), y[i / 160 % 5], 1e-12);
    CHECK(params_double(&p, "m", -1) == 4);
    CHECK(params_double(&p, "n", -1) == n[i / 40 % 4]);
    double l = params_double(&p, "l", -1);
    CHECK(i % 40 == 0 ? l == 1 : l > before); /* every place is another number although the first lie close together */
    CHECK(i % 40 != 39 || l == 1000);
    before = l;
  }
  params_free(&p);
  drop(&f);
}

static void test_many_conditions_count_fast(void) {
  struct strbuf text = STRBUF_INIT;
  strbuf_puts(&text, "space = {\n");
  for (int i = 0; i < 40; i++)
    strbuf_printf(&text, "s%d = { choices = (true, false); }; c%d = { low = 1; high = 3; when = { s%d = true; }; };\n",
                  i, i, i);
  strbuf_puts(&text, "};\n");
  struct fixture f;
  read_sound_space(&f, text.text);
  CHECK_NEAR(log2(space_cardinality(&f.space)), 80, 1e-9);
  double u[80];
  space_nth_point(&f.space, 5, u); /* index 5: the last switch on has 3, off has 1 */
  struct params p;
  params_init(&p);
  space_decode(&f.space, u, &p);
  CHECK(params_double(&p, "s38", -1) == 1 && params_double(&p, "c38", -1) == 2);
  CHECK(params_double(&p, "c39", -1) == 2);
  params_free(&p);
  drop(&f);
  strbuf_free(&text);
}

static void test_empty_space(void) {
  struct fixture f;
  read_sound_space(&f, "study = { name = \"x\"; };");
  CHECK(f.space.n == 0 && f.space.n_coordinates == 0);
  CHECK(space_cardinality(&f.space) == 1 && space_grid_size(&f.space) == 1);
  struct params p;
  params_init(&p);
  double u[1] = {0.5};
  space_grid_point(&f.space, 0, u);
  space_decode(&f.space, u, &p);
  CHECK(p.n == 0);
  CHECK(space_encode(&f.space, &p, u, "test") == OK);
  drop(&f);
  read_sound_space(&f, "space = { a = { value = 3; }; };");
  CHECK(space_grid_size(&f.space) == 1);
  drop(&f);
}

/* ---- reading ---- */

static void test_kinds_follow_from_keys(void) {
  struct fixture f;
  read_sound_space(
      &f,
      "space = { i = { low = 1; high = 8; }; f = { low = 1.0; high = 8.0; }; g = { low = 1; high = 8; step = 0.5; };"
      " t = { type = \"float\"; low = 1; high = 8; }; c = { choices = (1, \"b\", false); }; v = { value = \"x\"; }; "
      "};");
  const enum dimension_kind kinds[] = {DIM_INT, DIM_FLOAT, DIM_FLOAT, DIM_FLOAT, DIM_CATEGORICAL, DIM_FIXED};
  for (size_t i = 0; i < 6; i++)
    CHECK(f.space.dims[i].kind == kinds[i]);
  CHECK(f.space.n_coordinates == 5);
  CHECK(f.space.dims[5].coordinate == SIZE_MAX);
  CHECK(f.space.dims[0].step == 1 && f.space.dims[1].step == 0);
  drop(&f);
}

static void test_high_comes_down_to_a_step(void) {
  struct fixture f;
  read_sound_space(&f, "space = { a = { low = 0.0; high = 1.0; step = 0.3; }; b = { low = 1; high = 10; step = 4; };"
                       " c = { low = 0.0; high = 1.0; step = 0.1; }; };");
  CHECK_NEAR(f.space.dims[0].high, 0.9, 1e-15);
  CHECK(f.space.dims[1].high == 9);
  CHECK(f.space.dims[2].high == 1 && dimension_cells(&f.space.dims[2]) == 11);
  drop(&f);
}

static void test_mistakes_are_complaints(void) {
  static const struct {
    const char *dims, *message;
  } mistakes[] = {
      {"lr = { low = 0.0; high = 1.0; log = true; };", "study.cfg:2: space.lr: log needs low > 0, low = 0"},
      {"n = { low = 0; high = 9; log = true; };", "study.cfg:2: space.n: log needs low >= 1 for type int, low = 0"},
      {"x = { low = 3; high = 1; };", "study.cfg:2: space.x: low = 3 is above high = 1"},
      {"x = { low = 0.1; high = 1.0; log = true;\n step = 0.1; };", "study.cfg:3: space.x: log and step"},
      {"x = { low = 1; high = 9; log = true; step = 2; };", "log and step = 2 do not go together"},
      {"x = { type = \"int\"; low = 1.5; high = 3; };", "low = 1.5 must be a whole number"},
      {"x = { type = \"int\"; low = 1; high = 3; step = 0.5; };", "step = 0.5 must be a whole number"},
      {"x = { choices = (1, 2, 1.0); };", "choice 3 repeats choice 1"},
      {"x = { choices = (1, 2); step = 1; };", "step does not belong to a hyperparameter of type categorical"},
      {"x = { low = 1; choices = (1, 2); };", "low does not belong"},
      {"x = { value = 1; resolution = 3; };", "resolution does not belong"},
      {"x = { type = \"float\"; low = 1; };", "high is missing"},
      {"x = { type = \"categorical\"; };", "choices is missing"},
      {"x = { type = \"fixed\"; };", "value is missing"},
      {"x = { log = true; };", "give low and high"},
      {"x = { low = -1e308; high = 1e308; };", "too wide"},
      {"x = { low = 0.0; high = 1.0; step = 1e-18; };", "more than 1e+15 values"},
      {"x = { low = 1; high = 2; when = { y = 1; }; };", "when.y names no hyperparameter"},
      {"act = { choices = (1, 2); }; x = { low = 1; high = 2; when = { atc = 1; }; };", "did you mean act?"},
      {"x = { low = 1; high = 2; when = { x = 1; }; };", "it cannot depend on itself"},
      {"a = { choices = (\"relu\", \"elu\"); }; x = { low = 1; high = 2;\n when = { a = \"rleu\"; }; };",
       "study.cfg:3: space.x: when.a = \"rleu\" is a value that a never has: did you mean \"relu\"?"},
      {"a = { low = 1; high = 5; }; x = { low = 1; high = 2; when = { a = (2, 7); }; };",
       "when.a = 7 is a value that a never has"},
      {"a = { low = 0.0; high = 1.0; }; x = { low = 1; high = 2; when = { a = 0.5; }; };", "a is continuous"},
      {"a = { choices = (1, 2); when = { b = 1; }; }; b = { choices = (1, 2); when = { c = 1; }; };"
       " c = { choices = (1, 2); when = { a = 1; }; };",
       "go round in a circle: a -> b -> c -> a"},
  };
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct strbuf text = STRBUF_INIT;
    struct fixture f;
    strbuf_printf(&text, "space = {\n%s };\n", mistakes[i].dims);
    read_space(&f, text.text);
    bool found = false;
    for (size_t k = 0; k < f.complaints.n; k++)
      found |= test_text_contains(f.complaints.lines[k], mistakes[i].message) != 0;
    CHECK(found);
    if (!found)
      printf("\n  missing: %s\n  instead: %s\n", mistakes[i].message,
             f.complaints.n ? f.complaints.lines[0] : "nothing");
    CHECK(f.complaints.n == 1);
    if (f.complaints.n > 1)
      printf("\n  also: %s | %s\n", f.complaints.lines[0], f.complaints.lines[1]);
    double u[8] = {0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3};
    struct params p;
    params_init(&p);
    space_decode(&f.space, u, &p); /* what is left can still be used */
    params_free(&p);
    drop(&f);
    strbuf_free(&text);
  }
}

static void test_all_mistakes_at_once(void) {
  struct fixture f;
  read_space(&f, "space = {\n a = { low = 2; high = 1; };\n b = { choices = (1, 1); };\n"
                 " c = { low = 0.0; high = 1.0; log = true; when = { b = 3; d = 1; }; }; };");
  CHECK(f.complaints.n == 4); /* a, b, c, and d that is not there; nothing about values of the broken b */
  drop(&f);
}

static void test_too_many_combinations(void) {
  struct strbuf text = STRBUF_INIT;
  strbuf_puts(&text, "space = {\n x = { low = 1; high = 2; when = {");
  for (int i = 0; i < 30; i++)
    strbuf_printf(&text, " s%d = true;", i);
  strbuf_puts(&text, "}; };\n");
  for (int i = 0; i < 30; i++)
    strbuf_printf(&text, " s%d = { choices = (true, false); };\n", i);
  strbuf_puts(&text, "};\n");
  struct fixture f;
  read_space(&f, text.text);
  CHECK(f.complaints.n == 1);
  CHECK(f.complaints.n == 1 && test_text_contains(f.complaints.lines[0], "combine in"));
  drop(&f);
  strbuf_free(&text);
}

/* ---- refused points ---- */

static void test_points_outside_are_refused(void) {
  static const struct {
    const char *json, *message;
  } points[] = {
      {"{\"a\": 7, \"o\": \"adam\", \"f\": 0.5}", "here: a = 7 must be a whole number in [1, 5]"},
      {"{\"a\": 2.5, \"o\": \"adam\", \"f\": 0.5}", "a = 2.5 must be"},
      {"{\"a\": true, \"o\": \"adam\", \"f\": 0.5}", "a = true must be"},
      {"{\"a\": 2, \"o\": \"rprop\", \"f\": 0.5}", "o = \"rprop\" must be one of \"sgd\", \"adam\""},
      {"{\"a\": 2, \"o\": \"adam\", \"f\": 0.55}", "f = 0.55 must be a number in [0.0, 1.0] in steps of 0.1"},
      {"{\"a\": 2, \"o\": \"adam\"}", "f is missing"},
      {"{\"a\": 2, \"o\": \"sgd\", \"f\": 0.5}", "m is missing"},
      {"{\"a\": 2, \"o\": \"adam\", \"f\": 0.5, \"m\": 0.5}",
       "m is given, but it is only there for other values of o than \"adam\""},
      {"{\"a\": 2, \"o\": \"adam\", \"f\": 0.5, \"mm\": 0.5}", "mm is not a hyperparameter of this space"},
      {"{\"a\": 2, \"o\": \"adam\", \"f\": 0.5, \"v\": 4}", "v = 4 must be 3"},
  };
  struct fixture f;
  read_sound_space(&f, "space = { a = { low = 1; high = 5; }; o = { choices = (\"sgd\", \"adam\"); };"
                       " m = { low = 0.0; high = 0.9; when = { o = \"sgd\"; }; }; v = { value = 3; };"
                       " f = { low = 0.0; high = 1.0; step = 0.1; }; };");
  double u[4];
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    struct json_t *json = NULL;
    struct params p;
    params_init(&p);
    REQUIRE(json_parse(points[i].json, "test", &json) == OK);
    REQUIRE(params_from_json(&p, json, "test") == OK);
    err_clear();
    CHECK(space_encode(&f.space, &p, u, "here") == ERR_INPUT);
    CHECK(test_text_contains(err_text(), points[i].message));
    if (!test_text_contains(err_text(), points[i].message))
      printf("\n  %s\n", err_text());
    err_clear();
    params_free(&p);
    json_decref(json);
  }
  drop(&f);
}

static void test_a_users_point_is_adopted(void) {
  struct fixture f;
  read_sound_space(
      &f, "space = { f = { low = 0.0; high = 1.0; step = 0.1; }; n = { low = 1; high = 5; }; v = { value = 3; };"
          " x = { low = -1.0; high = 1.0; }; };");
  struct params p, q;
  params_init(&p);
  params_init(&q);
  double u[3];
  params_set(&p, "x", value_float(1e-300)); /* no u reaches it */
  params_set(&p, "n", value_float(4.0));
  params_set(&p, "f", value_float(0.1 + 0.2));
  REQUIRE(space_adopt(&f.space, &p, u, "test") == OK);
  char *text = point_text(&p);
  CHECK_TEXT(text, "f=0.29999999999999999 n=4 v=3 x=1e-300");
  free(text);
  space_decode(&f.space, u, &q);
  CHECK(params_get(&q, "n")->kind == VALUE_INT && params_double(&q, "f", 0) == 0.3);
  params_set(&p, "n", value_int(9));
  CHECK(space_adopt(&f.space, &p, u, "test") == ERR_INPUT);
  err_clear();
  params_free(&p);
  params_free(&q);
  drop(&f);
}

/* ---- Optuna ---- */

static void check_optuna(const struct dimension *d, const char *expected) {
  struct strbuf b = STRBUF_INIT;
  dimension_optuna_json(d, &b);
  CHECK_TEXT(b.text, expected);
  strbuf_free(&b);
}

static void test_optuna_distributions(void) {
  struct fixture f;
  read_sound_space(&f, "space = { a = { low = 0.0; high = 1.0; }; b = { low = 1e-5; high = 0.1; log = true; };"
                       " c = { low = 0.0; high = 1.0; step = 0.3; }; d = { low = 1; high = 10; };"
                       " e = { low = 1; high = 1000; log = true; }; f = { low = 0; high = 10; step = 2; };"
                       " g = { choices = (\"a\\\"b\", 1, 2.5, true, 3.0); }; h = { value = \"x\"; }; };");
  const struct dimension *d = f.space.dims; /* the right sides are what Optuna 5.0 prints */
  check_optuna(&d[0], "{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0, \"high\": 1.0, "
                      "\"log\": false}}");
  check_optuna(&d[1], "{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 1e-05, \"high\": "
                      "0.1, \"log\": true}}");
  check_optuna(&d[2], "{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": 0.3, \"low\": 0.0, \"high\": 0.9, "
                      "\"log\": false}}");
  check_optuna(
      &d[3],
      "{\"name\": \"IntDistribution\", \"attributes\": {\"log\": false, \"step\": 1, \"low\": 1, \"high\": 10}}");
  check_optuna(
      &d[4],
      "{\"name\": \"IntDistribution\", \"attributes\": {\"log\": true, \"step\": 1, \"low\": 1, \"high\": 1000}}");
  check_optuna(
      &d[5],
      "{\"name\": \"IntDistribution\", \"attributes\": {\"log\": false, \"step\": 2, \"low\": 0, \"high\": 10}}");
  check_optuna(
      &d[6], "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"a\\\"b\", 1, 2.5, true, 3.0]}}");
  check_optuna(&d[7], "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"x\"]}}");
  drop(&f);
}

static void test_internal_values(void) {
  struct fixture f;
  struct value v;
  read_sound_space(
      &f, "space = { a = { low = 0.0; high = 1.0; }; d = { low = 1; high = 10; }; g = { choices = (\"a\", 1); }; };");
  const struct dimension *d = f.space.dims;
  for (size_t i = 0; i < 3; i++)
    for (int k = 0; k <= 20; k++) {
      struct value x = dimension_value(&d[i], k / 20.0);
      REQUIRE(dimension_external(&d[i], dimension_internal(&d[i], &x), &v) == OK);
      CHECK(value_equal(&x, &v));
      value_free(&v);
    }
  const double bad[][3] = {{-0.1, 1.1, (double)NAN}, {0, 10.5, 2.5}, {-1, 2, 0.5}};
  for (size_t i = 0; i < 3; i++)
    for (size_t k = 0; k < 3; k++)
      CHECK(dimension_external(&d[i], bad[i][k], &v) == ERR_DAMAGED);
  err_clear();
  drop(&f);
}

static void test_hash_of_a_point(void) {
  struct params a, b;
  params_init(&a);
  params_init(&b);
  params_set(&a, "x", value_int(3));
  params_set(&a, "y", value_text("relu"));
  params_set(&b, "y", value_text("relu"));
  params_set(&b, "x", value_float(3.0));
  CHECK(params_equal(&a, &b) && params_hash(&a) == params_hash(&b));
  params_set(&b, "x", value_float(3.5));
  CHECK(params_hash(&a) != params_hash(&b));
  params_set(&b, "x", value_bool(true));
  params_set(&a, "x", value_int(1));
  CHECK(params_hash(&a) != params_hash(&b));
  params_set(&a, "x", value_text("relu"));
  params_set(&a, "y", value_int(3));
  params_set(&b, "x", value_int(3)); /* names and values swapped */
  CHECK(params_hash(&a) != params_hash(&b));
  params_free(&a);
  params_free(&b);
}

int main(void) {
  return TEST_MAIN(
      "space", {"decode undoes encode in random spaces", test_decode_undoes_encode},
      {"every whole number comes back", test_every_whole_number_comes_back},
      {"equal shares of the cube", test_equal_shares}, {"large ranges", test_large_ranges},
      {"listing against brute force", test_listing_against_brute_force},
      {"conditions do not multiply", test_conditions_do_not_multiply}, {"grid resolution", test_grid_resolution},
      {"many conditions count fast", test_many_conditions_count_fast}, {"empty space", test_empty_space},
      {"kinds follow from keys", test_kinds_follow_from_keys},
      {"high comes down to a step", test_high_comes_down_to_a_step},
      {"mistakes are complaints", test_mistakes_are_complaints}, {"all mistakes at once", test_all_mistakes_at_once},
      {"too many combinations", test_too_many_combinations},
      {"points outside are refused", test_points_outside_are_refused},
      {"a user's point is adopted", test_a_users_point_is_adopted},
      {"Optuna's distributions", test_optuna_distributions}, {"internal values", test_internal_values},
      {"hash of a point", test_hash_of_a_point});
}
