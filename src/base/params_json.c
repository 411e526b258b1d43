/* params as JSON objects. JSON has no NaN and no infinity: such a float, and a value of no kind, becomes null, and null
 * is read back as a value of no kind. */
#include <jansson.h>
#include <math.h>

#include "base/params.h"

struct json_t *value_to_json(const struct value *v) {
  switch (v->kind) {
  case VALUE_NONE:
    break;
  case VALUE_FLOAT:
    return isfinite(v->as.f) ? json_real(v->as.f) : json_null();
  case VALUE_INT:
    return json_integer(v->as.i);
  case VALUE_BOOL:
    return json_boolean(v->as.b);
  case VALUE_TEXT: {
    json_t *text = json_string(v->as.text); /* NULL if it is not UTF-8 */
    return text ? text : json_string_nocheck(v->as.text);
  }
  }
  return json_null();
}

static const char *type_name(const json_t *json) {
  return json_is_object(json) ? "an object" : json_is_array(json) ? "an array" : "not a value";
}

enum err value_from_json(struct value *v, const struct json_t *json, const char *where) {
  switch (json ? json_typeof(json) : JSON_OBJECT) {
  case JSON_REAL:
    *v = value_float(json_real_value(json));
    return OK;
  case JSON_INTEGER:
    *v = value_int(json_integer_value(json));
    return OK;
  case JSON_TRUE:
  case JSON_FALSE:
    *v = value_bool(json_is_true(json));
    return OK;
  case JSON_STRING:
    *v = value_text(json_string_value(json));
    return OK;
  case JSON_NULL:
    *v = (struct value){.kind = VALUE_NONE};
    return OK;
  case JSON_OBJECT:
  case JSON_ARRAY:
    break;
  }
  return FAIL(ERR_INPUT, "%s: %s: give a number, true, false or a text", where, type_name(json));
}

struct json_t *params_to_json(const struct params *p) {
  json_t *object = json_object();
  for (size_t i = 0; i < p->n; i++)
    json_object_set_new_nocheck(object, p->items[i].name, value_to_json(&p->items[i].value));
  return object;
}

enum err params_from_json(struct params *p, const struct json_t *object, const char *where) {
  if (!json_is_object(object))
    return FAIL(ERR_INPUT, "%s: not an object: write {\"name\": value, ...}", where);
  struct params read;
  params_init(&read);
  json_t *source = (json_t *)(uintptr_t)object; /* jansson's iterators take no const; nothing is changed */
  for (void *at = json_object_iter(source); at; at = json_object_iter_next(source, at)) {
    const char *name = json_object_iter_key(at);
    struct value v;
    enum err e = value_from_json(&v, json_object_iter_value(at), where);
    if (e != OK) {
      params_free(&read);
      return FAIL(e, "%s: the value of \"%s\" cannot be taken", where, name);
    }
    params_set(&read, name, v);
  }
  params_free(p);
  *p = read;
  return OK;
}
