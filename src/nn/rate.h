/* Learning rates. All but plateau are functions of the position in training alone. */
#ifndef COXSWAIN_NN_RATE_H
#define COXSWAIN_NN_RATE_H

#include "nn/spec.h"

/* What the plateau schedule remembers; part of a slot's state. */
struct rate_state {
  double scale; /* times spec.lr; relative, so that a trial that starts from another's state has its own rate */
  double best;
  int64_t bad, cooldown; /* epochs */
};

struct rate_state rate_start(void);
/* The learning rate of batch `batch` of `batches` in `epoch`, all counted from 0. */
double rate_at(const struct spec *spec, const struct rate_state *s, int64_t epoch, int64_t batch, int64_t batches);
/* After an epoch: what the monitor says. Only plateau listens. */
void rate_epoch(const struct spec *spec, struct rate_state *s, double monitor);

#endif
