#include "hpo/learned.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "hpo/study_parts.h"

bool learned_is_chunk(const struct op *op) {
  return op->kind == OP_STUDY_ATTR && op->system && !op->foreign &&
         strncmp(op->name, LEARNED_PREFIX, strlen(LEARNED_PREFIX)) == 0;
}

/* ---- to text ---- */

static json_t *row_json(const struct space *space, const struct lesson *l) {
  json_t *row = json_array();
  json_array_append_new(row, json_real(l->value));
  for (size_t i = 0; i < space->n; i++) {
    const struct value *v = params_get(&l->params, space->dims[i].name);
    if (space->dims[i].kind != DIM_FIXED)
      json_array_append_new(row, v ? value_to_json(v) : json_null());
  }
  return row;
}

void learned_format(const struct space *space, const char *from, int64_t step, const struct lesson *lessons, size_t n,
                    struct strbuf *out) {
  json_t *names = json_array(), *rows = json_array();
  for (size_t i = 0; i < space->n; i++)
    if (space->dims[i].kind != DIM_FIXED)
      json_array_append_new(names, json_string(space->dims[i].name));
  for (size_t i = 0; i < n; i++)
    json_array_append_new(rows, row_json(space, &lessons[i]));
  json_t *chunk =
      json_pack("{s:s, s:I, s:o, s:o}", "from", from, "step", (json_int_t)step, "names", names, "rows", rows);
  char *text = json_text(chunk);
  strbuf_puts(out, text);
  free(text);
  json_decref(chunk);
}

/* ---- into the history ---- */

static enum err row_params(const json_t *names, const json_t *row, struct params *p) {
  params_init(p);
  if (json_array_size(row) != json_array_size(names) + 1 || !json_is_number(json_array_get(row, 0)))
    return FAIL(ERR_DAMAGED, "a row of a point that was learned has no value, or not one for each name");
  for (size_t i = 0; i < json_array_size(names); i++) {
    const json_t *cell = json_array_get(row, i + 1);
    const char *name = json_string_value(json_array_get(names, i));
    struct value v;
    if (json_is_null(cell))
      continue;
    if (!name)
      return FAIL(ERR_DAMAGED, "a name of the points that were learned is no text");
    TRY(value_from_json(&v, cell, name));
    params_set(p, name, v);
  }
  return OK;
}

/* The first time a row is only looked at, so that of a chunk with a fault nothing is taken. */
static enum err take_row(struct study *s, const json_t *names, const json_t *row, int64_t step, bool only_look) {
  struct params p;
  double *u = MEM_NEW_ARRAY(double, s->space->n_coordinates + 1);
  enum err e = row_params(names, row, &p);
  if (e == OK && !only_look) {
    if (space_encode(s->space, &p, u, "journal") == OK)
      history_learn(s, u, json_number_value(json_array_get(row, 0)), step);
    else
      err_clear();
  }
  params_free(&p);
  free(u);
  return e;
}

enum err learned_apply(struct study *s, const char *json) {
  if (!s->space)
    return OK;
  json_t *chunk = json_loads(json, 0, NULL);
  const json_t *names = json_object_get(chunk, "names"), *rows = json_object_get(chunk, "rows"),
               *step = json_object_get(chunk, "step");
  enum err e = json_is_array(names) && json_is_array(rows) && json_is_integer(step)
                   ? OK
                   : FAIL(ERR_DAMAGED, "points that were learned: names, rows or step are missing");
  for (int look = 1; look >= 0; look--)
    for (size_t i = 0; e == OK && i < json_array_size(rows); i++)
      e = take_row(s, names, json_array_get(rows, i), json_integer_value(step), look);
  json_decref(chunk);
  return e;
}
