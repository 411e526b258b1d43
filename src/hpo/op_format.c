#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "hpo/journal.h"

struct op op_of(enum op_kind kind, int64_t trial) {
  return (struct op){.kind = kind,
                     .trial = trial,
                     .value = (double)NAN,
                     .time = (double)NAN,
                     .asked_at = -1,
                     .key = -1,
                     .parent = -1,
                     .replaces = -1,
                     .stint = {.id = -1, .end = STINT_OPEN}};
}

static void put_key(struct strbuf *out, const char *key) {
  strbuf_puts(out, ",\"");
  strbuf_puts(out, key);
  strbuf_puts(out, "\":");
}

/* By hand: a journal of a million trials has tens of millions of them. */
static void put_int(struct strbuf *out, const char *key, int64_t x) {
  char digits[24];
  char *at = digits + sizeof digits;
  uint64_t rest = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
  do
    *--at = (char)('0' + rest % 10);
  while (rest /= 10);
  if (x < 0)
    *--at = '-';
  put_key(out, key);
  strbuf_add(out, at, (size_t)(digits + sizeof digits - at));
}

static void put_number(struct strbuf *out, const char *key, double x) {
  put_key(out, key);
  strbuf_put_double(out, x);
}

static void put_text(struct strbuf *out, const char *key, const char *text) {
  put_key(out, key);
  if (text)
    strbuf_put_json_string(out, text);
  else
    strbuf_puts(out, "null");
}

/* The datetime for Optuna, the seconds for us. */
static void put_time(struct strbuf *out, const char *key, double seconds) {
  if (!isfinite(seconds)) {
    put_text(out, key, NULL);
    return;
  }
  int64_t micros = (int64_t)floor(seconds * 1e6);
  time_t whole = (time_t)(micros / 1000000);
  struct tm tm;
  char date[40];
  localtime_r(&whole, &tm);
  size_t n = strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(date + n, sizeof date - n, ".%06d", (int)(micros % 1000000));
  put_text(out, key, date);
  put_number(out, "time", seconds);
}

static void put_state(struct strbuf *out, const struct op *op) {
  bool valued = op->state == TRIAL_COMPLETE || op->state == TRIAL_PRUNED;
  put_int(out, "trial_id", op->trial);
  put_int(out, "state", op->state);
  put_key(out, "values");
  if (valued && (!isnan(op->value) || op->state == TRIAL_COMPLETE)) {
    strbuf_putc(out, '[');
    strbuf_put_double(out, op->value);
    strbuf_putc(out, ']');
  } else {
    strbuf_puts(out, "null");
  }
  if (op->state == TRIAL_RUNNING)
    put_time(out, "datetime_start", op->time);
  else if (op->state != TRIAL_WAITING)
    put_time(out, "datetime_complete", op->time);
}

/* ---- attributes ---- */

static void begin_attribute(struct strbuf *out, bool system, const char *key) {
  put_key(out, system ? "system_attr" : "user_attr");
  strbuf_putc(out, '{');
  strbuf_put_json_string(out, key ? key : "");
  strbuf_putc(out, ':');
}

static void put_attribute(struct strbuf *out, const struct op *op) {
  begin_attribute(out, op->system, op->name);
  strbuf_puts(out, op->json ? op->json : "null");
  strbuf_putc(out, '}');
}

/* The first member has no comma before it, so it is put without put_int. */
static void begin_event(struct strbuf *out, const struct op *op, const char *key, const char *first, int64_t x) {
  put_int(out, "trial_id", op->trial);
  begin_attribute(out, true, key);
  strbuf_printf(out, "{\"%s\":%" PRId64, first, x);
}

static void put_event(struct strbuf *out, const struct op *op) {
  switch (op->kind) {
  case OP_ASKED:
    begin_event(out, op, "coxswain:asked", "at", op->asked_at);
    put_key(out, "enqueued");
    strbuf_puts(out, op->enqueued ? "true" : "false");
    put_int(out, "key", op->key);
    break;
  case OP_PARENT:
    begin_event(out, op, "coxswain:parent", "trial", op->parent);
    put_int(out, "step", op->step);
    put_text(out, "pack", op->name);
    put_int(out, "replaces", op->replaces);
    break;
  case OP_STINT:
    begin_event(out, op, "coxswain:stint", "id", op->stint.id);
    put_int(out, "order", op->stint.order);
    put_int(out, "from", op->stint.from);
    put_int(out, "to", op->stint.to);
    put_int(out, "worker", op->stint.worker);
    put_int(out, "team", op->stint.team);
    break;
  case OP_END:
    begin_event(out, op, "coxswain:end", "id", op->stint.id);
    put_text(out, "how", stint_end_name(op->stint.end));
    put_int(out, "step", op->step);
    put_number(out, "seconds", op->seconds);
    if (op->reason)
      put_text(out, "reason", op->reason);
    break;
  default: /* OP_SAVED */
    begin_event(out, op, "coxswain:saved", "step", op->step);
    put_text(out, "pack", op->name);
  }
  strbuf_puts(out, "}}");
}

/* ---- the line ---- */

static int op_code(const struct op *op) {
  switch (op->kind) {
  case OP_CREATE_STUDY:
    return 0;
  case OP_STUDY_ATTR:
    return op->system ? 3 : 2;
  case OP_CREATE_TRIAL:
    return 4;
  case OP_PARAM:
    return 5;
  case OP_STATE:
    return 6;
  case OP_REPORT:
    return 7;
  case OP_TRIAL_ATTR:
    return op->system ? 9 : 8;
  default:
    return 9;
  }
}

void op_format(const struct op *op, const char *worker, struct strbuf *out) {
  strbuf_puts(out, "{\"op_code\":");
  strbuf_putc(out, (char)('0' + op_code(op)));
  put_text(out, "worker_id", worker);
  switch (op->kind) {
  case OP_CREATE_STUDY:
    put_text(out, "study_name", op->name ? op->name : "");
    strbuf_puts(out, op->maximize ? ",\"directions\":[2]" : ",\"directions\":[1]");
    break;
  case OP_STUDY_ATTR:
    put_int(out, "study_id", 0);
    put_attribute(out, op);
    break;
  case OP_CREATE_TRIAL:
    put_int(out, "study_id", 0);
    put_time(out, "datetime_start", op->time);
    break;
  case OP_PARAM:
    put_int(out, "trial_id", op->trial);
    put_text(out, "param_name", op->name);
    put_number(out, "param_value_internal", op->value);
    put_text(out, "distribution", op->json);
    break;
  case OP_STATE:
    put_state(out, op);
    break;
  case OP_REPORT:
    put_int(out, "trial_id", op->trial);
    put_int(out, "step", op->step);
    put_number(out, "intermediate_value", op->value);
    break;
  case OP_TRIAL_ATTR:
    put_int(out, "trial_id", op->trial);
    put_attribute(out, op);
    break;
  default:
    put_event(out, op);
  }
  strbuf_putc(out, '}');
}
