#include "hpo/linalg.h"

#include <cblas.h>
#include <math.h>

/* LAPACK's own interface is Fortran's: everything by address, and the length of each text at the end. What is the lower
 * triangle of a row-major matrix is the upper one of LAPACK's column-major matrix. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_length);
void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t uplo_length);

#define LOWER "U"

void linalg_use_one_thread(void) {
#ifdef COXSWAIN_OPENBLAS
  openblas_set_num_threads(1);
#endif
}

bool linalg_cholesky(size_t n, double *a, size_t ld) {
  int order = (int)n, distance = (int)ld, info = 0;
  if (n == 0)
    return true;
  dpotrf_(LOWER, &order, a, &distance, &info, 1);
  for (size_t i = 0; info == 0 && i < n; i++)
    if (!isfinite(a[i * ld + i])) /* not every LAPACK looks for NaN */
      return false;
  return info == 0;
}

void linalg_inverse_of_cholesky(size_t n, double *l, size_t ld) {
  int order = (int)n, distance = (int)ld, info = 0;
  if (n > 0)
    dpotri_(LOWER, &order, l, &distance, &info, 1);
}

void linalg_solve_lower(size_t n, const double *l, size_t ld, size_t m, double *b) {
  if (m == 1)
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, l, (int)ld, b, 1);
  else if (m > 1 && n > 0) /* the rows of b are the columns that BLAS solves for */
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, (int)n, (int)m, 1, l, (int)ld, b,
                (int)n);
}

void linalg_solve_lower_transposed(size_t n, const double *l, size_t ld, size_t m, double *b) {
  if (m == 1)
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, (int)n, l, (int)ld, b, 1);
  else if (m > 1 && n > 0)
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, (int)n, (int)m, 1, l, (int)ld, b,
                (int)n);
}

void linalg_symmetric_times(size_t n, const double *a, size_t ld, size_t m, const double *b, double *c) {
  if (n > 0 && m > 0)
    cblas_dsymm(CblasColMajor, CblasLeft, CblasUpper, (int)n, (int)m, 1, a, (int)ld, b, (int)n, 0, c, (int)n);
}

void linalg_times(size_t k, size_t n, const double *a, size_t m, const double *b, double *c) {
  if (k > 0 && m > 0)
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)k, (int)n, 1, b, (int)n, a, (int)n, 0, c, (int)k);
}

void linalg_gram(size_t n, size_t p, const double *x, double *a, size_t ld) {
  if (n > 0)
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)n, (int)p, 1, x, (int)p, 0, a, (int)ld);
}
