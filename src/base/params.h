/* A flat set of named values: the one currency between search and training.
 *
 * Order is kept as added; names are unique. A value is a float, an integer, a truth value or a text. Numbers compare
 * and convert between float and integer where no digit is lost. */
#ifndef COXSWAIN_BASE_PARAMS_H
#define COXSWAIN_BASE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct json_t; /* jansson */

enum value_kind { VALUE_NONE, VALUE_FLOAT, VALUE_INT, VALUE_BOOL, VALUE_TEXT };

struct value {
  enum value_kind kind;
  union {
    double f;
    int64_t i;
    bool b;
    char *text; /* owned */
  } as;
};

struct value value_float(double x);
struct value value_int(int64_t x);
struct value value_bool(bool x);
struct value value_text(const char *text); /* copies */
struct value value_copy(const struct value *v);
void value_free(struct value *v);
bool value_equal(const struct value *a, const struct value *b); /* 3 equals 3.0; nothing else crosses kinds */
bool value_to_double(const struct value *v, double *out);       /* numbers and truth values */
bool value_to_int(const struct value *v, int64_t *out);         /* integers, floats without a fraction, truth values */

struct param {
  char *name; /* owned */
  struct value value;
};

/* A set with items and cap 0 is borrowed: its items and their texts belong to somebody else (a study's pool). It may be
 * read, copied from and freed, which does nothing. */
struct params {
  struct param *items;
  size_t n, cap;
};

void params_init(struct params *p);
void params_free(struct params *p);                                  /* leaves it initialised and empty */
void params_copy(struct params *dst, const struct params *src);      /* dst: initialised; its old content is freed */
void params_set(struct params *p, const char *name, struct value v); /* takes ownership of v; replaces */
const struct value *params_get(const struct params *p, const char *name); /* NULL if absent */
bool params_equal(const struct params *a, const struct params *b);        /* whatever the order */
double params_double(const struct params *p, const char *name, double fallback);

/* JSON: an object of scalars. `where` opens the messages ("points.json: point 3"). Caller owns the json_t. */
struct json_t *params_to_json(const struct params *p);
enum err params_from_json(struct params *p, const struct json_t *object, const char *where);
struct json_t *value_to_json(const struct value *v);
enum err value_from_json(struct value *v, const struct json_t *json, const char *where);
/* One line for people: "lr=0.001 layers=3 activation=relu"; floats with 4 significant digits. Caller frees. */
char *params_to_text(const struct params *p);

#endif
