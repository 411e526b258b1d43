#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histories.h"
#include "hpo/journal.h"
#include "hpo/learned.h"
#include "testing.h"

static struct settings *settings;
static struct space space;

static void make_space(void) {
  struct complaints c;
  complaints_init(&c);
  settings_read_text(&settings, historian_space, "study.cfg", NULL, 0, &c);
  space_from_settings(&space, settings, &c);
  REQUIRE(space.n == 5 && space.n_coordinates == 4);
  complaints_free(&c);
}

static void drop_space(void) {
  space_free(&space);
  settings_free(settings);
}

/* All that was emitted, as lines. */
struct lines {
  char **lines;
  size_t n;
};

static enum err keep(void *context, const struct op *op) {
  struct lines *l = context;
  struct strbuf b = STRBUF_INIT;
  op_format(op, "coxswain-1", &b);
  l->lines = realloc(l->lines, (l->n + 1) * sizeof *l->lines);
  l->lines[l->n++] = strbuf_detach(&b);
  return OK;
}

static void free_lines(struct lines *l) {
  for (size_t i = 0; i < l->n; i++)
    free(l->lines[i]);
  free(l->lines);
}

static void apply_line(struct study *s, const char *text) {
  char line[2048];
  struct op op;
  bool foreign;
  snprintf(line, sizeof line, "%s", text);
  REQUIRE(op_scan(line, strlen(line), &op, &foreign) == OK);
  REQUIRE(study_apply(s, &op) == OK);
}

static char *dump(const struct study *s) {
  struct strbuf b = STRBUF_INIT;
  study_dump(s, &b);
  return strbuf_detach(&b);
}

/* A study is its journal: growing op by op in memory, growing line by line, or folded afresh from any prefix. */
static void test_any_prefix(void) {
  make_space();
  struct lines l = {0};
  struct historian h;
  struct study grown;
  size_t seen = 0;
  historian_init(&h, 1, true, &space, keep, &l);
  study_init(&grown, &space);
  for (int i = 0; i < 1200; i++) {
    REQUIRE(historian_step(&h) == OK);
    for (; seen < l.n; seen++)
      apply_line(&grown, l.lines[seen]);
    char *live = dump(&h.study), *stepped = dump(&grown);
    CHECK_TEXT(live, stepped);
    if (i % 20 == 0) {
      struct study fresh;
      study_init(&fresh, &space);
      for (size_t k = 0; k < l.n; k++)
        apply_line(&fresh, l.lines[k]);
      char *folded = dump(&fresh);
      CHECK_TEXT(live, folded);
      CHECK(fresh.ops == (int64_t)l.n);
      free(folded);
      study_free(&fresh);
    }
    free(live);
    free(stepped);
  }
  size_t own = 0;
  for (size_t row = 0; row < h.study.history.n; row++)
    own += h.study.history.number[row] >= 0;
  CHECK(h.study.n > 50 && own > 40 && own < h.study.n && h.study.history.n > own);
  study_free(&grown);
  historian_free(&h);
  free_lines(&l);
  drop_space();
}

/* What another study found out is evidence for samplers and nothing else. */
static void test_learned(void) {
  make_space();
  for (int maximize = 0; maximize < 2; maximize++) {
    struct study s;
    struct op op = op_of(OP_CREATE_STUDY, -1);
    study_init(&s, &space);
    op.name = "learner";
    op.maximize = maximize;
    REQUIRE(study_apply(&s, &op) == OK);
    struct lesson lessons[2] = {{.value = 0.25}, {.value = -1.5}};
    struct strbuf chunk = STRBUF_INIT;
    params_set(&lessons[0].params, "lr", value_float(0.001));
    params_set(&lessons[0].params, "layers", value_int(3));
    params_set(&lessons[0].params, "activation", value_text("t\"anh"));
    params_copy(&lessons[1].params, &lessons[0].params);
    params_set(&lessons[1].params, "activation", value_text("relu"));
    params_set(&lessons[1].params, "momentum", value_float(0.75));
    learned_format(&space, "../other", 27, lessons, 2, &chunk);
    op = op_of(OP_STUDY_ATTR, -1);
    op.system = true;
    op.name = LEARNED_PREFIX "0";
    op.json = chunk.text;
    REQUIRE(study_apply(&s, &op) == OK);
    const struct history *h = &s.history;
    REQUIRE(h->n == 2 && h->n_events == 2 && h->asked == 0);
    CHECK(s.n == 0 && s.best == -1 && !study_attribute(&s, op.name) && !study_has_seen(&s, &lessons[0].params));
    for (size_t i = 0; i < 2; i++) {
      double value = maximize ? -lessons[i].value : lessons[i].value, u[8];
      CHECK(h->number[i] == -1 && h->state[i] == TRIAL_COMPLETE && h->step[i] == 27 && h->by[i] == BY_UNKNOWN);
      CHECK(h->value[i] == value && h->best[i] == value && h->last_event[i] == (int64_t)i);
      CHECK(h->events[i].row == (int64_t)i && h->events[i].value == value && h->events[i].step == 27);
      CHECK(h->events[i].state == TRIAL_COMPLETE && h->events[i].before == -1);
      params_set(&lessons[i].params, "fixed", value_int(7));
      REQUIRE(space_encode(&space, &lessons[i].params, u, "test") == OK);
      CHECK(memcmp(u, &h->u[i * h->d], h->d * sizeof *u) == 0);
      CHECK(h->active[i * h->d + 3] == (i == 1));
      params_free(&lessons[i].params);
    }
    static const char *const bad[] = {"3", "{}", "{\"step\": 1, \"names\": [\"lr\"], \"rows\": [[1]]}",
                                      "{\"step\": 1, \"names\": [7], \"rows\": [[1, 0.1]]}",
                                      "{\"step\": 1, \"names\": [\"lr\"], \"rows\": [[1, 0.1], [\"x\", 0.1]]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
      op.json = bad[i];
      CHECK(study_apply(&s, &op) == ERR_DAMAGED && h->n == 2);
      err_clear();
    }
    op.foreign = true; /* a dashboard has no business there */
    CHECK(study_apply(&s, &op) == OK && h->n == 2);
    strbuf_free(&chunk);
    study_free(&s);
  }
  drop_space();
}

static enum err ignore(void *context, const struct op *op) {
  (void)context;
  (void)op;
  return OK;
}

static void check_trial(const struct study *s, const struct trial *t) {
  double best = (double)NAN;
  int64_t best_step = -1;
  for (size_t i = 0; i < t->n_reports; i++) {
    double x = t->reports[i].value;
    CHECK(i == 0 || t->reports[i - 1].step < t->reports[i].step);
    if (isnan(best) || (s->maximize ? x > best : x < best)) {
      best = x;
      best_step = t->reports[i].step;
    }
  }
  CHECK(isnan(best) ? isnan(t->best) : t->best == best && t->best_step == best_step);
  CHECK(study_has_seen(s, &t->params));
  const struct history *h = &s->history;
  if (t->row < 0)
    return;
  double sign = s->maximize ? -1 : 1;
  bool valued = t->state == TRIAL_COMPLETE || t->state == TRIAL_PRUNED;
  CHECK(h->number[t->row] == t->number && h->state[t->row] == (unsigned char)t->state);
  CHECK(valued && !isnan(t->value) ? h->value[t->row] == sign * t->value : isnan(h->value[t->row]));
  if (trial_is_over(t)) /* of a running one samplers know what its ended stints have shown */
    if (trial_is_over(t) || (trial_is_paused(t) && t->stint.end == STINT_reached)) /* while it is out: as it went out */
      CHECK(isnan(best) ? isnan(h->best[t->row]) : h->best[t->row] == sign * best);
  if (trial_is_out(t) && t->stints == 1)
    CHECK(isnan(h->best[t->row]));
  double u[8];
  CHECK(space_encode(s->space, &t->params, u, "test") == OK);
  for (size_t k = 0; k < h->d; k++)
    CHECK(u[k] == h->u[(size_t)t->row * h->d + k]);
}

/* Each event is of the row that leads to it, in the order they came, and the newest says how a finished trial ended. */
static void check_events(const struct history *h) {
  size_t found = 0;
  for (size_t row = 0; row < h->n; row++) {
    int64_t at = h->last_event[row];
    bool over = h->state[row] == TRIAL_COMPLETE || h->state[row] == TRIAL_PRUNED || h->state[row] == TRIAL_FAIL;
    CHECK(!over || (at >= 0 && h->events[at].state == h->state[row]));
    CHECK(!over || (isnan(h->value[row]) ? isnan(h->events[at].value) : h->events[at].value == h->value[row]));
    for (; at >= 0; at = h->events[at].before, found++)
      CHECK(h->events[at].row == (int64_t)row && h->events[at].before < at);
  }
  CHECK(found == h->n_events);
}

/* Everything that is kept up to date is what a look at all trials gives. */
static void check_study(const struct study *s) {
  int64_t counts[5] = {0}, out = 0, asked = 0, best = -1;
  double seconds = 0;
  for (size_t i = 0; i < s->n; i++) {
    const struct trial *t = &s->trials[i];
    check_trial(s, t);
    counts[t->state]++;
    out += trial_is_out(t);
    asked += t->asked_at >= 0 && !t->enqueued;
    seconds += t->seconds;
    if (t->state == TRIAL_COMPLETE &&
        (best < 0 || (s->maximize ? t->value > s->trials[best].value : t->value < s->trials[best].value)))
      best = (int64_t)i;
  }
  for (size_t i = 0; i < s->n && s->n < 60; i++) {
    int64_t first = -1; /* of the point, in a trial that is not over */
    for (size_t k = 0; k < s->n && first < 0; k++)
      if (s->trials[k].settled && !trial_is_over(&s->trials[k]) &&
          params_equal(&s->trials[k].params, &s->trials[i].params))
        first = (int64_t)k;
    CHECK(study_find_open(s, &s->trials[i].params) == first);
  }
  check_events(&s->history);
  CHECK(memcmp(counts, s->counts, sizeof counts) == 0);
  CHECK(out == s->out && asked == s->history.asked && best == s->best);
  CHECK_NEAR(seconds, s->seconds, 1e-6 * (1 + seconds));
  size_t index[10], n = study_best(s, 10, index);
  CHECK(n == (size_t)(counts[TRIAL_COMPLETE] < 10 ? counts[TRIAL_COMPLETE] : 10));
  CHECK(n == 0 || (int64_t)index[0] == best);
  for (size_t k = 1; k < n; k++)
    CHECK(!study_better(s, s->trials[index[k]].value, s->trials[index[k - 1]].value));
}

static void test_sums(void) {
  make_space();
  for (uint64_t seed = 0; seed < 4; seed++) {
    struct historian h;
    historian_init(&h, seed, seed % 2, &space, ignore, NULL);
    for (int i = 0; i < 3000; i++) {
      REQUIRE(historian_step(&h) == OK);
      if (i % 250 == 0)
        check_study(&h.study);
    }
    REQUIRE(historian_finish(&h) == OK);
    check_study(&h.study);
    CHECK(h.study.counts[TRIAL_RUNNING] == 0 && h.study.out == 0);
    historian_free(&h);
  }
  drop_space();
}

/* ---- single events ---- */

static void put(struct study *s, struct op op, enum err expected) {
  err_clear();
  enum err e = study_apply(s, &op);
  CHECK(e == expected);
  if (e != expected)
    printf("kind %d trial %lld: %s\n", op.kind, (long long)op.trial, err_text());
}

static struct op create(void) {
  struct op op = op_of(OP_CREATE_STUDY, -1);
  op.name = "s";
  return op;
}

static struct op goes_out(int64_t trial, int64_t id, int64_t from, int64_t to) {
  struct op op = op_of(OP_STINT, trial);
  op.stint = (struct stint){.id = id, .order = id, .from = from, .to = to, .worker = 1, .team = 1};
  return op;
}

static struct op ends(int64_t trial, int64_t id, enum stint_end how, int64_t step) {
  struct op op = op_of(OP_END, trial);
  op.stint = (struct stint){.id = id, .end = how};
  op.step = step;
  op.seconds = 1;
  return op;
}

static struct op reports(int64_t trial, int64_t step, double value) {
  struct op op = op_of(OP_REPORT, trial);
  op.step = step;
  op.value = value;
  return op;
}

static struct op becomes(int64_t trial, enum trial_state state, double value) {
  struct op op = op_of(OP_STATE, trial);
  op.state = state;
  op.value = value;
  op.time = 5;
  return op;
}

static struct op confirms(int64_t trial, const char *of) {
  struct op op = op_of(OP_TRIAL_ATTR, trial);
  op.system = true;
  op.name = "coxswain:confirms";
  op.json = of;
  return op;
}

static struct op starts_from(int64_t trial, int64_t parent, int64_t step, int64_t replaces) {
  struct op op = op_of(OP_PARENT, trial);
  op.parent = parent;
  op.step = step;
  op.replaces = replaces;
  op.name = "pack";
  return op;
}

/* Trials that come from others count apart, are no history, and are neither best nor seen. */
static void test_derived(void) {
  struct study s;
  study_init(&s, NULL);
  put(&s, create(), OK);
  struct op asked = op_of(OP_ASKED, 0), saved = op_of(OP_SAVED, 0);
  asked.asked_at = 1;
  put(&s, op_of(OP_CREATE_TRIAL, 0), OK);
  put(&s, confirms(0, "0"), ERR_DAMAGED); /* of itself */
  put(&s, starts_from(0, 0, 1, 0), ERR_DAMAGED);
  put(&s, asked, OK);
  put(&s, goes_out(0, 0, 0, 3), OK);
  put(&s, reports(0, 3, 0.5), OK);
  saved.name = "pack";
  saved.step = 3;
  put(&s, saved, OK);
  put(&s, ends(0, 0, STINT_reached, 3), OK);
  CHECK(trial_mark(&s.trials[0], 3) && !trial_mark(&s.trials[0], 2));
  CHECK(trial_value_at(&s.trials[0], 9) == 0.5 && isnan(trial_value_at(&s.trials[0], 2)));
  put(&s, confirms(0, "0"), ERR_DAMAGED); /* too late */
  for (int64_t i = 1; i < 3; i++) {
    put(&s, op_of(OP_CREATE_TRIAL, i), OK);
    put(&s, i == 1 ? confirms(1, "0") : starts_from(2, 0, 3, 0), OK);
    put(&s, i == 1 ? confirms(1, "2") : starts_from(2, 0, 3, 0), ERR_DAMAGED);
    asked.trial = i;
    put(&s, asked, OK);
    CHECK(trial_is_derived(&s.trials[i]) && s.trials[i].twin < 0);
  }
  CHECK(s.trials[2].step == 3 && s.trials[2].parent == 0 && s.trials[1].confirms == 0);
  CHECK(s.counts[TRIAL_RUNNING] == 2 && s.repeats == 1 && s.children == 1 && study_proposed(&s) == 1);
  CHECK(s.history.asked == 1 && s.seen_n == 1);
  put(&s, becomes(0, TRIAL_COMPLETE, 0.5), OK);
  put(&s, becomes(1, TRIAL_COMPLETE, 0.1), OK);
  CHECK(s.best == 0 && s.counts[TRIAL_COMPLETE] == 1 && s.repeats_over == 1 && s.finished_since_best == 0);
  put(&s, becomes(2, TRIAL_COMPLETE, 0.2), OK);
  size_t index[3];
  CHECK(s.best == 2 && study_best(&s, 3, index) == 2 && index[0] == 2 && index[1] == 0);
  study_free(&s);
}

static void test_what_does_not_fit(void) {
  struct study s;
  study_init(&s, NULL);
  put(&s, op_of(OP_CREATE_TRIAL, 0), ERR_DAMAGED); /* no study yet */
  put(&s, create(), OK);
  put(&s, create(), ERR_DAMAGED);
  put(&s, reports(0, 1, 1), ERR_DAMAGED); /* no such trial */
  put(&s, op_of(OP_CREATE_TRIAL, 0), OK);
  put(&s, reports(1, 1, 1), ERR_DAMAGED);
  put(&s, ends(0, 0, STINT_reached, 1), ERR_DAMAGED); /* never went out */
  struct op p = op_of(OP_PARAM, 0);
  p.name = "x";
  p.value = 2;
  static const char *const bad[] = {"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [1, 2]}}",
                                    "{\"name\": \"NormalDistribution\", \"attributes\": {}}",
                                    "{\"name\": \"FloatDistribution\"",
                                    "{}",
                                    "[]",
                                    ""};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    p.json = bad[i];
    put(&s, p, ERR_DAMAGED);
  }
  p.value = 0.5;
  p.json = "{\"name\": \"IntDistribution\", \"attributes\": {\"low\": 0, \"high\": 1}}";
  put(&s, p, ERR_DAMAGED);
  p.json = "{\"name\": \"FloatDistribution\", \"attributes\": {\"low\": 0, \"high\": 1}}";
  put(&s, p, OK);
  put(&s, goes_out(0, 0, 0, 3), OK);
  put(&s, p, ERR_DAMAGED); /* the point is complete */
  put(&s, goes_out(0, 1, 0, 3), ERR_DAMAGED);
  put(&s, ends(0, 1, STINT_reached, 3), ERR_DAMAGED);
  CHECK(s.ops == 4 && s.trials[0].stints == 1 && s.next_stint == 1);
  put(&s, becomes(0, TRIAL_COMPLETE, (double)NAN), ERR_DAMAGED);
  CHECK(s.out == 1);
  put(&s, becomes(0, TRIAL_FAIL, (double)NAN), OK); /* closes the stint */
  CHECK(s.out == 0 && s.trials[0].stint.end == STINT_cancelled);
  put(&s, ends(0, 0, STINT_reached, 3), OK); /* too late: dropped, as is a report */
  put(&s, reports(0, 1, 1), OK);
  CHECK(s.trials[0].step == 0 && s.trials[0].n_reports == 0 && s.seconds == 0);
  put(&s, becomes(0, TRIAL_COMPLETE, 1), ERR_DAMAGED);
  put(&s, goes_out(0, 2, 0, 3), ERR_DAMAGED);
  study_free(&s);
}

static void test_life_of_a_trial(void) {
  struct study s;
  study_init(&s, NULL);
  put(&s, create(), OK);
  for (int i = 0; i < 3; i++)
    put(&s, op_of(OP_CREATE_TRIAL, i), OK);
  const struct trial *t = &s.trials[1];
  CHECK(trial_is_paused(t) && t->stints == 0 && t->key == 1);
  put(&s, goes_out(1, 0, 0, 3), OK);
  CHECK(trial_is_out(t) && s.out == 1);
  put(&s, reports(1, 1, 5), OK);
  put(&s, reports(1, 2, 4), OK);
  put(&s, ends(1, 0, STINT_lost, 0), OK);
  put(&s, ends(1, 0, STINT_lost, 0), OK); /* said twice */
  CHECK(t->losses == 1 && t->faults == 0 && t->step == 0 && s.seconds == 1);
  put(&s, goes_out(1, 1, 0, 3), OK);
  put(&s, reports(1, 1, 7), OK); /* again: the first one stands */
  put(&s, reports(1, 3, 4), OK);
  CHECK(t->n_reports == 3 && t->reports[0].value == 5 && t->best == 4 && t->best_step == 2);
  put(&s, ends(1, 0, STINT_failed, 0), OK); /* of the stint before: dropped */
  CHECK(t->faults == 0 && trial_is_out(t));
  put(&s, ends(1, 1, STINT_reached, 3), OK);
  CHECK(t->rung == 1 && t->step == 3 && trial_is_paused(t));
  struct op saved = op_of(OP_SAVED, 1);
  for (int i = 1; i <= 3; i++) {
    saved.name = i == 3 ? "c" : i == 2 ? "b" : "a";
    saved.step = i;
    put(&s, saved, OK);
  }
  CHECK_TEXT(t->saved[0].pack, "c");
  CHECK_TEXT(t->saved[1].pack, "b");
  put(&s, goes_out(1, 2, 3, 9), OK);
  put(&s, ends(1, 2, STINT_failed, 4), OK);
  CHECK(t->faults == 1 && t->step == 3);
  put(&s, becomes(1, TRIAL_COMPLETE, 4), OK);
  CHECK(s.best == 1 && s.finished_since_best == 0);
  put(&s, becomes(2, TRIAL_COMPLETE, 4), OK); /* a tie is no better */
  CHECK(s.best == 1 && s.finished_since_best == 1);
  put(&s, becomes(0, TRIAL_COMPLETE, 4), OK); /* but goes to the lower number */
  CHECK(s.best == 0 && s.finished_since_best == 2);
  CHECK(isnan(trial_best_until(t, 0, false)) && trial_best_until(t, 1, false) == 5 &&
        trial_best_until(t, 9, true) == 5);
  study_free(&s);
}

static void test_choices_keep_their_kinds(void) {
  static const char distribution[] = "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": "
                                     "[\"a\\\"b\", 3, 3.0, true, -0.5, \"\\u00e9\"]}}";
  struct study s;
  study_init(&s, NULL);
  put(&s, create(), OK);
  for (int i = 0; i < 6; i++) {
    put(&s, op_of(OP_CREATE_TRIAL, i), OK);
    struct op p = op_of(OP_PARAM, i);
    p.name = "x";
    p.json = distribution;
    p.value = i;
    put(&s, p, OK);
  }
  static const enum value_kind kinds[] = {VALUE_TEXT, VALUE_INT, VALUE_FLOAT, VALUE_BOOL, VALUE_FLOAT, VALUE_TEXT};
  for (int i = 0; i < 6; i++)
    CHECK(params_get(&s.trials[i].params, "x")->kind == kinds[i]);
  CHECK_TEXT(params_get(&s.trials[0].params, "x")->as.text, "a\"b");
  CHECK_TEXT(params_get(&s.trials[5].params, "x")->as.text, "\xc3\xa9");
  CHECK(params_get(&s.trials[4].params, "x")->as.f == -0.5);
  study_free(&s);
}

/* The same point several times: told by its values, the first trial that is not over is meant. */
static void test_twins(void) {
  struct study s;
  struct params p;
  study_init(&s, NULL);
  params_init(&p);
  params_set(&p, "x", value_float(0.5));
  put(&s, create(), OK);
  CHECK(study_find_open(&s, &p) == -1);
  for (int i = 0; i < 5; i++) {
    put(&s, op_of(OP_CREATE_TRIAL, i), OK);
    struct op x = op_of(OP_PARAM, i), asked = op_of(OP_ASKED, i);
    x.name = "x";
    x.json = "{\"name\": \"FloatDistribution\", \"attributes\": {\"low\": 0, \"high\": 1}}";
    x.value = i == 2 ? 0.25 : 0.5;
    put(&s, x, OK);
    put(&s, asked, OK);
  }
  static const int64_t first[] = {0, 1, 3, 4, -1};
  for (int i = 0; i < 5; i++) {
    CHECK(study_find_open(&s, &p) == first[i]);
    if (first[i] >= 0)
      put(&s, becomes(first[i], TRIAL_COMPLETE, 1), OK);
  }
  CHECK(s.seen_n == 2 && study_has_seen(&s, &p));
  params_free(&p);
  study_free(&s);
}

static void test_hundred_thousand(void) {
  enum { N = 100000 };
  make_space();
  struct study s;
  study_init(&s, &space);
  put(&s, create(), OK);
  struct strbuf json = STRBUF_INIT;
  dimension_optuna_json(&space.dims[0], &json);
  for (int64_t i = 0; i < N; i++) {
    struct op p = op_of(OP_PARAM, i), asked = op_of(OP_ASKED, i);
    p.name = "lr";
    p.json = json.text;
    p.value = 1e-5 + 1e-7 * (double)i;
    asked.asked_at = i;
    if (study_apply(&s, &(struct op){.kind = OP_CREATE_TRIAL}) != OK || study_apply(&s, &p) != OK)
      CHECK(false);
    p.name = "layers";
    p.value = 3;
    p.json = "{\"name\": \"IntDistribution\", \"attributes\": {}}";
    if (study_apply(&s, &p) != OK)
      CHECK(false);
    p.name = "activation";
    p.value = 1;
    p.json = "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [1, \"t\\\"anh\"]}}";
    struct op report = reports(i, 1, (double)(i % 1000)), out = goes_out(i, i, 0, 1);
    struct op end = ends(i, i, STINT_finished, 1), over = becomes(i, TRIAL_COMPLETE, (double)(i % 1000));
    if (study_apply(&s, &p) != OK || study_apply(&s, &asked) != OK || study_apply(&s, &out) != OK ||
        study_apply(&s, &report) != OK || study_apply(&s, &end) != OK || study_apply(&s, &over) != OK)
      CHECK(false);
  }
  CHECK(s.n == N && s.history.n == N && s.seen_n == N && s.best == 0 && s.counts[TRIAL_COMPLETE] == N);
  strbuf_free(&json);
  study_free(&s);
  drop_space();
}

int main(void) {
  return TEST_MAIN(
      "study", {"any prefix folds to the same", test_any_prefix}, {"what another study found out", test_learned},
      {"what is kept up to date is what a count gives", test_sums}, {"what does not fit", test_what_does_not_fit},
      {"the life of a trial", test_life_of_a_trial}, {"choices keep their kinds", test_choices_keep_their_kinds},
      {"trials of the same point", test_twins}, {"trials that come from others", test_derived},
      {"100,000 trials", test_hundred_thousand}, );
}
