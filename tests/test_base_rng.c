/* Random numbers: known answers, then moments and chi-squares. The seeds are fixed, so a pass stays a pass; the bounds
 * are 5 standard deviations. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "testing.h"

/* ---- Philox ---- */

static int philox_is(const uint32_t counter[4], const uint32_t key[2], const uint32_t wanted[4]) {
  uint32_t out[4];
  rng_block((struct rng_key){{key[0], key[1]}}, (uint64_t)counter[1] << 32 | counter[0],
            (uint64_t)counter[3] << 32 | counter[2], out);
  return memcmp(out, wanted, sizeof out) == 0;
}

static void test_philox_known_answers(void) { /* kat_vectors of Random123 1.14, philox4x32 10 */
  const uint32_t ones = 0xffffffff;
  CHECK(philox_is((uint32_t[]){0, 0, 0, 0}, (uint32_t[]){0, 0},
                  (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  CHECK(philox_is((uint32_t[]){ones, ones, ones, ones}, (uint32_t[]){ones, ones},
                  (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK(philox_is((uint32_t[]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, (uint32_t[]){0xa4093822, 0x299f31d0},
                  (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

static int same_key(struct rng_key a, struct rng_key b) {
  return a.k[0] == b.k[0] && a.k[1] == b.k[1];
}

static void test_keys_differ(void) {
  struct rng_key keys[600];
  size_t n = 0, equal = 0;
  for (uint64_t seed = 0; seed < 10; seed++) {
    keys[n++] = rng_key("study", seed);
    keys[n++] = rng_key("studx", seed);
    for (uint64_t i = 0; i < 20; i++) {
      keys[n++] = rng_child(rng_key("study", seed), RNG_TRIAL, i);
      keys[n++] = rng_child(rng_key("study", seed), RNG_ASK, i);
    }
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      equal += (size_t)same_key(keys[i], keys[j]);
  CHECK(equal == 0);
  CHECK(same_key(rng_key("study", 3), rng_key("study", 3)));
}

/* Saved studies depend on these: a change here is a change of every study's numbers. */
static void test_keys_stay(void) {
  struct rng_key key = rng_key("DL1 scan", 42), child = rng_child(key, RNG_TRIAL, 17);
  CHECK(key.k[0] == 0xcd25f206 && key.k[1] == 0x59bc51cc);
  CHECK(child.k[0] == 0x6bf1404b && child.k[1] == 0xe0357971);
  CHECK(rng_permute(key, 1000, 0) == 351 && rng_permute(key, 1000, 999) == 991);
  CHECK(rng_permute(key, 100000, 7) == 6431);
}

static void test_sequence_can_be_taken_up(void) {
  struct rng a = rng_of(rng_key("sequence", 1)), b;
  for (int i = 0; i < 10; i++)
    rng_normal(&a);
  b = a;
  for (int i = 0; i < 10; i++)
    CHECK(rng_u64(&a) == rng_u64(&b));
}

/* ---- distributions ---- */

struct moments {
  double mean, variance, skewness;
};

static struct moments moments_of(const double *x, int n) {
  struct moments m = {0};
  double m3 = 0;
  for (int i = 0; i < n; i++)
    m.mean += x[i] / n;
  for (int i = 0; i < n; i++) {
    double d = x[i] - m.mean;
    m.variance += d * d / n;
    m3 += d * d * d / n;
  }
  m.skewness = m3 / pow(m.variance, 1.5);
  return m;
}

/* Is chi2 within 5 standard deviations of what `degrees` of freedom give (Wilson and Hilferty 1931)? */
static int chi2_fits(double chi2, double degrees) {
  double z = (cbrt(chi2 / degrees) - 1 + 2 / (9 * degrees)) / sqrt(2 / (9 * degrees));
  return fabs(z) < 5;
}

/* Equal cells of the distribution function, which must be uniform. */
static double chi2_of_uniform(const double *u, int n, int cells) {
  double *count = MEM_NEW_ARRAY(double, cells), chi2 = 0, expected = (double)n / cells;
  for (int i = 0; i < n; i++) {
    int cell = (int)(u[i] * cells);
    count[cell < cells ? cell : cells - 1]++;
  }
  for (int i = 0; i < cells; i++)
    chi2 += (count[i] - expected) * (count[i] - expected) / expected;
  free(count);
  return chi2;
}

enum { DRAWS = 200000 };

static void test_uniform(void) {
  double *x = MEM_NEW_ARRAY(double, DRAWS);
  struct rng r = rng_of(rng_key("uniform", 1));
  int outside = 0;
  for (int i = 0; i < DRAWS; i++) {
    x[i] = rng_uniform(&r);
    outside += !(x[i] > 0.0 && x[i] < 1.0);
  }
  struct moments m = moments_of(x, DRAWS);
  CHECK(outside == 0);
  CHECK_NEAR(m.mean, 0.5, 5 * sqrt(1.0 / 12 / DRAWS));
  CHECK_NEAR(m.variance, 1.0 / 12, 5 * sqrt(1.0 / 180 / DRAWS));
  CHECK(chi2_fits(chi2_of_uniform(x, DRAWS, 1000), 999));
  double serial = 0; /* neighbours know nothing of each other */
  for (int i = 1; i < DRAWS; i++)
    serial += (x[i] - 0.5) * (x[i - 1] - 0.5) * 12 / DRAWS;
  CHECK_NEAR(serial, 0, 5 / sqrt(DRAWS));
  free(x);
}

static void test_uniform_bits(void) {
  struct rng r = rng_of(rng_key("bits", 1));
  int set[64] = {0}, worst = 0;
  for (int i = 0; i < 10000; i++) {
    uint64_t x = rng_u64(&r);
    for (int bit = 0; bit < 64; bit++)
      set[bit] += (int)(x >> bit & 1);
  }
  for (int bit = 0; bit < 64; bit++)
    worst = abs(set[bit] - 5000) > worst ? abs(set[bit] - 5000) : worst;
  CHECK(worst < 250);
}

static void test_normal(void) {
  double *x = MEM_NEW_ARRAY(double, DRAWS);
  struct rng r = rng_of(rng_key("normal", 1));
  for (int i = 0; i < DRAWS; i++)
    x[i] = rng_normal(&r);
  struct moments m = moments_of(x, DRAWS);
  CHECK_NEAR(m.mean, 0, 5 / sqrt(DRAWS));
  CHECK_NEAR(m.variance, 1, 5 * sqrt(2.0 / DRAWS));
  CHECK_NEAR(m.skewness, 0, 5 * sqrt(6.0 / DRAWS));
  for (int i = 0; i < DRAWS; i++)
    x[i] = 0.5 * erfc(-x[i] / sqrt(2.0));
  CHECK(chi2_fits(chi2_of_uniform(x, DRAWS, 1000), 999));
  free(x);
}

static void test_exponential(void) {
  double *x = MEM_NEW_ARRAY(double, DRAWS);
  struct rng r = rng_of(rng_key("exponential", 1));
  for (int i = 0; i < DRAWS; i++)
    x[i] = exp(-rng_exponential(&r));
  CHECK(chi2_fits(chi2_of_uniform(x, DRAWS, 1000), 999));
  free(x);
}

/* The distribution function of gamma(shape) by its series: x^a e^-x sum_k x^k / Gamma(a + k + 1). */
static double gamma_below(double a, double x) {
  double term = exp(a * log(x) - x - lgamma(a + 1)), sum = term;
  for (int k = 1; k < 2000 && term > 1e-17 * sum; k++)
    sum += term *= x / (a + k);
  return sum;
}

static void check_gamma(double shape) {
  double *x = MEM_NEW_ARRAY(double, DRAWS);
  struct rng r = rng_of(rng_key("gamma", (uint64_t)(shape * 1000)));
  for (int i = 0; i < DRAWS; i++)
    x[i] = rng_gamma(&r, shape);
  struct moments m = moments_of(x, DRAWS);
  CHECK_NEAR(m.mean, shape, 5 * sqrt(shape / DRAWS));
  CHECK_NEAR(m.variance, shape, 5 * shape * sqrt((2 + 6 / shape) / DRAWS));
  for (int i = 0; i < DRAWS; i++)
    x[i] = gamma_below(shape, x[i]);
  CHECK(chi2_fits(chi2_of_uniform(x, DRAWS, 500), 499));
  free(x);
}

static void test_gamma(void) {
  check_gamma(0.3);
  check_gamma(1.0);
  check_gamma(2.5);
  check_gamma(40.0);
  struct rng r = rng_of(rng_key("gamma", 0));
  CHECK(rng_gamma(&r, 0) == 0.0);
}

/* Cells are single counts around the mean, the tails joined so that each cell expects 10 or more. */
static void check_poisson(double mean) {
  int top = (int)(mean + 12 * sqrt(mean) + 20);
  double *count = MEM_NEW_ARRAY(double, top + 1), chi2 = 0, seen = 0, expected = 0, sum = 0;
  struct rng r = rng_of(rng_key("poisson", (uint64_t)(mean * 1000)));
  int cells = 0;
  for (int i = 0; i < DRAWS; i++) {
    uint64_t k = rng_poisson(&r, mean);
    count[k < (uint64_t)top ? (int)k : top]++;
    sum += (double)k;
  }
  CHECK_NEAR(sum / DRAWS, mean, 5 * sqrt(mean / DRAWS));
  double left = DRAWS;
  for (int k = 0; k <= top; k++) {
    seen += count[k];
    double here = DRAWS * exp(k * log(mean) - mean - lgamma(k + 1.0));
    expected += here;
    left -= here;
    if ((expected >= 10 && left >= 10) || k == top) {
      expected += k == top ? fmax(left, 0) : 0;
      chi2 += (seen - expected) * (seen - expected) / fmax(expected, 1);
      cells++;
      seen = expected = 0;
    }
  }
  CHECK(cells > 1 && chi2_fits(chi2, fmax(cells - 1, 1)));
  free(count);
}

static void test_poisson(void) {
  static const double means[] = {0.5, 3, 9.99, 10, 10.5, 25, 100, 1000};
  for (size_t i = 0; i < sizeof means / sizeof *means; i++)
    check_poisson(means[i]);
}

static void test_poisson_extremes(void) {
  struct rng r = rng_of(rng_key("poisson", 0));
  CHECK(rng_poisson(&r, 0) == 0);
  CHECK(rng_poisson(&r, -1) == 0);
  CHECK(rng_poisson(&r, (double)NAN) == 0);
  CHECK(rng_poisson(&r, 1e300) == UINT64_MAX);
  static const double means[] = {1e6, 1e9, 9e11, 1e12, 1e15};
  for (size_t m = 0; m < sizeof means / sizeof *means; m++) {
    double z[20000];
    for (int i = 0; i < 20000; i++)
      z[i] = ((double)rng_poisson(&r, means[m]) - means[m]) / sqrt(means[m]);
    struct moments got = moments_of(z, 20000);
    CHECK_NEAR(got.mean, 0, 5 / sqrt(20000));
    CHECK_NEAR(got.variance, 1, 5 * sqrt(2.0 / 20000));
  }
}

static void test_below(void) {
  struct rng r = rng_of(rng_key("below", 1));
  static const uint64_t ns[] = {1, 2, 3, 7, 1000, ((uint64_t)1 << 63) + 1, UINT64_MAX};
  double *u = MEM_NEW_ARRAY(double, 50000);
  for (size_t j = 0; j < sizeof ns / sizeof *ns; j++) {
    int outside = 0;
    for (int i = 0; i < 50000; i++) {
      uint64_t x = rng_below(&r, ns[j]);
      outside += x >= ns[j];
      u[i] = ((double)x + 0.5) / (double)ns[j];
    }
    int cells = ns[j] < 100 ? (int)ns[j] : 100;
    CHECK(outside == 0);
    CHECK(cells == 1 || chi2_fits(chi2_of_uniform(u, 50000, cells), cells - 1));
  }
  free(u);
}

/* ---- permutations ---- */

static int is_permutation(struct rng_key key, uint64_t n) {
  unsigned char *seen = mem_alloc(n);
  uint64_t good = 0;
  for (uint64_t i = 0; i < n; i++) {
    uint64_t to = rng_permute(key, n, i);
    good += to < n && !seen[to];
    if (to < n)
      seen[to] = 1;
  }
  free(seen);
  return good == n;
}

static void test_permutations(void) {
  static const uint64_t ns[] = {1, 2, 3, 4, 5, 16, 17, 1000, 65536, 65537, 1000003};
  for (size_t i = 0; i < sizeof ns / sizeof *ns; i++)
    for (uint64_t seed = 0; seed < 3; seed++)
      CHECK(is_permutation(rng_key("permutation", seed), ns[i]));
  CHECK(rng_permute(rng_key("huge", 1), UINT64_MAX, UINT64_MAX - 1) < UINT64_MAX);
}

/* Every one of the n! orders of a few things must come up equally often. */
static void check_all_orders(uint64_t n, int orders, int draws) {
  double *u = MEM_NEW_ARRAY(double, draws);
  for (int draw = 0; draw < draws; draw++) {
    int rank = 0;
    for (uint64_t i = 0; i < n; i++) { /* Lehmer code */
      int smaller = 0;
      for (uint64_t j = i + 1; j < n; j++)
        smaller +=
            rng_permute(rng_key("orders", (uint64_t)draw), n, j) < rng_permute(rng_key("orders", (uint64_t)draw), n, i);
      rank = rank * (int)(n - i) + smaller;
    }
    u[draw] = (rank + 0.5) / orders;
  }
  CHECK(chi2_fits(chi2_of_uniform(u, draws, orders), orders - 1));
  free(u);
}

static void test_orders_equally_likely(void) {
  check_all_orders(2, 2, 20000);
  check_all_orders(3, 6, 20000);
  check_all_orders(4, 24, 20000);
  check_all_orders(5, 120, 20000);
}

/* Where neighbours go must be independent: pairs (to(i), to(i + 1)) fill a 10 x 10 table evenly. */
static void check_neighbours(uint64_t n) {
  struct rng_key key = rng_key("neighbours", n);
  double *u = MEM_NEW_ARRAY(double, n), distance = 0;
  for (uint64_t i = 0; i < n; i++) {
    double here = (double)rng_permute(key, n, i) / (double)n;
    double next = (double)rng_permute(key, n, (i + 1) % n) / (double)n;
    u[i] = (floor(here * 10) * 10 + floor(next * 10) + 0.5) / 100;
    distance += fabs(here - next) / (double)n;
  }
  CHECK(chi2_of_uniform(u, (int)n, 100) < 99 + 5 * sqrt(2.0 * 99)); /* marginals are exact: below is no fault */
  CHECK_NEAR(distance, 1.0 / 3, 5 * sqrt(1.0 / 18 / (double)n));
  free(u);
}

static void test_neighbours(void) {
  check_neighbours(1000);
  check_neighbours(65536);
  check_neighbours(65537);
  check_neighbours(250000);
}

int main(void) {
  return TEST_MAIN("rng", {"Philox known answers", test_philox_known_answers}, {"keys differ", test_keys_differ},
                   {"keys stay what they were", test_keys_stay},
                   {"a sequence can be taken up", test_sequence_can_be_taken_up}, {"uniform", test_uniform},
                   {"bits", test_uniform_bits}, {"normal", test_normal}, {"exponential", test_exponential},
                   {"gamma", test_gamma}, {"poisson", test_poisson},
                   {"poisson of odd and huge means", test_poisson_extremes}, {"below n", test_below},
                   {"permutations", test_permutations}, {"all orders equally likely", test_orders_equally_likely},
                   {"neighbours go apart", test_neighbours});
}
