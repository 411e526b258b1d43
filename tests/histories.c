#include "histories.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char historian_space[] = "space = { lr = { low = 1e-5; high = 0.1; log = true; };\n"
                               "  layers = { low = 1; high = 8; };\n"
                               "  activation = { choices = (\"relu\", \"t\\\"anh\", 3, 0.5, true); };\n"
                               "  momentum = { low = 0.0; high = 1.0; when = { activation = (\"relu\", 3); }; };\n"
                               "  fixed = { value = 7; }; };\n";

void historian_init(struct historian *h, uint64_t seed, bool maximize, const struct space *space, history_emit emit,
                    void *context) {
  *h = (struct historian){.rng = rng_of(rng_key("history", seed)), .emit = emit, .context = context, .last_step = 9};
  study_init(&h->study, space);
  h->study.maximize = maximize; /* until the first op says so */
}

void historian_free(struct historian *h) {
  study_free(&h->study);
}

static enum err put(struct historian *h, const struct op *op) {
  TRY(study_apply(&h->study, op));
  return h->emit(h->context, op);
}

static int64_t below(struct historian *h, uint64_t n) {
  return (int64_t)rng_below(&h->rng, n);
}

static double now(struct historian *h) {
  return 1.7e9 + (double)h->study.ops + rng_uniform(&h->rng);
}

static enum err begin(struct historian *h) {
  struct op op = op_of(OP_CREATE_STUDY, -1);
  op.name = "b-tagging \"DL1\" \\ \xc3\xa9tude \xf0\x9f\x9a\xa3\n2";
  op.maximize = h->study.maximize;
  TRY(put(h, &op));
  op = op_of(OP_STUDY_ATTR, -1);
  op.system = true;
  op.name = "coxswain:identity";
  op.json = "{\"metric\": \"val_loss\", \"seed\": 1, \"list\": [1, -2.5e-3, null, \"\\u00e9\"]}";
  return put(h, &op);
}

/* Three points of another study, the last one not of our space. */
static enum err learn(struct historian *h) {
  char name[64], json[512];
  struct op op = op_of(OP_STUDY_ATTR, -1);
  snprintf(name, sizeof name, "coxswain:learned:%" PRId64, h->chunks++);
  snprintf(json, sizeof json,
           "{\"from\": \"../other\", \"step\": 9, \"names\": [\"lr\", \"layers\", \"activation\", \"momentum\"], "
           "\"rows\": [[%.17g, %.17g, %" PRId64 ", \"relu\", 0.5], [2, 0.1, 8, true, null], [0.5, 0.5, 1, 3, 0.5]]}",
           rng_normal(&h->rng), exp(log(1e-5) + rng_uniform(&h->rng) * log(1e4)), 1 + below(h, 8));
  op.system = true;
  op.name = name;
  op.json = json;
  return put(h, &op);
}

static enum err param(struct historian *h, int64_t trial, const char *name, double internal, const char *json) {
  struct op op = op_of(OP_PARAM, trial);
  op.name = name;
  op.value = internal;
  op.json = json;
  return put(h, &op);
}

static enum err go_out(struct historian *h, const struct trial *t) {
  struct op op = op_of(OP_STINT, t->number);
  int64_t to = t->step < 1 ? 1 : t->step < 3 ? 3 : h->last_step;
  op.stint = (struct stint){.id = h->study.next_stint,
                            .order = h->order++,
                            .from = t->step,
                            .to = to,
                            .worker = (int)below(h, 8),
                            .team = 1 + (int)below(h, 2)};
  return put(h, &op);
}

/* A trial that starts from another one's state, or repeats its point. */
static enum err say_origin(struct historian *h, int64_t n) {
  struct op op = op_of(OP_PARENT, n);
  char of[32];
  op.parent = below(h, (uint64_t)n);
  op.replaces = below(h, (uint64_t)n);
  op.step = below(h, 3);
  op.name = "pack-000003.h5";
  if (below(h, 2))
    return put(h, &op);
  op = op_of(OP_TRIAL_ATTR, n);
  snprintf(of, sizeof of, "%" PRId64, below(h, (uint64_t)n));
  op.system = true;
  op.name = "coxswain:confirms";
  op.json = of;
  return put(h, &op);
}

static enum err new_trial(struct historian *h) {
  int64_t n = (int64_t)h->study.n, activation = below(h, 5);
  struct op op = op_of(OP_CREATE_TRIAL, n);
  op.time = now(h);
  TRY(put(h, &op));
  TRY(param(
      h, n, "lr", exp(log(1e-5) + rng_uniform(&h->rng) * log(1e4)),
      "{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 1e-05, \"high\": 0.1, \"log\": "
      "true}}"));
  bool odd = below(h, 10) == 0; /* a point that is not of the space */
  TRY(param(
      h, n, "layers", (double)(1 + below(h, 8)) + (odd ? 10 : 0),
      "{\"name\": \"IntDistribution\", \"attributes\": {\"log\": false, \"step\": 1, \"low\": 1, \"high\": 20}}"));
  TRY(param(h, n, "activation", (double)activation,
            "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"relu\", \"t\\\"anh\", 3, 0.5, "
            "true]}}"));
  if (activation == 0 || activation == 2)
    TRY(param(
        h, n, "momentum", rng_uniform(&h->rng),
        "{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0, \"high\": 1.0, \"log\": "
        "false}}"));
  TRY(param(h, n, "fixed", 0, "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [7]}}"));
  if (h->derived && n > 0 && below(h, 4) == 0)
    TRY(say_origin(h, n));
  op = op_of(OP_ASKED, n);
  op.asked_at = h->study.ops;
  op.enqueued = below(h, 6) == 0;
  op.key = below(h, 6) ? n : 0;
  TRY(put(h, &op));
  return below(h, 5) ? go_out(h, &h->study.trials[n]) : OK;
}

static enum err report(struct historian *h, const struct trial *t) {
  struct op op = op_of(OP_REPORT, t->number);
  int64_t last = t->n_reports ? t->reports[t->n_reports - 1].step : 0;
  op.step = below(h, 8) ? last + 1 : below(h, 4);
  op.value = below(h, 6) ? rng_normal(&h->rng) : (double)below(h, 3); /* ties too */
  for (size_t i = 0; h->strict && i < t->n_reports; i++)
    if (t->reports[i].step == op.step) /* a step that is done again comes out the same */
      op.value = t->reports[i].value;
  return put(h, &op);
}

static enum err over(struct historian *h, const struct trial *t, enum trial_state state) {
  struct op op = op_of(OP_STATE, t->number);
  op.state = state;
  op.time = now(h);
  if (state == TRIAL_COMPLETE)
    op.value = isnan(t->best) ? (double)below(h, 4) : t->best;
  else if (state == TRIAL_PRUNED)
    op.value = t->best;
  return put(h, &op);
}

static enum err end_stint(struct historian *h, const struct trial *t) {
  static const enum stint_end ends[] = {STINT_reached,     STINT_reached, STINT_reached, STINT_finished, STINT_failed,
                                        STINT_interrupted, STINT_lost,    STINT_crashed, STINT_cancelled};
  struct op op = op_of(OP_END, t->number);
  op.stint = t->stint;
  op.stint.end = ends[below(h, sizeof ends / sizeof *ends)];
  op.step = t->stint.to;
  if (op.stint.end == STINT_reached && op.step == h->last_step)
    op.stint.end = STINT_finished;
  op.seconds = 10 * rng_uniform(&h->rng);
  bool bad = op.stint.end == STINT_failed || op.stint.end == STINT_cancelled;
  if (bad)
    op.reason = "loss is NaN at step 3: \"boom\"\ttoo far";
  enum stint_end how = op.stint.end;
  int64_t number = t->number;
  TRY(put(h, &op));
  if (below(h, 10) == 0)
    TRY(put(h, &op)); /* a second end changes nothing */
  t = &h->study.trials[number];
  if (how == STINT_finished)
    return over(h, t, TRIAL_COMPLETE);
  return bad && below(h, 2) ? over(h, t, TRIAL_FAIL) : OK;
}

static enum err annotate(struct historian *h, const struct trial *t) {
  static const char *const json[] = {"0.912", "\"host \\\"wn\\\" 7\"", "{\"epoch\": [1, 2, {\"a\": null}]}", "true"};
  static const char *const keys[] = {"val_auc", "host", "d\xc3\xa9tail"};
  struct op op = op_of(OP_TRIAL_ATTR, t->number);
  op.name = keys[below(h, 3)];
  op.json = json[below(h, 4)];
  op.system = below(h, 4) == 0;
  return put(h, &op);
}

static enum err save(struct historian *h, const struct trial *t) {
  struct op op = op_of(OP_SAVED, t->number);
  op.name = below(h, 2) ? "pack-000001-000002.h5" : "pack-000003.h5";
  op.step = t->step;
  return put(h, &op);
}

enum err historian_step(struct historian *h) {
  struct study *s = &h->study;
  if (!s->name)
    return begin(h);
  if (below(h, 80) == 0)
    return learn(h);
  if (s->n == 0 || below(h, 6) == 0)
    return new_trial(h);
  const struct trial *t = &s->trials[below(h, s->n < 12 ? s->n : 12) + (int64_t)(s->n < 12 ? 0 : s->n - 12)];
  int64_t what = below(h, 12);
  if (h->strict && trial_is_over(t))
    return OK;
  if (what == 0)
    return annotate(h, t);
  if (what == 1)
    return save(h, t);
  if (trial_is_over(t))
    return OK;
  if (trial_is_out(t))
    return what < 9 ? report(h, t) : end_stint(h, t);
  return what == 2 ? over(h, t, TRIAL_PRUNED) : go_out(h, t);
}

enum err historian_finish(struct historian *h) {
  for (size_t i = 0; i < h->study.n; i++) {
    const struct trial *t = &h->study.trials[i];
    if (!trial_is_over(t))
      TRY(over(h, t, i % 5 == 0 ? TRIAL_FAIL : i % 5 == 1 ? TRIAL_PRUNED : TRIAL_COMPLETE));
  }
  return OK;
}

/* ---- the dump ---- */

static void dump_attributes(const struct attribute *list, size_t n, struct strbuf *out) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(list[i].key, "coxswain:writer") != 0) /* who opened the file is no part of the story */
      strbuf_printf(out, "  attribute %s %s = %s\n", list[i].system ? "system" : "user", list[i].key, list[i].json);
}

static void dump_trial(const struct trial *t, struct strbuf *out) {
  char *params = params_to_text(&t->params);
  strbuf_printf(out,
                "trial %" PRId64 " %s row %" PRId64 " value %a best %a at %" PRId64 " asked %" PRId64 "/%d key %" PRId64
                " step %" PRId64 " rung %d faults %d losses %d seconds %a from %a to %a\n",
                t->number, trial_state_name(t->state), t->row, t->value, t->best, t->best_step, t->asked_at,
                t->enqueued, t->key, t->step, t->rung, t->faults, t->losses, t->seconds, t->started, t->ended);
  strbuf_printf(out, "  %s; reason %s\n", params, t->reason ? t->reason : "none");
  free(params);
  for (size_t i = 0; i < t->params.n; i++)
    if (t->params.items[i].value.kind == VALUE_FLOAT)
      strbuf_printf(out, "  %s %a\n", t->params.items[i].name, t->params.items[i].value.as.f);
  strbuf_printf(out, "  stint %" PRId64 " of %d: order %" PRId64 " %" PRId64 "-%" PRId64 " worker %d team %d %s\n",
                t->stint.id, t->stints, t->stint.order, t->stint.from, t->stint.to, t->stint.worker, t->stint.team,
                stint_end_name(t->stint.end));
  if (t->parent >= 0)
    strbuf_printf(out, "  from trial %" PRId64 " in %s at %" PRId64 ", in place of %" PRId64 "\n", t->parent,
                  t->start.pack, t->start.step, t->replaces);
  if (t->confirms >= 0)
    strbuf_printf(out, "  repeats %" PRId64 "\n", t->confirms);
  for (int i = 0; i < 2; i++)
    if (t->saved[i].pack)
      strbuf_printf(out, "  saved %s %" PRId64 "\n", t->saved[i].pack, t->saved[i].step);
  for (size_t i = 0; i < t->n_marks; i++)
    strbuf_printf(out, "  mark %s %" PRId64 "\n", t->marks[i].pack, t->marks[i].step);
  for (size_t i = 0; i < t->n_reports; i++)
    strbuf_printf(out, "  report %" PRId64 " %a\n", t->reports[i].step, t->reports[i].value);
  dump_attributes(t->attributes, t->n_attributes, out);
}

void study_dump(const struct study *s, struct strbuf *out) {
  const struct history *h = &s->history;
  strbuf_printf(out,
                "study %s %d next %" PRId64 " out %" PRId64 " best %" PRId64 " since %" PRId64
                " seconds %a asked %" PRId64 " seen %zu\n",
                s->name ? s->name : "none", s->maximize, s->next_stint, s->out, s->best, s->finished_since_best,
                s->seconds, h->asked, s->seen_n);
  for (int i = 0; i < 5; i++)
    strbuf_printf(out, "  %s %" PRId64 "\n", trial_state_name((enum trial_state)i), s->counts[i]);
  strbuf_printf(out, "  children %" PRId64 " repeats %" PRId64 " over %" PRId64 "\n", s->children, s->repeats,
                s->repeats_over);
  dump_attributes(s->attributes, s->n_attributes, out);
  for (size_t i = 0; i < s->n; i++)
    dump_trial(&s->trials[i], out);
  for (size_t i = 0; i < h->n; i++) {
    strbuf_printf(out, "row %zu trial %" PRId64 " state %d step %" PRId64, i, h->number[i], h->state[i], h->step[i]);
    strbuf_printf(out, " value %a best %a\n", isnan(h->value[i]) ? (double)NAN : h->value[i],
                  isnan(h->best[i]) ? (double)NAN : h->best[i]);
    for (size_t k = 0; k < h->d; k++)
      strbuf_printf(out, "  u %a%s\n", h->u[i * h->d + k], h->active && !h->active[i * h->d + k] ? " not there" : "");
  }
  for (size_t i = 0; i < h->n_events; i++) {
    const struct event *e = &h->events[i];
    strbuf_printf(out, "event row %" PRId64 " after %" PRId64 " step %" PRId64 " state %d value %a\n", e->row,
                  e->before, e->step, e->state, isnan(e->value) ? (double)NAN : e->value);
  }
}
