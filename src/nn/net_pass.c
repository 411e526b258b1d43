/* Batches through the net: stage by stage, piece by piece. */
#include <string.h>

#include "nn/layer.h"

/* What all threads do now. Without batch norm there is one stage, and all of it is one job. */
struct job {
  struct net *net;
  const struct net_rows *rows;
  uint64_t step;
  const float *weights;
  size_t stage;
  bool forward, backward;
  float *out; /* predicting: (n, outputs) */
};

/* ---- sharing out ---- */

static size_t pieces_in(const struct net *net, size_t rows) {
  size_t piece = (size_t)net->spec.piece;
  return (rows + piece - 1) / piece;
}

/* Pieces [*begin, *end) of a batch are this lane's: equal shares for all threads of all ranks, in order. */
static void share(const struct net *net, int lane, size_t rows, size_t *begin, size_t *end) {
  size_t pieces = pieces_in(net, rows), workers = (size_t)comm_size(net->team) * (size_t)net->n_lanes;
  size_t me = (size_t)comm_rank(net->team) * (size_t)net->n_lanes + (size_t)lane;
  *begin = pieces * me / workers;
  *end = pieces * (me + 1) / workers;
}

static void place(const struct net *net, struct piece *p, size_t number, size_t rows) {
  p->first = number * (size_t)net->spec.piece;
  p->rows = rows - p->first < (size_t)net->spec.piece ? rows - p->first : (size_t)net->spec.piece;
  for (size_t i = 0; i < net->n_layers; i++)
    p->value[i].rows = p->rows;
  p->delta.rows = p->spare.rows = p->rows;
}

/* ---- input ---- */

static void take_consecutive(const struct net *net, struct piece *p, const struct net_rows *rows) {
  size_t at = rows->first + p->first;
  p->x = rows->x + at * (size_t)net->spec.inputs;
  p->truth.label = rows->label ? rows->label + at : NULL;
  p->truth.target = rows->target ? rows->target + at : NULL;
  p->truth.weight = rows->weight ? rows->weight + at : NULL;
}

static void take_shuffled(const struct net *net, struct piece *p, const struct net_rows *rows) {
  for (size_t i = 0; i < p->rows; i++)
    p->pick[i] = rng_permute(rows->order, rows->all, rows->first + p->first + i);
  net->backend->gather(p->rows, (size_t)net->spec.inputs, rows->x, p->pick, p->picked);
  p->x = p->picked;
  for (size_t i = 0; rows->label && i < p->rows; i++)
    p->label[i] = rows->label[p->pick[i]];
  for (size_t i = 0; rows->target && i < p->rows; i++)
    p->target[i] = rows->target[p->pick[i]];
  for (size_t i = 0; rows->weight && i < p->rows; i++)
    p->weight[i] = rows->weight[p->pick[i]];
  p->truth.label = rows->label ? p->label : NULL;
  p->truth.target = rows->target ? p->target : NULL;
  p->truth.weight = rows->weight ? p->weight : NULL;
}

static void take(const struct net *net, struct piece *p, const struct net_rows *rows) {
  if (rows->shuffled)
    take_shuffled(net, p, rows);
  else
    take_consecutive(net, p, rows);
  p->truth.class_weight = net->class_weight;
}

/* ---- one piece through one stage ---- */

static void stage_forward(const struct job *j, const struct pass *p, double *sums) {
  const struct net *net = j->net;
  size_t end = net->stage[j->stage + 1];
  for (size_t i = net->stage[j->stage]; i < end; i++)
    net->layers[i].ops->forward(&net->layers[i], p);
  if (end < net->n_layers) {
    norm_sum(&net->layers[end], p, sums);
  }
}

static void loss_of_piece(const struct net *net, struct piece *p, struct loss_sums *sums) {
  p->delta.units = (size_t)net->spec.outputs;
  net->backend->loss(net->spec.loss, &p->value[net->n_layers - 1], &p->truth, &p->delta, sums);
}

/* The batch norm above was settled meanwhile; the one this stage starts with needs its sums first. */
static void stage_backward(const struct job *j, const struct pass *p, double *sums) {
  const struct net *net = j->net;
  size_t begin = net->stage[j->stage], end = net->stage[j->stage + 1];
  size_t first = end < net->n_layers ? end + 1 : end, last = j->stage > 0 ? begin + 1 : begin;
  for (size_t i = first; i-- > last;)
    net->layers[i].ops->backward(&net->layers[i], p);
  if (j->stage > 0)
    norm_sum_back(&net->layers[begin], p, sums);
}

static void lane_part(void *context, int number) {
  const struct job *j = context;
  struct net *net = j->net;
  struct lane *lane = &net->lanes[number];
  size_t begin, end;
  bool turn = j->forward && j->backward;
  share(net, number, j->rows->n, &begin, &end);
  if (turn)
    lane->loss = (struct loss_sums){0, 0};
  if (turn && begin == end)
    net->backend->clear(lane->gradient, net->n_weights * sizeof *lane->gradient);
  if (net->n_stages > 1)
    memset(lane->sums, 0, 2 * net->widest_norm * sizeof *lane->sums);
  for (size_t i = begin; i < end; i++) {
    struct piece *piece = &lane->pieces[net->n_stages > 1 ? i - begin : 0];
    struct pass pass = {.net = net,
                        .weights = j->weights,
                        .gradient = lane->gradient,
                        .add = i > begin,
                        .train = true,
                        .step = j->step,
                        .piece = piece};
    if (j->forward && j->stage == 0) {
      place(net, piece, i, j->rows->n);
      take(net, piece, j->rows);
    }
    if (j->forward)
      stage_forward(j, &pass, lane->sums);
    if (turn)
      loss_of_piece(net, piece, &lane->loss);
    if (j->backward)
      stage_backward(j, &pass, lane->sums);
  }
}

/* ---- sums over threads and ranks ---- */

static enum err sum_norm(struct net *net, size_t units) {
  memcpy(net->own_sums, net->lanes[0].sums, 2 * units * sizeof *net->sums);
  for (int k = 1; k < net->n_lanes; k++)
    for (size_t i = 0; i < 2 * units; i++)
      net->own_sums[i] += net->lanes[k].sums[i];
  memcpy(net->sums, net->own_sums, 2 * units * sizeof *net->sums);
  return comm_sum_double(net->team, net->sums, 2 * units);
}

/* Over the team the two loss sums travel as floats behind the gradient, one message a step; alone they stay double. */
static enum err sum_gradient(struct net *net, struct net_sums *sums) {
  float *g = net->lanes[0].gradient, tail[NET_TAIL];
  const struct backend *b = net->backend;
  sums->loss = net->lanes[0].loss;
  for (int k = 1; k < net->n_lanes; k++) {
    b->add(net->n_weights, net->lanes[k].gradient, g);
    sums->loss.loss += net->lanes[k].loss.loss;
    sums->loss.weight += net->lanes[k].loss.weight;
  }
  if (comm_size(net->team) == 1)
    return OK;
  tail[0] = (float)sums->loss.loss;
  tail[1] = (float)sums->loss.weight;
  tail[2] = (float)sums->vote;
  b->upload(g + net->n_weights, tail, sizeof tail);
  TRY(comm_sum_float(net->team, g, net->n_weights + NET_TAIL));
  b->download(tail, g + net->n_weights, sizeof tail);
  *sums = (struct net_sums){{(double)tail[0], (double)tail[1]}, (double)tail[2]};
  return OK;
}

enum err net_gradient(struct net *net, const struct net_rows *rows, int64_t step, const float *weights,
                      float *statistics, float **gradient, struct net_sums *sums) {
  struct job job = {.net = net, .rows = rows, .step = (uint64_t)step, .weights = weights, .forward = true};
  size_t last = net->n_stages - 1;
  for (job.stage = 0; job.stage < last; job.stage++) {
    const struct layer *norm = &net->layers[net->stage[job.stage + 1]];
    threads_run(net->threads, lane_part, &job);
    TRY(sum_norm(net, norm->units));
    norm_settle(norm, net, net->sums, rows->n, weights, statistics);
  }
  job.backward = true;
  threads_run(net->threads, lane_part, &job);
  job.forward = false;
  while (job.stage > 0) {
    const struct layer *norm = &net->layers[net->stage[job.stage]];
    TRY(sum_norm(net, norm->units));
    norm_settle_back(norm, net, net->sums, net->own_sums, rows->n, net->lanes[0].gradient);
    job.stage--;
    threads_run(net->threads, lane_part, &job);
  }
  TRY(sum_gradient(net, sums));
  *gradient = net->lanes[0].gradient;
  return OK;
}

/* ---- prediction ---- */

static void predict_part(void *context, int number) {
  const struct job *j = context;
  struct net *net = j->net;
  struct piece *piece = &net->lanes[number].pieces[0];
  size_t begin, end, outputs = (size_t)net->spec.outputs;
  share(net, number, j->rows->n, &begin, &end);
  for (size_t i = begin; i < end; i++) {
    struct pass pass = {.net = net, .weights = j->weights, .piece = piece};
    place(net, piece, i, j->rows->n);
    take(net, piece, j->rows);
    for (size_t k = 0; k < net->n_layers; k++)
      net->layers[k].ops->forward(&net->layers[k], &pass);
    net->backend->panel_rows(&piece->value[net->n_layers - 1], j->out + piece->first * outputs);
  }
}

void net_logits(struct net *net, const float *x, size_t n, const float *weights, const float *statistics, float *out) {
  struct net_rows rows = {.x = x, .all = n, .n = n};
  struct job job = {.net = net, .rows = &rows, .weights = weights, .out = out};
  for (size_t i = 0; i < net->n_layers; i++)
    if (net->layers[i].ops == &layer_norm)
      norm_settle_predict(&net->layers[i], net, weights, statistics);
  if (comm_size(net->team) > 1)
    net->backend->clear(out, n * (size_t)net->spec.outputs * sizeof *out);
  threads_run(net->threads, predict_part, &job);
}
