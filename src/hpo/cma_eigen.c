/* Jacobi's method, cyclic by rows (Golub and Van Loan, Matrix Computations, 8.5). */
#include <float.h>
#include <math.h>

#include "hpo/cma.h"

enum { SWEEPS = 30 };

/* Rows and columns p, q of A and columns p, q of V are turned so that a[p, q] becomes 0. */
static void rotate(size_t n, double *a, double *v, size_t p, size_t q) {
  double apq = a[p * n + q];
  if (apq == 0)
    return;
  double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
  double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
  double c = 1 / sqrt(t * t + 1), s = t * c;
  for (size_t i = 0; i < n; i++) {
    double x = a[i * n + p], y = a[i * n + q];
    a[i * n + p] = c * x - s * y;
    a[i * n + q] = s * x + c * y;
  }
  for (size_t i = 0; i < n; i++) {
    double x = a[p * n + i], y = a[q * n + i];
    a[p * n + i] = c * x - s * y;
    a[q * n + i] = s * x + c * y;
  }
  for (size_t i = 0; i < n; i++) {
    double x = v[i * n + p], y = v[i * n + q];
    v[i * n + p] = c * x - s * y;
    v[i * n + q] = s * x + c * y;
  }
}

static bool is_diagonal(size_t n, const double *a) {
  double off = 0, diagonal = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j <= i; j++)
      *(i == j ? &diagonal : &off) += a[i * n + j] * a[i * n + j];
  return off <= DBL_EPSILON * DBL_EPSILON * diagonal;
}

void cma_eigen(size_t n, double *a, double *values, double *v) {
  for (size_t i = 0; i < n * n; i++)
    v[i] = i % (n + 1) == 0;
  for (int sweep = 0; sweep < SWEEPS && !is_diagonal(n, a); sweep++)
    for (size_t p = 0; p + 1 < n; p++)
      for (size_t q = p + 1; q < n; q++)
        rotate(n, a, v, p, q);
  for (size_t i = 0; i < n; i++)
    values[i] = a[i * n + i];
}
