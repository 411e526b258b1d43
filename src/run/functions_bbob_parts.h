/* What an instance of a BBOB function is; for functions_bbob*.c only. */
#ifndef COXSWAIN_RUN_FUNCTIONS_BBOB_PARTS_H
#define COXSWAIN_RUN_FUNCTIONS_BBOB_PARTS_H

#include <math.h>

#include "run/functions_bbob.h"

#define PI 3.14159265358979323846

enum { MOST = BBOB_MOST_DIMENSIONS, MOST_PEAKS = 101 };

typedef double vector[MOST];
typedef double matrix[MOST * MOST]; /* by rows of MOST */

struct peaks { /* of Gallagher's functions */
  size_t n;
  double height[MOST_PEAKS];
  vector scale[MOST_PEAKS]; /* the diagonal of C_i */
  vector place[MOST_PEAKS]; /* R y_i */
};

struct bbob {
  double (*at)(const struct bbob *b, const double *x); /* less the minimum */
  size_t n;
  double minimum;
  vector best;
  matrix r, q; /* rotations */
  struct peaks *peaks;
};

static inline double bbob_widen(const struct bbob *b) {
  return fmax(1, sqrt((double)b->n) / 8);
}

void bbob_rotate(const struct bbob *b, const double *m, double *z); /* z = m z */
/* Everything of b but b->at and b->n; `same`: whose random numbers it has. */
void bbob_make_instance(struct bbob *b, int64_t index, int64_t same, int64_t instance);

#endif
