/* The inner loops of the Parzen estimator: sums of exponentials over many components, one candidate at a time.
 *
 * Vectors have 8 lanes whatever the machine, sums are taken in one order, and there is no contraction to multiply-add:
 * the bits are the same on every machine, whether a vector is one register or four. */
#ifndef COXSWAIN_HPO_TPE_KERNEL_H
#define COXSWAIN_HPO_TPE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define KERNEL_LANES 8
#define KERNEL_BLOCK (4 * KERNEL_LANES)
#define KERNEL_CHUNK 128 /* components in one go; their columns stay in the cache while candidates pass */

/* Components, in blocks of KERNEL_BLOCK with the columns of a block behind one another: what a candidate needs lies
 * together, and columns do not fight for the same lines of the cache. Room for whole blocks. */
struct columns {
  size_t n_smooth, n_cells; /* columns of either sort */
  double *start;            /* (components): log weight and constants */
  double *smooth;           /* (blocks, n_smooth, KERNEL_BLOCK): centres */
  double *there;            /* likewise: 1 where the component says something about the axis, 0 where it does not */
  double *inside;           /* likewise: log of the mass inside the cube, of axes that are asked for alone */
  uint32_t *cell;           /* (blocks, n_cells, KERNEL_BLOCK) */
};

static inline size_t column_place(size_t n_columns, size_t column, size_t component) {
  return (component / KERNEL_BLOCK * n_columns + column) * KERNEL_BLOCK + component % KERNEL_BLOCK;
}

/* A candidate, seen from the components: log density = start + sum of what each axis adds. */
struct term {
  size_t column;
  double x, precision; /* -(x - centre)^2 precision; precision = 1 / (2 deviation^2) */
  double constant;     /* only of those alone: log of 1 / (sqrt(2 pi) deviation) */
};
struct lookup {
  size_t column;
  const double *row; /* log mass by cell of the component */
};
/* Where the precision is the same for all candidates the squares are in `start` and in the candidate's constant. */
struct line {
  size_t column;
  double slope; /* centre x slope */
};
struct query {
  struct line *lines;
  struct term *merged, *alone; /* alone: counts only where the component is there, and takes `inside` off */
  struct lookup *lookups;
  size_t n_lines, n_merged, n_alone, n_lookups;
};

/* log(sum) = max + log(scaled) */
struct log_sum {
  double max, scaled;
};

/* Adds components [from, from + n), 0 < n <= KERNEL_CHUNK; from is a multiple of KERNEL_BLOCK. */
typedef void kernel_add(const struct columns *c, size_t from, size_t n, const struct query *q, struct log_sum *sum);
kernel_add *kernel_best(void); /* for this machine; all give the same bits */
size_t kernel_all(kernel_add *all[4]);
double log_sum_value(const struct log_sum *s); /* -INFINITY for an empty sum */

#endif
