/* From a line of the journal to an op. Two steps: the members of the line, whatever their order, into struct line; then
 * what the op code demands out of it. */
#include <math.h>
#include <string.h>

#include "hpo/journal.h"
#include "hpo/journal_scan.h"

#define FIELD_LIST(X)                         \
  X(OP_CODE, "op_code")                       \
  X(WORKER_ID, "worker_id")                   \
  X(TRIAL_ID, "trial_id")                     \
  X(STEP, "step")                             \
  X(INTERMEDIATE_VALUE, "intermediate_value") \
  X(PARAM_NAME, "param_name")                 \
  X(PARAM_VALUE, "param_value_internal")      \
  X(DISTRIBUTION, "distribution")             \
  X(SYSTEM_ATTR, "system_attr")               \
  X(USER_ATTR, "user_attr")                   \
  X(STATE, "state")                           \
  X(VALUES, "values")                         \
  X(DATETIME_START, "datetime_start")         \
  X(DATETIME_COMPLETE, "datetime_complete")   \
  X(TIME, "time")                             \
  X(STUDY_ID, "study_id")                     \
  X(STUDY_NAME, "study_name")                 \
  X(DIRECTIONS, "directions")                 \
  X(COMMIT, "commit")

#define FIELD_ENUM(name, key) FIELD_##name,
enum field { FIELD_LIST(FIELD_ENUM) FIELD_COUNT };
#undef FIELD_ENUM

static const struct scan_text field_keys[] = {
#define FIELD_KEY(name, key) {key, sizeof key - 1},
    FIELD_LIST(FIELD_KEY)
#undef FIELD_KEY
};

struct line {
  unsigned has; /* bits by enum field */
  int64_t op_code, trial, study, step, state, direction;
  double value, time; /* intermediate, internal or first of values */
  struct scan_text worker, name, distribution;
  struct scan_text key; /* of the attribute */
  char *json, *json_end;
  bool foreign;
};

static enum field field_of(const struct scan_text *key) {
  for (size_t f = 0; f < FIELD_COUNT; f++)
    if (field_keys[f].n == key->n && memcmp(field_keys[f].text, key->text, key->n) == 0)
      return (enum field)f;
  return FIELD_COUNT;
}

/* ---- members ---- */

static bool is_foreign(const struct scan_text *worker) {
  static const char ours[] = "coxswain-";
  return worker->n < sizeof ours || memcmp(worker->text, ours, sizeof ours - 1) != 0;
}

static bool scan_null_or_string(struct scan *s, struct scan_text *out) {
  double null;
  return scan_peek(s) == 'n' ? scan_number(s, &null) : scan_string(s, out);
}

/* "values": null or one number; a study has one direction. */
static bool scan_values(struct scan *s, double *x) {
  bool first = true;
  if (scan_peek(s) != '[')
    return scan_number(s, x) && (isnan(*x) || scan_fault(s, "an array [ ] must stand here"));
  if (!scan_item(s, &first) || !scan_number(s, x))
    return scan_fault(s, "one value must stand here");
  if (isnan(*x) || scan_item(s, &first))
    return scan_fault(s, "one value must stand here");
  return !s->why;
}

static bool scan_direction(struct scan *s, int64_t *x) {
  bool first = true;
  if (!scan_item(s, &first) || !scan_int(s, x) || scan_item(s, &first))
    return scan_fault(s, "a study has one direction");
  if (!s->why && *x != 1 && *x != 2)
    return scan_fault(s, "a direction is 1 (minimize) or 2 (maximize)");
  return !s->why;
}

static bool scan_attribute(struct scan *s, struct line *l) {
  bool first = true;
  struct scan_text more;
  if (!scan_key(s, &first, &l->key))
    return scan_fault(s, "an attribute has one key");
  if (!scan_value(s, &l->json, &l->json_end))
    return false;
  bool nan = s->nan;
  if (scan_key(s, &first, &more))
    return scan_fault(s, "an attribute has one key");
  if (s->why)
    return false;
  if (nan && !l->foreign)
    return scan_fault(s, "NaN and Infinity are no JSON");
  *l->json_end = '\0'; /* the comma or brace behind it has been scanned */
  if (nan)
    l->json = NULL;
  return true;
}

/* "EPOCH-CRC32"; whether it is right is for the reader of the file to say. */
static bool scan_mark(struct scan *s) {
  struct scan_text mark;
  if (!scan_string(s, &mark))
    return false;
  size_t epoch = strspn(mark.text, "0123456789");
  if (epoch > 0 && mark.n == epoch + 9 && mark.text[epoch] == '-' &&
      strspn(mark.text + epoch + 1, "0123456789abcdef") == 8)
    return true;
  return scan_fault(s, "the commit mark is damaged");
}

/* Seconds since the epoch; later than the year 9999 no date can be written. */
static bool scan_time(struct scan *s, double *time) {
  enum { YEAR = 31556952 };
  return scan_number(s, time) && (isnan(*time) || (*time >= 0 && *time < (9999.0 - 1970.0) * YEAR) ||
                                  scan_fault(s, "a time that no calendar has"));
}

static bool scan_field(struct scan *s, struct line *l, enum field f) {
  struct scan_text unused;
  char *begin, *end;
  switch (f) {
  case FIELD_OP_CODE:
    return scan_int(s, &l->op_code);
  case FIELD_WORKER_ID:
    if (!scan_string(s, &l->worker))
      return false;
    l->foreign = is_foreign(&l->worker);
    return true;
  case FIELD_TRIAL_ID:
    return scan_int(s, &l->trial) && (l->trial >= 0 || scan_fault(s, "a trial has no negative number"));
  case FIELD_STEP:
    return scan_int(s, &l->step);
  case FIELD_INTERMEDIATE_VALUE:
  case FIELD_PARAM_VALUE:
    return scan_number(s, &l->value) && (!isnan(l->value) || scan_fault(s, "a number must stand here"));
  case FIELD_STUDY_NAME:
  case FIELD_PARAM_NAME:
    return scan_string(s, &l->name);
  case FIELD_DISTRIBUTION:
    return scan_string(s, &l->distribution);
  case FIELD_SYSTEM_ATTR:
  case FIELD_USER_ATTR:
    return scan_attribute(s, l);
  case FIELD_STATE:
    return scan_int(s, &l->state) && ((l->state >= 0 && l->state <= TRIAL_WAITING) || scan_fault(s, "no such state"));
  case FIELD_VALUES:
    return scan_values(s, &l->value);
  case FIELD_DATETIME_START:
  case FIELD_DATETIME_COMPLETE:
    return scan_null_or_string(s, &unused);
  case FIELD_TIME:
    return scan_time(s, &l->time);
  case FIELD_STUDY_ID:
    return scan_int(s, &l->study) && (l->foreign || l->study == 0 || scan_fault(s, "there is one study, number 0"));
  case FIELD_DIRECTIONS:
    return scan_direction(s, &l->direction);
  case FIELD_COMMIT:
    return scan_mark(s);
  case FIELD_COUNT:
    break;
  }
  return l->foreign ? scan_value(s, &begin, &end) : scan_fault(s, "an unknown key");
}

static bool is_attribute(const struct line *l) {
  return l->op_code == 2 || l->op_code == 3 || l->op_code == 8 || l->op_code == 9;
}

static bool has(const struct line *l, enum field f) {
  return l->has >> f & 1;
}

/* True at the end of the line, and once it is clear that it is a foreign line of no interest. */
static bool scan_line(struct scan *s, struct line *l) {
  bool first = true;
  struct scan_text key;
  while (scan_key(s, &first, &key)) {
    enum field f = field_of(&key);
    if (f != FIELD_COUNT && has(l, f))
      return scan_fault(s, "a key that is there twice");
    if (!scan_field(s, l, f))
      return false;
    if (f != FIELD_COUNT)
      l->has |= 1u << f;
    if (l->foreign && has(l, FIELD_OP_CODE) && !is_attribute(l))
      return true;
  }
  return !s->why && scan_finished(s);
}

/* ---- events: the attributes "coxswain:..." of a trial ---- */

static bool event_int(struct scan *s, const struct scan_text *key, const char *name, int64_t *out, bool *known) {
  if (!scan_text_is(key, name))
    return true;
  *known = true;
  return scan_int(s, out);
}

static bool asked_member(struct scan *s, const struct scan_text *key, struct op *op, bool *known) {
  if (scan_text_is(key, "enqueued")) {
    *known = true;
    return scan_bool(s, &op->enqueued);
  }
  return event_int(s, key, "at", &op->asked_at, known) && event_int(s, key, "key", &op->key, known);
}

static bool stint_member(struct scan *s, const struct scan_text *key, struct op *op, bool *known) {
  int64_t worker = op->stint.worker, team = op->stint.team;
  bool good = event_int(s, key, "id", &op->stint.id, known) && event_int(s, key, "order", &op->stint.order, known) &&
              event_int(s, key, "from", &op->stint.from, known) && event_int(s, key, "to", &op->stint.to, known) &&
              event_int(s, key, "worker", &worker, known) && event_int(s, key, "team", &team, known);
  if (good && (worker != (int)worker || team != (int)team))
    return scan_fault(s, "no such worker or team");
  op->stint.worker = (int)worker;
  op->stint.team = (int)team;
  return good;
}

static bool end_member(struct scan *s, const struct scan_text *key, struct op *op, bool *known) {
  struct scan_text text = {0};
  if (scan_text_is(key, "how")) {
    *known = true;
    return scan_string(s, &text) &&
           (stint_end_from_name(text.text, text.n, &op->stint.end) || scan_fault(s, "no such end of a stint"));
  }
  if (scan_text_is(key, "reason")) {
    *known = true;
    bool good = scan_null_or_string(s, &text);
    op->reason = text.text;
    return good;
  }
  if (scan_text_is(key, "seconds")) {
    *known = true;
    return scan_number(s, &op->seconds) && (!isnan(op->seconds) || scan_fault(s, "a number must stand here"));
  }
  return event_int(s, key, "id", &op->stint.id, known) && event_int(s, key, "step", &op->step, known);
}

static bool parent_member(struct scan *s, const struct scan_text *key, struct op *op, bool *known) {
  struct scan_text text = {0};
  if (scan_text_is(key, "pack")) {
    *known = true;
    bool good = scan_string(s, &text);
    op->name = text.text;
    return good;
  }
  return event_int(s, key, "trial", &op->parent, known) && event_int(s, key, "step", &op->step, known) &&
         event_int(s, key, "replaces", &op->replaces, known);
}

static bool saved_member(struct scan *s, const struct scan_text *key, struct op *op, bool *known) {
  struct scan_text text = {0};
  if (scan_text_is(key, "pack")) {
    *known = true;
    bool good = scan_string(s, &text);
    op->name = text.text;
    return good;
  }
  return event_int(s, key, "step", &op->step, known);
}

struct event {
  const char *key;
  enum op_kind kind;
  bool (*member)(struct scan *s, const struct scan_text *key, struct op *op, bool *known);
  size_t members; /* at least so many must be there */
};

static const struct event events[] = {{"coxswain:asked", OP_ASKED, asked_member, 3},
                                      {"coxswain:parent", OP_PARENT, parent_member, 4},
                                      {"coxswain:stint", OP_STINT, stint_member, 6},
                                      {"coxswain:end", OP_END, end_member, 4},
                                      {"coxswain:saved", OP_SAVED, saved_member, 2}};

static const struct event *event_of(const struct scan_text *key) {
  for (size_t i = 0; i < sizeof events / sizeof *events; i++)
    if (scan_text_is(key, events[i].key))
      return &events[i];
  return NULL;
}

static bool scan_event(struct scan *s, const struct event *event, const struct line *l, struct op *op) {
  struct scan inside = {.p = l->json, .end = l->json_end};
  struct scan_text key;
  bool first = true;
  size_t members = 0;
  op->kind = event->kind;
  for (; scan_key(&inside, &first, &key); members++) {
    bool known = false;
    if (!event->member(&inside, &key, op, &known))
      break;
    if (!known) {
      scan_fault(&inside, "an unknown key");
      break;
    }
  }
  if (!inside.why && scan_finished(&inside) && members < event->members)
    scan_fault(&inside, "something is missing in this event");
  if (!inside.why)
    return true;
  s->p = inside.p;
  return scan_fault(s, inside.why);
}

/* ---- from members to the op ---- */

static bool need(struct scan *s, const struct line *l, enum field f) {
  if (has(l, f))
    return true;
  static const char *const missing[] = {
#define FIELD_MISSING(name, key) key " is missing",
      FIELD_LIST(FIELD_MISSING)
#undef FIELD_MISSING
  };
  return scan_fault(s, missing[f]);
}

static bool fill_attribute(struct scan *s, const struct line *l, struct op *op, bool of_trial) {
  op->kind = of_trial ? OP_TRIAL_ATTR : OP_STUDY_ATTR;
  op->system = l->op_code == 3 || l->op_code == 9;
  op->name = l->key.text;
  op->json = l->json ? l->json : "null";
  if (!need(s, l, op->system ? FIELD_SYSTEM_ATTR : FIELD_USER_ATTR) ||
      !need(s, l, of_trial ? FIELD_TRIAL_ID : FIELD_STUDY_ID))
    return false;
  const struct event *event = of_trial && op->system ? event_of(&l->key) : NULL;
  return event ? scan_event(s, event, l, op) : true;
}

static bool fill_state(struct scan *s, const struct line *l, struct op *op) {
  op->kind = OP_STATE;
  op->state = (enum trial_state)l->state;
  if (!need(s, l, FIELD_TRIAL_ID) || !need(s, l, FIELD_STATE) || !need(s, l, FIELD_VALUES))
    return false;
  if (op->state == TRIAL_COMPLETE && isnan(l->value))
    return scan_fault(s, "a complete trial must have a value");
  if (op->state == TRIAL_WAITING)
    return true;
  /* without it Optuna raises, and the whole study cannot be loaded */
  return need(s, l, op->state == TRIAL_RUNNING ? FIELD_DATETIME_START : FIELD_DATETIME_COMPLETE) &&
         need(s, l, FIELD_TIME);
}

static bool fill(struct scan *s, const struct line *l, struct op *op) {
  *op = op_of(OP_CREATE_STUDY, l->trial);
  op->value = l->value;
  op->time = l->time;
  op->step = l->step;
  op->name = l->name.text;
  op->json = l->distribution.text;
  op->foreign = l->foreign;
  if (!need(s, l, FIELD_OP_CODE) || !need(s, l, FIELD_WORKER_ID))
    return false;
  if (l->foreign && !is_attribute(l))
    return true;
  switch (l->op_code) {
  case 0:
    op->maximize = l->direction == 2;
    return need(s, l, FIELD_STUDY_NAME) && need(s, l, FIELD_DIRECTIONS);
  case 2:
  case 3:
    return fill_attribute(s, l, op, false);
  case 4:
    op->kind = OP_CREATE_TRIAL;
    return need(s, l, FIELD_STUDY_ID) && need(s, l, FIELD_DATETIME_START);
  case 5:
    op->kind = OP_PARAM;
    return need(s, l, FIELD_TRIAL_ID) && need(s, l, FIELD_PARAM_NAME) && need(s, l, FIELD_PARAM_VALUE) &&
           need(s, l, FIELD_DISTRIBUTION);
  case 6:
    return fill_state(s, l, op);
  case 7:
    op->kind = OP_REPORT;
    return need(s, l, FIELD_TRIAL_ID) && need(s, l, FIELD_STEP) && need(s, l, FIELD_INTERMEDIATE_VALUE);
  case 8:
  case 9:
    return fill_attribute(s, l, op, true);
  default:
    return scan_fault(s, "an op code that this program never writes");
  }
}

enum err op_scan(char *line, size_t n, struct op *op, bool *foreign) {
  struct scan s = {.p = line, .end = line + n};
  struct line l = {.value = (double)NAN, .time = (double)NAN, .trial = -1};
  if (!scan_line(&s, &l) || !fill(&s, &l, op))
    return FAIL(ERR_DAMAGED, "column %td: %s", s.p - line + 1, s.why);
  *foreign = l.foreign;
  return OK;
}
