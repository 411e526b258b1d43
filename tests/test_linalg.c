/* The wrappers of LAPACK and BLAS against loops that anyone can read. */
#include "hpo/linalg.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "testing.h"

#define N 37
#define LD 40

/* B B^T + 1, with the upper triangle filled with what must not be read. */
static void positive_definite(double *a, uint64_t seed) {
  struct rng r = rng_of(rng_key("linalg", seed));
  double b[N][N];
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++)
      b[i][j] = rng_normal(&r);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < LD; j++) {
      a[i * LD + j] = j > i ? 1e30 : (i == j);
      for (size_t k = 0; k < N && j <= i; k++)
        a[i * LD + j] += b[i][k] * b[j][k];
    }
}

static double entry(const double *a, size_t i, size_t j) {
  return i >= j ? a[i * LD + j] : a[j * LD + i];
}

static double lower(const double *l, size_t i, size_t j) {
  return i >= j ? l[i * LD + j] : 0;
}

static void test_cholesky(void) {
  double a[N * LD], l[N * LD];
  positive_definite(a, 1);
  memcpy(l, a, sizeof l);
  REQUIRE(linalg_cholesky(N, l, LD));
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < LD; j++) {
      if (j > i) {
        CHECK(l[i * LD + j] == 1e30);
        continue;
      }
      double sum = 0;
      for (size_t k = 0; k <= j; k++)
        sum += l[i * LD + k] * l[j * LD + k];
      CHECK(fabs(sum - a[i * LD + j]) < 1e-11);
    }
  CHECK(linalg_cholesky(0, l, LD));
}

static void test_what_is_not_positive_definite(void) {
  double a[N * LD];
  positive_definite(a, 2);
  a[5 * LD + 5] = -1;
  CHECK(!linalg_cholesky(N, a, LD));
  positive_definite(a, 2);
  a[7 * LD + 3] = (double)NAN;
  CHECK(!linalg_cholesky(N, a, LD));
}

static void test_inverse(void) {
  double a[N * LD], inverse[N * LD];
  positive_definite(a, 3);
  memcpy(inverse, a, sizeof a);
  REQUIRE(linalg_cholesky(N, inverse, LD));
  linalg_inverse_of_cholesky(N, inverse, LD);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++)
        sum += entry(a, i, k) * entry(inverse, k, j);
      CHECK(fabs(sum - (i == j)) < 1e-9);
    }
}

/* One right-hand side and several take different ways through BLAS. */
static void test_solving(void) {
  double l[N * LD], b[3 * N], x[3 * N];
  struct rng r = rng_of(rng_key("linalg", 4));
  positive_definite(l, 4);
  REQUIRE(linalg_cholesky(N, l, LD));
  for (size_t i = 0; i < 3 * N; i++)
    b[i] = rng_normal(&r);
  for (size_t m = 0; m <= 3; m++)
    for (int transposed = 0; transposed < 2; transposed++) {
      memcpy(x, b, sizeof x);
      (transposed ? linalg_solve_lower_transposed : linalg_solve_lower)(N, l, LD, m, x);
      for (size_t row = 0; row < 3; row++)
        for (size_t i = 0; i < N; i++) {
          double sum = 0;
          for (size_t k = 0; k < N; k++)
            sum += (transposed ? lower(l, k, i) : lower(l, i, k)) * x[row * N + k];
          CHECK(row < m ? fabs(sum - b[row * N + i]) < 1e-10 : x[row * N + i] == b[row * N + i]);
        }
    }
}

static void test_products(void) {
  double a[N * LD], full[5 * N], b[3 * N], c[3 * N], d[3 * 5];
  struct rng r = rng_of(rng_key("linalg", 5));
  positive_definite(a, 5);
  for (size_t i = 0; i < 3 * N; i++)
    b[i] = rng_normal(&r);
  for (size_t i = 0; i < 5 * N; i++)
    full[i] = rng_normal(&r);
  linalg_symmetric_times(N, a, LD, 3, b, c);
  linalg_times(5, N, full, 3, b, d);
  for (size_t row = 0; row < 3; row++) {
    for (size_t i = 0; i < N; i++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++)
        sum += entry(a, i, k) * b[row * N + k];
      CHECK(fabs(sum - c[row * N + i]) < 1e-10);
    }
    for (size_t i = 0; i < 5; i++) {
      double sum = 0;
      for (size_t k = 0; k < N; k++)
        sum += full[i * N + k] * b[row * N + k];
      CHECK(fabs(sum - d[row * 5 + i]) < 1e-10);
    }
  }
}

int main(void) {
  linalg_use_one_thread();
  return TEST_MAIN("linalg", {"L L^T gives the matrix back, and the upper triangle stays", test_cholesky},
                   {"a matrix that is not positive definite is told", test_what_is_not_positive_definite},
                   {"the inverse times the matrix is one", test_inverse},
                   {"triangular systems, one and several right-hand sides", test_solving},
                   {"products with symmetric and full matrices", test_products});
}
