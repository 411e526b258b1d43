/* How fast training is: whole epochs as a trial trains them (shuffled rows gathered, forward, loss, backward,
 * optimizer), without validation and reports. */
#ifndef COXSWAIN_NN_NET_BENCH_H
#define COXSWAIN_NN_NET_BENCH_H

#include "nn/net.h"

struct net_figures {
  double samples_per_second, seconds_per_step;
  double flops; /* per second, matrix products only (spec_flops) */
  double loss;  /* mean of the last epoch */
};

/* One epoch to warm up, then the fastest of `epochs` counts. rows->first and n are not looked at; batches of
 * spec->batch rows, the last one smaller. */
enum err net_bench(const struct spec *spec, const char *backend, int threads, const struct net_rows *rows, int epochs,
                   struct net_figures *out);

#endif
