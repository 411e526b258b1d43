/* The Parzen estimator against a slow one that is written down plainly, and what it does with what happens to trials.
 */
#include "hpo/tpe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/tpe_kernel.h"
#include "testing.h"

/* ---- histories without a study ---- */

struct fixture {
  struct settings *conf;
  struct complaints complaints;
  struct space space;
  struct history h;
  struct rng rng;
};

static void start(struct fixture *f, uint64_t seed, const char *text) {
  *f = (struct fixture){.rng = rng_of(rng_key("test", seed))};
  complaints_init(&f->complaints);
  settings_read_text(&f->conf, text, "study.cfg", NULL, 0, &f->complaints);
  REQUIRE(f->conf != NULL);
  space_from_settings(&f->space, f->conf, &f->complaints);
  REQUIRE(f->complaints.n == 0);
  f->h.d = f->space.n_coordinates;
  f->h.conditional = space_has_conditions(&f->space);
}

static void drop(struct fixture *f) {
  free(f->h.u);
  free(f->h.active);
  free(f->h.number);
  free(f->h.last_event);
  free(f->h.events);
  space_free(&f->space);
  settings_free(f->conf);
  complaints_free(&f->complaints);
}

/* The point as the study would have it: centres of cells, 0.5 where nothing is there. */
static void settle(const struct fixture *f, double *u) {
  struct params p;
  params_init(&p);
  space_decode(&f->space, u, &p);
  REQUIRE(space_encode(&f->space, &p, u, "test") == OK);
  params_free(&p);
}

static int64_t add_row(struct fixture *f, const double *u) {
  struct history *h = &f->h;
  size_t row = h->n++;
  h->u = mem_realloc(h->u, h->n * h->d * sizeof *h->u);
  h->number = mem_realloc(h->number, h->n * sizeof *h->number);
  h->last_event = mem_realloc(h->last_event, h->n * sizeof *h->last_event);
  memcpy(h->u + row * h->d, u, h->d * sizeof *u);
  settle(f, h->u + row * h->d);
  h->number[row] = (int64_t)row;
  h->last_event[row] = -1;
  if (h->conditional) {
    h->active = mem_realloc(h->active, h->n * h->d * sizeof *h->active);
    space_active_coordinates(&f->space, h->u + row * h->d, h->active + row * h->d);
  }
  h->asked++;
  return (int64_t)row;
}

static void add_event(struct fixture *f, int64_t row, enum trial_state state, int64_t step, double value) {
  struct history *h = &f->h;
  h->events = mem_realloc(h->events, (h->n_events + 1) * sizeof *h->events);
  h->events[h->n_events] = (struct event){
      .row = row, .before = h->last_event[row], .step = step, .value = value, .state = (unsigned char)state};
  h->last_event[row] = (int64_t)h->n_events++;
}

static int64_t add_random_row(struct fixture *f) {
  double u[16];
  for (size_t i = 0; i < f->h.d; i++)
    u[i] = rng_uniform(&f->rng);
  return add_row(f, u);
}

static bool is_over(const struct history *h, int64_t row) {
  return h->last_event[row] >= 0 && h->events[h->last_event[row]].state != TRIAL_RUNNING;
}

/* A row begins, or one that is not over gets further, ends, is given up, fails. */
static void step(struct fixture *f) {
  struct history *h = &f->h;
  int64_t row = h->n ? (int64_t)rng_below(&f->rng, h->n) : -1;
  if (row < 0 || is_over(h, row) || rng_uniform(&f->rng) < 0.2) {
    add_random_row(f);
    return;
  }
  int64_t last = h->last_event[row], reached = last < 0 ? 0 : h->events[last].step;
  double value = floor(8 * rng_normal(&f->rng)) / 8, what = rng_uniform(&f->rng); /* with ties */
  if (what < 0.4)
    add_event(f, row, TRIAL_COMPLETE, 9, value);
  else if (what < 0.5)
    add_event(f, row, TRIAL_FAIL, reached, (double)NAN);
  else if (what < 0.6 && reached)
    add_event(f, row, TRIAL_PRUNED, reached, h->events[last].value);
  else if (reached < 9)
    add_event(f, row, TRIAL_RUNNING, reached ? 3 * reached : 1, what < 0.65 ? (double)NAN : value);
}

static const char every_kind[] =
    "space = { x = { low = 0.0; high = 1.0; }; lr = { low = 1e-5; high = 1e-1; log = true; };\n"
    " width = { low = 8; high = 512; log = true; }; batch = { low = 1; high = 9; log = true; };\n"
    " n = { low = 1; high = 200; }; drop = { low = 0.0; high = 0.5; step = 0.1; };\n"
    " act = { choices = (\"relu\", \"elu\", 3, false); }; opt = { choices = (\"sgd\", \"adam\"); };\n"
    " momentum = { low = 0.0; high = 0.99; when = { opt = \"sgd\"; }; };\n"
    " nesterov = { choices = (true, false); when = { opt = \"sgd\"; }; };\n"
    " power = { low = 1; high = 5; when = { act = (\"relu\", 3); }; }; one = { low = 2; high = 2; }; };\n";
static const char floats[] = "space = { a = { low = 0.0; high = 1.0; }; b = { low = 0.0; high = 1.0; };"
                             " c = { low = 0.0; high = 1.0; }; };";
static const char grid[] = "space = { a = { low = 1; high = 9; }; b = { choices = (1, 2, 3); };"
                           " c = { low = 0.0; high = 0.5; step = 0.1; when = { b = (2, 3); }; }; };";

/* ---- the plain estimator ---- */

static double mass(double a, double b) {
  return a > 0 ? (erfc(a / sqrt(2)) - erfc(b / sqrt(2))) / 2 : (erfc(-b / sqrt(2)) - erfc(-a / sqrt(2))) / 2;
}

static void cell_of(const struct dimension *d, double u, double *low, double *high) {
  struct value v = dimension_value(d, u);
  uint64_t cell = 0, n = dimension_cells(d);
  REQUIRE(dimension_cell_of(d, &v, &cell));
  *low = (double)cell / (double)n;
  *high = (double)(cell + 1) / (double)n;
  if (d->kind != DIM_INT || !d->log || n == 1)
    return;
  double x = d->low + (double)cell, first = log(d->low - 0.5), all = log(d->high + 0.5) - first;
  *low = (log(x - 0.5) - first) / all;
  *high = (log(x + 0.5) - first) / all;
}

/* Density (mass for few cells) at u of a kernel at centre. */
static double plain_kernel(const struct dimension *d, double centre, double width, double u, bool prior) {
  uint64_t cells = dimension_cells(d);
  double low = 0, high = 0, inside = mass(-centre / width, (1 - centre) / width);
  if (cells)
    cell_of(d, u, &low, &high);
  if (d->kind == DIM_CATEGORICAL && prior)
    return 1 / (double)cells;
  if (d->kind == DIM_CATEGORICAL)
    return centre > low && centre < high ? 1 - width : width / ((double)cells - 1);
  if (cells > 0 && cells <= 32)
    return mass((low - centre) / width, (high - centre) / width) / inside;
  double variance = width * width + (prior ? 0 : (high - low) * (high - low) / 12);
  return exp(-(u - centre) * (u - centre) / (2 * variance)) / sqrt(2 * M_PI * variance) / inside;
}

static const struct dimension *dimension_at(const struct space *s, size_t coordinate) {
  for (size_t i = 0; i < s->n; i++)
    if (s->dims[i].coordinate == coordinate)
      return &s->dims[i];
  return NULL;
}

struct plain {
  const struct fixture *f;
  size_t order[200], n_ranked, n_good; /* rows that have a value, best first */
  double weight[200];
  bool there[16];
};

static bool ranked_before(const struct history *h, size_t a, size_t b) {
  const struct event *x = &h->events[h->last_event[a]], *y = &h->events[h->last_event[b]];
  if ((x->state == TRIAL_COMPLETE) != (y->state == TRIAL_COMPLETE))
    return x->state == TRIAL_COMPLETE;
  if (x->state != TRIAL_COMPLETE && x->step != y->step)
    return x->step > y->step;
  return x->value != y->value ? x->value < y->value : a < b;
}

static void plain_rank(struct plain *p) {
  const struct history *h = &p->f->h;
  for (size_t row = 0; row < h->n; row++) {
    if (h->last_event[row] < 0 || isnan(h->events[h->last_event[row]].value))
      continue;
    size_t at = p->n_ranked++;
    for (; at > 0 && ranked_before(h, row, p->order[at - 1]); at--)
      p->order[at] = p->order[at - 1];
    p->order[at] = row;
  }
  p->n_good = (size_t)fmin(ceil(0.15 * (double)p->n_ranked), 25);
  double sum = 0;
  for (size_t i = 0; i < p->n_good; i++)
    sum += p->weight[i] = log((double)p->n_good + 1) - log((double)i + 1);
  for (size_t i = 0; i < p->n_good; i++)
    p->weight[i] /= sum;
}

static bool row_there(const struct history *h, size_t row, size_t i) {
  return !h->active || h->active[row * h->d + i];
}

static double plain_width(const struct plain *p, const struct dimension *d, double n, double deviation) {
  double cells = (double)dimension_cells(d), shrink = pow(n, -1 / ((double)p->f->h.d + 4));
  if (d->kind == DIM_CATEGORICAL)
    return (1 - 1 / cells) * 0.25 * shrink * shrink;
  return fmin(fmax(deviation * shrink, fmax(1e-3, cells > 0 ? 0.5 / cells : 0)), 1);
}

/* Widths hold until there are 1/8 to 1/16 more trials. */
static size_t fit_length(size_t n) {
  size_t unit = 1;
  while (n / unit >= 16)
    unit *= 2;
  return n / unit * unit;
}

static double plain_good_width(const struct plain *p, size_t i) {
  const struct history *h = &p->f->h;
  double w = 0, mean = 0, variance = 0, n = (double)p->n_good;
  for (size_t k = 0; k < p->n_good; k++)
    if (row_there(h, p->order[k], i)) {
      w += p->weight[k];
      mean += p->weight[k] * h->u[p->order[k] * h->d + i];
    }
  for (size_t k = 0; k < p->n_good; k++)
    if (row_there(h, p->order[k], i))
      variance += p->weight[k] / w * pow(h->u[p->order[k] * h->d + i] - mean / w, 2);
  double all = fmax(n, 0.15 * (double)fit_length(p->n_ranked));
  return plain_width(p, dimension_at(&p->f->space, i), n, sqrt((all * variance + 1.0 / 12) / (all + 1)));
}

static double plain_bad_width(const struct plain *p, size_t i, size_t n) {
  return plain_width(p, dimension_at(&p->f->space, i), (double)fit_length(n), 0.13);
}

/* Product over the axes that are there at u. row SIZE_MAX: the prior. */
static double plain_product(const struct plain *p, size_t row, const double *widths, const double *u) {
  const struct history *h = &p->f->h;
  double product = 1, low, high;
  for (size_t i = 0; i < h->d; i++) {
    const struct dimension *d = dimension_at(&p->f->space, i);
    if (!p->there[i])
      continue;
    if (row == SIZE_MAX)
      product *= plain_kernel(d, 0.5, 1, u[i], true);
    else if (row_there(h, row, i))
      product *= plain_kernel(d, h->u[row * h->d + i], widths[i], u[i], false);
    else if (dimension_cells(d) > 0 && (d->kind == DIM_CATEGORICAL || dimension_cells(d) <= 32)) {
      cell_of(d, u[i], &low, &high);
      product *= high - low;
    }
  }
  return product;
}

static void plain_densities(struct plain *p, const double *u, double *good, double *bad) {
  const struct history *h = &p->f->h;
  double widths[16], n = (double)p->n_good, votes = 1;
  space_active_coordinates(&p->f->space, u, p->there);
  for (size_t i = 0; i < h->d; i++)
    widths[i] = plain_good_width(p, i);
  *good = plain_product(p, SIZE_MAX, widths, u) / (n + 1);
  for (size_t i = 0; i < p->n_good; i++)
    *good += n / (n + 1) * p->weight[i] * plain_product(p, p->order[i], widths, u);
  size_t known = 0;
  for (size_t row = 0; row < h->n; row++)
    known += h->last_event[row] >= 0;
  for (size_t i = 0; i < h->d; i++)
    widths[i] = plain_bad_width(p, i, known);
  *bad = plain_product(p, SIZE_MAX, widths, u);
  for (size_t row = 0; row < h->n; row++) {
    bool is_good = false;
    for (size_t i = 0; i < p->n_good; i++)
      is_good |= p->order[i] == row;
    votes += !is_good;
    *bad += is_good ? 0 : plain_product(p, row, widths, u);
  }
  *bad = log(*bad / votes);
  *good = log(*good);
}

static void check_densities(struct fixture *f, struct tpe *t) {
  struct plain p = {.f = f};
  plain_rank(&p);
  for (int i = 0; i < 20; i++) {
    double u[16], good, bad, plain_good, plain_bad;
    for (size_t k = 0; k < f->h.d; k++)
      u[k] = rng_uniform(&f->rng);
    settle(f, u);
    REQUIRE(tpe_densities(t, &f->h, 1, u, &good, &bad) == (p.n_ranked >= 10));
    if (p.n_ranked < 10)
      return;
    plain_densities(&p, u, &plain_good, &plain_bad);
    CHECK_NEAR(good, plain_good, 1e-9 * (1 + fabs(plain_good)));
    CHECK_NEAR(bad, plain_bad, 1e-9 * (1 + fabs(plain_bad)));
  }
}

static void test_densities(void) {
  const char *texts[] = {every_kind, floats, grid};
  for (size_t k = 0; k < 3; k++) {
    struct fixture f;
    start(&f, k, texts[k]);
    struct tpe_options o = tpe_defaults();
    struct tpe *t = tpe_new(&f.space, rng_key("study", 1), &o);
    while (f.h.n < 150) {
      step(&f);
      if (rng_uniform(&f.rng) < 0.05)
        check_densities(&f, t);
    }
    tpe_free(t);
    drop(&f);
  }
}

/* ---- the loops ---- */

static void test_kernels_agree(void) {
  enum { N = 9 * KERNEL_BLOCK, COLUMNS = 3 };
  static double start_[N], smooth[COLUMNS * N], there[COLUMNS * N], inside[COLUMNS * N], row[40];
  static uint32_t cell[COLUMNS * N];
  struct rng r = rng_of(rng_key("kernels", 1));
  for (size_t i = 0; i < COLUMNS * N; i++) {
    start_[i % N] = i % 17 == 0 ? -(double)INFINITY : rng_normal(&r);
    smooth[i] = rng_uniform(&r);
    there[i] = rng_uniform(&r) < 0.7;
    inside[i] = there[i] > 0 ? -rng_uniform(&r) : 0;
    cell[i] = (uint32_t)rng_below(&r, 40);
  }
  for (size_t i = 0; i < 40; i++)
    row[i] = -30 * rng_uniform(&r);
  const struct columns c = {COLUMNS, COLUMNS, start_, smooth, there, inside, cell};
  struct line lines[] = {{.column = 1, .slope = -2}};
  struct term merged[] = {{.column = 0, .x = 0.3, .precision = 5000}, {.column = 2, .x = 0.9, .precision = 3}};
  struct term alone[] = {{.column = 1, .x = 0.5, .precision = 40, .constant = 1.5}};
  struct lookup lookups[] = {{.column = 1, .row = row}};
  const struct query q = {lines, merged, alone, lookups, 1, 2, 1, 1};
  const size_t lengths[] = {1, 7, 8, 9, 31, 32, 33, KERNEL_CHUNK - 1, KERNEL_CHUNK};
  kernel_add *all[4];
  size_t n_kernels = kernel_all(all);
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
    size_t first = KERNEL_BLOCK, second = first + KERNEL_CHUNK;
    struct log_sum sums[4];
    double plain = 0;
    for (size_t j = first; j < second + lengths[k]; j++) {
      double x0 = smooth[column_place(COLUMNS, 0, j)], x2 = smooth[column_place(COLUMNS, 2, j)];
      size_t middle = column_place(COLUMNS, 1, j);
      double x = start_[j] - 5000 * pow(x0 - 0.3, 2) - 3 * pow(x2 - 0.9, 2) + row[cell[middle]] - 2 * smooth[middle];
      if (there[middle] > 0)
        x += 1.5 - 40 * pow(smooth[middle] - 0.5, 2) - inside[middle];
      plain += j < first + lengths[k] || j >= second ? exp(x) : 0;
    }
    for (size_t i = 0; i < n_kernels; i++) {
      sums[i] = (struct log_sum){.max = -(double)INFINITY};
      all[i](&c, first, lengths[k], &q, &sums[i]);
      all[i](&c, second, lengths[k], &q, &sums[i]);
      CHECK(memcmp(&sums[i], &sums[0], sizeof *sums) == 0);
    }
    CHECK_NEAR(log_sum_value(&sums[0]), log(plain), 1e-12 * (1 + fabs(log(plain))));
  }
  struct log_sum none = {.max = -(double)INFINITY};
  CHECK(log_sum_value(&none) == -(double)INFINITY);
}

/* ---- purity ---- */

static void ask(struct tpe *t, const struct fixture *f, double *u) {
  struct rng rng = rng_of(rng_child(rng_key("ask", 1), RNG_ASK, (uint64_t)f->h.n));
  tpe_ask(t, &f->h, f->h.asked, &rng, u);
}

/* An estimator that has seen all of it come, asked or not, says the same as one that comes new to it. */
static void check_purity(const char *text, uint64_t seed, const struct tpe_options *o, size_t steps) {
  struct fixture f;
  start(&f, seed, text);
  struct rng_key key = rng_key("study", seed);
  struct tpe *warm = tpe_new(&f.space, key, o);
  double a[16], b[16];
  for (size_t i = 0; i < steps; i++) {
    for (uint64_t n = rng_below(&f.rng, 4); n > 0; n--)
      step(&f);
    f.h.effort = i % 7 == 0 ? 2 : 0;
    ask(warm, &f, a);
    struct tpe *cold = tpe_new(&f.space, key, o);
    ask(cold, &f, b);
    CHECK(memcmp(a, b, f.h.d * sizeof *a) == 0);
    ask(warm, &f, b); /* asking changes nothing */
    CHECK(memcmp(a, b, f.h.d * sizeof *a) == 0);
    tpe_free(cold);
  }
  tpe_free(warm);
  drop(&f);
}

static void test_purity(void) {
  struct tpe_options o = tpe_defaults();
  check_purity(every_kind, 1, &o, 120);
  check_purity(grid, 2, &o, 120);
  o.multivariate = false;
  o.weights = TPE_IMPROVEMENT;
  o.bandwidth = TPE_RANGE;
  check_purity(every_kind, 3, &o, 60);
  o = tpe_defaults();
  o.good = 3; /* few are kept in order, and many of them fail */
  o.sample = 20;
  check_purity(every_kind, 4, &o, 200);
  o.by_budget = true;
  o.startup = 5;
  o.random = 0.3;
  o.wider = 3;
  o.least = 3;
  check_purity(every_kind, 5, &o, 200);
}

/* ---- what happens to trials ---- */

static void densities_of(const struct fixture *f, const struct tpe_options *o, const double *u, double *good,
                         double *bad) {
  struct tpe *t = tpe_new(&f->space, rng_key("study", 1), o);
  REQUIRE(tpe_densities(t, &f->h, 1, u, good, bad));
  tpe_free(t);
}

static void test_running_and_failed_repel(void) {
  struct fixture f;
  struct tpe_options o = tpe_defaults();
  double here[3] = {0.3, 0.6, 0.2}, good[4], bad[4];
  start(&f, 1, floats);
  for (int i = 0; i < 40; i++)
    add_event(&f, add_random_row(&f), TRIAL_COMPLETE, 1, rng_normal(&f.rng));
  densities_of(&f, &o, here, &good[0], &bad[0]);
  int64_t row = add_row(&f, here);
  densities_of(&f, &o, here, &good[1], &bad[1]);
  add_event(&f, row, TRIAL_FAIL, 0, (double)NAN);
  densities_of(&f, &o, here, &good[2], &bad[2]);
  for (int i = 0; i < 3; i++) /* failures beyond all measure move nothing else */
    add_event(&f, add_row(&f, here), TRIAL_COMPLETE, 1, (double)INFINITY);
  densities_of(&f, &o, here, &good[3], &bad[3]);
  CHECK(good[1] == good[0] && good[2] == good[0]);
  CHECK(bad[1] > bad[0] + 0.1 && bad[2] > bad[0] + 0.1 && bad[3] > bad[2] + 0.1);
  CHECK(isfinite(good[3]));
  drop(&f);
}

/* Weights by improvement do not care for the scale of the values, nor break where there is none. */
static void test_weights(void) {
  struct fixture f;
  struct tpe_options o = tpe_defaults();
  double here[3] = {0.3, 0.6, 0.2}, good[3], bad;
  start(&f, 1, floats);
  for (int i = 0; i < 60; i++)
    add_event(&f, add_random_row(&f), TRIAL_COMPLETE, 1, rng_normal(&f.rng));
  densities_of(&f, &o, here, &good[0], &bad);
  o.weights = TPE_IMPROVEMENT;
  densities_of(&f, &o, here, &good[1], &bad);
  for (size_t i = 0; i < f.h.n_events; i++)
    f.h.events[i].value *= 0x1p-300;
  densities_of(&f, &o, here, &good[2], &bad);
  CHECK(good[0] != good[1]);
  CHECK_NEAR(good[1], good[2], 1e-9);
  for (size_t i = 0; i < f.h.n_events; i++)
    f.h.events[i].value = i % 2 ? 1 : -(double)INFINITY;
  densities_of(&f, &o, here, &good[2], &bad);
  CHECK(isfinite(good[2]));
  drop(&f);
}

/* Model the largest budget with enough points: the same as if nothing but those were known. */
static void test_budgets(void) {
  struct fixture f, only;
  struct tpe_options o = tpe_defaults();
  start(&f, 1, floats);
  start(&only, 1, floats);
  o.by_budget = true;
  o.startup = 5;
  for (int i = 0; i < 30; i++) {
    double value = rng_normal(&f.rng);
    int64_t row = add_random_row(&f);
    add_event(&f, row, TRIAL_RUNNING, 1, rng_normal(&f.rng));
    if (i % 3)
      continue;
    add_event(&f, row, TRIAL_RUNNING, 3, value);
    add_event(&only, add_row(&only, f.h.u + (size_t)row * 3), TRIAL_RUNNING, 3, value);
    if (i % 9 == 0)
      add_event(&f, row, TRIAL_COMPLETE, 9, -value); /* 4 points: not enough */
  }
  for (int i = 0; i < 10; i++) {
    double u[3] = {rng_uniform(&f.rng), rng_uniform(&f.rng), rng_uniform(&f.rng)}, good[2], bad[2];
    densities_of(&f, &o, u, &good[0], &bad[0]);
    densities_of(&only, &o, u, &good[1], &bad[1]);
    CHECK(good[0] == good[1]);
    CHECK_NEAR(bad[0], bad[1], 1e-12);
  }
  drop(&f);
  drop(&only);
}

/* So many of the best fail, unasked, that those kept in order are used up; what comes meanwhile is worse than all. */
static void test_the_best_fail(void) {
  struct fixture f;
  struct tpe_options o = tpe_defaults();
  start(&f, 1, floats);
  struct tpe *t = tpe_new(&f.space, rng_key("study", 1), &o);
  for (int i = 0; i < 120; i++)
    add_event(&f, add_random_row(&f), TRIAL_RUNNING, 1, i);
  check_densities(&f, t);
  for (int64_t i = 0; i < 46; i++)
    add_event(&f, i, TRIAL_FAIL, 1, (double)NAN);
  for (int i = 0; i < 40; i++)
    add_event(&f, add_random_row(&f), TRIAL_RUNNING, 1, 1000 + i);
  check_densities(&f, t);
  tpe_free(t);
  drop(&f);
}

/* The largest budget that is known well enough may become too little known again. */
static void test_back_to_a_budget(void) {
  struct fixture f;
  struct tpe_options o = tpe_defaults();
  start(&f, 1, floats);
  o.by_budget = true;
  o.startup = 5;
  struct tpe *t = tpe_new(&f.space, rng_key("study", 1), &o);
  double u[3] = {0.4, 0.5, 0.6}, good[2], bad[2];
  for (int i = 0; i < 12; i++)
    add_event(&f, add_random_row(&f), TRIAL_RUNNING, 1, i);
  REQUIRE(tpe_densities(t, &f.h, 1, u, good, bad));
  for (int64_t i = 0; i < 5; i++)
    add_event(&f, i, TRIAL_RUNNING, 3, (double)i);
  REQUIRE(tpe_densities(t, &f.h, 1, u, good, bad));
  for (int i = 0; i < 3; i++)
    add_event(&f, add_random_row(&f), TRIAL_RUNNING, 1, -1 - i);
  add_event(&f, 4, TRIAL_FAIL, 3, (double)NAN);
  REQUIRE(tpe_densities(t, &f.h, 1, u, good, bad));
  densities_of(&f, &o, u, &good[1], &bad[1]);
  CHECK(good[0] == good[1] && bad[0] == bad[1]);
  tpe_free(t);
  drop(&f);
}

/* A sample of the bad ones stands for all of them. */
static void test_sample(void) {
  struct fixture f;
  struct tpe_options all = tpe_defaults(), some = all;
  start(&f, 1, floats);
  some.sample = 500;
  for (int i = 0; i < 4000; i++) {
    int64_t row = add_random_row(&f);
    add_event(&f, row, TRIAL_COMPLETE, 1, f.h.u[3 * row] + f.h.u[3 * row + 1]);
  }
  double differences = 0, level = 0;
  for (int i = 0; i < 50; i++) {
    double u[3] = {rng_uniform(&f.rng), rng_uniform(&f.rng), rng_uniform(&f.rng)}, good[2], bad[2];
    densities_of(&f, &all, u, &good[0], &bad[0]);
    densities_of(&f, &some, u, &good[1], &bad[1]);
    CHECK(good[0] == good[1]);
    differences += fabs(bad[0] - bad[1]) / 50;
    level += bad[0] / 50;
  }
  CHECK(differences > 0 && differences < 0.5);
  CHECK(fabs(level) < 0.3); /* trials are everywhere: the density is about 1 */
  drop(&f);
}

/* Few points are tried twice before others are left, without the help of whoever asks. */
static void test_prefers_unseen(void) {
  struct fixture f;
  struct tpe_options o = tpe_defaults();
  start(&f, 1, "space = { a = { low = 1; high = 6; }; b = { low = 1; high = 6; }; };");
  struct tpe *t = tpe_new(&f.space, rng_key("study", 1), &o);
  bool seen[36] = {0};
  int twice = 0;
  for (int i = 0; i < 30; i++) {
    double u[2];
    ask(t, &f, u);
    int64_t row = add_row(&f, u);
    int cell = 6 * (int)(6 * f.h.u[2 * row]) + (int)(6 * f.h.u[2 * row + 1]);
    twice += seen[cell] && i >= 10;
    seen[cell] = true;
    add_event(&f, row, TRIAL_COMPLETE, 1, fabs(u[0] - 0.3) + fabs(u[1] - 0.8));
  }
  CHECK(twice == 0);
  tpe_free(t);
  drop(&f);
}

/* ---- searching ---- */

/* The best of `trials` points; startup = trials: nothing but Sobol points. */
static double search(const char *text, uint64_t seed, const struct tpe_options *o, int trials,
                     double (*value_of)(const struct params *p)) {
  struct fixture f;
  start(&f, seed, text);
  struct tpe *t = tpe_new(&f.space, rng_key("study", seed), o);
  double best = (double)INFINITY, u[16];
  struct params p;
  params_init(&p);
  for (int i = 0; i < trials; i++) {
    ask(t, &f, u);
    space_decode(&f.space, u, &p);
    double value = value_of(&p);
    add_event(&f, add_row(&f, u), TRIAL_COMPLETE, 1, value);
    best = fmin(best, value);
  }
  params_free(&p);
  tpe_free(t);
  drop(&f);
  return best;
}

static double valley(const struct params *p) {
  double a = params_double(p, "a", 0) - 0.7, b = params_double(p, "b", 0) - 0.2, c = params_double(p, "c", 0) - 0.5;
  return a * a + 10 * (b - a) * (b - a) + c * c;
}

/* Two kinds of optimizer, each with settings of its own; sgd is the better one if its momentum is right. */
static double training(const struct params *p) {
  const struct value *opt = params_get(p, "opt");
  double rate = log10(params_double(p, "lr", 1)), width = params_double(p, "width", 0) / 100;
  double common = pow(rate + 2.5, 2) + pow(width - 1.2, 2);
  if (strcmp(opt->as.text, "sgd") == 0)
    return common + 20 * pow(params_double(p, "momentum", 0) - 0.9, 2);
  return common + 0.3 + fabs(params_double(p, "beta", 0) - 3) / 10;
}

static const char training_space[] =
    "space = { lr = { low = 1e-6; high = 1.0; log = true; }; opt = { choices = (\"sgd\", \"adam\", \"lamb\"); };\n"
    " momentum = { low = 0.0; high = 1.0; when = { opt = \"sgd\"; }; };\n"
    " beta = { low = 1; high = 9; when = { opt = (\"adam\", \"lamb\"); }; }; width = { low = 8; high = 512; log = "
    "true; }; };";

static void test_searches(void) {
  const char *texts[] = {floats, training_space};
  double (*values[])(const struct params *) = {valley, training};
  for (int problem = 0; problem < 2; problem++)
    for (int axes = 0; axes < 2; axes++) {
      struct tpe_options o = tpe_defaults(), sobol = o;
      o.multivariate = axes == 0;
      sobol.startup = 1000;
      double own = 0, even = 0;
      for (uint64_t seed = 0; seed < 20; seed++) {
        own += log(search(texts[problem], seed, &o, 80, values[problem])) / 20;
        even += log(search(texts[problem], seed, &sobol, 80, values[problem])) / 20;
      }
      CHECK(own < even - 0.7); /* at most half of the regret, in the geometric mean */
    }
}

int main(void) {
  return TEST_MAIN("tpe", {"densities", test_densities}, {"kernels agree", test_kernels_agree}, {"purity", test_purity},
                   {"running and failed trials repel", test_running_and_failed_repel}, {"weights", test_weights},
                   {"budgets", test_budgets}, {"the best fail", test_the_best_fail},
                   {"back to a budget", test_back_to_a_budget}, {"a sample stands for all", test_sample},
                   {"prefers unseen points", test_prefers_unseen}, {"searches", test_searches});
}
