/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC11). There is no hidden state: a number is a pure function of a key and a counter, so any rank, lane or GPU
 * thread can make any number of a sequence, in any order.
 *
 * Keys form a tree: rng_key("DL1 scan", seed) -> rng_child(key, RNG_TRIAL, 17) -> rng_child(key, RNG_DROPOUT, layer).
 */
#ifndef COXSWAIN_BASE_RNG_H
#define COXSWAIN_BASE_RNG_H

#include <stdint.h>

struct rng_key {
  uint32_t k[2];
};

/* What a stream of numbers is for. Never renumber: saved studies depend on it. */
enum rng_purpose {
  RNG_ASK = 1,      /* proposing a point; index = trial number */
  RNG_TRIAL = 2,    /* everything a trial's training draws; index = trial number (or the number of its original) */
  RNG_INIT = 3,     /* initial weights; index = layer */
  RNG_SHUFFLE = 4,  /* order of the training rows; index = epoch */
  RNG_DROPOUT = 5,  /* dropout masks; index = layer */
  RNG_SPLIT = 6,    /* train, validation, test */
  RNG_GENERATE = 7, /* synthetic data; index = row block */
  RNG_SOBOL = 8,    /* scrambling; index = dimension */
  RNG_FUNCTION = 9, /* noise of test functions; index = step */
  RNG_SCHEDULE = 10,
  RNG_CMAES = 11, /* starts, and what its results leave open; index = 0 */
  RNG_AUTO = 12
};

struct rng_key rng_key(const char *name, uint64_t seed);
struct rng_key rng_child(struct rng_key parent, enum rng_purpose purpose, uint64_t index);

/* The primitive: four 32-bit words for the counter (a, b). The same on CPU and GPU. */
void rng_block(struct rng_key key, uint64_t a, uint64_t b, uint32_t out[4]);

/* Uniform in (0, 1): never 0 and never 1; 53 bits. */
double rng_uniform_at(struct rng_key key, uint64_t a, uint64_t b);

/* Sequential reading of one key's numbers. Copy it to fork it; store (key, next) to go on later. */
struct rng {
  struct rng_key key;
  uint64_t next; /* counter of the next block */
};
struct rng rng_of(struct rng_key key);
uint64_t rng_u64(struct rng *r);
double rng_uniform(struct rng *r);             /* (0, 1) */
double rng_normal(struct rng *r);              /* mean 0, variance 1; Box-Muller, one block a number */
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 .. n-1, unbiased; n > 0 */
double rng_exponential(struct rng *r);         /* mean 1 */
double rng_gamma(struct rng *r, double shape); /* scale 1; Marsaglia and Tsang 2000 */
uint64_t rng_poisson(struct rng *r, double mean);

/* A random permutation of 0 .. n-1 without a table: where index i goes; i < n. A Feistel network (4 rounds, 16 for
 * small n) over the next even power of two, walked until the value is below n (Black and Rogaway 2002). 10 to 80 ns. */
uint64_t rng_permute(struct rng_key key, uint64_t n, uint64_t i);

#endif
