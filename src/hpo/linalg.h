/* Dense linear algebra in double for models of the search: the one place of hpo that knows LAPACK and BLAS.
 *
 * Matrices are row-major; `ld` is the distance between rows. Of symmetric matrices only the lower triangle (columns <=
 * row) is read. Right-hand sides are the rows of b (m, n): each is a vector of n, one after the other. */
#ifndef COXSWAIN_HPO_LINALG_H
#define COXSWAIN_HPO_LINALG_H

#include <stdbool.h>
#include <stddef.h>

/* The same bits however many cores there are, and steering shares its core: BLAS may start no threads of its own.
 * Whoever opens a model calls it before the first of the others. */
void linalg_use_one_thread(void);

/* A = L L^T: the lower triangle of a (n, n) becomes L, the upper one is not touched. False if A is not positive
 * definite (or holds a NaN); a is spoilt then. */
bool linalg_cholesky(size_t n, double *a, size_t ld);
/* From L: the lower triangle of the inverse of A, in place of L. */
void linalg_inverse_of_cholesky(size_t n, double *l, size_t ld);
/* x in place of b: L x = b, and L^T x = b, for each row of b (m, n). */
void linalg_solve_lower(size_t n, const double *l, size_t ld, size_t m, double *b);
void linalg_solve_lower_transposed(size_t n, const double *l, size_t ld, size_t m, double *b);
/* c = A b for each row of b (m, n); A symmetric (n, n). */
void linalg_symmetric_times(size_t n, const double *a, size_t ld, size_t m, const double *b, double *c);
/* c (m, k) = b (m, n) A^T with A (k, n): each row of c is A times that row of b. */
void linalg_times(size_t k, size_t n, const double *a, size_t m, const double *b, double *c);
/* a (n, n), lower triangle: the scalar products of the rows of x (n, p). */
void linalg_gram(size_t n, size_t p, const double *x, double *a, size_t ld);

#endif
