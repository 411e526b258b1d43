/* Counting and listing the points of a space. Conditions multiply nothing: a hyperparameter that is not there has one
 * way of not being there.
 *
 * Points are counted by walking down the dimensions, parents first. Only a value that some condition names can open or
 * close other dimensions, so a parent's values fall into the named ones, taken one by one, and the rest, taken
 * together. Families (dimensions that conditions bind together) are independent of each other, and multiply. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/space.h"

enum taken { TAKEN_NOT /* inactive */, TAKEN_CELL, TAKEN_REST /* a value that no condition names */ };

struct choice {
  enum taken taken;
  uint64_t cell;
};

struct walk {
  const struct space *s;
  bool full;             /* every value, whatever the resolution */
  struct choice *chosen; /* (n) what the dimensions walked through so far have */
  uint64_t **named;      /* (n) ascending places on the axis of the values that conditions name */
  size_t *n_named;
};

static double axis_length(const struct walk *w, const struct dimension *d) {
  uint64_t cells = dimension_cells(d);
  if (w->full)
    return cells ? (double)cells : (double)INFINITY;
  return (double)d->resolution;
}

/* The value cell at a place of the axis: all of them, or `resolution` spread evenly, ends included; in the logarithm
 * for log. Where a log axis is finer than the whole numbers its first places are 0, 1, 2, ..., so none comes twice. */
static uint64_t axis_cell(const struct walk *w, const struct dimension *d, uint64_t place) {
  uint64_t cells = dimension_cells(d), n = (uint64_t)d->resolution;
  if (w->full || n >= cells)
    return place;
  double share = n == 1 ? 0.5 : (double)place / (double)(n - 1);
  double cell = d->log ? d->low * pow(d->high / d->low, share) - d->low : share * (double)(cells - 1);
  uint64_t k = (uint64_t)llround(cell);
  k = k > place ? k : place;
  return k < cells ? k : cells - 1;
}

static double axis_u(const struct walk *w, const struct dimension *d, uint64_t place) {
  if (dimension_cells(d) > 0)
    return dimension_cell_centre(d, axis_cell(w, d, place));
  return d->resolution == 1 ? 0.5 : (double)place / (double)(d->resolution - 1);
}

/* Finds the place of a value cell on the axis; false if the resolution leaves it out. Cells rise with places. */
static bool axis_place(const struct walk *w, const struct dimension *d, uint64_t cell, uint64_t *place) {
  uint64_t low = 0, high = (uint64_t)axis_length(w, d);
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (axis_cell(w, d, middle) < cell)
      low = middle + 1;
    else
      high = middle;
  }
  *place = low;
  return low < (uint64_t)axis_length(w, d) && axis_cell(w, d, low) == cell;
}

static void name_place(struct walk *w, size_t parent, uint64_t place) {
  uint64_t *list = w->named[parent];
  size_t at = 0, n = w->n_named[parent];
  while (at < n && list[at] < place)
    at++;
  if (at < n && list[at] == place)
    return;
  list = mem_realloc(list, (n + 1) * sizeof *list);
  memmove(list + at + 1, list + at, (n - at) * sizeof *list);
  list[at] = place;
  w->named[parent] = list;
  w->n_named[parent] = n + 1;
}

static void walk_init(struct walk *w, const struct space *s, bool full) {
  *w = (struct walk){.s = s, .full = full};
  w->chosen = MEM_NEW_ARRAY(struct choice, s->n + 1);
  w->named = MEM_NEW_ARRAY(uint64_t *, s->n + 1);
  w->n_named = MEM_NEW_ARRAY(size_t, s->n + 1);
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < s->dims[i].n_conditions; k++) {
      const struct condition *c = &s->dims[i].conditions[k];
      const struct dimension *parent = &s->dims[c->parent];
      uint64_t cell, place;
      for (size_t v = 0; v < c->n; v++)
        if (dimension_cell_of(parent, &c->values[v], &cell) && axis_place(w, parent, cell, &place))
          name_place(w, c->parent, place);
    }
}

static void walk_free(struct walk *w) {
  for (size_t i = 0; i < w->s->n; i++)
    free(w->named[i]);
  free(w->named);
  free(w->n_named);
  free(w->chosen);
}

static bool names_cell(const struct dimension *parent, const struct condition *c, uint64_t cell) {
  uint64_t named;
  for (size_t v = 0; v < c->n; v++)
    if (dimension_cell_of(parent, &c->values[v], &named) && named == cell)
      return true;
  return false;
}

static bool open_now(const struct walk *w, const struct dimension *d) {
  for (size_t i = 0; i < d->n_conditions; i++) {
    const struct condition *c = &d->conditions[i];
    struct choice parent = w->chosen[c->parent];
    if (parent.taken != TAKEN_CELL || !names_cell(&w->s->dims[c->parent], c, parent.cell))
      return false;
  }
  return true;
}

/* Ways to fill the dimensions of a family from place `at` of the order on, those before being chosen. */
static double count_family(struct walk *w, size_t family, size_t at) {
  const struct space *s = w->s;
  while (at < s->n && s->dims[s->order[at]].family != family)
    at++;
  if (at == s->n)
    return 1;
  size_t i = s->order[at];
  const struct dimension *d = &s->dims[i];
  if (!open_now(w, d)) {
    w->chosen[i].taken = TAKEN_NOT;
    return count_family(w, family, at + 1);
  }
  double length = axis_length(w, d);
  if (!d->decides)
    return length * count_family(w, family, at + 1);

  double ways = 0, rest = length - (double)w->n_named[i];
  if (rest > 0) {
    w->chosen[i].taken = TAKEN_REST;
    ways += rest * count_family(w, family, at + 1);
  }
  for (size_t k = 0; k < w->n_named[i]; k++) {
    w->chosen[i] = (struct choice){TAKEN_CELL, axis_cell(w, d, w->named[i][k])};
    ways += count_family(w, family, at + 1);
  }
  return ways;
}

static double count_from(struct walk *w, size_t at) {
  double ways = 1;
  for (size_t family = 0; family < w->s->n; family++)
    ways *= count_family(w, family, at);
  return ways;
}

static double count(const struct space *s, bool full) {
  struct walk w;
  walk_init(&w, s, full);
  double ways = count_from(&w, 0);
  walk_free(&w);
  return ways;
}

double space_cardinality(const struct space *s) {
  return count(s, true);
}

double space_grid_size(const struct space *s) {
  return count(s, false);
}

/* Goes on by as many of `places` as the index has full `ways` for; true if by all of them. Counts above 2^53 are
 * rounded, but an index is smaller than such a count, so no step is taken then. */
static bool step_over(uint64_t *index, uint64_t places, double ways, uint64_t *place) {
  if (ways > (double)*index)
    return false;
  uint64_t steps = *index / (uint64_t)ways;
  steps = steps < places ? steps : places;
  *index -= steps * (uint64_t)ways;
  *place += steps;
  return steps == places;
}

/* Chooses the value of a deciding dimension: runs of unnamed values between the named ones. */
static uint64_t choose_deciding(struct walk *w, size_t i, size_t at, uint64_t *index) {
  const struct dimension *d = &w->s->dims[i];
  uint64_t place = 0;
  for (size_t k = 0; k <= w->n_named[i]; k++) {
    uint64_t end = k < w->n_named[i] ? w->named[i][k] : (uint64_t)axis_length(w, d);
    w->chosen[i].taken = TAKEN_REST;
    if (place < end && !step_over(index, end - place, count_from(w, at + 1), &place))
      return place;
    if (k == w->n_named[i])
      break;
    w->chosen[i] = (struct choice){TAKEN_CELL, axis_cell(w, d, place)};
    if (!step_over(index, 1, count_from(w, at + 1), &place))
      return place;
  }
  return place > 0 ? place - 1 : 0; /* an index beyond the end stays at the last point */
}

static void nth_point(const struct space *s, bool full, uint64_t index, double *u) {
  struct walk w;
  walk_init(&w, s, full);
  for (size_t at = 0; at < s->n; at++) {
    size_t i = s->order[at];
    const struct dimension *d = &s->dims[i];
    uint64_t place = 0;
    bool open = open_now(&w, d);
    if (!open)
      w.chosen[i].taken = TAKEN_NOT;
    else if (d->decides) {
      place = choose_deciding(&w, i, at, &index);
      bool named = false;
      for (size_t k = 0; k < w.n_named[i]; k++)
        named |= w.named[i][k] == place;
      w.chosen[i] = (struct choice){named ? TAKEN_CELL : TAKEN_REST, axis_cell(&w, d, place)};
    } else if (step_over(&index, (uint64_t)axis_length(&w, d), count_from(&w, at + 1), &place))
      place--;
    if (d->kind != DIM_FIXED)
      u[d->coordinate] = open ? axis_u(&w, d, place) : 0.5;
  }
  walk_free(&w);
}

void space_grid_point(const struct space *s, uint64_t index, double *u) {
  nth_point(s, false, index, u);
}

void space_nth_point(const struct space *s, uint64_t index, double *u) {
  nth_point(s, true, index, u);
}
