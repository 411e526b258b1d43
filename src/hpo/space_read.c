/* The space from the group `space` of a study file. A hyperparameter with a mistake stays in the space as a harmless
 * stand-in, so that reading goes on and finds the next mistake. */
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "hpo/space_read.h"

#define LARGEST_WHOLE 9007199254740992.0 /* 2^53: up to here doubles hold every whole number */
#define MOST_CELLS 1e15                  /* cells of a grid still have distinct centres in [0, 1] */

/* One hyperparameter while it is read. */
struct reading {
  const struct settings *conf;
  struct complaints *c;
  struct dimension *d;
  bool sound; /* no complaint so far */
};

char *space_key(const char *name, const char *key) {
  struct strbuf b = STRBUF_INIT;
  strbuf_printf(&b, "space.%s.%s", name, key);
  return strbuf_detach(&b);
}

static bool given(const struct reading *r, const char *key) {
  char *full = space_key(r->d->name, key);
  bool there = settings_given(r->conf, full);
  free(full);
  return there;
}

static double number(const struct reading *r, const char *key) {
  char *full = space_key(r->d->name, key);
  double x = settings_double(r->conf, full);
  free(full);
  return x;
}

/* Where a complaint about `key` points to: its line, or that of any other key of the hyperparameter. */
static int line_of(const struct reading *r, const char *key, const char **file) {
  static const char *const keys[] = {"type", "low", "high", "step", "log", "choices", "value", "resolution"};
  char *full = space_key(r->d->name, key);
  int line = settings_line(r->conf, full, file);
  free(full);
  for (size_t i = 0; line == 0 && i < sizeof keys / sizeof *keys; i++)
    if (given(r, keys[i])) {
      full = space_key(r->d->name, keys[i]);
      line = settings_line(r->conf, full, file);
      free(full);
    }
  return line;
}

__attribute__((format(printf, 3, 4))) static void fault(struct reading *r, const char *key, const char *format, ...) {
  struct strbuf text = STRBUF_INIT;
  va_list args;
  va_start(args, format);
  strbuf_vprintf(&text, format, args);
  va_end(args);
  const char *file = NULL;
  int line = line_of(r, key, &file);
  complain(r->c, file, line, "space.%s: %s", r->d->name, text.text);
  strbuf_free(&text);
  r->sound = false;
}

static const char *const kind_names[] = {"float", "int", "categorical", "fixed"};

/* 3 is written as a whole number, 3.0 is not. */
static bool written_whole(const struct reading *r, const char *key) {
  char *full = space_key(r->d->name, key);
  size_t n = 0;
  const struct value *v = settings_list(r->conf, full, &n);
  bool whole = n == 1 && v[0].kind == VALUE_INT;
  free(full);
  return whole;
}

static bool find_kind(struct reading *r, enum dimension_kind *kind) {
  if (given(r, "type")) {
    char *full = space_key(r->d->name, "type");
    const char *type = settings_text(r->conf, full);
    bool found = false;
    for (int k = DIM_FLOAT; k <= DIM_FIXED && !found; k++)
      if ((found = strcmp(kind_names[k], type) == 0))
        *kind = (enum dimension_kind)k;
    free(full);
    return found;
  }
  if (given(r, "choices"))
    *kind = DIM_CATEGORICAL;
  else if (given(r, "value"))
    *kind = DIM_FIXED;
  else if (given(r, "low") || given(r, "high")) {
    bool whole = (!given(r, "low") || written_whole(r, "low")) && (!given(r, "high") || written_whole(r, "high"));
    *kind = whole && (!given(r, "step") || written_whole(r, "step")) ? DIM_INT : DIM_FLOAT;
  } else {
    fault(r, "type", "give low and high for a number, choices for categories, or value for a fixed one");
    return false;
  }
  return true;
}

/* Keys that a kind does not have, and keys it cannot do without. */
static void check_keys(struct reading *r, enum dimension_kind kind) {
  static const struct {
    const char *key;
    bool fits[4], needed[4]; /* by kind: float, int, categorical, fixed */
  } keys[] = {
      {"low", {true, true, false, false}, {true, true, false, false}},
      {"high", {true, true, false, false}, {true, true, false, false}},
      {"step", {true, true, false, false}, {false}},
      {"log", {true, true, false, false}, {false}},
      {"resolution", {true, true, false, false}, {false}},
      {"choices", {false, false, true, false}, {false, false, true, false}},
      {"value", {false, false, false, true}, {false, false, false, true}},
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    bool there = given(r, keys[i].key);
    if (there && !keys[i].fits[kind])
      fault(r, keys[i].key, "%s does not belong to a hyperparameter of type %s", keys[i].key, kind_names[kind]);
    if (!there && keys[i].needed[kind])
      fault(r, "type", "%s is missing: type %s needs it", keys[i].key, kind_names[kind]);
  }
}

static void read_choices(struct reading *r, const char *key) {
  char *full = space_key(r->d->name, key);
  size_t n = 0;
  const struct value *values = settings_list(r->conf, full, &n);
  free(full);
  if (n == 0) {
    fault(r, key, "%s is empty: name at least one value", key);
    return;
  }
  r->d->choices = MEM_NEW_ARRAY(struct value, n);
  r->d->n_choices = n;
  for (size_t i = 0; i < n; i++) {
    r->d->choices[i] = value_copy(&values[i]);
    for (size_t k = 0; k < i; k++)
      if (value_equal(&values[i], &values[k])) {
        char *text = space_value_text(&values[i]);
        fault(r, key, "choice %zu repeats choice %zu, %s: name each once", i + 1, k + 1, text);
        free(text);
        break;
      }
  }
}

static void check_whole(struct reading *r, const char *key, double x) {
  if (x != floor(x))
    fault(r, key, "%s = %.10g must be a whole number for type int", key, x);
  else if (fabs(x) > LARGEST_WHOLE)
    fault(r, key, "%s = %.17g must be between -2^53 and 2^53", key, x);
}

static void check_log(struct reading *r) {
  struct dimension *d = r->d;
  if (d->kind == DIM_INT && !(d->low >= 1))
    fault(r, "low", "log needs low >= 1 for type int, low = %.10g", d->low);
  else if (!(d->low > 0))
    fault(r, "low", "log needs low > 0, low = %.10g", d->low);
  if (d->kind == DIM_INT && d->step != 1)
    fault(r, "step", "log and step = %.10g do not go together: leave one of them out", d->step);
  else if (d->kind == DIM_FLOAT && d->step > 0)
    fault(r, "step", "log and step do not go together: leave one of them out");
}

/* As Optuna does: where steps do not come out at high, the last of them is the highest value. */
static void fit_high_to_step(struct reading *r) {
  struct dimension *d = r->d;
  double steps = (d->high - d->low) / d->step, whole = nearbyint(steps);
  if (fabs(steps - whole) <= 1e-9 * (1 + whole))
    return;
  double high = dimension_round(d->low + floor(steps) * d->step);
  const char *file = NULL;
  int line = line_of(r, "high", &file);
  log_info("%s:%d: space.%s: high = %.10g is not low plus steps of %.10g: the largest value is %.10g",
           file ? file : "settings", line, d->name, d->high, d->step, high);
  d->high = high;
}

static void read_numbers(struct reading *r) {
  struct dimension *d = r->d;
  char *full = space_key(d->name, "log");
  d->low = number(r, "low");
  d->high = number(r, "high");
  d->log = settings_bool(r->conf, full);
  free(full);
  d->step = given(r, "step") ? number(r, "step") : d->kind == DIM_INT ? 1 : 0;
  if (d->kind == DIM_INT) {
    check_whole(r, "low", d->low);
    check_whole(r, "high", d->high);
    check_whole(r, "step", d->step);
  }
  if (d->low > d->high)
    fault(r, "low", "low = %.10g is above high = %.10g", d->low, d->high);
  else if (!isfinite(d->high - d->low))
    fault(r, "low", "the range from %.10g to %.10g is too wide for a number", d->low, d->high);
  if (given(r, "step") && !(d->step > 0))
    fault(r, "step", "step = %.10g must be above 0", d->step);
  else if (d->step > 0 && (d->high - d->low) / d->step > MOST_CELLS)
    fault(r, "step", "steps of %.10g make more than %g values: take larger ones", d->step, MOST_CELLS);
  if (d->log)
    check_log(r);
  if (r->sound && d->step > 0)
    fit_high_to_step(r);
}

/* Along the grid: as given; else 5 along floats and every value of the others. */
static int64_t grid_points(const struct reading *r) {
  uint64_t cells = dimension_cells(r->d);
  char *full = space_key(r->d->name, "resolution");
  int64_t wanted = r->d->kind == DIM_FLOAT || given(r, "resolution") ? settings_int(r->conf, full) : INT64_MAX;
  free(full);
  if (cells == 0)
    return wanted;
  if (!given(r, "resolution"))
    return (int64_t)cells;
  return (uint64_t)wanted < cells ? wanted : (int64_t)cells;
}

static void stand_in(struct dimension *d) {
  for (size_t k = 0; k < d->n_choices; k++)
    value_free(&d->choices[k]);
  free(d->choices);
  d->choices = MEM_NEW_ARRAY(struct value, 1);
  d->choices[0] = value_int(0);
  d->n_choices = 1;
  d->kind = DIM_FIXED;
  d->low = d->high = d->step = 0;
  d->log = false;
  d->resolution = 1;
}

static bool read_dimension(const struct settings *conf, struct complaints *c, struct dimension *d) {
  struct reading r = {conf, c, d, true};
  enum dimension_kind kind = DIM_FIXED;
  if (find_kind(&r, &kind)) {
    d->kind = kind;
    check_keys(&r, kind);
    if (kind == DIM_CATEGORICAL && given(&r, "choices"))
      read_choices(&r, "choices");
    else if (kind == DIM_FIXED && given(&r, "value"))
      read_choices(&r, "value");
    else if (kind != DIM_CATEGORICAL && kind != DIM_FIXED && given(&r, "low") && given(&r, "high"))
      read_numbers(&r);
  } else
    r.sound = false;
  if (r.sound)
    d->resolution = grid_points(&r);
  else
    stand_in(d);
  return r.sound;
}

void space_from_settings(struct space *s, const struct settings *conf, struct complaints *c) {
  *s = (struct space){0};
  const char **names = settings_names(conf, "space", &s->n);
  s->dims = MEM_NEW_ARRAY(struct dimension, s->n + 1);
  bool *sound = MEM_NEW_ARRAY(bool, s->n + 1);
  for (size_t i = 0; i < s->n; i++) {
    s->dims[i].name = mem_strdup(names[i]);
    sound[i] = read_dimension(conf, c, &s->dims[i]);
    s->dims[i].coordinate = s->dims[i].kind == DIM_FIXED ? SIZE_MAX : s->n_coordinates++;
  }
  space_read_conditions(s, conf, sound, c);
  free(sound);
  free(names);
}
