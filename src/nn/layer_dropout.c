/* Inverted dropout (Srivastava et al., JMLR 15 (2014)): kept units are scaled up in training, so that prediction needs
 * nothing. The mask is not stored: the way back draws it again. */
#include "nn/layer.h"

static void dropout_forward(const struct layer *l, const struct pass *p) {
  const struct panel *y = &p->piece->value[l->index], *x = y - 1;
  if (p->train)
    p->net->backend->dropout(l->key, p->step, p->piece->first, l->dropout, x, y);
  else if (l->own_values)
    p->net->backend->activate(ACTIVATION_linear, x, (struct affine){NULL, NULL}, y);
}

static void dropout_backward(const struct layer *l, const struct pass *p) {
  const struct panel *d = &p->piece->delta;
  p->net->backend->dropout(l->key, p->step, p->piece->first, l->dropout, d, d);
}

const struct layer_ops layer_dropout = {"dropout", dropout_forward, dropout_backward};
