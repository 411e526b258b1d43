/* A trial's state as named arrays: what an evaluator hands over and the store keeps. Canonical and complete: everything
 * the next step reads is in it, so that any worker can take it up and go on with the same bits. */
#ifndef COXSWAIN_BASE_STATE_H
#define COXSWAIN_BASE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"

enum state_type { STATE_F32, STATE_F64, STATE_I64, STATE_TEXT };

struct state_array {
  char name[64];
  enum state_type type;
  size_t n;   /* elements; bytes for STATE_TEXT */
  void *data; /* owned */
};

struct state {
  struct state_array *items;
  size_t n, cap;
};

void state_init(struct state *s);
void state_free(struct state *s); /* leaves it initialised and empty */
void state_copy(struct state *dst, const struct state *src);
/* Adds or replaces; copies n elements. Returns the stored array so that it can be filled when `data` is NULL. */
void *state_put(struct state *s, const char *name, enum state_type type, const void *data, size_t n);
void state_put_text(struct state *s, const char *name, const char *text);
void state_put_i64(struct state *s, const char *name, int64_t x);
void state_put_f64(struct state *s, const char *name, double x);
const struct state_array *state_get(const struct state *s, const char *name); /* NULL if absent */
/* Copies exactly n elements of that type out, else ERR_DAMAGED with both shapes in the message. */
enum err state_take(const struct state *s, const char *name, enum state_type type, void *out, size_t n);
enum err state_take_i64(const struct state *s, const char *name, int64_t *out);
enum err state_take_f64(const struct state *s, const char *name, double *out);
const char *state_text(const struct state *s, const char *name); /* NUL-terminated; NULL if absent */
size_t state_bytes(const struct state *s);
size_t state_element_size(enum state_type type);
uint32_t state_crc(const struct state *s); /* over names, types and bytes in order: equal states, equal sums */

/* Flat bytes for messages between ranks. */
void state_pack(const struct state *s, struct strbuf *out);
enum err state_unpack(struct state *s, const void *bytes, size_t n);

#endif
