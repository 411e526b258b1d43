/* From a spec to layers, their places in the flat buffers, stages and working memory. */
#include "nn/net.h"

#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/layer.h"

#define ROUND 16 /* floats: lines start on cache lines */

/* ---- layers ---- */

static struct layer *add_layer(struct net *net, const struct layer_ops *ops, size_t inputs, size_t units) {
  struct layer *l = &net->layers[net->n_layers];
  *l = (struct layer){.ops = ops, .index = net->n_layers++, .inputs = inputs, .units = units};
  return l;
}

static struct layer *add_dense(struct net *net, size_t inputs, size_t units) {
  struct layer *l = add_layer(net, &layer_dense, inputs, units);
  l->own_values = true;
  l->weight = net->n_weights;
  l->bias = l->weight + inputs * units;
  net->n_weights = l->bias + units;
  return l;
}

static struct layer *add_norm(struct net *net, struct layer *dense) {
  struct layer *l = add_layer(net, &layer_norm, dense->units, dense->units);
  dense->frozen_bias = true;
  l->source = dense;
  l->weight = net->n_weights;
  l->bias = l->weight + l->units;
  net->n_weights = l->bias + l->units;
  l->statistics = net->n_statistics;
  net->n_statistics += 2 * l->units;
  net->widest_norm = l->units > net->widest_norm ? l->units : net->widest_norm;
  net->stage[net->n_stages++] = l->index;
  return l;
}

/* In place where the way back can do without what was there. */
static void add_activation(struct net *net, const struct layer *source, enum activation a) {
  struct layer *l = add_layer(net, &layer_activation, source->units, source->units);
  l->source = source;
  l->activation = a;
  l->own_values = source->ops == &layer_norm || activation_needs(a) == NEEDS_INPUT;
}

static void add_dropout(struct net *net, size_t units, enum activation a, double p, size_t number) {
  struct layer *l = add_layer(net, &layer_dropout, units, units);
  l->dropout = p;
  l->key = rng_child(net->spec.key, RNG_DROPOUT, number);
  l->own_values = activation_needs(a) == NEEDS_OUTPUT;
}

static void compile(struct net *net) {
  const struct spec *s = &net->spec;
  size_t inputs = (size_t)s->inputs;
  net->stage[net->n_stages++] = 0;
  for (size_t i = 0; i < s->n_hidden; i++) {
    const struct hidden_layer *h = &s->hidden[i];
    struct layer *last = add_dense(net, inputs, (size_t)h->width);
    if (s->batch_norm)
      last = add_norm(net, last);
    add_activation(net, last, h->activation);
    if (h->dropout > 0)
      add_dropout(net, (size_t)h->width, h->activation, h->dropout, i);
    inputs = (size_t)h->width;
  }
  add_activation(net, add_dense(net, inputs, (size_t)s->outputs), ACTIVATION_linear);
  net->stage[net->n_stages] = net->n_layers;
}

static enum err check(const struct spec *s) {
  double weights = 0, inputs = (double)s->inputs;
  if (s->inputs < 1 || s->outputs < 1)
    return FAIL(ERR_INPUT, "a network of %lld inputs and %lld outputs cannot be built", (long long)s->inputs,
                (long long)s->outputs);
  if (s->batch < 1 || s->piece < 1)
    return FAIL(ERR_INPUT, "train.batch = %lld and train.piece = %lld must be at least 1", (long long)s->batch,
                (long long)s->piece);
  for (size_t i = 0; i <= s->n_hidden; i++) {
    double units = (double)(i < s->n_hidden ? s->hidden[i].width : s->outputs);
    if (units < 1)
      return FAIL(ERR_INPUT, "hidden layer %zu has %g units: at least 1", i + 1, units);
    weights += (inputs + 3) * units;
    inputs = units;
  }
  if (weights > (double)INT_MAX)
    return FAIL(ERR_INPUT, "a network of %.3g weights is too large for one flat buffer of %d: lower model.hidden",
                weights, INT_MAX);
  return OK;
}

/* ---- working memory ---- */

static size_t rounded(size_t n) {
  return (n + ROUND - 1) / ROUND * ROUND;
}

static void open_norm(struct net *net, struct layer *l) {
  const struct backend *b = net->backend;
  size_t bytes = l->units * sizeof(float);
  l->norm = (struct norm){.mean = b->alloc(bytes),
                          .scale = b->alloc(bytes),
                          .shift = b->alloc(bytes),
                          .slope = b->alloc(bytes),
                          .offset = b->alloc(bytes),
                          .host = MEM_NEW_ARRAY(float, 5 * l->units),
                          .gradient = MEM_NEW_ARRAY(float, 2 * l->units),
                          .inverse = MEM_NEW_ARRAY(double, l->units)};
}

static void close_norm(const struct net *net, struct norm *n) {
  float *device[] = {n->mean, n->scale, n->shift, n->slope, n->offset};
  for (size_t i = 0; i < sizeof device / sizeof *device; i++)
    net->backend->release(device[i]);
  free(n->host);
  free(n->gradient);
  free(n->inverse);
}

/* One cache line more than the rows take: lines a power of two apart would fall on the same few sets of the cache. */
static struct panel open_panel(const struct net *net, size_t units) {
  size_t pitch = rounded((size_t)net->spec.piece) + ROUND;
  return (struct panel){.x = net->backend->alloc(units * pitch * sizeof(float)), .units = units, .pitch = pitch};
}

static void open_piece(const struct net *net, struct piece *p) {
  const struct backend *b = net->backend;
  size_t rows = (size_t)net->spec.piece, widest = 0;
  p->value = MEM_NEW_ARRAY(struct panel, net->n_layers);
  for (size_t i = 0; i < net->n_layers; i++) {
    const struct layer *l = &net->layers[i];
    p->value[i] = l->own_values ? open_panel(net, l->units) : p->value[i - 1];
    widest = l->units > widest ? l->units : widest;
  }
  p->delta = open_panel(net, widest);
  p->spare = open_panel(net, widest);
  p->picked = b->alloc(rows * (size_t)net->spec.inputs * sizeof *p->picked);
  p->pick = b->alloc(rows * sizeof *p->pick);
  p->label = b->alloc(rows * sizeof *p->label);
  p->target = b->alloc(rows * sizeof *p->target);
  p->weight = b->alloc(rows * sizeof *p->weight);
}

static void close_piece(const struct net *net, struct piece *p) {
  const struct backend *b = net->backend;
  for (size_t i = 0; i < net->n_layers; i++)
    if (net->layers[i].own_values)
      b->release(p->value[i].x);
  free(p->value);
  b->release(p->delta.x);
  b->release(p->spare.x);
  b->release(p->picked);
  b->release(p->pick);
  b->release(p->label);
  b->release(p->target);
  b->release(p->weight);
}

static size_t pieces_of_lane(const struct net *net) {
  if (net->n_stages == 1)
    return 1;
  size_t pieces = ((size_t)net->spec.batch + (size_t)net->spec.piece - 1) / (size_t)net->spec.piece;
  size_t workers = (size_t)comm_size(net->team) * (size_t)net->n_lanes;
  return (pieces + workers - 1) / workers;
}

static void open_lane(const struct net *net, struct lane *lane) {
  lane->gradient = net->backend->alloc((net->n_weights + NET_TAIL) * sizeof(float));
  lane->sums = mem_alloc_aligned(2 * net->widest_norm * sizeof(double));
  lane->n_pieces = pieces_of_lane(net);
  lane->pieces = MEM_NEW_ARRAY(struct piece, lane->n_pieces);
  for (size_t i = 0; i < lane->n_pieces; i++)
    open_piece(net, &lane->pieces[i]);
}

static void close_lane(const struct net *net, struct lane *lane) {
  for (size_t i = 0; i < lane->n_pieces; i++)
    close_piece(net, &lane->pieces[i]);
  free(lane->pieces);
  free(lane->sums);
  net->backend->release(lane->gradient);
}

static void open_class_weights(struct net *net) {
  const struct spec *s = &net->spec;
  size_t classes = s->loss == LOSS_softmax ? (size_t)s->outputs : s->loss == LOSS_sigmoid ? 2 : 0;
  float weight[SPEC_MAX_CLASSES];
  bool all_one = true;
  for (size_t k = 0; k < classes && k < SPEC_MAX_CLASSES; k++) {
    weight[k] = (float)s->class_weights[k];
    all_one = all_one && s->class_weights[k] == 1;
  }
  if (all_one)
    return;
  net->class_weight = net->backend->alloc(classes * sizeof *weight);
  net->backend->upload(net->class_weight, weight, classes * sizeof *weight);
}

enum err net_open(struct net **out, const struct spec *spec, const struct backend *b, struct threads *threads,
                  struct comm *team) {
  TRY(check(spec));
  TRY(backend_complete(b));
  struct net *net = MEM_NEW(struct net);
  *net = (struct net){.spec = *spec, .backend = b, .threads = threads, .team = team};
  net->layers = MEM_NEW_ARRAY(struct layer, 4 * spec->n_hidden + 2);
  net->stage = MEM_NEW_ARRAY(size_t, spec->n_hidden + 2);
  compile(net);
  for (size_t i = 0; i < net->n_layers; i++)
    if (net->layers[i].ops == &layer_norm)
      open_norm(net, &net->layers[i]);
  open_class_weights(net);
  net->sums = MEM_NEW_ARRAY(double, 2 * net->widest_norm);
  net->own_sums = MEM_NEW_ARRAY(double, 2 * net->widest_norm);
  net->n_lanes = threads_count(threads);
  net->lanes = MEM_NEW_ARRAY(struct lane, net->n_lanes);
  for (int i = 0; i < net->n_lanes; i++)
    open_lane(net, &net->lanes[i]);
  *out = net;
  return OK;
}

void net_close(struct net *net) {
  if (!net)
    return;
  for (int i = 0; i < net->n_lanes; i++)
    close_lane(net, &net->lanes[i]);
  for (size_t i = 0; i < net->n_layers; i++)
    if (net->layers[i].ops == &layer_norm)
      close_norm(net, &net->layers[i].norm);
  if (net->class_weight)
    net->backend->release(net->class_weight);
  free(net->lanes);
  free(net->layers);
  free(net->stage);
  free(net->sums);
  free(net->own_sums);
  free(net);
}
