#include "nn/rate.h"

#include <math.h>

struct rate_state rate_start(void) {
  return (struct rate_state){.scale = 1, .best = (double)INFINITY};
}

static double larger(double a, double b) {
  return a > b ? a : b;
}

/* lr_min bounds step and exponential from below, but never lifts a rate above where it started. */
static double decayed(const struct spec *s, double factor) {
  return larger(s->lr * factor, s->lr_min < s->lr ? s->lr_min : s->lr);
}

/* Cosine: Loshchilov and Hutter, arXiv:1608.03983, equation 5, without restarts. */
static double scheduled(const struct spec *spec, const struct rate_state *s, int64_t epoch, double epochs) {
  const double pi = 3.14159265358979323846;
  switch (spec->rate) {
  case RATE_step:
    return decayed(spec, pow(spec->lr_factor, (double)(epoch / spec->lr_every)));
  case RATE_exponential:
    return decayed(spec, pow(spec->lr_factor, epochs));
  case RATE_cosine:
    return spec->lr_min + 0.5 * (spec->lr - spec->lr_min) * (1 + cos(pi * epochs / (double)spec->epochs));
  case RATE_plateau:
    return spec->lr * s->scale;
  default:
    return spec->lr;
  }
}

double rate_at(const struct spec *spec, const struct rate_state *s, int64_t epoch, int64_t batch, int64_t batches) {
  double epochs = (double)epoch + (double)batch / (double)batches;
  double lr = scheduled(spec, s, epoch, epochs);
  double warm = (epochs + 1 / (double)batches) / spec->warmup; /* the first step has already moved off 0 */
  return spec->warmup > 0 && warm < 1 ? lr * warm : lr;
}

/* torch.optim.lr_scheduler.ReduceLROnPlateau, mode min, relative threshold. Reductions of less than 1e-8 are not made.
 */
void rate_epoch(const struct spec *spec, struct rate_state *s, double monitor) {
  if (spec->rate != RATE_plateau)
    return;
  if (monitor < s->best * (1 - spec->plateau.threshold)) {
    s->best = monitor;
    s->bad = 0;
  } else
    s->bad++;
  if (s->cooldown > 0) {
    s->cooldown--;
    s->bad = 0;
  }
  if (s->bad <= spec->plateau.patience)
    return;
  double old = spec->lr * s->scale, new = larger(old * spec->plateau.factor, spec->plateau.minimum);
  if (old - new > 1e-8)
    s->scale = new / spec->lr;
  s->cooldown = spec->plateau.cooldown;
  s->bad = 0;
}
