/* Every combination, the last written hyperparameter fastest. */
#include "hpo/sampler.h"

#include <stdlib.h>

#include "base/mem.h"

static enum err grid_open(struct sampler *s, const struct settings *conf) {
  (void)conf;
  double *size = MEM_NEW(double);
  *size = space_grid_size(s->space);
  s->context = size;
  return OK;
}

static enum err grid_ask(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                         enum ask *answer) {
  (void)h, (void)rng;
  *answer = (double)index < *(const double *)s->context ? ASK_POINT : ASK_EXHAUSTED;
  if (*answer == ASK_POINT)
    space_grid_point(s->space, (uint64_t)index, u);
  return OK;
}

static void grid_close(struct sampler *s) {
  free(s->context);
}

const struct sampler_ops sampler_grid = {
    .name = "grid", .enumerates = true, .open = grid_open, .ask = grid_ask, .close = grid_close};
