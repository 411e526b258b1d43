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
#define KERNEL_CHUNK 256 /* components in one go; their columns stay in the first cache while candidates pass */

/* Components, by column, with room for KERNEL_BLOCK more numbers behind the last one. */
struct columns {
  size_t cap;
  double *start;  /* (cap): log weight and constants */
  double *smooth; /* (columns, cap): centres */
  double *there;  /* (columns, cap): 1 where the component says something about the axis, 0 where it does not */
  double *inside; /* (columns, cap): log of the mass inside the cube, of axes that are asked for alone */
  uint32_t *cell; /* (columns, cap) */
};

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
struct query {
  struct term *merged, *alone; /* alone: counts only where the component is there, and takes `inside` off */
  struct lookup *lookups;
  size_t n_merged, n_alone, n_lookups;
};

/* log(sum) = max + log(scaled) */
struct log_sum {
  double max, scaled;
};

/* Adds components [from, from + n), 0 < n <= KERNEL_CHUNK. */
typedef void kernel_add(const struct columns *c, size_t from, size_t n, const struct query *q, struct log_sum *sum);
kernel_add *kernel_best(void); /* for this machine; all give the same bits */
size_t kernel_all(kernel_add *all[4]);
double log_sum_value(const struct log_sum *s); /* -INFINITY for an empty sum */

#endif
