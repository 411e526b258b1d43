/* Test functions whose minima are known, to try samplers and schedules on. */
#ifndef COXSWAIN_RUN_FUNCTIONS_H
#define COXSWAIN_RUN_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

enum { FUNCTION_STATE = 32 };

struct test_function {
  const char *name;
  size_t arguments;                                      /* 0: any number, at least one */
  double (*at)(const double *x, size_t n, int64_t step); /* step from 1; only learning curves depend on it */
  /* Of a function that trains something: one step from its state, FUNCTION_STATE numbers, all 0 at the beginning. The
   * value after it. `at` is NULL then. */
  double (*train)(const double *x, size_t n, struct rng *rng, double *state);
};

const struct test_function *test_function_of(const char *name); /* NULL for "table" (function_table.h) and "bbob"
                                                                 * (functions_bbob.h) */

#endif
