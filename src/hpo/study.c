#include "hpo/study.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/learned.h"
#include "hpo/study_parts.h"

void study_init(struct study *s, const struct space *space) {
  *s = (struct study){.space = space, .best = -1};
  history_init(&s->history, space);
}

void study_free(struct study *s) {
  free(s->trials);
  pool_free(&s->pool);
  free(s->name);
  free(s->seen);
  history_free(&s->history);
  for (size_t i = 0; i < s->n_attributes; i++) {
    free(s->attributes[i].key);
    free(s->attributes[i].json);
  }
  free(s->attributes);
  study_init(s, NULL);
}

int64_t study_over(const struct study *s) {
  return s->counts[TRIAL_COMPLETE] + s->counts[TRIAL_PRUNED] + s->counts[TRIAL_FAIL];
}

const struct state_ref *study_mark(const struct study *s, const struct trial *t, int64_t step) {
  bool gone = t->number < s->gone_trials && step < s->gone_step;
  return gone ? NULL : trial_mark(t, step);
}

int64_t study_proposed(const struct study *s) {
  return (int64_t)s->n - s->children - s->repeats;
}

bool study_better(const struct study *s, double a, double b) {
  if (isnan(a) || isnan(b))
    return !isnan(a) && isnan(b);
  return s->maximize ? a > b : a < b;
}

const char *study_attribute(const struct study *s, const char *key) {
  return attribute_get(s->attributes, s->n_attributes, key);
}

/* ---- one function an op ---- */

static enum err create_study(struct study *s, const struct op *op) {
  if (s->name)
    return FAIL(ERR_DAMAGED, "a second study, '%s', in the journal of '%s'", op->name, s->name);
  s->name = mem_strdup(op->name);
  s->maximize = op->maximize;
  return OK;
}

static enum err check_format(const struct op *op) {
  long long format = op->system && strcmp(op->name, "coxswain:format") == 0 ? strtoll(op->json, NULL, 10) : 1;
  if (format >= 1 && format <= JOURNAL_FORMAT)
    return OK;
  return FAIL(ERR_INPUT,
              "the journal is of format %lld, and this program (%s) reads up to %d: use the version that wrote it",
              format, COXSWAIN_VERSION, JOURNAL_FORMAT);
}

/* Some of the study's change every few seconds (the time spent), so their texts are no matter for the pool. */
static enum err study_attr(struct study *s, const struct op *op) {
  TRY(check_format(op));
  if (learned_is_chunk(op))
    return learned_apply(s, op->json);
  struct attribute *a = attribute_find(s->attributes, s->n_attributes, op->name, op->system);
  if (!a) {
    MEM_GROW(s->attributes, s->n_attributes, &s->cap_attributes);
    a = &s->attributes[s->n_attributes++];
    *a = (struct attribute){.key = mem_strdup(op->name), .system = op->system};
  }
  free(a->json);
  a->json = mem_strdup(op->json);
  study_note_effort(s);
  study_note_marks(s);
  return OK;
}

static enum err create_trial(struct study *s, const struct op *op) {
  MEM_GROW(s->trials, s->n, &s->cap);
  struct trial *t = &s->trials[s->n];
  trial_init(t, (int64_t)s->n++);
  t->started = op->time;
  s->counts[TRIAL_RUNNING]++;
  return OK;
}

static void set_param(struct study *s, struct params *p, const char *name, struct value v) {
  for (size_t i = 0; i < p->n; i++)
    if (strcmp(p->items[i].name, name) == 0) {
      p->items[i].value = v;
      return;
    }
  POOL_GROW(&s->pool, p->items, p->n);
  p->items[p->n++] = (struct param){.name = pool_name(&s->pool, name), .value = v};
}

static enum err param(struct study *s, struct trial *t, const struct op *op) {
  struct value v;
  if (t->settled)
    return FAIL(ERR_DAMAGED, "trial %" PRId64 ": parameter %s comes after the point was complete", t->number, op->name);
  TRY(point_value(op->json, op->value, &v));
  if (v.kind == VALUE_TEXT) {
    char *text = v.as.text;
    v.as.text = pool_name(&s->pool, text);
    free(text);
  }
  set_param(s, &t->params, op->name, v);
  return OK;
}

/* Until now it counted as a trial of the search. */
static enum err note_confirms(struct study *s, struct trial *t, const struct op *op) {
  int64_t of = strtoll(op->json, NULL, 10);
  if (t->confirms == of)
    return OK;
  if (t->settled || t->confirms >= 0 || of < 0 || of >= t->number)
    return FAIL(ERR_DAMAGED, "trial %" PRId64 " cannot be a repeat of trial %s", t->number, op->json);
  t->confirms = of;
  s->counts[t->state]--;
  s->repeats++;
  return OK;
}

static enum err parent(struct study *s, struct trial *t, const struct op *op) {
  bool known = op->parent >= 0 && op->parent < t->number && op->replaces >= 0 && op->replaces < t->number;
  if (t->settled || t->parent >= 0 || !known || op->step < 0)
    return FAIL(ERR_DAMAGED,
                "trial %" PRId64 " cannot start from trial %" PRId64 " at step %" PRId64 " in place of %" PRId64,
                t->number, op->parent, op->step, op->replaces);
  t->parent = op->parent;
  t->replaces = op->replaces;
  t->start = (struct state_ref){.pack = pool_name(&s->pool, op->name), .step = op->step};
  t->step = op->step;
  s->children++;
  return OK;
}

static enum err asked(struct study *s, struct trial *t, const struct op *op) {
  if (t->asked_at < 0 && op->asked_at >= 0 && !op->enqueued && !trial_is_derived(t))
    s->history.asked++;
  t->asked_at = op->asked_at;
  t->enqueued = op->enqueued;
  if (op->key >= 0)
    t->key = op->key;
  study_settle(s, t);
  return OK;
}

/* A trial that is complete may go out again: its weights were lost, and are made anew. Its story stays as it is. */
static enum err stint(struct study *s, struct trial *t, const struct op *op) {
  bool out = t->stints && t->stint.end == STINT_OPEN;
  if (out || (t->state != TRIAL_RUNNING && t->state != TRIAL_COMPLETE))
    return FAIL(ERR_DAMAGED, "trial %" PRId64 ": stint %" PRId64 " goes out while the trial is %s", t->number,
                op->stint.id, out ? "out already" : trial_state_name(t->state));
  study_settle(s, t);
  t->stint = op->stint;
  t->stint.end = STINT_OPEN;
  if (!trial_is_over(t)) {
    t->aim = op->stint.to;
    t->fate = STINT_OPEN;
  }
  t->stints++;
  s->out++;
  s->steps_out += t->stint.to - t->stint.from;
  if (op->stint.id >= s->next_stint)
    s->next_stint = op->stint.id + 1;
  return OK;
}

static void close_stint(struct study *s, struct trial *t, enum stint_end how) {
  t->stint.end = how;
  if (!trial_is_over(t))
    t->fate = how;
  s->out--;
  s->steps_out -= t->stint.to - t->stint.from;
}

static void spend(struct study *s, const struct trial *t, int64_t until) {
  if (until > t->stint.from && t->confirms < 0)
    s->steps += until - t->stint.from;
}

static void set_reason(struct study *s, struct trial *t, const char *reason) {
  if (reason)
    t->reason = pool_name(&s->pool, reason);
}

/* At the end of a stint nothing of the next step is in a state, so that others can start from it as well. */
static void add_mark(struct study *s, struct trial *t) {
  const struct state_ref *newest = &t->saved[0];
  if (!newest->pack || newest->step != t->step || trial_mark(t, t->step))
    return;
  POOL_GROW(&s->pool, t->marks, t->n_marks);
  t->marks[t->n_marks++] = *newest;
}

static enum err end(struct study *s, struct trial *t, const struct op *op) {
  if (op->stint.id > t->stint.id)
    return FAIL(ERR_DAMAGED, "trial %" PRId64 ": stint %" PRId64 " ends but never went out", t->number, op->stint.id);
  if (op->stint.id < t->stint.id || !t->stints || t->stint.end != STINT_OPEN)
    return OK; /* it has ended before */
  close_stint(s, t, op->stint.end);
  t->seconds += op->seconds;
  s->seconds += op->seconds;
  if (trial_is_over(t))
    return OK;
  spend(s, t, op->step);
  set_reason(s, t, op->reason);
  switch (op->stint.end) {
  case STINT_reached:
    t->rung++;
    t->step = t->reached = op->step;
    t->faults = 0;
    add_mark(s, t);
    break;
  case STINT_finished:
    t->step = t->reached = op->step;
    break;
  case STINT_interrupted:
    t->step = op->step;
    break;
  case STINT_failed:
  case STINT_crashed:
    t->faults++;
    break;
  case STINT_lost:
    t->losses++;
    break;
  case STINT_cancelled:
  case STINT_OPEN:
    break;
  }
  if (op->stint.end == STINT_reached || op->stint.end == STINT_finished) {
    history_progress(s, t);
    history_event(s, t);
  }
  return OK;
}

static enum err saved(struct study *s, struct trial *t, const struct op *op) {
  if (op->step > (t->saved[0].pack ? t->saved[0].step : 0))
    t->faults = 0;
  t->saved[1] = t->saved[0];
  t->saved[0] = (struct state_ref){.pack = pool_name(&s->pool, op->name), .step = op->step};
  return OK;
}

/* Reports nearly always come in order, so the place is looked for from the end. */
static enum err report(struct study *s, struct trial *t, const struct op *op) {
  if (trial_is_over(t))
    return OK;
  size_t place = t->n_reports;
  while (place > 0 && t->reports[place - 1].step >= op->step)
    place--;
  if (place < t->n_reports && t->reports[place].step == op->step)
    return OK;
  study_settle(s, t);
  POOL_GROW(&s->pool, t->reports, t->n_reports);
  memmove(&t->reports[place + 1], &t->reports[place], (t->n_reports - place) * sizeof *t->reports);
  t->reports[place] = (struct report){.step = op->step, .value = op->value};
  t->n_reports++;
  if (study_better(s, op->value, t->best) || (op->value == t->best && op->step < t->best_step)) {
    t->best = op->value;
    t->best_step = op->step;
  }
  return OK; /* samplers see it when the stint ends: what they know does not depend on how
              * fast reports came, nor on interruptions */
}

/* Ties go to the lower number, whichever was over first; only a better value ends a stall. */
static void look_for_best(struct study *s, const struct trial *t) {
  if (t->confirms >= 0)
    return;
  double best = s->best >= 0 ? s->trials[s->best].value : (double)NAN;
  s->finished_since_best++;
  if (t->state != TRIAL_COMPLETE || study_better(s, best, t->value))
    return;
  if (study_better(s, t->value, best)) {
    s->best = t->number;
    s->finished_since_best = 0;
  } else if (t->number < s->best) {
    s->best = t->number;
  }
}

static enum err state(struct study *s, struct trial *t, const struct op *op) {
  if (trial_is_over(t))
    return FAIL(ERR_DAMAGED, "trial %" PRId64 " becomes %s but is %s for good", t->number, trial_state_name(op->state),
                trial_state_name(t->state));
  if (op->state == TRIAL_COMPLETE && isnan(op->value))
    return FAIL(ERR_DAMAGED, "trial %" PRId64 " is complete without a value", t->number);
  study_settle(s, t);
  if (trial_is_out(t) && op->state != TRIAL_RUNNING) {
    close_stint(s, t, STINT_cancelled);
    spend(s, t, t->n_reports ? t->reports[t->n_reports - 1].step : 0);
  }
  if (t->confirms < 0) {
    s->counts[t->state]--;
    s->counts[op->state]++;
  } else
    s->repeats_over += op->state != TRIAL_RUNNING && op->state != TRIAL_WAITING;
  t->state = op->state;
  if (t->state == TRIAL_COMPLETE || t->state == TRIAL_PRUNED)
    t->value = op->value;
  if (trial_is_over(t)) {
    t->ended = op->time;
    look_for_best(s, t);
    history_progress(s, t);
  }
  history_update(s, t);
  if (trial_is_over(t))
    history_event(s, t);
  return OK;
}

/* Numbers differ from trial to trial; other values (where it was trained, what went wrong) are often the same. */
static char *attribute_text(struct study *s, const char *json) {
  return attribute_is_number(json) ? pool_text(&s->pool, json) : pool_name(&s->pool, json);
}

static enum err trial_attr(struct study *s, struct trial *t, const struct op *op) {
  if (op->system && strcmp(op->name, "coxswain:confirms") == 0)
    TRY(note_confirms(s, t, op));
  struct attribute *a = attribute_find(t->attributes, t->n_attributes, op->name, op->system);
  if (!a) {
    POOL_GROW(&s->pool, t->attributes, t->n_attributes);
    a = &t->attributes[t->n_attributes++];
    *a = (struct attribute){.key = pool_name(&s->pool, op->name), .system = op->system};
  }
  a->json = attribute_text(s, op->json);
  if (op->system && !op->foreign && strcmp(op->name, SAMPLER_ATTRIBUTE) == 0)
    history_note_sampler(s, t);
  return OK;
}

/* ---- the fold ---- */

static enum err apply_to_trial(struct study *s, const struct op *op) {
  if (op->trial < 0 || (size_t)op->trial >= s->n)
    return op->foreign ? OK : FAIL(ERR_DAMAGED, "trial %" PRId64 " is not there: there are %zu", op->trial, s->n);
  struct trial *t = &s->trials[op->trial];
  switch (op->kind) {
  case OP_PARAM:
    return param(s, t, op);
  case OP_STATE:
    return state(s, t, op);
  case OP_REPORT:
    return report(s, t, op);
  case OP_TRIAL_ATTR:
    return trial_attr(s, t, op);
  case OP_ASKED:
    return asked(s, t, op);
  case OP_PARENT:
    return parent(s, t, op);
  case OP_STINT:
    return stint(s, t, op);
  case OP_END:
    return end(s, t, op);
  default:
    return saved(s, t, op);
  }
}

enum err study_apply(struct study *s, const struct op *op) {
  if (op->kind != OP_CREATE_STUDY && !s->name)
    return FAIL(ERR_DAMAGED, "the journal does not begin with the creation of a study");
  if (op->kind == OP_CREATE_STUDY)
    TRY(create_study(s, op));
  else if (op->kind == OP_STUDY_ATTR)
    TRY(study_attr(s, op));
  else if (op->kind == OP_CREATE_TRIAL)
    TRY(create_trial(s, op));
  else
    TRY(apply_to_trial(s, op));
  s->ops++;
  return OK;
}

enum err study_visit(void *study, const struct op *op) {
  return study_apply(study, op);
}

/* ---- the best ---- */

struct candidate {
  double key; /* smaller is better */
  size_t index;
};

static int by_key(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->key != y->key)
    return x->key < y->key ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

size_t study_best(const struct study *s, size_t k, size_t *index) {
  struct candidate *list = MEM_NEW_ARRAY(struct candidate, s->n);
  size_t n = 0;
  for (size_t i = 0; i < s->n; i++)
    if (s->trials[i].state == TRIAL_COMPLETE && s->trials[i].confirms < 0)
      list[n++] = (struct candidate){.key = s->maximize ? -s->trials[i].value : s->trials[i].value, .index = i};
  qsort(list, n, sizeof *list, by_key);
  if (k > n)
    k = n;
  for (size_t i = 0; i < k; i++)
    index[i] = list[i].index;
  free(list);
  return k;
}
