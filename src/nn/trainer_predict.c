/* Applying a trained network. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/net.h"
#include "nn/trainer.h"

/* In double, so that a probability near 1 does not round to 1 before it has to. */
static void probabilities(const float *logits, size_t classes, float *out) {
  double top = (double)logits[0], total = 0;
  for (size_t k = 1; k < classes; k++)
    top = (double)logits[k] > top ? (double)logits[k] : top;
  for (size_t k = 0; k < classes; k++)
    total += exp((double)logits[k] - top);
  for (size_t k = 0; k < classes; k++)
    out[k] = (float)(exp((double)logits[k] - top) / total);
}

static void finish(const struct spec *spec, const float *logits, size_t n, float *out) {
  size_t outputs = (size_t)spec->outputs;
  for (size_t i = 0; i < n; i++)
    if (spec->loss == LOSS_softmax)
      probabilities(logits + i * outputs, outputs, out + i * outputs);
    else if (spec->loss == LOSS_sigmoid)
      probabilities((const float[]){0, logits[i]}, 2, out + 2 * i);
    else
      out[i] = logits[i];
}

static enum err take_weights(const struct net *net, const struct state *state, float *weights, float *statistics) {
  bool best = state_get(state, "best.weights") != NULL;
  TRY(state_take(state, best ? "best.weights" : "weights", STATE_F32, weights, net->n_weights));
  if (net->n_statistics)
    TRY(state_take(state, best ? "best.statistics" : "statistics", STATE_F32, statistics, net->n_statistics));
  return OK;
}

enum err trainer_predict(const struct spec *spec, const struct state *state, const float *x, size_t n, float *out) {
  const struct backend *b;
  struct threads *threads = NULL;
  struct net *net = NULL;
  struct spec alone = *spec;
  enum err e;
  alone.batch = spec->piece; /* no more working memory than prediction needs */
  TRY(backend_find("cpu", &b));
  TRY(threads_open(&threads, 1));
  TRY_GOTO(e, leave, net_open(&net, &alone, b, threads, NULL));
  float *weights = b->alloc(net->n_weights * sizeof(float));
  float *statistics = MEM_NEW_ARRAY(float, net->n_statistics);
  float *logits = MEM_NEW_ARRAY(float, n *(size_t)spec->outputs);
  e = take_weights(net, state, weights, statistics);
  if (e == OK) {
    net_logits(net, x, n, weights, statistics, logits);
    finish(spec, logits, n, out);
  }
  b->release(weights);
  free(statistics);
  free(logits);
leave:
  net_close(net);
  threads_close(threads);
  return e;
}
