/* y = W x with W (out, in). All three products have the rows of the piece as their long, contiguous side. */
#include "nn/layer.h"

static void dense_forward(const struct layer *l, const struct pass *p) {
  const struct panel *y = &p->piece->value[l->index];
  const float *w = p->weights + l->weight;
  if (l->index == 0) /* input rows are row-major */
    p->net->backend->gemm(false, true, l->units, y->rows, l->inputs, w, l->inputs, p->piece->x, l->inputs, false, y->x,
                          y->pitch);
  else {
    const struct panel *x = y - 1;
    p->net->backend->gemm(false, false, l->units, y->rows, l->inputs, w, l->inputs, x->x, x->pitch, false, y->x,
                          y->pitch);
  }
}

static void weight_gradient(const struct layer *l, const struct pass *p) {
  const struct panel *d = &p->piece->delta;
  float *g = p->gradient + l->weight;
  if (l->index == 0)
    p->net->backend->gemm(false, false, l->units, l->inputs, d->rows, d->x, d->pitch, p->piece->x, l->inputs, p->add, g,
                          l->inputs);
  else {
    const struct panel *x = &p->piece->value[l->index - 1];
    p->net->backend->gemm(false, true, l->units, l->inputs, d->rows, d->x, d->pitch, x->x, x->pitch, p->add, g,
                          l->inputs);
  }
  if (!l->frozen_bias)
    p->net->backend->line_sums(d, p->add, p->gradient + l->bias);
}

static void dense_backward(const struct layer *l, const struct pass *p) {
  struct piece *piece = p->piece;
  weight_gradient(l, p);
  if (l->index == 0)
    return;
  struct panel below = piece->spare, d = piece->delta;
  below.units = l->inputs;
  p->net->backend->gemm(true, false, l->inputs, d.rows, l->units, p->weights + l->weight, l->inputs, d.x, d.pitch,
                        false, below.x, below.pitch);
  piece->spare = d;
  piece->delta = below;
}

const struct layer_ops layer_dense = {"dense", dense_forward, dense_backward};
