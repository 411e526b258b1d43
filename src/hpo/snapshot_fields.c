#include "hpo/snapshot_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hpo/study_parts.h"

/* How long a list is; nothing has so many items that the file could not hold them. */
static void code_count(struct codec *c, size_t *n) {
  int64_t count = (int64_t)*n;
  code_i64(c, &count);
  if (!c->writing && (count < 0 || count > c->left + (int64_t)(c->n - c->at)))
    c->bad = true;
  *n = c->bad ? 0 : (size_t)count;
}

static void code_value(struct codec *c, struct value *v) {
  unsigned kind = v->kind;
  code_below(c, VALUE_TEXT + 1, &kind);
  v->kind = (enum value_kind)kind;
  switch (v->kind) {
  case VALUE_NONE:
    break;
  case VALUE_FLOAT:
    code_f64(c, &v->as.f);
    break;
  case VALUE_INT:
    code_i64(c, &v->as.i);
    break;
  case VALUE_BOOL:
    code_bool(c, &v->as.b);
    break;
  case VALUE_TEXT:
    code_name(c, &v->as.text);
    c->bad = c->bad || !v->as.text;
    break;
  }
}

static void code_params(struct codec *c, struct params *p) {
  size_t n = p->n;
  code_count(c, &n);
  for (size_t i = 0; i < n && !c->bad; i++) {
    if (!c->writing) {
      POOL_GROW(c->pool, p->items, i);
      p->items[p->n++] = (struct param){0};
    }
    code_name(c, &p->items[i].name);
    code_value(c, &p->items[i].value);
    c->bad = c->bad || !p->items[i].name;
  }
}

static void code_ref(struct codec *c, struct state_ref *r) {
  code_name(c, &r->pack);
  code_i64(c, &r->step);
}

static void code_marks(struct codec *c, struct trial *t) {
  size_t n = t->n_marks;
  code_count(c, &n);
  for (size_t i = 0; i < n && !c->bad; i++) {
    if (!c->writing) {
      POOL_GROW(c->pool, t->marks, i);
      t->marks[t->n_marks++] = (struct state_ref){0};
    }
    code_ref(c, &t->marks[i]);
    c->bad = c->bad || !t->marks[i].pack;
  }
}

/* What it comes from: a trial before it, or none. */
static void code_origin(struct codec *c, struct trial *t) {
  int64_t *of[] = {&t->parent, &t->replaces, &t->confirms};
  for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
    code_i64(c, of[i]);
    c->bad = c->bad || *of[i] < -1 || *of[i] >= t->number;
  }
  code_ref(c, &t->start);
}

static void code_reports(struct codec *c, struct trial *t) {
  size_t n = t->n_reports;
  int64_t last = 0;
  code_count(c, &n);
  for (size_t i = 0; i < n && !c->bad; i++) {
    if (!c->writing) {
      POOL_GROW(c->pool, t->reports, i);
      t->reports[t->n_reports++] = (struct report){0};
    }
    int64_t ahead = t->reports[i].step - last;
    code_i64(c, &ahead);
    last = t->reports[i].step = (int64_t)((uint64_t)last + (uint64_t)ahead);
    code_f64(c, &t->reports[i].value);
  }
}

/* Numbers differ from trial to trial, other values are shared. */
static void code_attributes(struct codec *c, struct trial *t) {
  size_t n = t->n_attributes;
  code_count(c, &n);
  for (size_t i = 0; i < n && !c->bad; i++) {
    if (!c->writing) {
      POOL_GROW(c->pool, t->attributes, i);
      t->attributes[t->n_attributes++] = (struct attribute){0};
    }
    struct attribute *a = &t->attributes[i];
    bool number = c->writing && attribute_is_number(a->json);
    code_name(c, &a->key);
    code_bool(c, &a->system);
    code_bool(c, &number);
    if (number)
      code_text(c, &a->json);
    else
      code_name(c, &a->json);
    c->bad = c->bad || !a->key || !a->json;
  }
}

static void code_end(struct codec *c, enum stint_end *end) {
  unsigned how = *end;
  code_below(c, STINT_OPEN + 1, &how);
  *end = (enum stint_end)how;
}

static void code_stint(struct codec *c, struct stint *s) {
  code_i64(c, &s->id);
  code_i64(c, &s->order);
  code_i64(c, &s->from);
  code_i64(c, &s->to);
  code_i32(c, &s->worker);
  code_i32(c, &s->team);
  code_end(c, &s->end);
}

/* The events of a row with their places in the list of all, the newest first. */
static void code_events(struct codec *c, struct history *h, int64_t row) {
  int64_t *at = &h->last_event[row];
  for (code_i64(c, at); *at >= 0; at = &h->events[*at].before, code_i64(c, at)) {
    if (*at >= (int64_t)h->n_events)
      c->bad = true;
    if (c->bad)
      return;
    struct event *e = &h->events[*at];
    unsigned state = e->state;
    e->row = row;
    code_i64(c, &e->step);
    code_f64(c, &e->value);
    code_below(c, TRIAL_WAITING + 1, &state);
    e->state = (unsigned char)state;
  }
}

/* The row of the history: what the trial itself does not say. */
static void code_row(struct codec *c, struct study *s, struct trial *t) {
  struct history *h = &s->history;
  code_i64(c, &t->row);
  if (t->row < -1 || t->row >= (int64_t)h->n)
    c->bad = true;
  if (c->bad || t->row < 0)
    return;
  code_f64(c, &h->best[t->row]);
  code_i64(c, &h->step[t->row]);
  code_events(c, h, t->row);
}

void code_trial(struct codec *c, struct study *s, int64_t number) {
  struct trial *t = &s->trials[number];
  if (!c->writing)
    trial_init(t, number);
  unsigned state = t->state;
  code_below(c, TRIAL_WAITING + 1, &state);
  t->state = (enum trial_state)state;
  code_bool(c, &t->settled);
  code_bool(c, &t->enqueued);
  code_origin(c, t);
  code_params(c, &t->params);
  code_row(c, s, t);
  code_f64(c, &t->value);
  code_i64(c, &t->asked_at);
  code_i64(c, &t->key);
  code_reports(c, t);
  code_attributes(c, t);
  code_f64(c, &t->best);
  code_i64(c, &t->best_step);
  code_i64(c, &t->step);
  code_stint(c, &t->stint);
  code_i64(c, &t->reached);
  code_i64(c, &t->aim);
  code_end(c, &t->fate);
  code_i32(c, &t->stints);
  code_i32(c, &t->rung);
  code_i32(c, &t->faults);
  code_i32(c, &t->losses);
  for (int i = 0; i < 2; i++)
    code_ref(c, &t->saved[i]);
  code_marks(c, t);
  code_name(c, &t->reason);
  code_f64(c, &t->seconds);
  code_f64(c, &t->started);
  code_f64(c, &t->ended);
}

/* ---- the study ---- */

/* A study's own attributes are no matter for its pool. */
static void code_own_text(struct codec *c, char **text) {
  code_text(c, text);
  if (!c->writing)
    *text = mem_strdup(*text);
}

static void code_study_attributes(struct codec *c, struct study *s) {
  size_t n = s->n_attributes;
  code_count(c, &n);
  for (size_t i = 0; i < n && !c->bad; i++) {
    if (!c->writing) {
      MEM_GROW(s->attributes, s->n_attributes, &s->cap_attributes);
      s->attributes[s->n_attributes++] = (struct attribute){0};
    }
    code_own_text(c, &s->attributes[i].key);
    code_own_text(c, &s->attributes[i].json);
    code_bool(c, &s->attributes[i].system);
    c->bad = c->bad || !s->attributes[i].key || !s->attributes[i].json;
  }
}

enum { MOST_COORDINATES = 1 << 24 };

/* A row of another study's: it belongs to no trial. */
static void code_lesson(struct codec *c, struct study *s, size_t d, int64_t row) {
  struct history *h = &s->history;
  double *u = MEM_NEW_ARRAY(double, d + 1), value = c->writing ? h->value[row] : 0;
  int64_t step = c->writing ? h->step[row] : 0, event = c->writing ? h->last_event[row] : 0;
  if (c->writing)
    memcpy(u, &h->u[(size_t)row * d], d * sizeof *u);
  code_i64(c, &row);
  for (size_t i = 0; i < d; i++)
    code_f64(c, &u[i]);
  code_f64(c, &value);
  code_i64(c, &step);
  code_i64(c, &event);
  if (row < 0 || row >= (int64_t)h->n || event < 0 || event >= (int64_t)h->n_events)
    c->bad = true;
  if (!c->writing && !c->bad && s->space)
    history_restore_learned(s, row, u, value, step, event);
  free(u);
}

static void code_learned(struct codec *c, struct study *s) {
  struct history *h = &s->history;
  size_t n = 0;
  int64_t d = (int64_t)h->d;
  for (size_t row = 0; c->writing && row < h->n; row++)
    n += h->number[row] < 0;
  code_count(c, &n);
  code_i64(c, &d);
  c->bad = c->bad || d < 0 || d > MOST_COORDINATES || (n && s->space && d != (int64_t)h->d);
  for (size_t i = 0, row = 0; i < n && !c->bad; i++, row++) {
    while (c->writing && h->number[row] >= 0)
      row++;
    code_lesson(c, s, (size_t)d, (int64_t)row);
  }
}

void code_study(struct codec *c, struct study *s) {
  code_own_text(c, &s->name);
  code_bool(c, &s->maximize);
  code_i64(c, &s->ops);
  code_i64(c, &s->next_stint);
  for (int i = 0; i < 5; i++)
    code_i64(c, &s->counts[i]);
  code_i64(c, &s->children);
  code_i64(c, &s->repeats);
  code_i64(c, &s->repeats_over);
  code_i64(c, &s->out);
  code_i64(c, &s->steps_out);
  code_i64(c, &s->steps);
  code_i64(c, &s->best);
  code_i64(c, &s->finished_since_best);
  code_f64(c, &s->seconds);
  code_i64(c, &s->history.asked);
  code_study_attributes(c, s);
  code_learned(c, s);
  if (s->best < -1 || s->best >= (int64_t)s->n || !s->name)
    c->bad = true;
}
