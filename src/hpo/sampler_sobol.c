/* Scrambled Sobol points.
 *
 * I. M. Sobol, USSR Comp. Math. Math. Phys. 7 (1967) 86; I. A. Antonov and V. M. Saleev (Gray code order), ibid. 19
 * (1979) 252; A. B. Owen, "Randomly permuted (t,m,s)-nets and (t,s)-sequences", in Monte Carlo and Quasi-Monte Carlo
 * Methods (1995); B. Burley, "Practical Hash-based Owen Scrambling", JCGT 9 (2020), for the shuffled order of the
 * points that pads to more dimensions. */
#include "hpo/sampler_sobol.h"

#include "hpo/sampler.h"

void sobol_directions(unsigned dimension, uint32_t v[SOBOL_BITS]) {
  if (dimension == 0) { /* van der Corput: the identity */
    for (unsigned i = 0; i < SOBOL_BITS; i++)
      v[i] = UINT32_C(1) << (31 - i);
    return;
  }
  const struct sobol_row *row = &sobol_table[dimension - 1];
  const unsigned most = sizeof row->m / sizeof *row->m;
  unsigned s = row->degree < most ? row->degree : most;
  for (unsigned i = 0; i < s; i++)
    v[i] = (uint32_t)row->m[i] << (31 - i);
  for (unsigned i = s; i < SOBOL_BITS; i++) { /* the recurrence of Joe and Kuo (2008), equation 2 */
    v[i] = v[i - s] ^ (v[i - s] >> s);
    for (unsigned k = 1; k < s; k++)
      if ((row->inner >> (s - 1 - k)) & 1)
        v[i] ^= v[i - k];
  }
}

uint32_t sobol_coordinate(const uint32_t v[SOBOL_BITS], uint32_t index) {
  uint32_t x = 0;
  uint32_t gray = index ^ (index >> 1);
  for (unsigned i = 0; gray; i++, gray >>= 1)
    if (gray & 1)
      x ^= v[i];
  return x;
}

/* Each bit is flipped or not according to all bits above it: the bits above, with a one before them, number the nodes
 * of a binary tree, and each node has a random bit of its own. */
uint32_t sobol_scramble(struct rng_key key, uint32_t x) {
  uint32_t flips = 0;
  for (unsigned bit = 0; bit < SOBOL_BITS; bit++) {
    uint64_t above = bit ? x >> (SOBOL_BITS - bit) : 0;
    uint32_t random[4];
    rng_block(key, (UINT64_C(1) << bit) | above, 0, random);
    flips |= (random[0] & 1) << (31 - bit);
  }
  return x ^ flips;
}

/* Scrambling the index moves points only inside aligned blocks of 2^m, and the blocks as wholes; each is a net. */
static uint32_t shuffle_index(struct rng_key key, uint32_t index, unsigned round) {
  return round == 0 ? index : sobol_scramble(rng_child(key, RNG_SOBOL, (uint64_t)round << 32), index);
}

void sobol_point(struct rng_key key, uint64_t index, unsigned n, double *u) {
  uint32_t place = 0, v[SOBOL_BITS];
  for (unsigned i = 0; i < n; i++) {
    unsigned dimension = i % SOBOL_DIMENSIONS;
    if (dimension == 0)
      place = shuffle_index(key, (uint32_t)index, i / SOBOL_DIMENSIONS);
    struct rng_key own = rng_child(key, RNG_SOBOL, i);
    sobol_directions(dimension, v);
    uint32_t x = sobol_scramble(own, sobol_coordinate(v, place));
    /* the digits after the 32 that the net decides are independent random ones */
    double digits = ((double)x + rng_uniform_at(own, index, 1)) * 0x1p-32;
    u[i] = digits < 1 ? digits : 1 - 0x1p-53; /* the sum may have been rounded up */
  }
}

static enum err sobol_ask(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                          enum ask *answer) {
  (void)h, (void)rng;
  sobol_point(s->key, (uint64_t)index, (unsigned)s->space->n_coordinates, u);
  *answer = ASK_POINT;
  return OK;
}

const struct sampler_ops sampler_sobol = {.name = "sobol", .ask = sobol_ask};
