/* The 24 noiseless functions of BBOB: N. Hansen, S. Finck, R. Ros, A. Auger, "Real-parameter black-box optimization
 * benchmarking: noiseless functions definitions", INRIA RR-6829. An instance moves, rotates and lifts a function; the
 * numbers for that come from the report's own generator, so that values can be compared with published ones. The
 * searched domain is [-5, 5]^D. */
#ifndef COXSWAIN_RUN_FUNCTIONS_BBOB_H
#define COXSWAIN_RUN_FUNCTIONS_BBOB_H

#include <stddef.h>
#include <stdint.h>

#define BBOB_FUNCTIONS 24
#define BBOB_MOST_DIMENSIONS 40

struct bbob;

/* index 1 to 24, instance from 1, 2 to 40 dimensions: the caller has checked. */
struct bbob *bbob_open(int64_t index, int64_t instance, size_t dimensions);
void bbob_close(struct bbob *b); /* NULL is fine */
double bbob_at(const struct bbob *b, const double *x);
double bbob_minimum(const struct bbob *b);     /* the value at the best point */
const double *bbob_best(const struct bbob *b); /* (dimensions) */

#endif
