#include "hpo/explore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- what may change ---- */

bool explore_changes(const struct settings *conf, const char *name) {
  size_t n;
  const struct value *names = settings_list(conf, "schedule.perturb", &n);
  if (!settings_given(conf, "schedule.perturb"))
    return !settings_bound_by(conf, name);
  for (size_t i = 0; i < n; i++)
    if (strcmp(names[i].as.text, name) == 0)
      return true;
  return false;
}

static void complain_of(const struct settings *conf, struct complaints *c, const char *name, const char *why,
                        const char *key) {
  const char *file = NULL;
  int line = settings_line(conf, "schedule.perturb", &file);
  complain(c, file, line, "schedule.perturb = %s: %s%s", name, why, key);
}

static void check_name(const struct settings *conf, const struct space *space, const char *name, struct complaints *c) {
  const struct dimension *d = space_dimension(space, name);
  const char *bound = settings_bound_by(conf, name);
  if (!d)
    complain_of(conf, c, name, "the space has no such hyperparameter", "");
  else if (d->kind == DIM_FIXED)
    complain_of(conf, c, name, "it is fixed", "");
  else if (bound)
    complain_of(conf, c, name, "it cannot change while a network trains, since it stands in ", bound);
}

void explore_check(const struct settings *conf, const struct space *space, struct complaints *c) {
  size_t n, some = 0;
  const struct value *names = settings_list(conf, "schedule.perturb", &n);
  for (size_t i = 0; i < n; i++)
    check_name(conf, space, names[i].as.text, c);
  for (size_t i = 0; i < space->n; i++)
    some += space->dims[i].kind != DIM_FIXED && explore_changes(conf, space->dims[i].name);
  if (some == 0)
    complain_of(conf, c, "()", "schedule.name = pbt needs a hyperparameter that may change while a trial trains", "");
}

void explore_describe(const struct settings *conf, const struct space *space, struct strbuf *out) {
  for (int stays = 0; stays < 2; stays++) {
    size_t n = 0;
    for (size_t i = 0; i < space->n; i++) {
      const struct dimension *d = &space->dims[i];
      if (d->kind == DIM_FIXED || explore_changes(conf, d->name) == stays)
        continue;
      strbuf_printf(out, "%s%s", n++ ? ", " : stays ? "; stays: " : "changes: ", d->name);
      if (stays && !settings_given(conf, "schedule.perturb"))
        strbuf_printf(out, " (%s)", settings_bound_by(conf, d->name));
    }
  }
}

/* ---- one dimension ---- */

/* The paper's factors; at the end of the range the other one. */
static double moved(const struct dimension *d, double x, bool up) {
  bool positive = d->low > 0 || (d->low == 0 && x > 0);
  double shift = 0.1 * (d->high - d->low);
  for (int k = 0; k < 2; k++, up = !up) {
    double y = positive ? x * (up ? 1.2 : 0.8) : x + (up ? shift : -shift);
    y = fmin(fmax(y, d->low), d->high);
    if (y != x)
      return y;
  }
  return x;
}

/* On a grid: to the nearest of its points, but at least one away. */
static double on_grid(const struct dimension *d, double x, double y) {
  double last = (double)dimension_cells(d) - 1, from = round((x - d->low) / d->step);
  double to = fmin(fmax(round((y - d->low) / d->step), 0), last);
  if (to == from && y != x)
    to = fmin(fmax(from + (y > x ? 1 : -1), 0), last);
  return dimension_round(d->low + to * d->step);
}

static struct value changed(const struct dimension *d, const struct value *old, double resample, struct rng *rng) {
  double anew = rng_uniform(rng), up = rng_uniform(rng), u = rng_uniform(rng), x; /* always three: see explore_point */
  if (!old || anew < resample) {
    struct value v = dimension_value(d, u);
    return value_copy(&v);
  }
  if (d->kind == DIM_CATEGORICAL || !value_to_double(old, &x))
    return value_copy(old);
  double y = moved(d, x, up < 0.5);
  if (d->step > 0)
    y = on_grid(d, x, y);
  return d->kind == DIM_INT ? value_int((int64_t)y) : value_float(y);
}

/* ---- the point ---- */

/* Parents before children, so that conditions can be looked at; what is drawn for one dimension does not depend on
 * what became of another. One that is there now and was not is drawn anew, whether it may change or not. */
enum err explore_point(const struct space *space, const bool *changes, double resample, const struct params *parent,
                       struct rng *rng, struct params *p) {
  params_free(p);
  for (size_t i = 0; i < space->n; i++) {
    size_t k = space->order[i];
    const struct dimension *d = &space->dims[k];
    const struct value *old = params_get(parent, d->name);
    bool there = d->kind != DIM_FIXED && space_active(space, d, p);
    struct rng own = rng_of(rng_child(rng->key, RNG_SCHEDULE, k));
    if (there && (changes[k] || !old))
      params_set(p, d->name, changed(d, old, resample, &own));
    else if (there || d->kind == DIM_FIXED)
      params_set(p, d->name, old ? value_copy(old) : value_copy(&d->choices[0]));
  }
  double *u = MEM_NEW_ARRAY(double, space->n_coordinates + 1);
  enum err e = space_adopt(space, p, u, "a child of population based training");
  free(u);
  return e;
}
