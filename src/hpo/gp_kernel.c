#include "hpo/gp_kernel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Compiled for each class of machine and chosen at load; without contraction to multiply-adds (see CMakeLists.txt) all
 * of them give the same bits. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__)
#define EACH_MACHINE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EACH_MACHINE
#endif

/* exp(-r) for r >= 0, in steps that a compiler turns into vectors: r = n ln 2 - rest with |rest| <= ln 2 / 2, and
 * Taylor's series to the 13th term (below half a unit in the last place of 2^-53). The magic number puts the whole
 * number n into the low bits of the sum (Hecker's trick). 0 above 700. */
static inline double exp_of_minus(double r) {
  const double magic = 0x1.8p52, ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  double x = r < 700 ? -r : -700;
  double shifted = x * 0x1.71547652b82fep0 + magic;
  double n = shifted - magic;
  double t = (x - n * ln2_high) - n * ln2_low;
  double sum = 1.0 / 6227020800.0;
  sum = sum * t + 1.0 / 479001600.0;
  sum = sum * t + 1.0 / 39916800.0;
  sum = sum * t + 1.0 / 3628800.0;
  sum = sum * t + 1.0 / 362880.0;
  sum = sum * t + 1.0 / 40320.0;
  sum = sum * t + 1.0 / 5040.0;
  sum = sum * t + 1.0 / 720.0;
  sum = sum * t + 1.0 / 120.0;
  sum = sum * t + 1.0 / 24.0;
  sum = sum * t + 1.0 / 6.0;
  sum = sum * t + 0.5;
  sum = sum * t + 1.0;
  sum = sum * t + 1.0;
  int64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (int64_t)((uint64_t)(bits + 1023) << 52); /* 2^n: the low bits of `shifted` are n */
  double power;
  memcpy(&power, &bits, sizeof power);
  return r < 700 ? sum * power : 0;
}

#define TILE 128 /* squared distances copied aside at a time, so that results may go where they were */

EACH_MACHINE static void matern(size_t n, const double *restrict squared, double *restrict k, double *restrict slope) {
  for (size_t i = 0; i < n; i++) {
    double s = squared[i] > 0 ? squared[i] : 0, r = sqrt(5 * s), e = exp_of_minus(r);
    k[i] = (1 + r + (5.0 / 3.0) * s) * e;
    slope[i] = (-5.0 / 6.0) * (1 + r) * e;
  }
}

void gp_matern(size_t n, const double *squared, double *k, double *slope) {
  double aside[TILE], unused[TILE];
  for (size_t at = 0; at < n; at += TILE) {
    size_t m = n - at < TILE ? n - at : TILE;
    memcpy(aside, squared + at, m * sizeof *aside);
    matern(m, aside, k + at, slope ? slope + at : unused);
  }
}

EACH_MACHINE static void distances(size_t n, double norm, const double *restrict norms, double *restrict squared) {
  for (size_t i = 0; i < n; i++)
    squared[i] = (norms[i] + norm) - 2 * squared[i];
}

void gp_distances(size_t n, double norm, const double *norms, double *squared) {
  distances(n, norm, norms, squared);
}
