/* How a study stands, and its best trials. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hpo/confirm.h"
#include "hpo/schedule.h"
#include "report/report.h"
#include "report/timers.h"

enum { SHOWN_RUNNING = 16, SHOWN_FAILED = 8 };

static const char *metric_of(const struct report_study *r) {
  return settings_text(r->conf, "study.metric");
}

/* Where the trials are that are not over. */
struct open_trials {
  int64_t training, asked, waiting;
};

/* A worker trains only while somebody runs the study: after a kill its open stints are work that waits. */
static struct open_trials count_open(const struct report_study *r) {
  const struct study *s = r->study;
  struct open_trials n = {.waiting =
                              s->counts[TRIAL_RUNNING] + s->counts[TRIAL_WAITING] + s->repeats - s->repeats_over};
  for (size_t i = 0; i < s->n && s->out > 0; i++) {
    if (!trial_is_out(&s->trials[i]))
      continue;
    n.asked += s->trials[i].stint.worker < 0;
    n.training += s->trials[i].stint.worker >= 0 && r->runner;
  }
  n.waiting -= n.training + n.asked;
  return n;
}

static void put_state(const struct report_study *r, struct strbuf *out) {
  strbuf_printf(out, "%s: ", r->study->name);
  if (r->runner)
    strbuf_printf(out, "running (%s)\n", r->runner);
  else if (r->done)
    strbuf_printf(out, "complete: %.*s\n", (int)strlen(r->done) - 2, r->done + 1); /* without its quotes */
  else
    strbuf_printf(out, "not running%s%.*s, more to do: the same `coxswain run` goes on with it\n",
                  r->left ? ", left by " : "", r->left ? (int)strlen(r->left) - 2 : 0, r->left ? r->left + 1 : "");
}

/* study.trials, or the number of points that the study was given; of a population no more than it holds. */
static int64_t trials_wanted(const struct report_study *r) {
  const char *points = study_attribute(r->study, "coxswain:points");
  int64_t trials = settings_int(r->conf, "study.trials"), population = settings_int(r->conf, "schedule.population");
  bool breeds = schedule_named_breeds(settings_text(r->conf, "schedule.name"));
  if (points)
    return strtoll(points, NULL, 10);
  return breeds && population < trials ? population : trials;
}

static void put_counts(const struct report_study *r, struct strbuf *out) {
  const struct study *s = r->study;
  struct open_trials open = count_open(r);
  char spent[32], trained[32];
  double elapsed = timers_elapsed(r);
  clock_duration(elapsed, spent);
  clock_duration(s->seconds, trained);
  strbuf_printf(out, "  trials   %lld of %lld", (long long)study_proposed(s), (long long)trials_wanted(r));
  if (s->children > 0)
    strbuf_printf(out, ", and %lld in the place of others", (long long)s->children);
  strbuf_printf(out, ": %lld complete, %lld pruned, %lld failed, %lld in training, %lld waiting",
                (long long)s->counts[TRIAL_COMPLETE], (long long)s->counts[TRIAL_PRUNED],
                (long long)s->counts[TRIAL_FAIL], (long long)open.training, (long long)open.waiting);
  if (open.asked)
    strbuf_printf(out, ", %lld asked for", (long long)open.asked);
  strbuf_puts(out, "\n  time     ");
  if (elapsed > 0 || !r->runner) /* a run that began just now has not recorded any */
    strbuf_printf(out, "%s in all runs, ", spent);
  strbuf_printf(out, "%s of training on all workers together\n", trained);
}

static int64_t repeats_wanted(const struct report_study *r) {
  return confirm_wanted(r->study, settings_int(r->conf, "study.confirm"), settings_int(r->conf, "study.confirm_best"));
}

/* One that was raised later may leave more behind than are wanted now. */
static void put_confirming(const struct report_study *r, struct strbuf *out) {
  const struct study *s = r->study;
  int64_t wanted = repeats_wanted(r);
  if (s->repeats > 0)
    strbuf_printf(out, "  repeats  %s %lld of %lld evaluations of the best with other random numbers (study.confirm)\n",
                  r->done ? "confirmed by" : "confirming", (long long)s->repeats_over,
                  (long long)(wanted > s->repeats ? wanted : s->repeats));
}

/* What went down with a worker: with its machine, or by the trial's own doing as far as can be told. */
struct mishaps {
  int64_t lost, suspects;
};

static struct mishaps count_mishaps(const struct study *s) {
  struct mishaps m = {0, 0};
  for (size_t i = 0; i < s->n; i++) {
    m.lost += s->trials[i].losses;
    m.suspects += !trial_is_over(&s->trials[i]) && s->trials[i].faults > 0;
  }
  return m;
}

static void put_mishaps(const struct report_study *r, struct strbuf *out) {
  struct mishaps m = count_mishaps(r->study);
  if (m.lost || m.suspects)
    strbuf_printf(out, "  workers  %lld stints were lost with them; %lld trials may have taken theirs down\n",
                  (long long)m.lost, (long long)m.suspects);
}

static void put_best_line(const struct report_study *r, struct strbuf *out) {
  if (r->study->best < 0) {
    strbuf_puts(out, "  best     none yet\n");
    return;
  }
  const struct trial *t = &r->study->trials[r->study->best];
  char *point = params_to_text(&t->params);
  strbuf_printf(out, "  best     %s %.6g, trial %lld: %s\n", metric_of(r), t->value, (long long)t->number, point);
  if (t->parent >= 0)
    strbuf_printf(out, "           from the state of trial %lld at step %lld\n", (long long)t->parent,
                  (long long)t->start.step);
  free(point);
}

static void put_out(const struct report_study *r, const struct trial *t, struct strbuf *out) {
  if (t->stint.worker < 0) {
    strbuf_printf(out, "  asked    trial %lld, waits for coxswain tell\n", (long long)t->number);
    return;
  }
  strbuf_printf(out, "  training trial %lld on worker %d, to step %lld", (long long)t->number, t->stint.worker,
                (long long)t->stint.to);
  if (t->n_reports)
    strbuf_printf(out, ", now %s %.5g at step %lld", metric_of(r), t->reports[t->n_reports - 1].value,
                  (long long)t->reports[t->n_reports - 1].step);
  strbuf_putc(out, '\n');
}

static void put_running(const struct report_study *r, struct strbuf *out) {
  int shown = 0;
  for (size_t i = 0; i < r->study->n && r->study->out > 0; i++) {
    const struct trial *t = &r->study->trials[i];
    if (!trial_is_out(t) || (t->stint.worker >= 0 && !r->runner))
      continue;
    if (shown++ == SHOWN_RUNNING) {
      strbuf_puts(out, "           ...\n");
      return;
    }
    put_out(r, t, out);
  }
}

/* The attribute is JSON: a text without its quotes. */
static void put_reason(const struct trial *t, struct strbuf *out) {
  const char *json = trial_attribute(t, "reason");
  json_t *value = json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
  const char *text = json_is_string(value) ? json_string_value(value) : t->reason;
  strbuf_printf(out, "  failed   trial %lld: %s\n", (long long)t->number, text ? text : "no reason given");
  json_decref(value);
}

static void put_failed(const struct report_study *r, struct strbuf *out) {
  int shown = 0;
  for (size_t i = r->study->n; i-- > 0 && r->study->counts[TRIAL_FAIL] > 0;) {
    const struct trial *t = &r->study->trials[i];
    if (t->state != TRIAL_FAIL)
      continue;
    if (shown++ == SHOWN_FAILED) {
      strbuf_puts(out, "           ...\n");
      return;
    }
    put_reason(t, out);
  }
}

void report_status(const struct report_study *r, struct strbuf *out) {
  put_state(r, out);
  put_counts(r, out);
  put_confirming(r, out);
  timers_put(r, out);
  put_mishaps(r, out);
  put_best_line(r, out);
  put_running(r, out);
  put_failed(r, out);
}

/* Steps that need not be trained again, over all trials: job scripts see by it whether a run brought anything. */
static int64_t steps_kept(const struct study *s) {
  int64_t n = 0;
  for (size_t i = 0; i < s->n; i++) {
    const struct trial *t = &s->trials[i];
    n += t->saved[0].pack && t->saved[0].step > t->step ? t->saved[0].step : t->step;
  }
  return n;
}

static json_t *json_or_null(const char *text) {
  json_t *json = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
  return json ? json : json_null();
}

/* How often the study was opened to be run or changed; the first time does not say so. */
static int64_t openings(const struct study *s) {
  json_t *writer = json_or_null(study_attribute(s, "coxswain:writer"));
  int64_t n = json_integer_value(json_object_get(writer, "epoch"));
  json_decref(writer);
  return n > 0 ? n : 1;
}

struct json_t *report_status_json(const struct report_study *r) {
  const struct study *s = r->study;
  struct open_trials open = count_open(r);
  json_t *best = s->best >= 0 ? report_trial_json(r, &s->trials[s->best]) : json_null();
  json_t *json = json_pack(
      "{s:s, s:s, s:s, s:s, s:b, s:b, s:s?, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:f, s:f, s:o}", "study",
      s->name, "folder", r->folder, "metric", metric_of(r), "direction", s->maximize ? "maximize" : "minimize",
      "running", (int)(r->runner != NULL), "complete", (int)(r->done != NULL), "runner", r->runner, "trials",
      (json_int_t)s->n, "trials_wanted", (json_int_t)trials_wanted(r), "counts", "complete",
      (json_int_t)s->counts[TRIAL_COMPLETE], "pruned", (json_int_t)s->counts[TRIAL_PRUNED], "failed",
      (json_int_t)s->counts[TRIAL_FAIL], "training", (json_int_t)open.training, "waiting", (json_int_t)open.waiting,
      "asked", (json_int_t)open.asked, "seconds", timers_elapsed(r), "training_seconds", s->seconds, "best", best);
  struct mishaps m = count_mishaps(s);
  json_object_set_new(json, "lost_with_workers", json_integer((json_int_t)m.lost));
  json_object_set_new(json, "suspects", json_integer((json_int_t)m.suspects));
  json_object_set_new(json, "children", json_integer((json_int_t)s->children));
  json_object_set_new(
      json, "confirm",
      json_pack("{s:I, s:I}", "done", (json_int_t)s->repeats_over, "wanted", (json_int_t)repeats_wanted(r)));
  json_object_set_new(json, "why", json_or_null(r->done));
  json_object_set_new(json, "left", json_or_null(r->left));
  json_object_set_new(json, "checkpoints", timers_json(r));
  json_object_set_new(json, "timers", timers_journal_json(r));
  json_object_set_new(json, "openings", json_integer((json_int_t)openings(r->study)));
  json_object_set_new(json, "importance", report_importance_json(r, 0.1));
  json_object_set_new(json, "steps", json_integer((json_int_t)steps_kept(s)));
  return json;
}

/* ---- best ---- */

static bool is_number(const struct attribute *a, double *x) {
  char *end;
  *x = strtod(a->json, &end);
  return end != a->json && !*end && strncmp(a->key, "coxswain:", 9) != 0;
}

/* Names such as test_zprime_light_rej@c30 are long: the column is as wide as the longest. */
static int name_width(const struct trial *t) {
  int width = 24;
  double x;
  for (size_t i = 0; i < t->n_attributes; i++)
    if (is_number(&t->attributes[i], &x) && (int)strlen(t->attributes[i].key) > width)
      width = (int)strlen(t->attributes[i].key);
  for (size_t i = 0; i < t->params.n; i++)
    if ((int)strlen(t->params.items[i].name) > width)
      width = (int)strlen(t->params.items[i].name);
  return width;
}

static void put_metrics(const struct trial *t, int width, struct strbuf *out) {
  double x;
  for (size_t i = 0; i < t->n_attributes; i++)
    if (is_number(&t->attributes[i], &x))
      strbuf_printf(out, "    %-*s %.6g\n", width, t->attributes[i].key, x);
}

/* Which points it was trained with, from the beginning (population based training). */
static void put_lineage(const struct study *s, const struct trial *t, int64_t to, struct strbuf *out) {
  if (t->parent >= 0)
    put_lineage(s, &s->trials[t->parent], t->start.step, out);
  char *point = params_to_text(&t->params);
  strbuf_printf(out, "    steps %lld to %lld as trial %lld: %s\n", (long long)t->start.step, (long long)to,
                (long long)t->number, point);
  free(point);
}

static void put_confirmed(const struct report_study *r, const struct trial *t, int width, struct strbuf *out) {
  struct spread spread = confirm_spread(r->study, t->number);
  if (spread.n == 0)
    return;
  strbuf_printf(out, "  %lld repeats with other random numbers\n    %-*s %.6g\n", (long long)spread.n, width, "mean",
                spread.mean);
  if (spread.n > 1)
    strbuf_printf(out, "    %-*s %.6g\n", width, "standard deviation", spread.sd);
}

static void put_point(const struct trial *t, int width, struct strbuf *out) {
  for (size_t i = 0; i < t->params.n; i++) {
    struct params one = {.items = &t->params.items[i], .n = 1, .cap = 1};
    char *text = params_to_text(&one), *equal = strchr(text, '=');
    if (equal)
      strbuf_printf(out, "    %-*.*s %s\n", width, (int)(equal - text), text, equal + 1);
    free(text);
  }
}

static void put_weights(const struct report_study *r, const struct trial *t, struct strbuf *out) {
  struct strbuf weights = STRBUF_INIT;
  report_weights(r, t, &weights);
  strbuf_puts(out, "  weights\n    ");
  if (weights.len)
    strbuf_printf(out, "%s/%s\n", r->folder, weights.text);
  else if (strcmp(settings_text(r->conf, "evaluator"), "command") == 0)
    strbuf_puts(out, "no checkpoint of the program is there\n");
  else if (r->runner)
    strbuf_puts(out, "not written yet: the next checkpoint has them (run.checkpoint)\n");
  else
    strbuf_printf(out, "not kept (run.keep); coxswain train %s --trial %lld makes them again\n", r->folder,
                  (long long)t->number);
  strbuf_free(&weights);
}

void report_best(const struct report_study *r, size_t k, struct strbuf *out) {
  size_t *index = MEM_NEW_ARRAY(size_t, k + 1), n = study_best(r->study, k, index);
  if (!n && r->done)
    strbuf_printf(out, "%s: no trial came to its last step: %lld pruned, %lld failed\n", r->study->name,
                  (long long)r->study->counts[TRIAL_PRUNED], (long long)r->study->counts[TRIAL_FAIL]);
  else if (!n)
    strbuf_printf(out, "%s: no trial is complete yet\n", r->study->name);
  for (size_t i = 0; i < n; i++) {
    const struct trial *t = &r->study->trials[index[i]];
    int width = name_width(t);
    strbuf_printf(out, "%strial %lld: %s %.6g\n", i ? "\n" : "", (long long)t->number, metric_of(r), t->value);
    strbuf_puts(out, "  point\n");
    put_point(t, width, out);
    strbuf_puts(out, "  metrics\n");
    put_metrics(t, width, out);
    put_confirmed(r, t, width, out);
    if (t->parent >= 0) {
      strbuf_puts(out, "  lineage\n");
      put_lineage(r->study, t, t->step, out);
    }
    put_weights(r, t, out);
  }
  free(index);
}

struct json_t *report_best_json(const struct report_study *r, size_t k) {
  size_t *index = MEM_NEW_ARRAY(size_t, k + 1), n = study_best(r->study, k, index);
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(list, report_trial_json(r, &r->study->trials[index[i]]));
  free(index);
  return list;
}
