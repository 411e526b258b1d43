/* Independent uniform points. */
#include "hpo/sampler.h"

static enum err random_ask(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                           enum ask *answer) {
  (void)h, (void)index;
  for (size_t i = 0; i < s->space->n_coordinates; i++)
    u[i] = rng_uniform(rng);
  *answer = ASK_POINT;
  return OK;
}

const struct sampler_ops sampler_random = {.name = "random", .ask = random_ask};
