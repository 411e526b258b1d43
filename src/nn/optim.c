#include "nn/optim.h"

#include <math.h>

struct optim_buffers optim_buffers(const struct spec *spec) {
  switch (spec->optimizer) {
  case OPTIMIZER_sgd:
    return (struct optim_buffers){.m = spec->momentum > 0};
  case OPTIMIZER_rmsprop:
    return (struct optim_buffers){.m = spec->momentum > 0, .v = true};
  default:
    return (struct optim_buffers){.m = true, .v = true};
  }
}

/* Clipping by the norm of the whole gradient (Pascanu, Mikolov, Bengio, ICML 2013, algorithm 1), with the 1e-6 of
 * torch.nn.utils.clip_grad_norm_. */
static double gradient_scale(const struct spec *spec, const struct backend *b, double weight_sum, size_t n,
                             const float *gradient) {
  if (!(weight_sum > 0))
    return 0;
  double scale = 1 / weight_sum;
  if (spec->clip > 0) {
    double norm = sqrt(b->sum_squares(n, gradient)) * scale, share = spec->clip / (norm + 1e-6);
    scale *= share < 1 ? share : 1;
  }
  return scale;
}

void optim_apply(const struct spec *spec, const struct backend *b, double lr, int64_t step, double weight_sum, size_t n,
                 const float *gradient, float *weights, float *m, float *v) {
  struct optim_step s = {.lr = lr,
                         .gradient_scale = gradient_scale(spec, b, weight_sum, n, gradient),
                         .weight_decay = spec->weight_decay,
                         .momentum = spec->momentum,
                         .beta1 = spec->beta1,
                         .beta2 = spec->beta2,
                         .rho = spec->rho,
                         .epsilon = spec->epsilon,
                         .nesterov = spec->nesterov,
                         .decoupled = spec->optimizer == OPTIMIZER_adamw,
                         .step = step};
  if (spec->optimizer == OPTIMIZER_sgd)
    b->sgd(&s, n, gradient, weights, m);
  else if (spec->optimizer == OPTIMIZER_rmsprop)
    b->rmsprop(&s, n, gradient, weights, m, v);
  else
    b->adam(&s, n, gradient, weights, m, v);
}
