/* Settings for the journal, and how two sets differ. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "conf/settings_store.h"

/* In the journal a setting that may be a list is one, however it was written, unless that makes a difference. */
static bool recorded_as_list(const struct entry *e) {
  return e->list || ((e->row->flags & LIST) && !(e->row->flags & EITHER));
}

static json_t *entry_to_json(const struct entry *e) {
  if (!recorded_as_list(e))
    return value_to_json(&e->values[0]);
  json_t *list = json_array();
  for (size_t i = 0; i < e->n; i++)
    json_array_append_new(list, value_to_json(&e->values[i]));
  return list;
}

static bool has_value(const struct entry *e) {
  return (e->given || e->row->fallback) && !strchr(e->key, '*');
}

struct json_t *settings_to_json(const struct settings *s, enum setting_class class) {
  json_t *out = json_object();
  for (size_t i = 0; i < s->n; i++)
    if (s->entries[i].row->class == class && has_value(&s->entries[i]))
      json_object_set_new(out, s->entries[i].key, entry_to_json(&s->entries[i]));
  return out;
}

/* 20 equals 20.0, except where a whole number means something else. */
static bool json_same(const struct setting *row, const json_t *a, const json_t *b) {
  if (json_is_array(a) && json_is_array(b)) {
    bool same = json_array_size(a) == json_array_size(b);
    for (size_t i = 0; same && i < json_array_size(a); i++)
      same = json_same(row, json_array_get(a, i), json_array_get(b, i));
    return same;
  }
  if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b) && !(row && row->flags & WHOLE))
    return json_number_value(a) >= json_number_value(b) && json_number_value(a) <= json_number_value(b);
  return json_equal(a, b);
}

static void put_json(const json_t *json, struct strbuf *out) {
  if (!json) {
    strbuf_puts(out, "not set");
    return;
  }
  if (json_is_string(json)) {
    strbuf_printf(out, "\"%s\"", json_string_value(json));
    return;
  }
  strbuf_puts(out, json_is_array(json) ? "(" : "");
  for (size_t i = 0; json_is_array(json) && i < json_array_size(json); i++) {
    strbuf_puts(out, i ? ", " : "");
    put_json(json_array_get(json, i), out);
  }
  if (json_is_array(json)) {
    strbuf_puts(out, ")");
    return;
  }
  char *text = json_text(json);
  strbuf_puts(out, text);
  free(text);
}

/* What a study that was recorded before the setting existed had: its default. */
static json_t *fallback_json(const char *key) {
  const struct setting *row = settings_row(key);
  struct entry e = {.row = row};
  json_t *json = NULL;
  if (row && row->fallback && !strchr(row->key, '*')) {
    entry_fallback(row, &e.values, &e.n, &e.list);
    json = entry_to_json(&e);
  }
  entry_free(&e);
  return json;
}

static size_t put_difference(const char *key, const json_t *before, const json_t *now, struct strbuf *out) {
  if (before && now && json_same(settings_row(key), before, now))
    return 0;
  strbuf_printf(out, "%s: ", key);
  put_json(before, out);
  strbuf_puts(out, " in the study, ");
  put_json(now, out);
  strbuf_puts(out, " now\n");
  return 1;
}

/* The hyperparameters in the order of their first keys: "lr, width". Random points depend on it. */
static void put_order(json_t *settings, struct strbuf *out) {
  const char *key, *last = "";
  json_t *ignored;
  size_t last_length = 0;
  json_object_foreach(settings, key, ignored) {
    if (strncmp(key, "space.", 6) != 0)
      continue;
    size_t length = 6 + strcspn(key + 6, ".");
    if (length != last_length || strncmp(key, last, length) != 0)
      strbuf_printf(out, "%s%.*s", out->len ? ", " : "", (int)length - 6, key + 6);
    last = key;
    last_length = length;
  }
}

static size_t order_difference(json_t *before, json_t *now, struct strbuf *out) {
  struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
  put_order(before, &a);
  put_order(now, &b);
  bool same = strcmp(a.text, b.text) == 0;
  if (!same)
    strbuf_printf(out, "space: in the order %s in the study, %s now\n", a.text, b.text);
  strbuf_free(&a);
  strbuf_free(&b);
  return !same;
}

size_t settings_difference(const struct settings *s, enum setting_class class, const struct json_t *recorded,
                           struct strbuf *out) {
  json_t *now = settings_to_json(s, class), *before = json_deep_copy(recorded), *value;
  const char *key;
  size_t n = 0;
  json_object_foreach(now, key, value) {
    json_t *known = json_incref(json_object_get(before, key));
    if (!known)
      known = fallback_json(key);
    n += put_difference(key, known, value, out);
    json_decref(known);
  }
  json_object_foreach(before, key, value) {
    const struct setting *row = settings_row(key);
    if (!json_object_get(now, key) && (!row || row->class == class))
      n += put_difference(key, value, NULL, out);
  }
  if (n == 0 && class == IDENTITY)
    n += order_difference(before, now, out);
  json_decref(now);
  json_decref(before);
  return n;
}
