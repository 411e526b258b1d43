/* What every sampler promises, and what grid and Sobol points are. */
#include "hpo/sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "histories.h"
#include "hpo/sampler_sobol.h"
#include "testing.h"

static const struct list_word sampler_words[] = {LIST_WORDS(SAMPLER_LIST)};
#define N_SAMPLERS (sizeof sampler_words / sizeof *sampler_words)

/* ---- a study without a run ---- */

struct fixture {
  struct settings *conf;
  struct complaints complaints;
  struct space space;
  struct study study;
  struct sampler sampler;
};

static void apply(struct study *s, struct op op) {
  REQUIRE(study_apply(s, &op) == OK);
}

static void start(struct fixture *f, const char *sampler, uint64_t seed, const char *text) {
  complaints_init(&f->complaints);
  settings_read_text(&f->conf, text, "study.cfg", NULL, 0, &f->complaints);
  REQUIRE(f->conf != NULL);
  space_from_settings(&f->space, f->conf, &f->complaints);
  REQUIRE(f->complaints.n == 0);
  study_init(&f->study, &f->space);
  apply(&f->study, (struct op){.kind = OP_CREATE_STUDY, .name = "test"});
  REQUIRE(sampler_open(&f->sampler, sampler, &f->space, rng_key("test", seed), f->conf) == OK);
}

static void drop(struct fixture *f) {
  sampler_close(&f->sampler);
  study_free(&f->study);
  space_free(&f->space);
  settings_free(f->conf);
  complaints_free(&f->complaints);
}

static void add_trial(struct fixture *f, const struct params *p, bool enqueued, double value) {
  int64_t number = (int64_t)f->study.n;
  apply(&f->study, (struct op){.kind = OP_CREATE_TRIAL, .time = 1});
  for (size_t i = 0; i < p->n; i++) {
    const struct dimension *d = space_dimension(&f->space, p->items[i].name);
    struct strbuf distribution = STRBUF_INIT;
    dimension_optuna_json(d, &distribution);
    apply(&f->study, (struct op){.kind = OP_PARAM,
                                 .trial = number,
                                 .name = d->name,
                                 .json = distribution.text,
                                 .value = dimension_internal(d, &p->items[i].value)});
    strbuf_free(&distribution);
  }
  apply(&f->study,
        (struct op){.kind = OP_ASKED, .trial = number, .asked_at = f->study.ops, .enqueued = enqueued, .key = number});
  if (!isnan(value))
    apply(&f->study,
          (struct op){.kind = OP_STATE, .trial = number, .state = TRIAL_COMPLETE, .value = value, .time = 2});
}

static enum ask ask(struct fixture *f, struct params *p) {
  enum ask answer = ASK_WAIT;
  REQUIRE(sampler_ask(&f->sampler, &f->study, (int64_t)f->study.n, p, &answer) == OK);
  return answer;
}

/* Every third trial is left running. */
static double outcome_of(size_t number) {
  return number % 3 == 2 ? (double)NAN : sin((double)number);
}

static const char mixed_space[] =
    "space = { lr = { low = 1e-5; high = 1e-1; log = true; }; width = { low = 8; high = 512; log = true; };\n"
    " drop = { low = 0.0; high = 0.5; step = 0.1; }; act = { choices = (\"relu\", \"elu\", 3, false); };\n"
    " momentum = { low = 0.0; high = 0.99; when = { opt = \"sgd\"; }; }; opt = { choices = (\"sgd\", \"adam\"); };\n"
    " depth = { value = 3; }; };\n";

static const char small_space[] = /* 3 (2 + 1) = 9 points */
    "space = { n = { low = 1; high = 3; }; opt = { choices = (\"sgd\", \"adam\"); };\n"
    " nesterov = { choices = (true, false); when = { opt = \"sgd\"; }; }; };\n";

static void test_points_are_of_the_space(void) {
  for (size_t s = 0; s < N_SAMPLERS; s++) {
    struct fixture f;
    struct params p;
    params_init(&p);
    start(&f, sampler_words[s].name, 1, mixed_space);
    for (size_t i = 0; i < 300; i++) {
      REQUIRE(ask(&f, &p) == ASK_POINT);
      double u[6];
      CHECK(space_encode(&f.space, &p, u, "test") == OK); /* bounds, steps, categories, exactly the active ones */
      CHECK(!study_has_seen(&f.study, &p));
      CHECK(params_double(&p, "depth", 0) == 3);
      add_trial(&f, &p, false, outcome_of(i));
    }
    CHECK(f.study.history.asked == 300);
    params_free(&p);
    drop(&f);
  }
}

/* The next point is a function of the key and the history, however the sampler came to know it. */
static void test_a_cold_sampler_asks_the_same(void) {
  for (size_t s = 0; s < N_SAMPLERS; s++)
    for (size_t length = 0; length < 9; length += 2) {
      struct fixture warm, cold;
      struct params a, b;
      params_init(&a);
      params_init(&b);
      start(&warm, sampler_words[s].name, 7, small_space);
      start(&cold, sampler_words[s].name, 7, small_space);
      for (size_t i = 0; i < length; i++) {
        REQUIRE(ask(&warm, &a) == ASK_POINT);
        add_trial(&warm, &a, false, outcome_of(i));
        add_trial(&cold, &a, false, outcome_of(i));
      }
      REQUIRE(ask(&warm, &a) == ASK_POINT);
      REQUIRE(ask(&warm, &b) == ASK_POINT); /* asking changes nothing */
      CHECK(params_equal(&a, &b));
      REQUIRE(ask(&cold, &b) == ASK_POINT);
      CHECK(params_equal(&a, &b));
      params_free(&a);
      params_free(&b);
      drop(&warm);
      drop(&cold);
    }
}

static enum err keep_quiet(void *context, const struct op *op) {
  (void)context, (void)op;
  return OK;
}

/* The same with everything that can happen to trials: pauses, partial results, failures, points from elsewhere. */
static void test_a_cold_sampler_asks_the_same_at_every_prefix(void) {
  for (size_t k = 0; k < 2 * N_SAMPLERS; k++) {
    const char *name = sampler_words[k / 2].name;
    struct fixture f; /* of its study only the space is used */
    struct historian h;
    struct params a, b;
    params_init(&a);
    params_init(&b);
    start(&f, name, 5, historian_space);
    historian_init(&h, k / 2, k % 2, &f.space, keep_quiet, NULL);
    for (size_t i = 0; i < 400; i++) {
      REQUIRE(historian_step(&h) == OK);
      if (i < 2 || i % 7)
        continue;
      struct sampler cold;
      enum ask warm_answer, cold_answer;
      REQUIRE(sampler_open(&cold, name, &f.space, rng_key("test", 5), f.conf) == OK);
      REQUIRE(sampler_ask(&f.sampler, &h.study, (int64_t)h.study.n, &a, &warm_answer) == OK);
      REQUIRE(sampler_ask(&cold, &h.study, (int64_t)h.study.n, &b, &cold_answer) == OK);
      CHECK(warm_answer == cold_answer && (warm_answer != ASK_POINT || params_equal(&a, &b)));
      sampler_close(&cold);
    }
    params_free(&a);
    params_free(&b);
    historian_free(&h);
    drop(&f);
  }
}

static void test_seeds_differ(void) {
  const char *random_ones[] = {"random", "sobol"};
  for (size_t s = 0; s < 2; s++) {
    struct fixture f, g;
    struct params p, q;
    params_init(&p);
    params_init(&q);
    start(&f, random_ones[s], 1, mixed_space);
    start(&g, random_ones[s], 2, mixed_space);
    ask(&f, &p);
    ask(&g, &q);
    CHECK(!params_equal(&p, &q));
    params_free(&p);
    params_free(&q);
    drop(&f);
    drop(&g);
  }
}

static void test_no_point_twice_until_all_are_seen(void) {
  const char *text = "space = { a = { low = 1; high = 12; }; b = { choices = (\"x\", \"y\", \"z\"); };"
                     " c = { low = 0.0; high = 0.5; step = 0.1; when = { b = (\"y\", \"z\"); }; }; };";
  const size_t all = 12 * (1 + 2 * 6);
  for (size_t s = 0; s < N_SAMPLERS; s++) {
    struct fixture f;
    struct params p;
    params_init(&p);
    start(&f, sampler_words[s].name, 3, text);
    params_set(&p, "a", value_int(12)); /* a point of the user's counts as seen */
    params_set(&p, "b", value_text("x"));
    add_trial(&f, &p, true, 1.0);
    CHECK(space_cardinality(&f.space) == (double)all);
    for (size_t i = 1; i < all; i++) {
      REQUIRE(ask(&f, &p) == ASK_POINT);
      REQUIRE(!study_has_seen(&f.study, &p));
      add_trial(&f, &p, false, outcome_of(i));
    }
    CHECK(ask(&f, &p) == ASK_EXHAUSTED);
    CHECK(ask(&f, &p) == ASK_EXHAUSTED);
    params_free(&p);
    drop(&f);
  }
}

/* One side of a condition has one point only: in a space of infinitely many it may come again, but asking never ends.
 */
static void test_infinite_space_with_a_lone_point(void) {
  struct fixture f;
  struct params p;
  params_init(&p);
  start(&f, "random", 1,
        "space = { on = { choices = (true, false); }; x = { low = 0.0; high = 1.0; when = { on = true; }; }; };");
  size_t off = 0;
  for (size_t i = 0; i < 200; i++) {
    REQUIRE(ask(&f, &p) == ASK_POINT);
    off += p.n == 1;
    add_trial(&f, &p, false, outcome_of(i));
  }
  CHECK(off == 1); /* 64 more tries miss the other side with a chance of 2^-64 */
  params_free(&p);
  drop(&f);
}

static void test_huge_finite_space(void) {
  struct fixture f;
  struct params p;
  params_init(&p);
  start(&f, "sobol", 1, "space = { a = { low = 1; high = 1000000000; }; b = { low = 1; high = 1000000000; }; };");
  for (size_t i = 0; i < 50; i++) {
    REQUIRE(ask(&f, &p) == ASK_POINT);
    CHECK(!study_has_seen(&f.study, &p));
    add_trial(&f, &p, false, outcome_of(i));
  }
  params_free(&p);
  drop(&f);
}

static void test_nothing_to_search(void) {
  for (size_t s = 0; s < N_SAMPLERS; s++) {
    struct fixture f;
    struct params p;
    params_init(&p);
    start(&f, sampler_words[s].name, 1, "space = { a = { value = 4; }; };");
    REQUIRE(ask(&f, &p) == ASK_POINT);
    CHECK(params_double(&p, "a", 0) == 4);
    add_trial(&f, &p, false, 1);
    CHECK(ask(&f, &p) == ASK_EXHAUSTED);
    params_free(&p);
    drop(&f);
  }
}

/* ---- grid ---- */

static void test_grid_goes_in_order(void) {
  struct fixture f;
  struct params p;
  params_init(&p);
  start(&f, "grid", 1, small_space);
  const char *expected[] = {"n=1 opt=sgd nesterov=true", "n=1 opt=sgd nesterov=false", "n=1 opt=adam",
                            "n=2 opt=sgd nesterov=true", "n=2 opt=sgd nesterov=false", "n=2 opt=adam",
                            "n=3 opt=sgd nesterov=true", "n=3 opt=sgd nesterov=false", "n=3 opt=adam"};
  for (size_t i = 0; i < 9; i++) {
    REQUIRE(ask(&f, &p) == ASK_POINT);
    char *text = params_to_text(&p);
    CHECK_TEXT(text, expected[i]);
    free(text);
    add_trial(&f, &p, false, outcome_of(i));
  }
  CHECK(ask(&f, &p) == ASK_EXHAUSTED);
  params_free(&p);
  drop(&f);
}

/* A grid along floats ends although the space does not; points tried before, by whatever sampler, are left out. */
static void test_grid_along_floats(void) {
  struct fixture f;
  struct params p;
  params_init(&p);
  start(
      &f, "grid", 1,
      "space = { x = { low = 0.0; high = 1.0; resolution = 11; }; y = { low = 1.0; high = 2.0; resolution = 2; }; };");
  params_set(&p, "x", value_float(0.5));
  params_set(&p, "y", value_float(2));
  add_trial(&f, &p, false, 1.0);
  for (size_t i = 0; i < 21; i++) {
    REQUIRE(ask(&f, &p) == ASK_POINT);
    CHECK(!study_has_seen(&f.study, &p));
    add_trial(&f, &p, false, outcome_of(i));
  }
  CHECK(ask(&f, &p) == ASK_EXHAUSTED);
  params_free(&p);
  drop(&f);
}

/* ---- Sobol points ---- */

static void test_sobol_directions(void) {
  /* points 5 and 100,000 of dimensions 1 to 6, 64 and 128 by scipy.stats.qmc.Sobol(d=128, scramble=False, bits=32) */
  static const unsigned dimensions[8] = {0, 1, 2, 3, 4, 5, 63, 127};
  static const uint32_t expected[2][8] = {
      {3758096384u, 3758096384u, 536870912u, 1610612736u, 3758096384u, 2684354560u, 2684354560u, 536870912u},
      {262307840u, 462061568u, 4052647936u, 2666364928u, 2600828928u, 4147544064u, 1970896896u, 362512384u}};
  uint32_t v[SOBOL_BITS];
  for (size_t i = 0; i < 8; i++) {
    sobol_directions(dimensions[i], v);
    CHECK(sobol_coordinate(v, 5) == expected[0][i]);
    CHECK(sobol_coordinate(v, 100000) == expected[1][i]);
  }
}

/* Every elementary box of volume 2^(t-m) holds 2^t of 2^m points: (t, m, s)-net in base 2 (Niederreiter). `bits[i]`
 * leading digits of coordinate i choose the box. */
static bool is_net(struct rng_key key, const unsigned *coordinates, unsigned s, unsigned m, unsigned t, uint64_t from,
                   const unsigned *bits) {
  size_t boxes = (size_t)1 << (m - t);
  size_t *counts = MEM_NEW_ARRAY(size_t, boxes);
  double u[2 * SOBOL_DIMENSIONS];
  for (uint64_t i = 0; i < (UINT64_C(1) << m); i++) {
    size_t box = 0;
    sobol_point(key, from + i, coordinates[s - 1] + 1, u);
    for (unsigned k = 0; k < s; k++)
      box = box << bits[k] | (size_t)(u[coordinates[k]] * (double)(1u << bits[k]));
    counts[box]++;
  }
  bool even = true;
  for (size_t i = 0; i < boxes; i++)
    even &= counts[i] == (size_t)1 << t;
  free(counts);
  return even;
}

static void test_scrambled_points_are_nets(void) {
  const unsigned first[] = {0, 1, 2};
  for (uint64_t seed = 0; seed < 4; seed++) {
    struct rng_key key = rng_key("nets", seed);
    for (uint64_t block = 0; block < 3; block++) {
      for (unsigned a = 0; a <= 7; a++) { /* dimensions 1 and 2: t = 0 */
        unsigned bits[] = {a, 7 - a};
        CHECK(is_net(key, first, 2, 7, 0, 128 * block, bits));
      }
      for (unsigned a = 0; a <= 6; a++) /* dimensions 1 to 3: t = 1 */
        for (unsigned b = 0; a + b <= 6; b++) {
          unsigned bits[] = {a, b, 6 - a - b};
          CHECK(is_net(key, first, 3, 7, 1, 128 * block, bits));
        }
    }
  }
}

/* Each dimension alone is stratified, the padded ones beyond the table too. */
static void test_every_dimension_is_stratified(void) {
  const unsigned m = 6, bits[] = {6};
  const unsigned dimensions[] = {0, 7, 63, 127, 128, 200, 255};
  struct rng_key key = rng_key("strata", 1);
  for (size_t i = 0; i < sizeof dimensions / sizeof *dimensions; i++)
    for (uint64_t block = 0; block < 2; block++)
      CHECK(is_net(key, &dimensions[i], 1, m, 0, block << m, bits));
}

static void test_padded_dimensions_are_not_copies(void) {
  struct rng_key key = rng_key("pads", 1);
  double u[2 * SOBOL_DIMENSIONS];
  const int n = 4096;
  double sum = 0;
  for (int i = 0; i < n; i++) {
    sobol_point(key, (uint64_t)i, 2 * SOBOL_DIMENSIONS, u);
    sum += (u[3] - 0.5) * (u[3 + SOBOL_DIMENSIONS] - 0.5) * 12;
  }
  CHECK(fabs(sum / n) < 5 / sqrt(n)); /* the correlation of independent ones is within 1 / sqrt(n) */
}

static void test_scrambling_is_uniform(void) {
  double sum = 0, squares = 0;
  const int n = 4000;
  for (int seed = 0; seed < n; seed++) {
    double u[2];
    sobol_point(rng_key("uniform", (uint64_t)seed), 5, 2, u);
    CHECK(u[0] > 0 && u[0] < 1 && u[1] > 0 && u[1] < 1);
    sum += u[1];
    squares += u[1] * u[1];
  }
  CHECK_NEAR(sum / n, 0.5, 5 * sqrt(1.0 / 12 / n));
  CHECK_NEAR(squares / n, 1.0 / 3, 5 * sqrt(4.0 / 45 / n));
}

static void test_scrambling_keeps_prefixes(void) {
  struct rng_key key = rng_key("prefix", 1);
  struct rng r = rng_of(rng_key("numbers", 1));
  for (int i = 0; i < 2000; i++) {
    unsigned same = (unsigned)rng_below(&r, 32);
    uint32_t x = (uint32_t)rng_u64(&r), y = x ^ UINT32_C(0x80000000) >> same; /* `same` leading bits in common */
    uint32_t a = sobol_scramble(key, x), b = sobol_scramble(key, y);
    CHECK(((a ^ b) >> (31 - same)) == 1);
  }
}

/* Integration error of a smooth function: what makes the points worth having. */
static void test_sobol_beats_random(void) {
  double sobol = 0, random = 0;
  for (uint64_t seed = 0; seed < 20; seed++) {
    struct rng_key key = rng_key("integral", seed);
    struct rng r = rng_of(key);
    double a = 0, b = 0, u[4];
    for (uint64_t i = 0; i < 256; i++) {
      sobol_point(key, i, 4, u);
      a += u[0] * u[1] * u[2] * u[3];
      b += rng_uniform(&r) * rng_uniform(&r) * rng_uniform(&r) * rng_uniform(&r);
    }
    sobol += pow(a / 256 - 0.0625, 2);
    random += pow(b / 256 - 0.0625, 2);
  }
  CHECK(sobol < random / 20);
}

int main(void) {
  return TEST_MAIN(
      "sampler", {"points are of the space", test_points_are_of_the_space},
      {"a cold sampler asks the same", test_a_cold_sampler_asks_the_same},
      {"a cold sampler asks the same at every prefix", test_a_cold_sampler_asks_the_same_at_every_prefix},
      {"seeds differ", test_seeds_differ},
      {"no point twice until all are seen", test_no_point_twice_until_all_are_seen},
      {"infinite space with a lone point", test_infinite_space_with_a_lone_point},
      {"huge finite space", test_huge_finite_space}, {"nothing to search", test_nothing_to_search},
      {"grid goes in order", test_grid_goes_in_order}, {"grid along floats", test_grid_along_floats},
      {"Sobol directions", test_sobol_directions}, {"scrambled points are nets", test_scrambled_points_are_nets},
      {"every dimension is stratified", test_every_dimension_is_stratified},
      {"padded dimensions are not copies", test_padded_dimensions_are_not_copies},
      {"scrambling is uniform", test_scrambling_is_uniform},
      {"scrambling keeps prefixes", test_scrambling_keeps_prefixes}, {"Sobol beats random", test_sobol_beats_random});
}
