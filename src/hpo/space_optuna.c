/* The space in other words: Optuna's distributions, JSON, a hash of a point. */
#include <jansson.h>
#include <math.h>

#include "base/mem.h"
#include "hpo/space.h"

static void put_scalar(struct strbuf *b, const struct value *v) {
  if (v->kind == VALUE_TEXT)
    strbuf_put_json_string(b, v->as.text);
  else if (v->kind == VALUE_BOOL)
    strbuf_puts(b, v->as.b ? "true" : "false");
  else if (v->kind == VALUE_INT)
    strbuf_printf(b, "%lld", (long long)v->as.i);
  else if (v->kind == VALUE_FLOAT)
    strbuf_put_double(b, v->as.f);
  else
    strbuf_puts(b, "null");
}

void dimension_optuna_json(const struct dimension *d, struct strbuf *out) {
  const char *log = d->log ? "true" : "false";
  if (d->kind == DIM_FLOAT) {
    strbuf_puts(out, "{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": ");
    if (d->step > 0)
      strbuf_put_double(out, d->step);
    else
      strbuf_puts(out, "null");
    strbuf_puts(out, ", \"low\": ");
    strbuf_put_double(out, d->low);
    strbuf_puts(out, ", \"high\": ");
    strbuf_put_double(out, d->high);
    strbuf_printf(out, ", \"log\": %s}}", log);
  } else if (d->kind == DIM_INT) {
    strbuf_printf(out,
                  "{\"name\": \"IntDistribution\", \"attributes\": {\"log\": %s, \"step\": %lld, \"low\": %lld, "
                  "\"high\": %lld}}",
                  log, (long long)d->step, (long long)d->low, (long long)d->high);
  } else {
    strbuf_puts(out, "{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [");
    for (size_t k = 0; k < d->n_choices; k++) {
      strbuf_puts(out, k ? ", " : "");
      put_scalar(out, &d->choices[k]);
    }
    strbuf_puts(out, "]}}");
  }
}

double dimension_internal(const struct dimension *d, const struct value *v) {
  double x = (double)NAN;
  uint64_t cell;
  if (d->kind != DIM_CATEGORICAL && d->kind != DIM_FIXED)
    value_to_double(v, &x);
  else if (dimension_cell_of(d, v, &cell))
    x = (double)cell;
  return x;
}

enum err dimension_external(const struct dimension *d, double internal, struct value *out) {
  if (d->kind == DIM_CATEGORICAL || d->kind == DIM_FIXED) {
    if (!(internal >= 0 && internal < (double)d->n_choices && internal == floor(internal)))
      return FAIL(ERR_DAMAGED, "%s: category number %.17g must be a whole number from 0 to %zu", d->name, internal,
                  d->n_choices - 1);
    *out = value_copy(&d->choices[(size_t)internal]);
    return OK;
  }
  if (!(internal >= d->low && internal <= d->high))
    return FAIL(ERR_DAMAGED, "%s = %.17g must be in [%.17g, %.17g]", d->name, internal, d->low, d->high);
  if (d->kind == DIM_INT && internal != floor(internal))
    return FAIL(ERR_DAMAGED, "%s = %.17g must be a whole number", d->name, internal);
  *out = d->kind == DIM_INT ? value_int((int64_t)internal) : value_float(internal);
  return OK;
}

static json_t *values_to_json(const struct value *values, size_t n) {
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(list, value_to_json(&values[i]));
  return list;
}

static json_t *number_to_json(const struct dimension *d, double x) {
  return d->kind == DIM_INT ? json_integer((json_int_t)x) : json_real(x);
}

static json_t *dimension_to_json(const struct space *s, const struct dimension *d) {
  static const char *const kinds[] = {"float", "int", "categorical", "fixed"};
  json_t *o = json_pack("{s:s, s:s}", "name", d->name, "type", kinds[d->kind]);
  if (d->kind == DIM_FIXED)
    json_object_set_new(o, "value", value_to_json(&d->choices[0]));
  else if (d->kind == DIM_CATEGORICAL)
    json_object_set_new(o, "choices", values_to_json(d->choices, d->n_choices));
  else {
    json_object_set_new(o, "low", number_to_json(d, d->low));
    json_object_set_new(o, "high", number_to_json(d, d->high));
    if (d->step > 0)
      json_object_set_new(o, "step", number_to_json(d, d->step));
    if (d->log)
      json_object_set_new(o, "log", json_true());
  }
  if (d->n_conditions > 0) {
    json_t *when = json_object();
    for (size_t i = 0; i < d->n_conditions; i++)
      json_object_set_new(when, s->dims[d->conditions[i].parent].name,
                          values_to_json(d->conditions[i].values, d->conditions[i].n));
    json_object_set_new(o, "when", when);
  }
  return o;
}

struct json_t *space_to_json(const struct space *s) {
  json_t *list = json_array();
  for (size_t i = 0; i < s->n; i++)
    json_array_append_new(list, dimension_to_json(s, &s->dims[i]));
  return list;
}

/* FNV-1a over bytes; the finalizer of SplitMix64 spreads it over all bits. */
static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n) {
  const unsigned char *b = bytes;
  for (size_t i = 0; i < n; i++)
    h = (h ^ b[i]) * 0x100000001b3u;
  return h;
}

static uint64_t mix(uint64_t h) {
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

static uint64_t hash_value(uint64_t h, const struct value *v) {
  int64_t i = 0;
  bool whole = v->kind != VALUE_BOOL && value_to_int(v, &i);
  unsigned char kind = whole ? (unsigned char)VALUE_INT : (unsigned char)v->kind;
  h = hash_bytes(h, &kind, 1);
  if (whole)
    return hash_bytes(h, &i, sizeof i);
  switch (v->kind) {
  case VALUE_FLOAT:
    return hash_bytes(h, &v->as.f, sizeof v->as.f);
  case VALUE_BOOL:
    return hash_bytes(h, v->as.b ? "1" : "0", 1);
  case VALUE_TEXT:
    return hash_bytes(h, v->as.text, strlen(v->as.text));
  default:
    return h;
  }
}

/* A sum over the values, so that their order does not matter. Never 0, which may mark an empty place in a table. */
uint64_t params_hash(const struct params *p) {
  uint64_t sum = 0x9e3779b97f4a7c15u;
  for (size_t i = 0; i < p->n; i++) {
    const char *name = p->items[i].name;
    sum += mix(hash_value(hash_bytes(0xcbf29ce484222325u, name, strlen(name) + 1), &p->items[i].value));
  }
  sum = mix(sum);
  return sum ? sum : 1;
}
