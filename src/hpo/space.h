/* The search space: every scale, log, integer, step, category and condition lives here, once. Samplers see only the
 * unit cube, one coordinate for each searched dimension ("fixed" ones have none).
 *
 * A coordinate u in [0, 1] maps to a value by equal shares of probability: floats linearly (or in the logarithm), grids
 * (ints, steps) as n cells of equal width 1/n (log ints: cells of equal width in the logarithm of value -+ step/2),
 * categories as k cells. space_encode gives the centre of a cell, so decode(encode(x)) = x exactly. */
#ifndef COXSWAIN_HPO_SPACE_H
#define COXSWAIN_HPO_SPACE_H

#include "base/params.h"
#include "base/strbuf.h"
#include "conf/settings.h"

enum dimension_kind { DIM_FLOAT, DIM_INT, DIM_CATEGORICAL, DIM_FIXED };

struct condition {
  size_t parent;        /* index of an earlier-resolved dimension */
  struct value *values; /* any of these; owned */
  size_t n;
};

struct dimension {
  char *name;
  enum dimension_kind kind;
  double low, high, step; /* numbers, inclusive; step 0: continuous; ints have step >= 1 */
  bool log;
  struct value *choices; /* categorical; fixed: one; owned */
  size_t n_choices;
  int64_t resolution;           /* points the grid sampler takes along it */
  struct condition *conditions; /* all must hold */
  size_t n_conditions;
  size_t coordinate; /* index into u, or SIZE_MAX for fixed */
  bool decides;      /* a condition of another dimension names it */
  size_t family;     /* dimensions that conditions bind together share a number */
};

struct space {
  struct dimension *dims; /* in the order written, which is the order of function arguments */
  size_t n;
  size_t n_coordinates; /* length of u */
  size_t *order;        /* n: an order in which parents come before children */
};

/* From the group `space` of a study file. All mistakes become complaints. */
void space_from_settings(struct space *s, const struct settings *conf, struct complaints *c);
void space_free(struct space *s);
const struct dimension *space_dimension(const struct space *s, const char *name); /* NULL if absent */

/* The point of u (n_coordinates). Inactive dimensions are left out of p, whatever their u. p: initialised, replaced. */
void space_decode(const struct space *s, const double *u, struct params *p);
/* The reverse; inactive dimensions get u = 0.5, and fixed ones need not be given. A value that a point of the cube can
 * reach comes back from space_decode to the last bit. ERR_INPUT for unknown names, values out of range, off the
 * grid, not a category, missing active or present inactive ones; the message names dimension, value and range. */
enum err space_encode(const struct space *s, const struct params *p, double *u, const char *where);
/* Makes a user's point one of the space's own, equal to the last bit to what a sampler would propose: as space_encode,
 * and p gets the order of the space, its fixed values, 3 for 3.0, 0.3 for 0.1 + 0.2 on a grid. */
enum err space_adopt(const struct space *s, struct params *p, double *u, const char *where);
/* Which coordinates' dimensions are there at u (n_coordinates); all of them if the space has no conditions. */
void space_active_coordinates(const struct space *s, const double *u, bool *active);
bool space_has_conditions(const struct space *s);
bool space_active(const struct space *s, const struct dimension *d, const struct params *p); /* parents must be in p */

/* How many distinct points there are; INFINITY if a float without step is among them. Counts conditions exactly. */
double space_cardinality(const struct space *s);
/* Points of the grid sampler: resolution points along floats (ends included; the middle if 1), every value of ints,
 * steps and categories unless there are more than `resolution` given by the user. Conditions respected: inactive
 * dimensions do not multiply. Index runs with the last written dimension fastest. */
double space_grid_size(const struct space *s);
void space_grid_point(const struct space *s, uint64_t index, double *u);
/* The same over all points of a space of finitely many (space_cardinality), whatever the resolution. */
void space_nth_point(const struct space *s, uint64_t index, double *u);

/* Number of distinct values of one dimension, 0 for a continuous one. */
uint64_t dimension_cells(const struct dimension *d);
/* Which of them a value is, counted from 0 in the order of the cube; false if it is none of them. A continuous
 * dimension has the one cell 0 for every value in its range. */
bool dimension_cell_of(const struct dimension *d, const struct value *v, uint64_t *cell);
double dimension_cell_centre(const struct dimension *d, uint64_t cell); /* u */
/* Three steps of 0.1 are 0.3, as a person writes it, not 0.30000000000000004: to 15 digits. */
double dimension_round(double x);
/* Value at u. Texts are borrowed from the dimension: copy to keep. */
struct value dimension_value(const struct dimension *d, double u);

/* The Optuna distribution of a dimension as JSON text (not yet quoted as a string), and a value's internal
 * representation (a category's index). Fixed dimensions are categorical with one choice. */
void dimension_optuna_json(const struct dimension *d, struct strbuf *out);
double dimension_internal(const struct dimension *d, const struct value *v);
enum err dimension_external(const struct dimension *d, double internal, struct value *out);

/* The space as JSON, for the journal's identity. Caller owns. */
struct json_t *space_to_json(const struct space *s);

/* A hash of the point, equal for equal points, for the set of points seen. */
uint64_t params_hash(const struct params *p);

#endif
