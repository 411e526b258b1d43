#include "base/params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

struct value value_float(double x) {
  return (struct value){.kind = VALUE_FLOAT, .as.f = x};
}

struct value value_int(int64_t x) {
  return (struct value){.kind = VALUE_INT, .as.i = x};
}

struct value value_bool(bool x) {
  return (struct value){.kind = VALUE_BOOL, .as.b = x};
}

struct value value_text(const char *text) {
  return (struct value){.kind = VALUE_TEXT, .as.text = mem_strdup(text ? text : "")};
}

struct value value_copy(const struct value *v) {
  return v->kind == VALUE_TEXT ? value_text(v->as.text) : *v;
}

void value_free(struct value *v) {
  if (v->kind == VALUE_TEXT)
    free(v->as.text);
  *v = (struct value){.kind = VALUE_NONE};
}

/* A float as an integer, where that is exact: -2^63 is a double, 2^63 is the first one too large. */
static bool exact_int(double x, int64_t *out) {
  if (!(x >= -0x1p63 && x < 0x1p63) || x != floor(x))
    return false;
  *out = (int64_t)x;
  return true;
}

bool value_equal(const struct value *a, const struct value *b) {
  int64_t i;
  if (a->kind == VALUE_INT && b->kind == VALUE_FLOAT)
    return exact_int(b->as.f, &i) && i == a->as.i;
  if (a->kind == VALUE_FLOAT && b->kind == VALUE_INT)
    return value_equal(b, a);
  if (a->kind != b->kind)
    return false;
  switch (a->kind) {
  case VALUE_NONE:
    return true;
  case VALUE_FLOAT:
    return a->as.f == b->as.f || (isnan(a->as.f) && isnan(b->as.f));
  case VALUE_INT:
    return a->as.i == b->as.i;
  case VALUE_BOOL:
    return a->as.b == b->as.b;
  case VALUE_TEXT:
    return strcmp(a->as.text, b->as.text) == 0;
  }
  return false;
}

bool value_to_double(const struct value *v, double *out) {
  switch (v->kind) {
  case VALUE_FLOAT:
    *out = v->as.f;
    return true;
  case VALUE_INT:
    *out = (double)v->as.i;
    return true;
  case VALUE_BOOL:
    *out = v->as.b ? 1.0 : 0.0;
    return true;
  case VALUE_NONE:
  case VALUE_TEXT:
    break;
  }
  return false;
}

bool value_to_int(const struct value *v, int64_t *out) {
  switch (v->kind) {
  case VALUE_FLOAT:
    return exact_int(v->as.f, out);
  case VALUE_INT:
    *out = v->as.i;
    return true;
  case VALUE_BOOL:
    *out = v->as.b;
    return true;
  case VALUE_NONE:
  case VALUE_TEXT:
    break;
  }
  return false;
}

void params_init(struct params *p) {
  *p = (struct params){0};
}

void params_free(struct params *p) {
  for (size_t i = 0; i < p->n && p->cap; i++) {
    free(p->items[i].name);
    value_free(&p->items[i].value);
  }
  if (p->cap)
    free(p->items);
  params_init(p);
}

void params_copy(struct params *dst, const struct params *src) {
  if (dst == src)
    return;
  params_free(dst);
  for (size_t i = 0; i < src->n; i++)
    params_set(dst, src->items[i].name, value_copy(&src->items[i].value));
}

static struct param *find(const struct params *p, const char *name) {
  for (size_t i = 0; i < p->n; i++)
    if (strcmp(p->items[i].name, name) == 0)
      return &p->items[i];
  return NULL;
}

/* A borrowed set becomes one of its own. */
static void own(struct params *p) {
  struct params copy;
  params_init(&copy);
  params_copy(&copy, p);
  *p = copy;
}

void params_set(struct params *p, const char *name, struct value v) {
  if (p->n && !p->cap)
    own(p);
  struct param *known = find(p, name);
  if (known) {
    value_free(&known->value);
    known->value = v;
    return;
  }
  MEM_GROW(p->items, p->n, &p->cap);
  p->items[p->n++] = (struct param){.name = mem_strdup(name), .value = v};
}

const struct value *params_get(const struct params *p, const char *name) {
  const struct param *found = find(p, name);
  return found ? &found->value : NULL;
}

bool params_equal(const struct params *a, const struct params *b) {
  if (a->n != b->n)
    return false;
  for (size_t i = 0; i < a->n; i++) {
    const struct value *other = params_get(b, a->items[i].name);
    if (!other || !value_equal(&a->items[i].value, other))
      return false;
  }
  return true;
}

double params_double(const struct params *p, const char *name, double fallback) {
  const struct value *v = params_get(p, name);
  double x;
  return v && value_to_double(v, &x) ? x : fallback;
}

static void put_value(struct strbuf *b, const struct value *v) {
  switch (v->kind) {
  case VALUE_NONE:
    strbuf_puts(b, "none");
    break;
  case VALUE_FLOAT:
    strbuf_printf(b, "%.4g", v->as.f);
    break;
  case VALUE_INT:
    strbuf_printf(b, "%lld", (long long)v->as.i);
    break;
  case VALUE_BOOL:
    strbuf_puts(b, v->as.b ? "true" : "false");
    break;
  case VALUE_TEXT:
    strbuf_puts(b, v->as.text);
    break;
  }
}

char *params_to_text(const struct params *p) {
  struct strbuf b = STRBUF_INIT;
  for (size_t i = 0; i < p->n; i++) {
    strbuf_printf(&b, "%s%s=", i ? " " : "", p->items[i].name);
    put_value(&b, &p->items[i].value);
  }
  return strbuf_detach(&b);
}
