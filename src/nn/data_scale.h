/* Missing values and standardisation, variable by variable. */
#ifndef COXSWAIN_NN_DATA_SCALE_H
#define COXSWAIN_NN_DATA_SCALE_H

#include <stdbool.h>
#include <stddef.h>

#include "nn/data_plan.h"

struct data_variable {
  char *name;
  double shift, scale; /* x <- (x - shift) / scale */
  double fill;         /* in the units of the file, for missing values */
  bool flag;           /* one more input says 1 = missing */
  /* what the training part is like, present values only */
  size_t present, missing;
  double mean, width, low, high;
};

/* Statistics of n rows (n, width) with NaN for missing; fills in present .. high. Doubles, two passes. */
void data_measure(struct data_variable *variables, size_t width, const float *x, size_t n);
/* Chooses shift, scale, fill and flag; warns of what looks wrong. `where` opens the messages. */
enum err data_choose_scales(struct data_variable *variables, size_t width, const struct data_plan *plan,
                            const char *where);
size_t data_flags(const struct data_variable *variables, size_t width);
/* One raw row (width) with NaN for missing to one input row (width + flags). */
void data_scale_row(const struct data_variable *variables, size_t width, const float *raw, float *out);

#endif
