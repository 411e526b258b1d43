/* Optimizers: one pass over the flat weight buffer, with PyTorch's definitions and defaults' meaning. */
#ifndef COXSWAIN_NN_OPTIM_H
#define COXSWAIN_NN_OPTIM_H

#include "nn/backend.h"

/* Flat buffers of the size of the weights that the optimizer of this spec keeps: a first moment or velocity (m), a
 * second moment (v). */
struct optim_buffers {
  bool m, v;
};
struct optim_buffers optim_buffers(const struct spec *spec);

/* One step with the raw gradient of sum w l; step counts from 1. A batch whose weight sum is not positive says nothing
 * about the mean loss: its gradient counts as 0. m and v may be NULL where optim_buffers says so. */
void optim_apply(const struct spec *spec, const struct backend *b, double lr, int64_t step, double weight_sum, size_t n,
                 const float *gradient, float *weights, float *m, float *v);

#endif
