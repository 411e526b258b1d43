/* bench_search: how well samplers and schedules search, and how long an ask takes. See --help. Not a test. */
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/propose.h"
#include "search_loop.h"

enum { MOST_MARKS = 16, MOST_SETS = 32, RESAMPLES = 2000 };

struct request {
  struct search_options search;
  char **objectives;
  size_t n_objectives, cap_objectives;
  int64_t seeds, first_seed;
  int64_t marks[MOST_MARKS];
  const char *sets[MOST_SETS];
  bool csv, normalised, serve;
  const char *latency;
};

static const char help[] =
    "usage: bench_search [OPTIONS] OBJECTIVE...\n"
    "Searches in memory with the real samplers, schedules and study, one seed after the other.\n\n"
    "  --sampler NAME      (random)           --schedule NAME   (full)\n"
    "  --trials N          trials at most (200)\n"
    "  --epochs E          stop after E steps in all; checkpoints are then counted in steps\n"
    "  --at N,N,...        checkpoints (25,50,100,200; with --epochs: an 8th, a 4th, a half, all)\n"
    "  --seeds N           how many (10)      --first-seed K    (1)\n"
    "  --workers K         trials under way at once (1); they end in a seeded random order\n"
    "  --noise S           normal noise on every value told; regret is of the truth\n"
    "  --fail P            points with their first hyperparameter in the upper P of its range fail\n"
    "  --set KEY=VALUE     any setting of a study file, as sampler.startup=20 (repeatable)\n"
    "  --normalised        regret = (value - best)/(median - best) for tables\n"
    "  --csv               objective,sampler,schedule,workers,seed,checkpoint,regret,normalised,ask_ms,longest_ask_ms\n"
    "  --latency D:N[,N]   no objective: tell + ask, mean of 20 at a history of N trials of D floats\n"
    "  --serve             answer points from stdin, for peers: first line the space, then one line of JSON each\n\n"
    "Printed are mean [95 % bootstrap interval] of the regret at each checkpoint, over all objectives together, too\n"
    "(seeds are resampled within each objective), and the time of an ask: mean, longest.\n\n"
    "OBJECTIVE:\n";
static const char examples[] =
    "\n  bench_search --sampler random --seeds 30 fcnet:naval_propulsion.f64.gz\n"
    "  bench_search --sampler tpe --trials 200 bbob:1-24:1-3:5\n"
    "  bench_search --sampler tpe --schedule halving --epochs 2000 --trials 1000 --workers 4 taskset:FILE.f32.gz\n"
    "  bench_search --sampler tpe --latency 10:1000,10000\n";

/* ---- means and intervals ---- */

/* Regrets at one checkpoint: (objectives, seeds). */
struct sample {
  const double *x;
  size_t n_groups, n_seeds;
  size_t stride, offset; /* of x: group g, seed s is x[(g n_seeds + s) stride + offset] */
};

static double sample_at(const struct sample *s, size_t group, size_t seed) {
  return s->x[(group * s->n_seeds + seed) * s->stride + s->offset];
}

static double mean_of(const struct sample *s) {
  double sum = 0;
  for (size_t g = 0; g < s->n_groups; g++)
    for (size_t k = 0; k < s->n_seeds; k++)
      sum += sample_at(s, g, k);
  return sum / (double)(s->n_groups * s->n_seeds);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Percentile bootstrap (Efron 1979). */
static void interval_of(const struct sample *s, double *low, double *high) {
  static double means[RESAMPLES];
  struct rng rng = rng_of(rng_key("bootstrap", 1));
  for (size_t i = 0; i < RESAMPLES; i++) {
    double sum = 0;
    for (size_t g = 0; g < s->n_groups; g++)
      for (size_t k = 0; k < s->n_seeds; k++)
        sum += sample_at(s, g, (size_t)rng_below(&rng, s->n_seeds));
    means[i] = sum / (double)(s->n_groups * s->n_seeds);
  }
  qsort(means, RESAMPLES, sizeof *means, by_value);
  *low = means[RESAMPLES / 40];
  *high = means[RESAMPLES - 1 - RESAMPLES / 40];
}

static void print_row(const struct request *r, const char *name, const double *regret, size_t n_groups,
                      const struct search_result *total) {
  printf("%-36s", name);
  for (size_t m = 0; m < r->search.n_marks; m++) {
    struct sample s = {regret, n_groups, (size_t)r->seeds, r->search.n_marks, m};
    double low, high;
    interval_of(&s, &low, &high);
    printf("  %8.5g [%.4g, %.4g]", mean_of(&s), low, high);
  }
  printf("  %.3f / %.2f ms\n", 1e3 * total->ask.sum / (double)(total->ask.n ? total->ask.n : 1),
         1e3 * total->ask.longest);
}

/* ---- searching ---- */

static void print_csv(const struct request *r, const struct objective *o, int64_t seed, const struct search_result *x) {
  for (size_t m = 0; m < r->search.n_marks; m++)
    printf("%s,%s,%s,%lld,%lld,%lld,%.17g,%.17g,%.4f,%.4f\n", o->name, r->search.sampler, r->search.schedule,
           (long long)r->search.workers, (long long)seed, (long long)r->marks[m], objective_regret(o, x->truth[m]),
           objective_normalised(o, x->truth[m]), 1e3 * x->ask.sum / (double)(x->ask.n ? x->ask.n : 1),
           1e3 * x->ask.longest);
  fflush(stdout);
}

static void add_result(struct search_result *total, const struct search_result *one) {
  total->ask.sum += one->ask.sum;
  total->ask.n += one->ask.n;
  total->ask.longest = fmax(total->ask.longest, one->ask.longest);
  total->trials += one->trials;
  total->failed += one->failed;
}

static enum err run_seeds(const struct request *r, struct objective *o, double *regret, struct search_result *total) {
  for (int64_t k = 0; k < r->seeds; k++) {
    struct search_result one;
    enum err e = search_run(o, &r->search, (uint64_t)(r->first_seed + k), &one);
    if (e == OK && r->csv)
      print_csv(r, o, r->first_seed + k, &one);
    for (size_t m = 0; e == OK && m < r->search.n_marks; m++)
      *regret++ = r->normalised ? objective_normalised(o, one.truth[m]) : objective_regret(o, one.truth[m]);
    add_result(total, &one);
    free(one.truth);
    TRY(e);
  }
  return OK;
}

static void print_head(const struct request *r, const struct objective *o) {
  printf("# %s, %s, %lld seeds, %lld worker%s; regret: %s; then mean / longest ask\n%-36s", r->search.sampler,
         r->search.schedule, (long long)r->seeds, (long long)r->search.workers, r->search.workers > 1 ? "s" : "",
         r->normalised ? "(value - best)/(median - best)" : objective_measure(o), "#");
  for (size_t m = 0; m < r->search.n_marks; m++)
    printf("  @%lld%s", (long long)r->marks[m], r->search.epochs > 0 ? " epochs" : "");
  printf("\n");
}

static enum err bench(const struct request *r) {
  size_t block = (size_t)r->seeds * r->search.n_marks;
  double *regret = MEM_NEW_ARRAY(double, r->n_objectives *block);
  struct search_result total = {0};
  enum err e = OK;
  for (size_t i = 0; i < r->n_objectives && e == OK; i++) {
    struct objective o;
    struct search_result own = {0};
    e = objective_open(&o, r->objectives[i]);
    if (e == OK && i == 0 && !r->csv)
      print_head(r, &o);
    if (e == OK)
      e = run_seeds(r, &o, regret + i * block, &own);
    if (e == OK && !r->csv) {
      print_row(r, o.name, regret + i * block, 1, &own);
      fflush(stdout);
    }
    add_result(&total, &own);
    objective_close(&o);
  }
  if (e == OK && r->n_objectives > 1 && !r->csv)
    print_row(r, "all", regret, r->n_objectives, &total);
  free(regret);
  TRY(e);
  return OK;
}

/* ---- latency ---- */

static enum err tell_one(struct search *s, const struct params *point, double value) {
  int64_t number = (int64_t)s->study.n;
  struct op state = op_of(OP_STATE, number);
  state.state = TRIAL_COMPLETE;
  state.value = value;
  TRY(propose_trial(&s->space, point, number, number, s->study.ops, false, search_apply, s));
  return study_apply(&s->study, &state);
}

/* A sphere with a little noise, as in a search that has some way behind it: three quarters of the points near the
 * minimum. */
static enum err grow_history(struct search *s, int64_t n, struct rng *rng) {
  double *u = MEM_NEW_ARRAY(double, s->space.n_coordinates);
  struct params point;
  params_init(&point);
  enum err e = OK;
  while ((int64_t)s->study.n < n && e == OK) {
    double spread = s->study.n % 4 ? 0.15 : 0.5, value = 0.01 * rng_normal(rng);
    for (size_t k = 0; k < s->space.n_coordinates; k++) {
      u[k] = 0.5 + spread * (2 * rng_uniform(rng) - 1);
      value += (u[k] - 0.4) * (u[k] - 0.4);
    }
    space_decode(&s->space, u, &point);
    e = tell_one(s, &point, value);
  }
  params_free(&point);
  free(u);
  return e;
}

static enum err ask_one(struct search *s, struct params *point) {
  enum ask answer;
  TRY(sampler_ask(&s->sampler, &s->study, (int64_t)s->study.n, point, &answer));
  return answer == ASK_POINT ? OK : FAIL(ERR_BUG, "the sampler has no point for trial %zu", s->study.n);
}

static enum err time_asks(struct search *s, int64_t d, int64_t n, struct rng *rng) {
  enum { CONSECUTIVE = 20 };
  struct latency asks = {0};
  struct params point;
  params_init(&point);
  TRY(grow_history(s, n, rng));
  double began = clock_seconds();
  enum err e = ask_one(s, &point);
  double cold = clock_seconds() - began, busy = 0;
  for (int i = 0; i < CONSECUTIVE && e == OK; i++) {
    double value = 0.01 * rng_normal(rng);
    for (size_t k = 0; k < point.n; k++)
      value += pow(params_double(&point, point.items[k].name, 0) - 0.4, 2);
    began = clock_seconds();
    busy -= clock_cpu_seconds();
    e = tell_one(s, &point, value);
    if (e == OK)
      e = ask_one(s, &point);
    busy += clock_cpu_seconds();
    latency_add(&asks, clock_seconds() - began);
  }
  if (e == OK)
    printf("%s d=%lld n=%lld: tell+ask %.4f ms mean of %d (%.4f ms of CPU), longest %.4f ms; the first, from nothing, "
           "%.4f ms\n",
           s->sampler.ops->name, (long long)d, (long long)n, 1e3 * asks.sum / CONSECUTIVE, CONSECUTIVE,
           1e3 * busy / CONSECUTIVE, 1e3 * asks.longest, 1e3 * cold);
  params_free(&point);
  return e;
}

static enum err latency(const struct request *r) {
  char *at;
  int64_t d = strtoll(r->latency, &at, 10);
  struct strbuf space = STRBUF_INIT;
  struct search s;
  struct rng rng = rng_of(rng_key("latency", (uint64_t)r->first_seed));
  if (d < 1 || *at != ':')
    return FAIL(ERR_INPUT, "--latency %s: D:N[,N...] is expected, as 10:1000,10000", r->latency);
  for (int64_t i = 0; i < d; i++)
    strbuf_printf(&space, "x%lld = { low = 0.0; high = 1.0; };\n", (long long)i + 1);
  enum err e = search_open(&s, &r->search, space.text, 1, (uint64_t)r->first_seed);
  while (e == OK && *at)
    e = time_asks(&s, d, strtoll(at + 1, &at, 10), &rng);
  search_close(&s);
  strbuf_free(&space);
  return e;
}

/* ---- serve: the same objective for a peer ---- */

static void serve_space(const struct objective *o, const struct space *space) {
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text, "{\"name\": \"%s\", \"steps\": %lld, \"dims\": [", o->name, (long long)o->steps);
  for (size_t i = 0; i < space->n; i++) {
    const struct dimension *d = &space->dims[space->order[i]];
    strbuf_printf(&text, "%s{\"name\": \"%s\", \"distribution\": ", i ? ", " : "", d->name);
    dimension_optuna_json(d, &text);
    strbuf_puts(&text, ", \"when\": {");
    for (size_t k = 0; k < d->n_conditions; k++) {
      const struct condition *c = &d->conditions[k];
      strbuf_printf(&text, "%s\"%s\": [", k ? ", " : "", space->dims[c->parent].name);
      for (size_t v = 0; v < c->n; v++) {
        json_t *value = value_to_json(&c->values[v]);
        char *json = json_dumps(value, JSON_ENCODE_ANY);
        strbuf_printf(&text, "%s%s", v ? ", " : "", json);
        free(json);
        json_decref(value);
      }
      strbuf_putc(&text, ']');
    }
    strbuf_puts(&text, "}}");
  }
  printf("%s]}\n", text.text);
  fflush(stdout);
  strbuf_free(&text);
}

static void serve_answer(const struct objective *o, const struct answer *a) {
  const char *lists[] = {"told", "regret", "normalised"};
  struct strbuf text = STRBUF_INIT;
  for (size_t list = 0; list < 3; list++) {
    strbuf_printf(&text, "%s\"%s\": [", list ? ", " : "{", lists[list]);
    for (int64_t k = 0; k < o->steps; k++) {
      double x = list == 0   ? a->told[k]
                 : list == 1 ? objective_regret(o, a->truth[k])
                             : objective_normalised(o, a->truth[k]);
      if (k)
        strbuf_puts(&text, ", ");
      if (isfinite(x))
        strbuf_put_double(&text, x);
      else
        strbuf_puts(&text, "null");
    }
    strbuf_putc(&text, ']');
  }
  printf("%s}\n", text.text);
  fflush(stdout);
  strbuf_free(&text);
}

/* A line is a point: {"lr": 0.01, "act": "relu"}. */
static enum err serve_lines(struct objective *o, const struct space *space, int64_t seed) {
  char line[1 << 16];
  double *u = MEM_NEW_ARRAY(double, space->n_coordinates + 1);
  struct rng_key key = rng_key("objective", (uint64_t)seed);
  enum err e = OK;
  for (uint64_t trial = 0; e == OK && fgets(line, sizeof line, stdin); trial++) {
    json_t *json = NULL;
    struct params p;
    struct rng rng = rng_of(rng_child(key, RNG_FUNCTION, trial));
    struct answer answer;
    params_init(&p);
    e = json_parse(line, "stdin", &json);
    if (e == OK)
      e = params_from_json(&p, json, "stdin");
    if (e == OK)
      e = space_adopt(space, &p, u, "stdin");
    if (e == OK) {
      o->ops->answer(o, space, &p, u, &rng, &answer);
      serve_answer(o, &answer);
    }
    params_free(&p);
    json_decref(json);
  }
  free(u);
  return e;
}

static enum err serve(const struct request *r) {
  struct objective o;
  struct search s = {0};
  enum err e = objective_open(&o, r->objectives[0]);
  if (e == OK)
    e = search_open(&s, &r->search, o.text.text, o.steps, (uint64_t)r->first_seed);
  if (e == OK) {
    serve_space(&o, &s.space);
    if (o.ops->start)
      o.ops->start(&o);
    e = serve_lines(&o, &s.space, r->first_seed);
  }
  search_close(&s);
  objective_close(&o);
  return e;
}

/* ---- options ---- */

enum { SAMPLER = 1000, SCHEDULE, TRIALS, EPOCHS, AT, SEEDS, FIRST_SEED, WORKERS, NOISE, FAILS, SET, LATENCY };

static void read_marks(struct request *r, const char *text) {
  r->search.n_marks = 0;
  for (const char *at = text; *at && r->search.n_marks < MOST_MARKS; at += *at == ',') {
    char *end;
    r->marks[r->search.n_marks++] = strtoll(at, &end, 10);
    at = end > at ? end : at + strlen(at);
  }
}

static void usual_marks(struct request *r) {
  static const int64_t usual[] = {25, 50, 100, 200};
  for (size_t i = 0; i < 4; i++) {
    int64_t mark = r->search.epochs > 0 ? r->search.epochs >> (3 - i) : usual[i];
    if (r->search.epochs > 0 || mark <= r->search.trials)
      r->marks[r->search.n_marks++] = mark;
  }
  if (r->search.n_marks == 0)
    r->marks[r->search.n_marks++] = r->search.trials;
}

static bool take_option(struct request *r, int code) {
  struct search_options *o = &r->search;
  switch (code) {
  case SAMPLER:
    o->sampler = optarg;
    return true;
  case SCHEDULE:
    o->schedule = optarg;
    return true;
  case TRIALS:
    return (o->trials = atoll(optarg)) > 0;
  case EPOCHS:
    return (o->epochs = atoll(optarg)) > 0;
  case AT:
    read_marks(r, optarg);
    return o->n_marks > 0;
  case SEEDS:
    return (r->seeds = atoll(optarg)) > 0;
  case FIRST_SEED:
    return (r->first_seed = atoll(optarg)) >= 0;
  case WORKERS:
    return (o->workers = atoll(optarg)) > 0;
  case NOISE:
    o->noise = atof(optarg);
    return true;
  case FAILS:
    o->fail = atof(optarg);
    return true;
  case SET:
    r->sets[o->n_sets] = optarg;
    return ++o->n_sets <= MOST_SETS;
  case LATENCY:
    r->latency = optarg;
    return true;
  default:
    return code == 0; /* a flag */
  }
}

static bool read_options(struct request *r, int argc, char **argv, int *show_help) {
  int csv = 0, normalised = 0, served = 0;
  const struct option options[] = {{"sampler", required_argument, NULL, SAMPLER},
                                   {"schedule", required_argument, NULL, SCHEDULE},
                                   {"trials", required_argument, NULL, TRIALS},
                                   {"epochs", required_argument, NULL, EPOCHS},
                                   {"at", required_argument, NULL, AT},
                                   {"seeds", required_argument, NULL, SEEDS},
                                   {"first-seed", required_argument, NULL, FIRST_SEED},
                                   {"workers", required_argument, NULL, WORKERS},
                                   {"noise", required_argument, NULL, NOISE},
                                   {"fail", required_argument, NULL, FAILS},
                                   {"set", required_argument, NULL, SET},
                                   {"latency", required_argument, NULL, LATENCY},
                                   {"csv", no_argument, &csv, 1},
                                   {"normalised", no_argument, &normalised, 1},
                                   {"serve", no_argument, &served, 1},
                                   {"help", no_argument, show_help, 1},
                                   {0}};
  for (int code; (code = getopt_long(argc, argv, "", options, NULL)) != -1;)
    if (r->search.n_sets >= MOST_SETS || !take_option(r, code))
      return false;
  r->csv = csv;
  r->normalised = normalised;
  r->serve = served;
  while (optind < argc)
    objective_expand(argv[optind++], &r->objectives, &r->n_objectives, &r->cap_objectives);
  return *show_help || r->latency || r->n_objectives > 0;
}

static void show(void) {
  printf("%s", help);
  objective_help();
  printf("%s", examples);
}

int main(int argc, char **argv) {
  struct request r = {
      .search = {.sampler = "random", .schedule = "full", .trials = 200, .workers = 1}, .seeds = 10, .first_seed = 1};
  int show_help = 0;
  log_levels(LOG_ERROR, LOG_ERROR);
  r.search.marks = r.marks;
  r.search.sets = r.sets;
  if (!read_options(&r, argc, argv, &show_help)) {
    fprintf(stderr, "bench_search: an option is wrong, or no objective is given: see bench_search --help\n");
    return 2;
  }
  if (show_help) {
    show();
    return 0;
  }
  if (r.search.n_marks == 0)
    usual_marks(&r);
  enum err e = r.latency ? latency(&r) : r.serve ? serve(&r) : bench(&r);
  if (e != OK)
    fprintf(stderr, "bench_search: %s\n", err_text());
  for (size_t i = 0; i < r.n_objectives; i++)
    free(r.objectives[i]);
  free(r.objectives);
  return e == OK ? 0 : err_exit_code(e);
}
