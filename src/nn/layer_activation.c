/* y = act(scale x + shift): the bias of a dense layer or the whole of a batch norm is done in the same pass. */
#include "nn/layer.h"

static struct affine affine_of(const struct layer *source, const struct pass *p) {
  if (source->ops == &layer_norm)
    return (struct affine){source->norm.scale, source->norm.shift};
  return (struct affine){NULL, p->weights + source->bias};
}

static void activation_forward(const struct layer *l, const struct pass *p) {
  const struct panel *y = &p->piece->value[l->index], *x = y - 1;
  p->net->backend->activate(l->activation, x, affine_of(l->source, p), y);
}

static void activation_backward(const struct layer *l, const struct pass *p) {
  const struct panel *y = &p->piece->value[l->index], *x = y - 1;
  p->net->backend->activate_back(l->activation, x, affine_of(l->source, p), y, &p->piece->delta);
}

const struct layer_ops layer_activation = {"activation", activation_forward, activation_backward};
