#include "base/rng.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"

__extension__ typedef unsigned __int128 u128;

/* Philox4x32-10, Salmon et al. 2011, section 3.3 and table 2. */
void rng_block(struct rng_key key, uint64_t a, uint64_t b, uint32_t out[4]) {
  uint32_t x0 = (uint32_t)a, x1 = (uint32_t)(a >> 32), x2 = (uint32_t)b, x3 = (uint32_t)(b >> 32);
  uint32_t k0 = key.k[0], k1 = key.k[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53 * x0, p1 = (uint64_t)0xCD9E8D57 * x2;
    x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
    x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
    x1 = (uint32_t)p1;
    x3 = (uint32_t)p0;
    k0 += 0x9E3779B9; /* golden ratio */
    k1 += 0xBB67AE85; /* sqrt(3) - 1 */
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

static uint64_t pair(uint32_t low, uint32_t high) {
  return (uint64_t)high << 32 | low;
}

/* The middle of one of 2^52 cells: a multiple of 2^-53 that is neither 0 nor 1, symmetric about one half. */
static double unit(uint64_t bits) {
  return (double)(bits >> 12 << 1 | 1) * 0x1p-53;
}

struct rng_key rng_key(const char *name, uint64_t seed) {
  struct sha256 s;
  unsigned char little_endian[8];
  char hex[65];
  for (int i = 0; i < 8; i++)
    little_endian[i] = (unsigned char)(seed >> 8 * i);
  sha256_init(&s);
  sha256_add(&s, name, strlen(name) + 1);
  sha256_add(&s, little_endian, sizeof little_endian);
  sha256_hex(&s, hex);
  return (struct rng_key){{s.h[0], s.h[1]}};
}

/* The tag keeps the counters that make keys apart from those that make numbers. */
struct rng_key rng_child(struct rng_key parent, enum rng_purpose purpose, uint64_t index) {
  const uint64_t tag = (uint64_t)0x6b657900 << 32; /* "key" */
  uint32_t out[4];
  rng_block(parent, index, tag | (uint64_t)purpose, out);
  return (struct rng_key){{out[0], out[1]}};
}

double rng_uniform_at(struct rng_key key, uint64_t a, uint64_t b) {
  uint32_t out[4];
  rng_block(key, a, b, out);
  return unit(pair(out[0], out[1]));
}

struct rng rng_of(struct rng_key key) {
  return (struct rng){.key = key, .next = 0};
}

uint64_t rng_u64(struct rng *r) {
  uint32_t out[4];
  rng_block(r->key, r->next++, 0, out);
  return pair(out[0], out[1]);
}

double rng_uniform(struct rng *r) {
  return rng_uniform_at(r->key, r->next++, 0);
}

/* Box and Muller, "A note on the generation of random normal deviates", Ann. Math. Stat. 29 (1958). */
double rng_normal(struct rng *r) {
  uint32_t out[4];
  rng_block(r->key, r->next++, 0, out);
  double radius = sqrt(-2.0 * log(unit(pair(out[0], out[1]))));
  return radius * cos(6.283185307179586 * unit(pair(out[2], out[3])));
}

/* Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019), algorithm 5. */
uint64_t rng_below(struct rng *r, uint64_t n) {
  u128 m = (u128)rng_u64(r) * n;
  if ((uint64_t)m < n) {
    uint64_t threshold = (0 - n) % n;
    while ((uint64_t)m < threshold)
      m = (u128)rng_u64(r) * n;
  }
  return (uint64_t)(m >> 64);
}

double rng_exponential(struct rng *r) {
  return -log(rng_uniform(r));
}

/* Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000), section 2; for a shape
 * below 1, section 6. */
double rng_gamma(struct rng *r, double shape) {
  if (!(shape > 0.0))
    return 0.0;
  if (shape < 1.0) {
    double u = rng_uniform(r);
    return rng_gamma(r, shape + 1.0) * pow(u, 1.0 / shape);
  }
  double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
  for (;;) {
    double x = rng_normal(r), v = 1.0 + c * x;
    if (v <= 0.0)
      continue;
    v = v * v * v;
    if (log(rng_uniform(r)) < 0.5 * x * x + d - d * v + d * log(v))
      return d * v;
  }
}

/* Knuth, TAOCP 2, 3.4.1 Q: how many uniforms can be multiplied before the product falls below exp(-mean). */
static uint64_t poisson_small(struct rng *r, double mean) {
  double limit = exp(-mean), product = rng_uniform(r);
  uint64_t k = 0;
  for (; product > limit; k++)
    product *= rng_uniform(r);
  return k;
}

/* PTRS of Hormann, "The transformed rejection method for generating Poisson random variables", Insurance: Mathematics
 * and Economics 12 (1993); for means of 10 and more. */
static uint64_t poisson_large(struct rng *r, double mean) {
  double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b;
  double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2.0);
  for (;;) {
    double u = rng_uniform(r) - 0.5, v = rng_uniform(r), us = 0.5 - fabs(u);
    double k = floor((2.0 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r)
      return (uint64_t)k;
    if (k < 0.0 || (us < 0.013 && v > us))
      continue;
    int sign; /* lgamma would write a global */
    if (log(v * inverse_alpha / (a / (us * us) + b)) <= k * log(mean) - mean - lgamma_r(k + 1.0, &sign))
      return (uint64_t)k;
  }
}

uint64_t rng_poisson(struct rng *r, double mean) {
  if (!(mean > 0.0))
    return 0;
  if (mean < 10.0)
    return poisson_small(r, mean);
  if (mean < 1e12)
    return poisson_large(r, mean);
  /* Skewness 1e-6 and less; there the differences in the acceptance test would drown in rounding. */
  double x = floor(mean + sqrt(mean) * rng_normal(r) + 0.5);
  return x < 0x1p64 ? (uint64_t)x : UINT64_MAX;
}

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014; constants of Stafford's variant 13): every bit of the input
 * reaches every bit of the output. The keys themselves come from Philox, so ten rounds more would buy nothing here. */
static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/* Luby and Rackoff 1988: four rounds suffice for halves that are wide. Narrow halves have so few round functions that
 * some permutations would be favoured; there more rounds are cheap. A Feistel network of halves wider than one bit
 * makes even permutations only, so a bit of the key decides whether 0 and 1 change places at the end: without it some
 * orders of five things are 8 % more likely than others. */
static uint64_t feistel(uint64_t key, int half_bits, uint64_t x) {
  const uint64_t mask = ((uint64_t)1 << half_bits) - 1;
  uint64_t left = x >> half_bits, right = x & mask;
  int rounds = half_bits < 8 ? 16 : 4;
  for (int round = 0; round < rounds; round++) {
    key += 0x9e3779b97f4a7c15;
    uint64_t next = left ^ (mix(key ^ right) >> 32 & mask);
    left = right;
    right = next;
  }
  x = left << half_bits | right;
  return x < 2 ? x ^ mix(~key) >> 63 : x;
}

uint64_t rng_permute(struct rng_key key, uint64_t n, uint64_t i) {
  if (n < 2)
    return 0;
  int half_bits = 1;
  while (half_bits < 32 && (n - 1) >> 2 * half_bits)
    half_bits++;
  uint64_t x = i;
  do
    x = feistel(pair(key.k[0], key.k[1]), half_bits, x);
  while (x >= n);
  return x;
}
