/* Trials as JSON and CSV. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "hpo/confirm.h"
#include "report/report.h"

enum { PIECE = 1 << 16 };

/* Of a program: its checkpoint folder, if there is anything in it. */
static void put_checkpoint(const struct report_study *r, const struct trial *t, struct strbuf *out) {
  char name[64], **names;
  size_t n;
  snprintf(name, sizeof name, "trials/trial-%06lld/checkpoint", (long long)t->number);
  char *path = path_join(r->folder, name);
  if (!file_exists(path) || file_list(path, "", &names, &n) != OK)
    err_clear();
  else {
    if (n)
      strbuf_puts(out, name);
    file_list_free(names, n);
  }
  free(path);
}

void report_weights(const struct report_study *r, const struct trial *t, struct strbuf *out) {
  if (strcmp(settings_text(r->conf, "evaluator"), "command") == 0) {
    put_checkpoint(r, t, out);
    return;
  }
  char name[64];
  snprintf(name, sizeof name, "best/trial-%06lld.h5", (long long)t->number);
  char *path = path_join(r->folder, name);
  if (file_exists(path))
    strbuf_puts(out, name);
  free(path);
  if (out->len || !t->saved[0].pack)
    return;
  strbuf_printf(out, "packs/%s", t->saved[0].pack);
  path = path_join(r->folder, out->text);
  if (file_exists(path))
    strbuf_printf(out, ":/trial-%06lld", (long long)t->number);
  else
    strbuf_clear(out);
  free(path);
}

static json_t *number_or_null(double x) {
  return isfinite(x) ? json_real(x) : json_null();
}

static json_t *attributes_json(const struct trial *t) {
  json_t *object = json_object();
  for (size_t i = 0; i < t->n_attributes; i++) {
    if (!strncmp(t->attributes[i].key, "coxswain:", 9))
      continue;
    json_t *value = json_loads(t->attributes[i].json, JSON_DECODE_ANY, NULL);
    json_object_set_new(object, t->attributes[i].key, value ? value : json_null());
  }
  return object;
}

static json_t *reports_json(const struct trial *t) {
  json_t *object = json_object();
  for (size_t i = 0; i < t->n_reports; i++) {
    char step[32];
    snprintf(step, sizeof step, "%lld", (long long)t->reports[i].step);
    json_object_set_new(object, step, number_or_null(t->reports[i].value));
  }
  return object;
}

/* Where a trial of another comes from. */
static void put_origin(const struct trial *t, json_t *json) {
  if (t->confirms >= 0)
    json_object_set_new(json, "confirms", json_integer((json_int_t)t->confirms));
  if (t->parent >= 0)
    json_object_set_new(json, "parent",
                        json_pack("{s:I, s:I, s:s?, s:I}", "trial", (json_int_t)t->parent, "step",
                                  (json_int_t)t->start.step, "pack", t->start.pack, "replaces",
                                  (json_int_t)t->replaces));
}

/* What its repeats with other random numbers came to. */
static void put_confirm(const struct report_study *r, const struct trial *t, json_t *json) {
  struct spread spread = confirm_spread(r->study, t->number);
  json_t *values = json_array();
  if (spread.n == 0) {
    json_decref(values);
    return;
  }
  for (size_t i = 0; i < r->study->n; i++)
    if (r->study->trials[i].confirms == t->number && confirm_counts(&r->study->trials[i]))
      json_array_append_new(values, json_real(r->study->trials[i].value));
  json_object_set_new(json, "confirm",
                      json_pack("{s:I, s:o, s:o, s:o}", "n", (json_int_t)spread.n, "mean", number_or_null(spread.mean),
                                "sd", number_or_null(spread.sd), "values", values));
}

struct json_t *report_trial_json(const struct report_study *r, const struct trial *t) {
  struct strbuf weights = STRBUF_INIT;
  report_weights(r, t, &weights);
  json_t *json =
      json_pack("{s:I, s:s, s:o, s:o, s:o, s:I, s:f, s:o, s:b}", "number", (json_int_t)t->number, "state",
                trial_state_name(t->state), "value", number_or_null(t->value), "params", params_to_json(&t->params),
                "intermediate_values", reports_json(t), "step", (json_int_t)t->step, "seconds", t->seconds,
                "attributes", attributes_json(t), "enqueued", (int)t->enqueued);
  json_object_set_new(json, "weights", weights.len ? json_string(weights.text) : json_null());
  put_origin(t, json);
  put_confirm(r, t, json);
  strbuf_free(&weights);
  return json;
}

static enum err pass_on(struct strbuf *text, size_t most, report_take take, void *context) {
  return text->len > most ? take(context, text) : OK;
}

static void put_member(struct strbuf *out, const char *key, const char *value) {
  strbuf_printf(out, "  \"%s\": ", key);
  strbuf_put_json_string(out, value);
  strbuf_puts(out, ",\n");
}

static void put_trial(const struct report_study *r, const struct trial *t, struct strbuf *out) {
  json_t *json = report_trial_json(r, t);
  char *line = json_text(json);
  strbuf_puts(out, t->number ? ",\n    " : "\n    ");
  strbuf_puts(out, line);
  free(line);
  json_decref(json);
}

/* A line a trial. */
enum err report_trials_json(const struct report_study *r, report_take take, void *context) {
  struct strbuf out = STRBUF_INIT;
  enum err e = OK;
  strbuf_puts(&out, "{\n");
  put_member(&out, "study", r->study->name);
  put_member(&out, "metric", settings_text(r->conf, "study.metric"));
  put_member(&out, "direction", r->study->maximize ? "maximize" : "minimize");
  strbuf_puts(&out, "  \"trials\": [");
  for (size_t i = 0; i < r->study->n && e == OK; i++) {
    put_trial(r, &r->study->trials[i], &out);
    e = pass_on(&out, PIECE, take, context);
  }
  strbuf_puts(&out, r->study->n ? "\n  ]\n}\n" : "]\n}\n");
  if (e == OK)
    e = pass_on(&out, 0, take, context);
  strbuf_free(&out);
  return e;
}

/* ---- CSV ---- */

/* Names of the attributes that are plain values, in the order met. */
struct columns {
  const char **names;
  size_t n, cap;
};

static bool is_plain(const char *json) {
  return *json != '{' && *json != '[';
}

static bool is_column(const struct columns *c, const char *name) {
  for (size_t i = 0; i < c->n; i++)
    if (!strcmp(c->names[i], name))
      return true;
  return false;
}

static void add_column(struct columns *c, const char *name) {
  if (is_column(c, name))
    return;
  MEM_GROW(c->names, c->n, &c->cap);
  c->names[c->n++] = name;
}

static void find_columns(const struct study *s, struct columns *params, struct columns *attributes) {
  for (size_t i = 0; i < s->n; i++) {
    const struct trial *t = &s->trials[i];
    for (size_t k = 0; k < t->params.n; k++)
      add_column(params, t->params.items[k].name);
    for (size_t k = 0; k < t->n_attributes; k++)
      if (is_plain(t->attributes[k].json) && strncmp(t->attributes[k].key, "coxswain:", 9))
        add_column(attributes, t->attributes[k].key);
  }
}

/* RFC 4180: quotes around what holds a comma, a quote or a line end. */
static void put_field(struct strbuf *out, const char *text) {
  if (!strpbrk(text, ",\"\r\n")) {
    strbuf_puts(out, text);
    return;
  }
  strbuf_putc(out, '"');
  for (; *text; text++) {
    if (*text == '"')
      strbuf_putc(out, '"');
    strbuf_putc(out, *text);
  }
  strbuf_putc(out, '"');
}

static void put_number(struct strbuf *out, double x) {
  if (isfinite(x))
    strbuf_put_double(out, x);
}

static void put_json_field(struct strbuf *out, json_t *value) {
  if (json_is_string(value))
    put_field(out, json_string_value(value));
  else if (value && !json_is_null(value)) {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    put_field(out, text);
    free(text);
  }
  json_decref(value);
}

/* Of a study in which trials come from others: two more columns, empty for those that do not. */
static void put_origins(struct strbuf *out, const struct trial *t) {
  int64_t of[] = {t->parent, t->confirms};
  for (size_t i = 0; i < 2; i++) {
    strbuf_putc(out, ',');
    if (of[i] >= 0)
      strbuf_printf(out, "%lld", (long long)of[i]);
  }
}

static bool has_origins(const struct study *s) {
  return s->children > 0 || s->repeats > 0;
}

static void put_row(struct strbuf *out, const struct study *s, const struct trial *t, const struct columns *params,
                    const struct columns *attributes) {
  strbuf_printf(out, "%lld,%s,", (long long)t->number, trial_state_name(t->state));
  put_number(out, t->value);
  strbuf_printf(out, ",%lld,%.3f", (long long)t->step, t->seconds);
  for (size_t i = 0; i < params->n; i++) {
    const struct value *v = params_get(&t->params, params->names[i]);
    strbuf_putc(out, ',');
    put_json_field(out, v ? value_to_json(v) : NULL);
  }
  for (size_t i = 0; i < attributes->n; i++) {
    const char *json = trial_attribute(t, attributes->names[i]);
    strbuf_putc(out, ',');
    put_json_field(out, json ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL);
  }
  if (has_origins(s))
    put_origins(out, t);
  strbuf_putc(out, '\n');
}

static void put_heading(struct strbuf *out, const struct study *s, const struct columns *params,
                        const struct columns *attributes) {
  strbuf_puts(out, "number,state,value,steps,seconds");
  for (size_t i = 0; i < params->n; i++) {
    strbuf_putc(out, ',');
    put_field(out, params->names[i]);
  }
  for (size_t i = 0; i < attributes->n; i++) {
    strbuf_puts(out, is_column(params, attributes->names[i]) ? ",metric_" : ",");
    put_field(out, attributes->names[i]);
  }
  strbuf_puts(out, has_origins(s) ? ",parent,confirms\n" : "\n");
}

enum err report_trials_csv(const struct report_study *r, report_take take, void *context) {
  struct columns params = {0}, attributes = {0};
  struct strbuf out = STRBUF_INIT;
  enum err e = OK;
  find_columns(r->study, &params, &attributes);
  put_heading(&out, r->study, &params, &attributes);
  for (size_t i = 0; i < r->study->n && e == OK; i++) {
    put_row(&out, r->study, &r->study->trials[i], &params, &attributes);
    e = pass_on(&out, PIECE, take, context);
  }
  if (e == OK)
    e = pass_on(&out, 0, take, context);
  strbuf_free(&out);
  free(params.names);
  free(attributes.names);
  return e;
}
