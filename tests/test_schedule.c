#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "hpo/schedule.h"
#include "hpo/schedule_brackets.h"
#include "hpo/schedule_rung.h"
#include "testing.h"

enum { MAX_OUT = 16, MAX_RUNGS = 12 };

static const struct list_word schedules[] = {LIST_WORDS(SCHEDULE_LIST)};
enum { N_SCHEDULES = sizeof schedules / sizeof *schedules };

/* ---- the reference: every rung a plain list, looked through from end to end at every decision ---- */

struct entry {
  double value; /* smaller is better */
  int64_t trial;
  bool promoted;
};

struct list {
  struct entry *entries;
  size_t n, cap;
  int64_t step;
};

struct reference { /* one bracket */
  struct list rungs[MAX_RUNGS];
  size_t n;
  int64_t eta;
  bool delay;
};

static void reference_init(struct reference *r, int64_t first, int64_t eta, int64_t steps) {
  *r = (struct reference){.eta = eta};
  for (int64_t step = first; step < steps; step *= eta)
    r->rungs[r->n++].step = step;
  r->rungs[r->n++].step = steps;
}

static void reference_free(struct reference *r) {
  for (size_t k = 0; k < r->n; k++)
    free(r->rungs[k].entries);
}

static void reference_add(struct reference *r, size_t rung, int64_t trial, double value) {
  struct list *l = &r->rungs[rung];
  MEM_GROW(l->entries, l->n, &l->cap);
  l->entries[l->n++] = (struct entry){.value = value, .trial = trial};
}

/* How many of the list are better. */
static size_t rank_of(const struct list *l, const struct entry *e) {
  size_t rank = 0;
  for (size_t i = 0; i < l->n; i++)
    rank += l->entries[i].value < e->value || (l->entries[i].value == e->value && l->entries[i].trial < e->trial);
  return rank;
}

static size_t promoted_of(const struct list *l) {
  size_t n = 0;
  for (size_t i = 0; i < l->n; i++)
    n += l->entries[i].promoted;
  return n;
}

static struct entry *reference_promotes(struct reference *r, const struct study *s, int64_t *to) {
  for (size_t k = r->n - 1; k-- > 0;) {
    struct list *l = &r->rungs[k];
    struct entry *best = NULL;
    if (r->delay && l->n < (size_t)r->eta * (promoted_of(l) + 1))
      continue;
    for (size_t i = 0; i < l->n; i++) {
      struct entry *e = &l->entries[i];
      if (e->promoted || !trial_is_paused(&s->trials[e->trial]) || rank_of(l, e) >= l->n / (size_t)r->eta)
        continue;
      if (!best || rank_of(l, e) < rank_of(l, best))
        best = e;
    }
    *to = r->rungs[k + 1].step;
    if (best)
      return best;
  }
  return NULL;
}

/* Of several brackets: the furthest promotion; a new trial goes to its own. */
static enum next reference_next(struct reference *r, size_t n, const struct study *s, int64_t *trial, int64_t *to,
                                size_t bracket, bool may_ask) {
  struct entry *furthest = NULL;
  for (size_t k = 0; k < n; k++) {
    int64_t step;
    struct entry *e = reference_promotes(&r[k], s, &step);
    if (!e || (furthest && step <= *to))
      continue;
    furthest = e;
    *to = step;
  }
  if (furthest) {
    furthest->promoted = true;
    *trial = furthest->trial;
    return NEXT_RESUME;
  }
  *to = r[bracket].rungs[0].step;
  return may_ask ? NEXT_NEW : NEXT_WAIT;
}

/* ---- a run, with everything that can go wrong with a trial ---- */

struct runner {
  struct rng rng;
  struct study study;
  struct schedule schedule;
  struct reference *reference; /* (n_brackets); NULL: none */
  size_t n_brackets;
  size_t *heading; /* by trial: the rung it is on its way to */
  size_t cap_heading;
  int64_t *due; /* interrupted, lost: they go out again first */
  size_t n_due, cap_due;
  int64_t *out;
  size_t n_out, cap_out;
  int64_t trials; /* limit */
  bool calm;      /* every stint reaches its end */
  int64_t decisions;
  struct op *journal; /* what happened, to be told again */
  size_t n_journal, cap_journal;
};

static struct settings *settings_of(int64_t first, int64_t eta, bool delay) {
  char text[128];
  struct settings *conf;
  struct complaints c;
  complaints_init(&c);
  snprintf(text, sizeof text, "schedule = { eta = %d; first = %d; delay = %s; population = 1000000; };", (int)eta,
           (int)first, delay ? "true" : "false");
  settings_read_text(&conf, text, "study.cfg", NULL, 0, &c);
  complaints_free(&c);
  REQUIRE(conf != NULL);
  return conf;
}

static void open_delayed(struct schedule *s, const char *name, int64_t first, int64_t eta, int64_t steps, bool delay) {
  struct settings *conf = settings_of(first, eta, delay);
  REQUIRE(schedule_open(s, name, steps, conf) == OK);
  settings_free(conf);
}

static void open_schedule(struct schedule *s, const char *name, int64_t first, int64_t eta, int64_t steps) {
  open_delayed(s, name, first, eta, steps, false);
}

static void put(struct runner *r, struct op op) {
  if (study_apply(&r->study, &op) != OK)
    REQUIRE(false);
  MEM_GROW(r->journal, r->n_journal, &r->cap_journal);
  r->journal[r->n_journal++] = op;
  if (schedule_hears(&r->study, &op))
    schedule_tell(&r->schedule, &r->study, &r->study.trials[op.trial]);
}

static void runner_init(struct runner *r, uint64_t seed, bool maximize, int64_t trials) {
  *r = (struct runner){.rng = rng_of(rng_key("schedule", seed)), .trials = trials};
  study_init(&r->study, NULL);
  struct op op = op_of(OP_CREATE_STUDY, -1);
  op.name = "s";
  op.maximize = maximize;
  put(r, op);
}

static void runner_free(struct runner *r) {
  schedule_close(&r->schedule);
  study_free(&r->study);
  free(r->heading);
  free(r->due);
  free(r->out);
  free(r->journal);
}

static double minimised(const struct runner *r, double x) {
  return r->study.maximize ? -x : x;
}

static void go_out(struct runner *r, int64_t trial, int64_t to) {
  const struct trial *t = &r->study.trials[trial];
  struct op op = op_of(OP_STINT, trial);
  op.stint = (struct stint){.id = r->study.next_stint, .from = t->step, .to = to};
  put(r, op);
  MEM_GROW(r->out, r->n_out, &r->cap_out);
  r->out[r->n_out++] = trial;
}

static void report_until(struct runner *r, int64_t trial, int64_t step) {
  const struct trial *t = &r->study.trials[trial];
  for (int64_t i = t->step + 1; i <= step; i++)
    if (i == step || rng_below(&r->rng, 3) == 0) {
      struct op op = op_of(OP_REPORT, trial);
      op.step = i;
      op.value = floor(20 * rng_normal(&r->rng)) + minimised(r, 40 / (double)i); /* with ties */
      put(r, op);
    }
}

static void is_over(struct runner *r, int64_t trial, enum trial_state state) {
  struct op op = op_of(OP_STATE, trial);
  op.state = state;
  op.time = 1;
  if (state != TRIAL_FAIL)
    op.value = r->study.trials[trial].best;
  put(r, op);
}

static double best_of(const struct runner *r, int64_t trial) {
  double best = r->study.trials[trial].best;
  return isnan(best) ? (double)INFINITY : minimised(r, best);
}

static size_t bracket_of(const struct runner *r, int64_t trial) {
  return r->n_brackets > 1 ? brackets_of(&r->schedule, trial) : 0;
}

static void arrive(struct runner *r, int64_t trial, double value) {
  if (r->reference)
    reference_add(&r->reference[bracket_of(r, trial)], r->heading[trial]++, trial, value);
}

static enum stint_end any_end(struct runner *r, const struct trial *t) {
  static const enum stint_end ends[] = {STINT_failed,  STINT_interrupted, STINT_lost,
                                        STINT_crashed, STINT_finished,    STINT_cancelled};
  if (t->stint.to == r->schedule.steps)
    return r->calm || rng_below(&r->rng, 4) ? STINT_finished : STINT_lost;
  return r->calm || rng_below(&r->rng, 5) ? STINT_reached : ends[rng_below(&r->rng, 6)];
}

/* As for a schedule whose trials start from others (trial.marks). */
static void save(struct runner *r, int64_t trial, int64_t step) {
  struct op op = op_of(OP_SAVED, trial);
  op.name = "pack";
  op.step = step;
  put(r, op);
}

/* One of the trials that are out ends its stint. */
static void one_ends(struct runner *r) {
  size_t which = rng_below(&r->rng, r->n_out);
  int64_t trial = r->out[which];
  const struct trial *t = &r->study.trials[trial];
  struct op op = op_of(OP_END, trial);
  op.stint = t->stint;
  op.stint.end = any_end(r, t);
  bool early = op.stint.end != STINT_reached && t->stint.to < r->schedule.steps;
  op.step = early ? t->step + (int64_t)rng_below(&r->rng, (uint64_t)(t->stint.to - t->step) + 1) : t->stint.to;
  if (op.stint.end != STINT_lost && op.stint.end != STINT_crashed)
    report_until(r, trial, op.step);
  r->out[which] = r->out[--r->n_out];
  if (op.stint.end == STINT_reached)
    save(r, trial, op.step);
  put(r, op);
  switch (op.stint.end) {
  case STINT_interrupted:
  case STINT_lost:
  case STINT_crashed:
    MEM_GROW(r->due, r->n_due, &r->cap_due);
    r->due[r->n_due++] = trial;
    break;
  case STINT_reached:
    arrive(r, trial, best_of(r, trial));
    break;
  case STINT_finished:
    arrive(r, trial, best_of(r, trial));
    is_over(r, trial, isnan(r->study.trials[trial].best) ? TRIAL_FAIL : TRIAL_COMPLETE);
    break;
  default:
    arrive(r, trial, (double)INFINITY);
    is_over(r, trial, TRIAL_FAIL);
  }
}

static void check_decision(struct runner *r, enum next next, int64_t fresh, int64_t trial, int64_t to) {
  int64_t other = -1, other_to = -1;
  enum next expected =
      reference_next(r->reference, r->n_brackets, &r->study, &other, &other_to, bracket_of(r, fresh), fresh >= 0);
  CHECK(next == expected);
  CHECK(next != NEXT_RESUME || (trial == other && to == other_to));
  CHECK(next != NEXT_NEW || to == other_to);
}

static void new_trial(struct runner *r, int64_t to) {
  int64_t trial = (int64_t)r->study.n;
  put(r, op_of(OP_CREATE_TRIAL, trial));
  MEM_GROW(r->heading, (size_t)trial, &r->cap_heading);
  r->heading[trial] = 0;
  go_out(r, trial, to);
}

static void new_child(struct runner *r, int64_t replaced, int64_t to) {
  const struct trial *t = &r->study.trials[replaced];
  struct child child;
  struct op op = op_of(OP_PARENT, (int64_t)r->study.n);
  params_init(&child.point);
  REQUIRE(schedule_child(&r->schedule, &r->study, replaced, &child) == OK);
  CHECK(trial_mark(&r->study.trials[child.parent], child.step) && to > child.step);
  CHECK(t->state == TRIAL_FAIL || (trial_is_paused(t) && t->step == child.step));
  CHECK(child.step >= schedule_oldest(&r->schedule, &r->study));
  op.parent = child.parent;
  op.step = child.step;
  op.name = "pack";
  op.replaces = replaced;
  if (!trial_is_over(t))
    is_over(r, replaced, TRIAL_PRUNED);
  put(r, op_of(OP_CREATE_TRIAL, op.trial));
  put(r, op);
  MEM_GROW(r->heading, (size_t)op.trial, &r->cap_heading);
  r->heading[op.trial] = 0;
  go_out(r, op.trial, to);
}

/* As steering does it. False: nothing is worth starting now. */
static bool one_starts(struct runner *r) {
  if (r->n_due > 0) {
    int64_t trial = r->due[--r->n_due];
    go_out(r, trial, r->study.trials[trial].stint.to);
    return true;
  }
  int64_t fresh = study_proposed(&r->study) < r->trials ? (int64_t)r->study.n : -1;
  int64_t trial = -1, to = -1;
  enum next next = schedule_next(&r->schedule, &r->study, &trial, &to, fresh);
  r->decisions++;
  if (r->reference)
    check_decision(r, next, fresh, trial, to);
  if (next == NEXT_PRUNE || next == NEXT_FINISH) {
    CHECK(trial_is_paused(&r->study.trials[trial]));
    is_over(r, trial, next == NEXT_PRUNE ? TRIAL_PRUNED : TRIAL_COMPLETE);
  } else if (next == NEXT_RESUME) {
    CHECK(trial_is_paused(&r->study.trials[trial]) && to > r->study.trials[trial].step);
    go_out(r, trial, to);
  } else if (next == NEXT_NEW) {
    CHECK(fresh >= 0);
    new_trial(r, to);
  } else if (next == NEXT_CHILD) {
    new_child(r, trial, to);
  }
  return next != NEXT_WAIT;
}

static void run(struct runner *r, size_t workers) {
  for (;;) {
    while (r->n_out < workers && one_starts(r))
      ;
    if (r->n_out == 0)
      return;
    for (uint64_t k = 1 + rng_below(&r->rng, 3); k > 0 && r->n_out > 0; k--)
      one_ends(r);
    if (!r->calm && rng_below(&r->rng, 40) == 0) { /* somebody gives up a trial that waits */
      int64_t trial = (int64_t)rng_below(&r->rng, r->study.n);
      const struct trial *t = &r->study.trials[trial];
      if (trial_is_paused(t) && t->stint.end == STINT_reached)
        is_over(r, trial, TRIAL_FAIL);
    }
  }
}

/* ---- tests ---- */

static void compare_with_reference(const char *name, uint64_t seed, bool delay, const int64_t shape[3]) {
  struct reference reference[MAX_RUNGS];
  struct runner r;
  int64_t first = shape[0] < shape[2] ? shape[0] : shape[2], eta = shape[1], steps = shape[2];
  runner_init(&r, seed, seed % 2, 150);
  open_delayed(&r.schedule, name, shape[0], eta, steps, delay);
  reference_init(&reference[0], first, eta, steps);
  r.n_brackets = strcmp(name, "halving") ? reference[0].n : 1;
  for (size_t k = 0; k < r.n_brackets; k++, first = first * eta < steps ? first * eta : steps) {
    reference_init(&reference[k], first, eta, steps);
    reference[k].delay = delay;
  }
  r.reference = reference;
  r.calm = seed >= 18;
  run(&r, 1 + seed % MAX_OUT);
  CHECK((int64_t)r.study.n == 150 && r.study.out == 0);
  for (size_t k = 0; k < r.n_brackets; k++)
    reference_free(&reference[k]);
  runner_free(&r);
}

static void test_as_the_reference(void) {
  static const int64_t shapes[][3] = {{1, 3, 27}, {1, 2, 20}, {2, 4, 9}, {5, 3, 5}, {1, 3, 1}, {7, 2, 3}};
  for (uint64_t seed = 0; seed < 24; seed++) {
    compare_with_reference("halving", seed, seed % 4 > 1, shapes[seed % 6]);
    compare_with_reference("hyperband", seed, seed % 4 > 1, shapes[seed % 6]);
  }
}

/* Hyperband's proportions for eta = 3, 27 steps: 27, 12, 6 and 4 of 49; at any time of a study. */
static void test_brackets(void) {
  static const double shares[] = {27, 12, 6, 4};
  struct schedule s;
  int64_t counts[4] = {0};
  open_schedule(&s, "hyperband", 1, 3, 27);
  for (int64_t i = 0; i < 4900; i++) {
    counts[brackets_of(&s, i)]++;
    for (size_t k = 0; k < 4; k++)
      CHECK(fabs((double)counts[k] - shares[k] / 49 * (double)(i + 1)) < 3);
  }
  schedule_close(&s);
}

/* What a rung holds in the end, of n that came to it without mishap: at least the best floor(n/eta) went on. */
static void test_the_best_go_on(void) {
  struct runner r;
  struct reference reference;
  runner_init(&r, 99, false, 400);
  open_schedule(&r.schedule, "halving", 1, 3, 27);
  reference_init(&reference, 1, 3, 27);
  r.reference = &reference;
  r.n_brackets = 1;
  r.calm = true;
  run(&r, 7);
  for (size_t k = 0; k + 1 < reference.n; k++) {
    struct list *l = &reference.rungs[k];
    size_t promoted = 0;
    for (size_t i = 0; i < l->n; i++) {
      promoted += l->entries[i].promoted;
      CHECK(rank_of(l, &l->entries[i]) >= l->n / 3 || l->entries[i].promoted);
    }
    CHECK(promoted >= l->n / 3 && promoted == reference.rungs[k + 1].n);
  }
  CHECK(reference.rungs[0].n == 400 && reference.rungs[3].n >= 400 / 27);
  reference_free(&reference);
  runner_free(&r);
}

struct decision {
  enum next next;
  int64_t trial, to;
};

static struct decision decide(struct schedule *s, const struct study *study) {
  struct decision d = {.trial = -1, .to = -1};
  d.next = schedule_next(s, study, &d.trial, &d.to, (int64_t)study->n);
  return d;
}

static bool same_decision(struct decision a, struct decision b) {
  return a.next == b.next && a.trial == b.trial && a.to == b.to;
}

/* What a program knows that reads the journal up to here, where each op comes twice; and one that has a snapshot: it
 * hears of each trial once, how it stands. */
static void check_rebuilt(struct runner *r, const char *name, bool delay) {
  struct schedule read, stands;
  struct study s;
  open_delayed(&read, name, 1, 3, 9, delay);
  open_delayed(&stands, name, 1, 3, 9, delay);
  study_init(&s, NULL);
  for (size_t i = 0; i < r->n_journal; i++) {
    REQUIRE(study_apply(&s, &r->journal[i]) == OK);
    for (int twice = 0; twice < 2 && schedule_hears(&s, &r->journal[i]); twice++)
      schedule_tell(&read, &s, &s.trials[r->journal[i].trial]);
  }
  for (size_t i = s.n; i-- > 0;)
    schedule_tell(&stands, &s, &s.trials[i]);
  struct decision d = decide(&r->schedule, &r->study);
  CHECK(same_decision(d, decide(&read, &s)));
  CHECK(same_decision(d, decide(&stands, &s)));
  schedule_close(&read);
  schedule_close(&stands);
  study_free(&s);
}

static void break_off_often(const char *name, uint64_t seed) {
  struct runner r;
  bool delay = seed % 2;
  runner_init(&r, 200 + seed, seed % 3 == 0, 60);
  open_delayed(&r.schedule, name, 1, 3, 9, delay);
  for (bool goes_on = true; goes_on;) {
    while (r.n_out < 4 && one_starts(&r))
      if (rng_below(&r.rng, 8) == 0)
        check_rebuilt(&r, name, delay);
    goes_on = r.n_out > 0;
    if (goes_on)
      one_ends(&r);
    if (rng_below(&r.rng, 4) == 0)
      check_rebuilt(&r, name, delay);
  }
  CHECK(study_proposed(&r.study) == 60);
  runner_free(&r);
}

/* A schedule told again what happened says what the first one says, whenever the run is broken off. */
static void test_resumes(void) {
  for (uint64_t seed = 0; seed < 8; seed++)
    for (size_t k = 0; k < N_SCHEDULES; k++)
      break_off_often(schedules[k].name, seed);
}

/* Whatever happens to the trials: a study comes to its end, and nobody who could be the best is left behind. */
static void test_ends(void) {
  for (uint64_t seed = 0; seed < 6; seed++)
    for (size_t k = 0; k < N_SCHEDULES; k++) {
      struct runner r;
      runner_init(&r, 300 + seed, seed % 2, 300);
      open_delayed(&r.schedule, schedules[k].name, 1, 3, 27, seed % 4 > 1);
      run(&r, 1 + 7 * seed);
      CHECK(study_proposed(&r.study) == 300 && r.study.out == 0 && r.study.best >= 0);
      runner_free(&r);
    }
}

/* ---- median ---- */

static double average_until(const struct study *s, const struct trial *t, int64_t step) {
  double sum = 0;
  uint32_t n = 0;
  while (n < t->n_reports && t->reports[n].step <= step)
    sum += s->maximize ? -t->reports[n++].value : t->reports[n++].value;
  return n ? sum / n : (double)INFINITY;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static bool above_median(const struct study *s, const struct trial *t, int64_t look) {
  double *all = MEM_NEW_ARRAY(double, s->n), best = trial_best_until(t, look, s->maximize);
  size_t n = 0;
  for (size_t i = 0; i < s->n; i++)
    if (s->trials[i].reached >= look)
      all[n++] = average_until(s, &s->trials[i], look);
  qsort(all, n, sizeof *all, ascending);
  double median = n % 2 ? all[n / 2] : all[n / 2 - 1] / 2 + all[n / 2] / 2;
  free(all);
  return n >= 5 && (isnan(best) ? (double)INFINITY : s->maximize ? -best : best) > median;
}

/* The paused trial of the lowest number, all averages sorted anew. */
static struct decision plain_median(const struct study *s, int64_t every, int64_t steps) {
  for (size_t i = 0; i < s->n; i++) {
    const struct trial *t = &s->trials[i];
    int64_t look = t->step / every * every;
    if (!trial_is_paused(t) || t->stint.end != STINT_reached || t->step >= steps)
      continue;
    if (above_median(s, t, look))
      return (struct decision){.next = NEXT_PRUNE, .trial = t->number};
    return (struct decision){
        .next = NEXT_RESUME, .trial = t->number, .to = look + every < steps ? look + every : steps};
  }
  return (struct decision){.next = NEXT_NEW, .trial = -1, .to = every < steps ? every : steps};
}

static void test_median(void) {
  int64_t pruned = 0;
  for (uint64_t seed = 0; seed < 8; seed++) {
    static const int64_t every[] = {1, 2, 4, 20};
    struct runner r;
    runner_init(&r, 400 + seed, seed % 2, 100);
    open_schedule(&r.schedule, "median", every[seed % 4], 3, 9);
    r.calm = seed < 4;
    do {
      struct decision d = decide(&r.schedule, &r.study), plain = plain_median(&r.study, every[seed % 4], 9);
      CHECK(d.next == plain.next && d.trial == plain.trial && (d.next == NEXT_PRUNE || d.to == plain.to));
      if (r.n_out == 3 || !one_starts(&r))
        one_ends(&r);
    } while (r.n_out > 0 || r.study.n < 100);
    pruned += r.study.counts[TRIAL_PRUNED];
    runner_free(&r);
  }
  CHECK(pruned > 50);
}

/* ---- patience ---- */

static void test_patience(void) {
  for (uint64_t seed = 0; seed < 6; seed++) {
    struct runner r;
    int64_t stopped = 0;
    runner_init(&r, 500 + seed, seed % 2, 100);
    open_schedule(&r.schedule, "patience", 1, 3, 40); /* schedule.patience = 10 */
    r.calm = true;
    run(&r, 5);
    for (size_t i = 0; i < r.study.n; i++) {
      const struct trial *t = &r.study.trials[i];
      CHECK(t->state == TRIAL_COMPLETE && t->value == t->best);
      CHECK(t->step == 40 || t->step == t->best_step + 10);
      for (uint32_t k = 1; k < t->n_reports && t->step < 40; k++) /* nor was it the case before */
        CHECK(t->reports[k].step <= t->best_step + 10);
      stopped += t->step < 40;
    }
    CHECK(stopped > 10 && stopped < 100);
    runner_free(&r);
  }
}

/* ---- a limit of steps ---- */

static void test_steps_limit(void) {
  static const int64_t limits[] = {27, 30, 100, 1000};
  for (size_t i = 0; i < 4; i++)
    for (size_t k = 0; k < N_SCHEDULES; k++) {
      struct settings *conf = settings_of(1, 3, false);
      struct schedule s;
      struct study study;
      REQUIRE(schedule_open(&s, schedules[k].name, 27, conf) == OK);
      study_init(&study, NULL);
      /* nothing is complete: one trial's steps are kept back */
      study.steps = limits[i] - 27;
      CHECK(!schedule_affords(&s, &study, limits[i], 0, 1) && schedule_affords(&s, &study, limits[i], 0, 27));
      study.counts[TRIAL_COMPLETE] = 1;
      CHECK(schedule_affords(&s, &study, limits[i], 5, 32) && !schedule_affords(&s, &study, limits[i], 5, 33));
      study.steps_out = 26;
      CHECK(schedule_affords(&s, &study, limits[i], 9, 10) && !schedule_affords(&s, &study, limits[i], 9, 11));
      CHECK(schedule_affords(&s, &study, 0, 0, 1000000));
      schedule_close(&s);
      study_free(&study);
      settings_free(conf);
    }
}

/* What is spent is what stints went through, whatever became of them; what is out is known beforehand. */
static void test_steps_spent(void) {
  struct runner r;
  int64_t sum = 0;
  runner_init(&r, 600, false, 200);
  open_schedule(&r.schedule, "hyperband", 1, 3, 27);
  run(&r, 9);
  for (size_t i = 0; i < r.n_journal; i++) {
    const struct op *op = &r.journal[i];
    if (op->kind == OP_END && op->step > op->stint.from)
      sum += op->step - op->stint.from;
  }
  CHECK(r.study.steps == sum && sum > 1000 && r.study.steps_out == 0);
  runner_free(&r);
}

static void reaches(struct runner *r, int64_t trial, double value) {
  const struct trial *t = &r->study.trials[trial];
  struct op report = op_of(OP_REPORT, trial), end = op_of(OP_END, trial);
  report.step = end.step = t->stint.to;
  report.value = value;
  end.stint = t->stint;
  end.stint.end = t->stint.to == r->schedule.steps ? STINT_finished : STINT_reached;
  put(r, report);
  put(r, end);
  r->n_out = 0;
  if (end.stint.end == STINT_finished)
    is_over(r, trial, TRIAL_COMPLETE);
}

static void test_full(void) {
  struct runner r;
  runner_init(&r, 1, false, 50);
  open_schedule(&r.schedule, "full", 1, 3, 7);
  run(&r, 5);
  CHECK(r.study.n == 50 && r.study.out == 0);
  for (size_t i = 0; i < r.study.n; i++)
    CHECK(trial_is_over(&r.study.trials[i]) && r.study.trials[i].stint.to == 7);
  runner_free(&r);
}

/* halving for a while, then full: who was paused is brought to the end before anything new begins. */
static void test_schedule_changes(void) {
  struct runner r;
  int64_t trial, to;
  runner_init(&r, 1, false, 100);
  open_schedule(&r.schedule, "halving", 1, 3, 9);
  for (int i = 0; i < 5; i++) {
    new_trial(&r, 1);
    reaches(&r, i, i);
  }
  schedule_close(&r.schedule);
  open_schedule(&r.schedule, "full", 1, 3, 9);
  for (size_t i = r.n_journal; i-- > 0;) /* in which order it hears of them is no matter */
    if (r.journal[i].kind == OP_END)
      schedule_tell(&r.schedule, &r.study, &r.study.trials[r.journal[i].trial]);
  for (int i = 0; i < 5; i++) {
    CHECK(schedule_may_promote(&r.schedule, &r.study, &r.study.trials[i]));
    CHECK(schedule_next(&r.schedule, &r.study, &trial, &to, (int64_t)r.study.n) == NEXT_RESUME && trial == i &&
          to == 9);
    go_out(&r, trial, to);
    reaches(&r, trial, 1);
    CHECK(!schedule_may_promote(&r.schedule, &r.study, &r.study.trials[i]));
  }
  CHECK(schedule_next(&r.schedule, &r.study, &trial, &to, (int64_t)r.study.n) == NEXT_NEW && to == 9);
  CHECK(schedule_next(&r.schedule, &r.study, &trial, &to, -1) == NEXT_WAIT);
  runner_free(&r);
}

/* Other rungs than those the trials came to: short of the first they are brought there, past some they count there. */
static void test_rungs_change(void) {
  struct runner r;
  int64_t trial = -1, to = -1;
  runner_init(&r, 1, false, 100);
  open_schedule(&r.schedule, "halving", 3, 3, 27);
  for (int i = 0; i < 3; i++) {
    new_trial(&r, i < 2 ? 2 : 10); /* as an older schedule had it */
    reaches(&r, i, i);
  }
  for (int i = 0; i < 2; i++) {
    CHECK(schedule_next(&r.schedule, &r.study, &trial, &to, (int64_t)r.study.n) == NEXT_RESUME && trial == i &&
          to == 3);
    go_out(&r, trial, to);
    reaches(&r, trial, 10 + i);
  }
  /* Rung 3 holds 2 (its best until step 3: none), 10 and 11; rung 9 holds 2 alone. */
  CHECK(schedule_next(&r.schedule, &r.study, &trial, &to, (int64_t)r.study.n) == NEXT_RESUME && trial == 0 && to == 9);
  go_out(&r, trial, to);
  CHECK(schedule_next(&r.schedule, &r.study, &trial, &to, (int64_t)r.study.n) == NEXT_NEW && to == 3);
  reaches(&r, 0, 5);
  CHECK(schedule_next(&r.schedule, &r.study, &trial, &to, (int64_t)r.study.n) == NEXT_NEW && to == 3);
  for (int i = 3; i < 5; i++) { /* two more come past 9: now the best of four there may go on */
    new_trial(&r, 9);
    reaches(&r, i, 100 + i);
  }
  CHECK(schedule_next(&r.schedule, &r.study, &trial, &to, (int64_t)r.study.n) == NEXT_RESUME && trial == 0 && to == 27);
  runner_free(&r);
}

static void test_rung_ranks(void) {
  enum { N = 3000 };
  static struct member all[N];
  struct rng rng = rng_of(rng_key("rung", 1));
  struct rung rung;
  size_t gone = 0;
  rung_init(&rung, 1, 3);
  for (size_t i = 0; i < N; i++) {
    all[i] = (struct member){.value = (double)rng_below(&rng, 500), .trial = (int64_t)i};
    rung_add(&rung, all[i]);
    rung_wait(&rung, all[i]);
    for (const struct member *m = rung_first(&rung); m; m = rung_first(&rung)) {
      size_t rank = 0;
      for (size_t k = 0; k <= i; k++)
        rank += member_before(all[k], *m);
      CHECK(rank < (i + 1) / 3);
      rung_drop_first(&rung);
      gone++;
    }
    CHECK(rung_size(&rung) == i + 1 && gone >= (i + 1) / 3);
  }
  rung_free(&rung);
}

/* A decision that cannot wait: the best third, or the best one of two. */
static void test_rung_passes(void) {
  enum { N = 300 };
  struct member all[N];
  struct rng rng = rng_of(rng_key("passes", 1));
  struct rung rung;
  rung_init(&rung, 1, 3);
  for (size_t i = 0; i < N; i++) {
    all[i] = (struct member){.value = (double)rng_below(&rng, 50), .trial = (int64_t)i};
    rung_add(&rung, all[i]);
    for (size_t m = 0; m <= i; m++) {
      size_t rank = 0, places = (i + 1) / 3;
      for (size_t k = 0; k <= i; k++)
        rank += member_before(all[k], all[m]);
      CHECK(rung_passes(&rung, all[m]) == (rank < (places ? places : 1)));
    }
  }
  rung_free(&rung);
}

/* Nobody waits for a decision, whatever the size of a rung. What is printed is no test. */
static void test_hundred_thousand(void) {
  for (size_t k = 0; k < N_SCHEDULES; k++) {
    struct runner r;
    int64_t trials = schedule_named_breeds(schedules[k].name) ? 10000 : 100000; /* each of these takes all its steps */
    runner_init(&r, 7, false, trials);
    open_schedule(&r.schedule, schedules[k].name, 1, 3, 27);
    r.calm = true;
    double start = clock_seconds();
    run(&r, 1000);
    printf("  %s: %lld decisions on %lld trials for 1,000 workers, %.0f a second with all the rest\n",
           schedules[k].name, (long long)r.decisions, (long long)trials,
           (double)r.decisions / (clock_seconds() - start));
    CHECK(study_proposed(&r.study) == trials && r.study.out == 0);
    CHECK(r.study.counts[TRIAL_COMPLETE] >= trials / 27);
    runner_free(&r);
  }
}

static void test_refuses(void) {
  struct schedule s;
  struct settings *conf = settings_of(1, 3, false);
  CHECK(schedule_open(&s, "nonsense", 9, conf) == ERR_CONFIG);
  CHECK(test_text_contains(err_text(), "nonsense"));
  schedule_close(&s);
  err_clear();
  CHECK(schedule_open(&s, "full", 0, conf) == ERR_CONFIG);
  schedule_close(&s);
  settings_free(conf);
}

int main(void) {
  return TEST_MAIN(
      "schedule", {"a rung ranks its members", test_rung_ranks}, {"a rung lets the best pass", test_rung_passes},
      {"halving decides as a plain search does", test_as_the_reference}, {"the best go on", test_the_best_go_on},
      {"told again, it decides the same", test_resumes}, {"all of them come to an end", test_ends},
      {"Hyperband's brackets", test_brackets}, {"median decides as a plain search does", test_median},
      {"patience", test_patience}, {"a limit of steps", test_steps_limit}, {"steps spent", test_steps_spent},
      {"full", test_full}, {"from halving to full", test_schedule_changes}, {"other rungs", test_rungs_change},
      {"refusals", test_refuses}, {"100,000 trials", test_hundred_thousand}, );
}
