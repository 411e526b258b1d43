#include "nn/net_bench.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "nn/optim.h"

struct bench {
  const struct spec *spec;
  const struct backend *backend;
  struct net *net;
  float *weights, *m, *v, *statistics;
  int64_t step;
};

static enum err epoch(struct bench *b, struct net_rows rows, uint64_t number, double *loss) {
  struct loss_sums total = {0, 0};
  rows.shuffled = true;
  rows.order = rng_child(b->spec->key, RNG_SHUFFLE, number);
  for (rows.first = 0; rows.first < rows.all; rows.first += rows.n) {
    size_t left = rows.all - rows.first, batch = (size_t)b->spec->batch;
    float *gradient;
    struct net_sums sums = {{0, 0}, 0};
    rows.n = left < batch ? left : batch;
    TRY(net_gradient(b->net, &rows, b->step, b->weights, b->statistics, &gradient, &sums));
    b->step++;
    optim_apply(b->spec, b->backend, b->spec->lr, b->step, sums.loss.weight, b->net->n_weights, gradient, b->weights,
                b->m, b->v);
    total.loss += sums.loss.loss;
    total.weight += sums.loss.weight;
  }
  *loss = total.loss / total.weight;
  return OK;
}

static enum err measure(struct bench *b, const struct net_rows *rows, int epochs, struct net_figures *out) {
  double fastest = (double)INFINITY, n = (double)rows->all;
  for (int i = 0; i <= epochs; i++) {
    double start = clock_seconds();
    TRY(epoch(b, *rows, (uint64_t)i, &out->loss));
    double seconds = clock_seconds() - start;
    if (i > 0 && seconds < fastest)
      fastest = seconds;
  }
  out->samples_per_second = n / fastest;
  out->seconds_per_step = fastest / ceil(n / (double)b->spec->batch);
  out->flops = n * spec_flops(b->spec) / fastest;
  return OK;
}

enum err net_bench(const struct spec *spec, const char *backend, int threads, const struct net_rows *rows, int epochs,
                   struct net_figures *out) {
  struct bench b = {.spec = spec};
  struct threads *t = NULL;
  enum err e;
  TRY(backend_find(backend, &b.backend));
  TRY_GOTO(e, leave, threads_open(&t, threads));
  TRY_GOTO(e, leave, net_open(&b.net, spec, b.backend, t, NULL));
  size_t bytes = b.net->n_weights * sizeof(float);
  float *fresh = MEM_NEW_ARRAY(float, b.net->n_weights);
  b.statistics = MEM_NEW_ARRAY(float, b.net->n_statistics);
  b.weights = b.backend->alloc(bytes);
  b.m = b.backend->alloc(bytes);
  b.v = b.backend->alloc(bytes);
  net_init(b.net, fresh, b.statistics);
  b.backend->upload(b.weights, fresh, bytes);
  e = measure(&b, rows, epochs, out);
  free(fresh);
  free(b.statistics);
  b.backend->release(b.weights);
  b.backend->release(b.m);
  b.backend->release(b.v);
leave:
  net_close(b.net);
  threads_close(t);
  return e;
}
