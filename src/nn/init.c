/* Fresh weights. Glorot and Bengio (AISTATS 2010), equations 12 and 16; He et al. (ICCV 2015), equation 10. Biases
 * start at 0, batch norms at gamma 1, beta 0, running mean 0 and running variance 1. */
#include <math.h>

#include "nn/layer.h"

static void init_dense(const struct layer *l, const struct spec *s, size_t number, float *weights) {
  double fan_in = (double)l->inputs, fan_out = (double)l->units;
  bool glorot = s->init == INIT_glorot_uniform || s->init == INIT_glorot_normal;
  double variance = 2 / (glorot ? fan_in + fan_out : fan_in);
  struct rng rng = rng_of(rng_child(s->key, RNG_INIT, number));
  for (size_t i = 0; i < l->inputs * l->units; i++)
    if (s->init == INIT_glorot_uniform || s->init == INIT_he_uniform)
      weights[l->weight + i] = (float)(sqrt(3 * variance) * (2 * rng_uniform(&rng) - 1));
    else
      weights[l->weight + i] = (float)(sqrt(variance) * rng_normal(&rng));
  for (size_t i = 0; i < l->units; i++)
    weights[l->bias + i] = 0;
}

static void init_norm(const struct layer *l, float *weights, float *statistics) {
  for (size_t i = 0; i < l->units; i++) {
    weights[l->weight + i] = 1;
    weights[l->bias + i] = 0;
    statistics[l->statistics + i] = 0;
    statistics[l->statistics + l->units + i] = 1;
  }
}

void net_init(const struct net *net, float *weights, float *statistics) {
  size_t number = 0;
  for (size_t i = 0; i < net->n_layers; i++) {
    const struct layer *l = &net->layers[i];
    if (l->ops == &layer_dense)
      init_dense(l, &net->spec, number++, weights);
    else if (l->ops == &layer_norm)
      init_norm(l, weights, statistics);
  }
}
