#include "par/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Ranks of one job share architecture and byte order: values travel as they lie in memory. */
void put_i64(struct strbuf *b, int64_t x) {
  strbuf_add(b, &x, sizeof x);
}
void put_f64(struct strbuf *b, double x) {
  strbuf_add(b, &x, sizeof x);
}

void put_text(struct strbuf *b, const char *text) {
  put_i64(b, text ? (int64_t)strlen(text) : -1);
  if (text)
    strbuf_puts(b, text);
}

static void put_value(struct strbuf *b, const struct value *v) {
  put_i64(b, v->kind);
  switch (v->kind) {
  case VALUE_NONE:
    break;
  case VALUE_FLOAT:
    put_f64(b, v->as.f);
    break;
  case VALUE_INT:
    put_i64(b, v->as.i);
    break;
  case VALUE_BOOL:
    put_i64(b, v->as.b);
    break;
  case VALUE_TEXT:
    put_text(b, v->as.text);
    break;
  }
}

void put_params(struct strbuf *b, const struct params *p) {
  put_i64(b, (int64_t)p->n);
  for (size_t i = 0; i < p->n; i++) {
    put_text(b, p->items[i].name);
    put_value(b, &p->items[i].value);
  }
}

struct reader reader_of(const struct strbuf *b) {
  return (struct reader){.bytes = b->text, .n = b->len};
}
bool reader_more(const struct reader *r) {
  return !r->bad && r->at < r->n;
}

static bool take(struct reader *r, void *out, size_t n) {
  if (r->bad || n > r->n - r->at) {
    r->bad = true;
    return false;
  }
  memcpy(out, r->bytes + r->at, n);
  r->at += n;
  return true;
}

int64_t get_i64(struct reader *r) {
  int64_t x = 0;
  return take(r, &x, sizeof x) ? x : 0;
}

double get_f64(struct reader *r) {
  double x = 0;
  return take(r, &x, sizeof x) ? x : 0;
}

char *get_text(struct reader *r) {
  int64_t n = get_i64(r);
  if (r->bad || n < 0)
    return NULL;
  if ((uint64_t)n > r->n - r->at) {
    r->bad = true;
    return NULL;
  }
  char *text = mem_alloc((size_t)n + 1);
  take(r, text, (size_t)n);
  return text;
}

static struct value get_value(struct reader *r) {
  struct value v = {.kind = VALUE_NONE};
  switch (get_i64(r)) {
  case VALUE_FLOAT:
    return value_float(get_f64(r));
  case VALUE_INT:
    return value_int(get_i64(r));
  case VALUE_BOOL:
    return value_bool(get_i64(r) != 0);
  case VALUE_TEXT: {
    char *text = get_text(r);
    v = value_text(text ? text : "");
    free(text);
    return v;
  }
  default:
    return v;
  }
}

void get_params(struct reader *r, struct params *p) {
  params_free(p);
  int64_t n = get_i64(r);
  for (int64_t i = 0; i < n && !r->bad; i++) {
    char *name = get_text(r);
    struct value v = get_value(r);
    if (name && !r->bad)
      params_set(p, name, v);
    else
      value_free(&v);
    free(name);
  }
}
