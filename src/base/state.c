#include "base/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

static const char *const type_names[] = {"float32", "float64", "int64", "text"};

size_t state_element_size(enum state_type type) {
  switch (type) {
  case STATE_F32:
    return sizeof(float);
  case STATE_F64:
    return sizeof(double);
  case STATE_I64:
    return sizeof(int64_t);
  case STATE_TEXT:
    return 1;
  }
  return 0;
}

static size_t bytes_of(const struct state_array *a) {
  return a->n * state_element_size(a->type);
}

void state_init(struct state *s) {
  *s = (struct state){0};
}

void state_free(struct state *s) {
  for (size_t i = 0; i < s->n; i++)
    free(s->items[i].data);
  free(s->items);
  state_init(s);
}

void state_copy(struct state *dst, const struct state *src) {
  if (dst == src)
    return;
  state_free(dst);
  for (size_t i = 0; i < src->n; i++)
    state_put(dst, src->items[i].name, src->items[i].type, src->items[i].data, src->items[i].n);
}

static struct state_array *find(const struct state *s, const char *name) {
  for (size_t i = 0; i < s->n; i++)
    if (strcmp(s->items[i].name, name) == 0)
      return &s->items[i];
  return NULL;
}

/* Names are chosen by the program, never by a user: one that does not fit would silently stand for another. */
static void require_name(const char *name) {
  if (name[0] != '\0' && strlen(name) < sizeof((struct state_array *)0)->name)
    return;
  fprintf(stderr, "coxswain: bug: '%s' cannot name an array of a state: 1 to 63 bytes\n", name);
  _exit(70);
}

void *state_put(struct state *s, const char *name, enum state_type type, const void *data, size_t n) {
  require_name(name);
  size_t bytes = n * state_element_size(type);
  char *copy = mem_alloc(bytes + 1); /* texts end in a NUL that n does not count */
  if (data && bytes)
    memcpy(copy, data, bytes);
  struct state_array *a = find(s, name);
  if (a) {
    free(a->data);
  } else {
    MEM_GROW(s->items, s->n, &s->cap);
    a = &s->items[s->n++];
    memset(a, 0, sizeof *a);
    memcpy(a->name, name, strlen(name));
  }
  a->type = type;
  a->n = n;
  a->data = copy;
  return copy;
}

void state_put_text(struct state *s, const char *name, const char *text) {
  state_put(s, name, STATE_TEXT, text, strlen(text));
}

void state_put_i64(struct state *s, const char *name, int64_t x) {
  state_put(s, name, STATE_I64, &x, 1);
}

void state_put_f64(struct state *s, const char *name, double x) {
  state_put(s, name, STATE_F64, &x, 1);
}

const struct state_array *state_get(const struct state *s, const char *name) {
  return find(s, name);
}

enum err state_take(const struct state *s, const char *name, enum state_type type, void *out, size_t n) {
  const struct state_array *a = find(s, name);
  if (!a)
    return FAIL(ERR_DAMAGED, "the state has no array '%s' (%zu of %s wanted): it was saved by another model or version",
                name, n, type_names[type]);
  if (a->type != type || a->n != n)
    return FAIL(ERR_DAMAGED, "the state's array '%s' holds %zu of %s, %zu of %s wanted: it was saved by another model",
                name, a->n, type_names[a->type], n, type_names[type]);
  if (n)
    memcpy(out, a->data, bytes_of(a));
  return OK;
}

enum err state_take_i64(const struct state *s, const char *name, int64_t *out) {
  TRY(state_take(s, name, STATE_I64, out, 1));
  return OK;
}

enum err state_take_f64(const struct state *s, const char *name, double *out) {
  TRY(state_take(s, name, STATE_F64, out, 1));
  return OK;
}

const char *state_text(const struct state *s, const char *name) {
  const struct state_array *a = find(s, name);
  return a && a->type == STATE_TEXT ? a->data : NULL;
}

size_t state_bytes(const struct state *s) {
  size_t sum = 0;
  for (size_t i = 0; i < s->n; i++)
    sum += bytes_of(&s->items[i]);
  return sum;
}

uint32_t state_crc(const struct state *s) {
  uint32_t crc = 0;
  for (size_t i = 0; i < s->n; i++) {
    const struct state_array *a = &s->items[i];
    uint64_t shape[2] = {(uint64_t)a->type, a->n};
    crc = hash_crc32(crc, a->name, strlen(a->name) + 1);
    crc = hash_crc32(crc, shape, sizeof shape);
    crc = hash_crc32(crc, a->data, bytes_of(a));
  }
  return crc;
}
