/* The codec between points of the unit cube and named values. */
#include "hpo/space.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* Values typed by hand or printed with a few digits still find their place on a grid of floats. */
#define GRID_TOLERANCE 1e-9

void space_free(struct space *s) {
  for (size_t i = 0; i < s->n; i++) {
    struct dimension *d = &s->dims[i];
    free(d->name);
    for (size_t k = 0; k < d->n_choices; k++)
      value_free(&d->choices[k]);
    free(d->choices);
    for (size_t k = 0; k < d->n_conditions; k++) {
      for (size_t v = 0; v < d->conditions[k].n; v++)
        value_free(&d->conditions[k].values[v]);
      free(d->conditions[k].values);
    }
    free(d->conditions);
  }
  free(s->dims);
  free(s->order);
  *s = (struct space){0};
}

const struct dimension *space_dimension(const struct space *s, const char *name) {
  for (size_t i = 0; i < s->n; i++)
    if (strcmp(s->dims[i].name, name) == 0)
      return &s->dims[i];
  return NULL;
}

uint64_t dimension_cells(const struct dimension *d) {
  if (d->kind == DIM_FIXED || d->kind == DIM_CATEGORICAL)
    return d->n_choices;
  if (d->low == d->high)
    return 1;
  return d->step > 0 ? (uint64_t)llround((d->high - d->low) / d->step) + 1 : 0;
}

static double between(double a, double b, double u) {
  return a + u * (b - a);
}

/* Whole numbers spread in the logarithm have shares log((x + 1/2) / (x - 1/2)): what rounding a continuous log-uniform
 * number on [low - 1/2, high + 1/2] gives. */
static uint64_t cell_at(const struct dimension *d, double u) {
  uint64_t n = dimension_cells(d);
  double k = d->kind == DIM_INT && d->log ? nearbyint(exp(between(log(d->low - 0.5), log(d->high + 0.5), u))) - d->low
                                          : floor(u * (double)n);
  if (!(k > 0))
    return 0;
  return k < (double)n ? (uint64_t)k : n - 1;
}

double dimension_cell_centre(const struct dimension *d, uint64_t cell) {
  uint64_t n = dimension_cells(d);
  if (n <= 1)
    return 0.5;
  if (d->kind != DIM_INT || !d->log)
    return ((double)cell + 0.5) / (double)n;
  double x = d->low + (double)cell, first = log(d->low - 0.5), last = log(d->high + 0.5);
  return (0.5 * (log(x - 0.5) + log(x + 0.5)) - first) / (last - first);
}

double dimension_round(double x) {
  char digits[32];
  snprintf(digits, sizeof digits, "%.15g", x);
  return strtod(digits, NULL);
}

static double number_of_cell(const struct dimension *d, uint64_t cell) {
  if (cell == 0)
    return d->low;
  if (cell + 1 >= dimension_cells(d))
    return d->high;
  double x = d->low + (double)cell * d->step;
  return d->kind == DIM_INT ? x : dimension_round(x);
}

static double continuous_at(const struct dimension *d, double u) {
  if (!(u > 0))
    return d->low;
  if (u >= 1)
    return d->high;
  double x = d->log ? exp(between(log(d->low), log(d->high), u)) : between(d->low, d->high, u);
  return fmin(fmax(x, d->low), d->high);
}

/* The inverse of continuous_at. Rounding may put the quotient a few units in the last place beside the u that x came
 * from, so the neighbours are tried; a number that no u reaches gets the u of a number next to it. */
static double continuous_u(const struct dimension *d, double x) {
  double u = d->log ? (log(x) - log(d->low)) / (log(d->high) - log(d->low)) : (x - d->low) / (d->high - d->low);
  u = fmin(fmax(u, 0.0), 1.0);
  double up = u, down = u;
  for (int i = 0; i < 64; i++) {
    if (continuous_at(d, up) == x)
      return up;
    if (continuous_at(d, down) == x)
      return down;
    up = fmin(nextafter(up, 2.0), 1.0);
    down = fmax(nextafter(down, -1.0), 0.0);
  }
  return u;
}

struct value dimension_value(const struct dimension *d, double u) {
  if (d->kind == DIM_FIXED)
    return d->choices[0];
  if (d->kind == DIM_CATEGORICAL)
    return d->choices[cell_at(d, u)];
  if (d->kind == DIM_INT)
    return value_int((int64_t)number_of_cell(d, cell_at(d, u)));
  return value_float(dimension_cells(d) > 0 ? number_of_cell(d, cell_at(d, u)) : continuous_at(d, u));
}

static bool is_number(const struct value *v) {
  return v->kind == VALUE_FLOAT || v->kind == VALUE_INT;
}

bool dimension_cell_of(const struct dimension *d, const struct value *v, uint64_t *cell) {
  *cell = 0;
  for (size_t k = 0; k < d->n_choices; k++)
    if (value_equal(&d->choices[k], v)) {
      *cell = k;
      return true;
    }
  double x;
  if (d->kind == DIM_FIXED || d->kind == DIM_CATEGORICAL || !is_number(v) || !value_to_double(v, &x))
    return false;
  if (!(x >= d->low && x <= d->high))
    return false;
  if (d->step == 0 || d->low == d->high)
    return true;
  double place = (x - d->low) / d->step, nearest = nearbyint(place);
  *cell = (uint64_t)nearest;
  return d->kind == DIM_INT ? x == number_of_cell(d, *cell) : fabs(place - nearest) <= GRID_TOLERANCE * (1 + nearest);
}

static bool condition_holds(const struct condition *c, const struct value *v) {
  for (size_t i = 0; i < c->n; i++)
    if (value_equal(&c->values[i], v))
      return true;
  return false;
}

static double coordinate_of(const struct dimension *d, const double *u) {
  return d->kind == DIM_FIXED ? 0.5 : u[d->coordinate];
}

static bool active_at(const struct space *s, const struct dimension *d, const double *u) {
  for (size_t i = 0; i < d->n_conditions; i++) {
    const struct dimension *parent = &s->dims[d->conditions[i].parent];
    struct value v = dimension_value(parent, coordinate_of(parent, u));
    if (!condition_holds(&d->conditions[i], &v) || !active_at(s, parent, u))
      return false;
  }
  return true;
}

bool space_active(const struct space *s, const struct dimension *d, const struct params *p) {
  for (size_t i = 0; i < d->n_conditions; i++) {
    const struct dimension *parent = &s->dims[d->conditions[i].parent];
    const struct value *v = parent->kind == DIM_FIXED ? &parent->choices[0] : params_get(p, parent->name);
    if (!v || !condition_holds(&d->conditions[i], v) || !space_active(s, parent, p))
      return false;
  }
  return true;
}

void space_decode(const struct space *s, const double *u, struct params *p) {
  params_free(p);
  for (size_t i = 0; i < s->n; i++) {
    const struct dimension *d = &s->dims[i];
    if (!active_at(s, d, u))
      continue;
    struct value v = dimension_value(d, coordinate_of(d, u));
    params_set(p, d->name, value_copy(&v));
  }
}

bool space_has_conditions(const struct space *s) {
  for (size_t i = 0; i < s->n; i++)
    if (s->dims[i].n_conditions)
      return true;
  return false;
}

void space_active_coordinates(const struct space *s, const double *u, bool *active) {
  for (size_t i = 0; i < s->n; i++)
    if (s->dims[i].coordinate != SIZE_MAX)
      active[s->dims[i].coordinate] = active_at(s, &s->dims[i], u);
}

static void put_value(struct strbuf *b, const struct value *v) {
  if (v->kind == VALUE_TEXT)
    strbuf_printf(b, "\"%s\"", v->as.text);
  else if (v->kind == VALUE_BOOL)
    strbuf_puts(b, v->as.b ? "true" : "false");
  else if (v->kind == VALUE_INT)
    strbuf_printf(b, "%lld", (long long)v->as.i);
  else
    strbuf_put_double(b, v->as.f);
}

/* "in [1, 9]", "in [0.0, 1.0] in steps of 0.1", "one of relu, elu" for messages. */
static void put_range(struct strbuf *b, const struct dimension *d) {
  if (d->kind == DIM_FIXED || d->kind == DIM_CATEGORICAL) {
    strbuf_puts(b, d->kind == DIM_FIXED ? "" : "one of ");
    for (size_t k = 0; k < d->n_choices; k++) {
      strbuf_puts(b, k ? ", " : "");
      put_value(b, &d->choices[k]);
    }
    return;
  }
  struct value low = dimension_value(d, 0), high = dimension_value(d, 1);
  strbuf_puts(b, d->kind == DIM_INT ? "a whole number in [" : "a number in [");
  put_value(b, &low);
  strbuf_puts(b, ", ");
  put_value(b, &high);
  strbuf_puts(b, "]");
  if (d->step > 0 && !(d->kind == DIM_INT && d->step == 1))
    strbuf_printf(b, " in steps of %g", d->step);
}

static enum err refuse_value(const struct dimension *d, const struct value *v, const char *where) {
  struct strbuf given = STRBUF_INIT, range = STRBUF_INIT;
  if (v->kind == VALUE_NONE)
    strbuf_puts(&given, "null");
  else
    put_value(&given, v);
  put_range(&range, d);
  enum err e = FAIL(ERR_INPUT, "%s: %s = %s must be %s", where, d->name, given.text, range.text);
  strbuf_free(&given);
  strbuf_free(&range);
  return e;
}

static enum err refuse_inactive(const struct space *s, const struct dimension *d, const struct params *p,
                                const char *where) {
  for (size_t i = 0; i < d->n_conditions; i++) {
    const struct dimension *parent = &s->dims[d->conditions[i].parent];
    const struct value *v = params_get(p, parent->name);
    if (v && condition_holds(&d->conditions[i], v))
      continue;
    struct strbuf now = STRBUF_INIT;
    if (v)
      put_value(&now, v);
    enum err e = FAIL(ERR_INPUT, "%s: %s is given, but it is only there for other values of %s than %s: leave it out",
                      where, d->name, parent->name, v ? now.text : "none");
    strbuf_free(&now);
    return e;
  }
  return FAIL(ERR_INPUT, "%s: %s is given, but the hyperparameters it depends on are not there: leave it out", where,
              d->name);
}

static enum err check_names(const struct space *s, const struct params *p, const char *where) {
  for (size_t i = 0; i < p->n; i++) {
    if (space_dimension(s, p->items[i].name))
      continue;
    const char **names = MEM_NEW_ARRAY(const char *, s->n + 1);
    for (size_t k = 0; k < s->n; k++)
      names[k] = s->dims[k].name;
    const char *near = nearest_word(p->items[i].name, names, s->n);
    free(names);
    return FAIL(ERR_INPUT, "%s: %s is not a hyperparameter of this space%s%s%s", where, p->items[i].name,
                near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
  }
  return OK;
}

static enum err encode_one(const struct dimension *d, const struct value *v, double *u, const char *where) {
  uint64_t cell;
  if (!dimension_cell_of(d, v, &cell))
    return refuse_value(d, v, where);
  double x = 0;
  value_to_double(v, &x);
  if (d->kind != DIM_FIXED)
    u[d->coordinate] = dimension_cells(d) > 0 ? dimension_cell_centre(d, cell) : continuous_u(d, x);
  return OK;
}

enum err space_encode(const struct space *s, const struct params *p, double *u, const char *where) {
  TRY(check_names(s, p, where));
  for (size_t i = 0; i < s->n; i++) {
    const struct dimension *d = &s->dims[s->order[i]];
    const struct value *v = params_get(p, d->name);
    bool active = space_active(s, d, p);
    if (d->kind != DIM_FIXED)
      u[d->coordinate] = 0.5;
    if (v && !active)
      return refuse_inactive(s, d, p, where);
    if (v)
      TRY(encode_one(d, v, u, where));
    else if (active && d->kind != DIM_FIXED) {
      struct strbuf range = STRBUF_INIT;
      put_range(&range, d);
      enum err e = FAIL(ERR_INPUT, "%s: %s is missing: %s", where, d->name, range.text);
      strbuf_free(&range);
      return e;
    }
  }
  return OK;
}

enum err space_adopt(const struct space *s, struct params *p, double *u, const char *where) {
  TRY(space_encode(s, p, u, where));
  struct params own;
  params_init(&own);
  space_decode(s, u, &own);
  for (size_t i = 0; i < own.n; i++)
    if (dimension_cells(space_dimension(s, own.items[i].name)) == 0) {
      double x = params_double(p, own.items[i].name, 0); /* as given, where no u reaches it */
      params_set(&own, own.items[i].name, value_float(x));
    }
  params_free(p);
  *p = own;
  return OK;
}
