/* CMA-ES: how soon it converges, what keeps cells and categories alive, and that it is a fold. */
#include "hpo/sampler_cmaes.h"

#include <math.h>
#include <string.h>

#include "hpo/cma.h"
#include "testing.h"

/* ---- a study without a run ---- */

struct search {
  struct settings *conf;
  struct complaints complaints;
  struct space space;
  struct sampler sampler;
  struct study study;
};

static void apply(struct search *s, struct op op) {
  REQUIRE(study_apply(&s->study, &op) == OK);
}

static void start(struct search *s, const char *text, uint64_t seed) {
  *s = (struct search){0};
  complaints_init(&s->complaints);
  settings_read_text(&s->conf, text, "study.cfg", NULL, 0, &s->complaints);
  REQUIRE(s->conf != NULL);
  space_from_settings(&s->space, s->conf, &s->complaints);
  REQUIRE(s->complaints.n == 0);
  study_init(&s->study, &s->space);
  apply(s, (struct op){.kind = OP_CREATE_STUDY, .name = "test"});
  REQUIRE(sampler_open(&s->sampler, "cmaes", &s->space, rng_key("test", seed), s->conf) == OK);
}

static void stop(struct search *s) {
  sampler_close(&s->sampler);
  study_free(&s->study);
  space_free(&s->space);
  settings_free(s->conf);
  complaints_free(&s->complaints);
}

/* A point of the sampler's as a running trial; returns its number, which is also its row. */
static int64_t ask(struct search *s) {
  struct params p;
  enum ask answer;
  int64_t number = (int64_t)s->study.n;
  params_init(&p);
  REQUIRE(sampler_ask(&s->sampler, &s->study, number, &p, &answer) == OK);
  REQUIRE(answer == ASK_POINT);
  apply(s, (struct op){.kind = OP_CREATE_TRIAL, .time = 1});
  for (size_t i = 0; i < p.n; i++) {
    const struct dimension *d = space_dimension(&s->space, p.items[i].name);
    struct strbuf distribution = STRBUF_INIT;
    dimension_optuna_json(d, &distribution);
    apply(s, (struct op){.kind = OP_PARAM,
                         .trial = number,
                         .name = d->name,
                         .json = distribution.text,
                         .value = dimension_internal(d, &p.items[i].value)});
    strbuf_free(&distribution);
  }
  apply(s, (struct op){.kind = OP_ASKED, .trial = number, .asked_at = 1, .key = number});
  params_free(&p);
  return number;
}

static void end(struct search *s, int64_t number, double value) {
  apply(s, (struct op){.kind = OP_STATE,
                       .trial = number,
                       .state = isnan(value) ? TRIAL_FAIL : TRIAL_COMPLETE,
                       .value = value,
                       .time = 2});
}

static const double *point(const struct search *s, int64_t row) {
  return &s->study.history.u[(size_t)row * s->study.history.d];
}

static double best(const struct search *s) {
  return s->study.best < 0 ? (double)INFINITY : s->study.trials[s->study.best].value;
}

/* ---- functions of the unit cube; the optimum is inside, off the centre ---- */

typedef double function(const double *u, size_t n);

static double sphere(const double *u, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += pow(10 * u[i] - 3, 2);
  return sum;
}

/* Axes of condition 10^6, turned by 45 degrees in neighbouring pairs. */
static double ellipsoid(const double *u, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    double a = 10 * u[i] - 3, b = 10 * u[(i + 1) % n] - 3;
    sum += pow(10, 6 * (double)i / (double)(n - 1)) * 0.5 * (a + b) * (a + b);
  }
  return sum;
}

static double rosenbrock(const double *u, size_t n) {
  double sum = 0;
  for (size_t i = 0; i + 1 < n; i++) {
    double a = 5 * u[i] - 2, b = 5 * u[i + 1] - 2;
    sum += 100 * pow(b - a * a, 2) + pow(1 - a, 2);
  }
  return sum;
}

static const char five_floats[] =
    "space = { a = { low = 0.0; high = 1.0; }; b = { low = 0.0; high = 1.0; }; c = { low = 0.0; high = 1.0; };"
    " d = { low = 0.0; high = 1.0; }; e = { low = 0.0; high = 1.0; }; };";

/* How many evaluations until the best is below `target`; `limit` if it never is. */
static size_t evaluations(const char *space, function *f, double target, size_t limit, uint64_t seed) {
  struct search s;
  size_t n = 0;
  start(&s, space, seed);
  for (; n < limit && !(best(&s) < target); n++) {
    int64_t row = ask(&s);
    end(&s, row, f(point(&s, row), s.space.n_coordinates));
  }
  stop(&s);
  return n;
}

static size_t median_of_five(const char *space, function *f, double target, size_t limit) {
  size_t n[5];
  for (size_t seed = 0; seed < 5; seed++) {
    size_t now = evaluations(space, f, target, limit, seed + 1), at = seed;
    for (; at > 0 && n[at - 1] > now; at--)
      n[at] = n[at - 1];
    n[at] = now;
  }
  return n[2];
}

/* Published runs of CMA-ES in five dimensions need about 700, 1,500 and 2,000 evaluations. */
static void test_converges(void) {
  size_t round = median_of_five(five_floats, sphere, 1e-8, 3000);
  size_t long_axes = median_of_five(five_floats, ellipsoid, 1e-8, 5000);
  size_t valley = median_of_five(five_floats, rosenbrock, 1e-8, 5000);
  CHECK(round > 400 && round < 850);
  CHECK(long_axes > 800 && long_axes < 2000);
  CHECK(valley > 1000 && valley < 2600);
}

/* Sixteen workers: results come in any order, and points are drawn while generations are open. */
static void test_many_workers(void) {
  struct search s;
  struct rng rng = rng_of(rng_key("order", 1));
  int64_t out[16];
  start(&s, five_floats, 1);
  for (size_t i = 0; i < 16; i++)
    out[i] = ask(&s);
  for (size_t i = 0; i < 1500; i++) {
    size_t who = (size_t)rng_below(&rng, 16);
    end(&s, out[who], sphere(point(&s, out[who]), 5));
    out[who] = ask(&s);
  }
  CHECK(best(&s) < 1e-6);
  stop(&s);
}

/* Nothing new is learned on a plateau: it begins elsewhere, and finds the small basin that the first search missed. */
static double two_basins(const double *u, size_t n) {
  double near = 0, far = 0;
  for (size_t i = 0; i < n; i++) {
    near += (u[i] - 0.55) * (u[i] - 0.55);
    far += (u[i] - 0.1) * (u[i] - 0.1);
  }
  return fmin(1 + fmax(near, 1e-3), 20 * far);
}

static void test_starts_again(void) {
  const char *plane = "space = { a = { low = 0.0; high = 1.0; }; b = { low = 0.0; high = 1.0; }; };";
  CHECK(median_of_five(plane, two_basins, 0.01, 3000) < 3000);
}

/* ---- cells and categories ---- */

static const char mixed[] =
    "space = { x = { low = 0.0; high = 1.0; }; y = { low = 0.0; high = 1.0; }; n = { low = 0; high = 40; };"
    " on = { choices = (0, 1, 2); }; opt = { choices = (\"a\", \"b\", \"c\", \"d\"); };"
    " z = { low = 0.0; high = 1.0; when = { opt = \"c\"; }; }; };";

/* The best n is 33, the best of `on` its last, of opt "c". */
static double mixed_value(const double *u, size_t n) {
  (void)n;
  double sum = pow(u[0] - 0.3, 2) + pow(u[1] - 0.6, 2) + pow((u[2] * 41 - 33.5) / 41, 2);
  return sum + (u[3] < 0.66) * 0.3 + (u[4] < 0.5 || u[4] > 0.75 ? 0.2 : 0.1 * pow(u[5] - 0.8, 2));
}

static void test_integers_and_categories(void) {
  CHECK(median_of_five(mixed, mixed_value, 1e-6, 3000) < 1500);
}

static double probability_of_neighbours(const struct cma *m, size_t axis) {
  const struct cma_axis *a = &m->axes[axis];
  uint64_t cell = cma_cell(a, m->mean[axis]);
  double s = cma_deviation(m, axis), p = 0;
  if (cell > 0)
    p += cma_normal_cdf((cma_edge(a, cell) - m->mean[axis]) / s);
  if (cell + 1 < a->cells)
    p += cma_normal_cdf((m->mean[axis] - cma_edge(a, cell + 1)) / s);
  return p;
}

/* Generations that all favour one cell and one choice: the others never die out. */
static void test_margins_keep_others_alive(void) {
  struct search s;
  struct cma m;
  double u[6] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
  start(&s, mixed, 1);
  cma_init(&m, &s.space);
  cma_start(&m, u, 0.3, cma_default_lambda(&m));
  CHECK(m.n == 5 && m.n_cells == 2 && m.n_categories == 1); /* numbers as choices are in order */
  for (uint64_t g = 0; g < 150; g++) {
    double points[32][6];
    struct cma_result results[32];
    struct rng rng = rng_of(rng_child(rng_key("generations", 1), RNG_ASK, g));
    for (size_t i = 0; i < m.lambda; i++) {
      cma_sample(&m, &rng, 1, points[i]);
      results[i] = (struct cma_result){.u = points[i], .id = g * 32 + i};
    }
    for (size_t i = 1; i < m.lambda; i++) /* best first */
      for (size_t k = i; k > 0 && mixed_value(results[k].u, 6) < mixed_value(results[k - 1].u, 6); k--) {
        struct cma_result swap = results[k];
        results[k] = results[k - 1];
        results[k - 1] = swap;
      }
    cma_update(&m, rng_key("latent", 1), results);
  }
  printf("%g %g sigma %g\n", m.mean[2] * 41, m.mean[3] * 3, m.sigma);
  CHECK(cma_cell(&m.axes[2], m.mean[2]) == 33 && cma_cell(&m.axes[3], m.mean[3]) == 2);
  for (size_t axis = 2; axis <= 3; axis++)
    CHECK(probability_of_neighbours(&m, axis) > 0.9 * m.margin);
  double sum = 0;
  for (size_t k = 0; k < 4; k++) {
    CHECK(m.categories[0].q[k] > 0.9 * m.margin / 3);
    sum += m.categories[0].q[k];
  }
  CHECK_NEAR(sum, 1, 1e-9);
  CHECK(m.categories[0].q[2] > 0.7);
  cma_free(&m);
  stop(&s);
}

/* Without selection the number drawn again from a cell is distributed as the one drawn at first. */
static void test_latent_numbers(void) {
  struct search s;
  struct cma m;
  double u[6] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, sum = 0, squares = 0;
  const size_t n = 20000;
  start(&s, mixed, 1);
  cma_init(&m, &s.space);
  cma_start(&m, u, 0.01, 8);
  for (size_t i = 0; i < n; i++) {
    struct rng rng = rng_of(rng_child(rng_key("draws", 1), RNG_ASK, i));
    double x[5];
    cma_sample(&m, &rng, 1, u);
    cma_latent(&m, rng_key("latent", 1), &(struct cma_result){.u = u, .id = i}, x);
    sum += x[2] - m.mean[2];
    squares += pow(x[2] - m.mean[2], 2);
  }
  double deviation = cma_deviation(&m, 2);
  CHECK(fabs(sum / (double)n) < 5 * deviation / sqrt((double)n));
  CHECK_NEAR(sqrt(squares / (double)n) / deviation, 1, 0.03);
  cma_free(&m);
  stop(&s);
}

static void test_normal_quantile(void) {
  const double p[] = {1e-12, 1e-5, 0.02, 0.3, 0.5, 0.9, 0.999999};
  for (size_t i = 0; i < sizeof p / sizeof *p; i++)
    CHECK_NEAR(cma_normal_cdf(cma_normal_quantile(p[i])) / p[i], 1, 1e-12);
  CHECK_NEAR(cma_normal_quantile(0.975), 1.959963984540054, 1e-13);
}

static void test_eigen(void) {
  enum { N = 7 };
  double a[N * N], copy[N * N], values[N], v[N * N];
  struct rng rng = rng_of(rng_key("matrix", 1));
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j <= i; j++)
      a[i * N + j] = a[j * N + i] = rng_normal(&rng) * pow(10, -(double)i);
  memcpy(copy, a, sizeof a);
  cma_eigen(N, copy, values, v);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double sum = 0, one = 0;
      for (size_t k = 0; k < N; k++) {
        sum += v[i * N + k] * values[k] * v[j * N + k];
        one += v[i * N + k] * v[j * N + k];
      }
      CHECK_NEAR(sum, a[i * N + j], 1e-13);
      CHECK_NEAR(one, i == j, 1e-13);
    }
}

/* ---- a fold ---- */

/* Failed, pruned and paused trials, told in an order of their own, points of the user's: at every prefix a sampler that
 * never looked before asks the same as one that always did. */
static void test_cold_is_warm(void) {
  struct search s;
  struct rng rng = rng_of(rng_key("story", 3));
  start(&s, mixed, 5);
  for (size_t i = 0; i < 120; i++) {
    struct sampler cold;
    struct params a, b;
    enum ask answer;
    params_init(&a);
    params_init(&b);
    REQUIRE(sampler_open(&cold, "cmaes", &s.space, rng_key("test", 5), s.conf) == OK);
    REQUIRE(sampler_ask(&cold, &s.study, (int64_t)s.study.n, &a, &answer) == OK);
    REQUIRE(sampler_ask(&s.sampler, &s.study, (int64_t)s.study.n, &b, &answer) == OK);
    CHECK(params_equal(&a, &b));
    sampler_close(&cold);
    params_free(&a);
    params_free(&b);
    ask(&s);
    if (rng_below(&rng, 3) == 0)
      ask(&s);
    int64_t who = (int64_t)rng_below(&rng, s.study.n);
    const struct trial *t = &s.study.trials[who];
    if (trial_is_over(t))
      continue;
    double value = mixed_value(point(&s, who), 6);
    int64_t id = s.study.next_stint;
    apply(&s, (struct op){.kind = OP_STINT, .trial = who, .stint = {.id = id, .from = t->step, .to = t->step + 1}});
    apply(&s, (struct op){.kind = OP_REPORT, .trial = who, .step = t->step + 1, .value = value});
    apply(&s,
          (struct op){.kind = OP_END, .trial = who, .step = t->step + 1, .stint = {.id = id, .end = STINT_reached}});
    if (rng_below(&rng, 3) > 0)
      end(&s, who, rng_below(&rng, 8) ? value : (double)NAN);
  }
  stop(&s);
}

/* Failures are the worst of their generation: the search stays away from where they are, and still converges. */
static void test_failures_steer_away(void) {
  struct search s;
  size_t late = 0;
  start(&s, five_floats, 2);
  for (size_t i = 0; i < 600; i++) {
    int64_t row = ask(&s);
    bool fails = point(&s, row)[0] > 0.5;
    late += fails && i >= 300;
    end(&s, row, fails ? (double)NAN : sphere(point(&s, row), 5));
  }
  CHECK(best(&s) < 1e-4);
  CHECK(late < 30);
  stop(&s);
}

int main(void) {
  return TEST_MAIN("cmaes", {"converges", test_converges}, {"many workers", test_many_workers},
                   {"starts again", test_starts_again}, {"integers and categories", test_integers_and_categories},
                   {"margins keep others alive", test_margins_keep_others_alive},
                   {"latent numbers", test_latent_numbers}, {"normal quantile", test_normal_quantile},
                   {"eigenvectors", test_eigen}, {"cold is warm", test_cold_is_warm},
                   {"failures steer away", test_failures_steer_away});
}
