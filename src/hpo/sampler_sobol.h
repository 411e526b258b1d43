/* Sobol points by themselves, for the sampler, for tests, and for whoever fills a cube evenly. */
#ifndef COXSWAIN_HPO_SAMPLER_SOBOL_H
#define COXSWAIN_HPO_SAMPLER_SOBOL_H

#include "base/rng.h"

#define SOBOL_DIMENSIONS 128 /* with direction numbers of their own */
#define SOBOL_BITS 32

struct sobol_row {
  unsigned char degree;
  unsigned char inner;
  unsigned short m[10];
};
extern const struct sobol_row sobol_table[SOBOL_DIMENSIONS - 1]; /* the first dimension needs none */

/* The direction numbers of a dimension < SOBOL_DIMENSIONS, as binary fractions with the point before the top bit. */
void sobol_directions(unsigned dimension, uint32_t v[SOBOL_BITS]);
/* The coordinate of point `index`, in Gray code order as usual. */
uint32_t sobol_coordinate(const uint32_t v[SOBOL_BITS], uint32_t index);
/* Owen's nested uniform scrambling of one coordinate; keyed, so it is the same permutation for the same key. */
uint32_t sobol_scramble(struct rng_key key, uint32_t x);
/* Fills u (n) with point `index` of the scrambled sequence of this key, each in (0, 1). Dimensions beyond the table are
 * taken from the table again with the order of the points scrambled anew for each round of SOBOL_DIMENSIONS: every
 * dimension stays stratified, pairs from different rounds are as good as random. After 2^32 points they come again. */
void sobol_point(struct rng_key key, uint64_t index, unsigned n, double *u);

#endif
