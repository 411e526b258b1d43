/* A network compiled from a spec: layers over ONE flat weight buffer and one flat gradient buffer, so that there is one
 * sum over the team, one optimizer pass and one dataset in the store.
 *
 * A batch is cut into pieces of spec.piece rows. A piece runs forward, loss and backward through the whole net while it
 * is in cache. Batch norm needs the whole batch between two layers: it cuts the net into stages, and each stage sweeps
 * over all pieces before the next one starts. Pieces are shared out over the ranks of the team and the threads of a
 * rank in fixed ranges, and sums are taken in fixed order: bits depend on the spec, the team and the number of threads
 * only. Weights and gradients lie on the backend, statistics on the host.
 *
 * Weight buffer, layer by layer as PyTorch's parameters(): dense W (out, in) row-major, b (out); batch norm gamma,
 * beta. Statistics buffer: for each batch norm the running mean, then the running variance. The bias of a dense layer
 * in front of a batch norm has no effect there, hence gradient 0, and stays what it is. */
#ifndef COXSWAIN_NN_NET_H
#define COXSWAIN_NN_NET_H

#include "base/comm.h"
#include "nn/backend.h"
#include "nn/net_threads.h"
#include "nn/spec.h"

struct layer;
struct piece;
struct lane;

struct net {
  struct spec spec;
  const struct backend *backend;
  struct threads *threads; /* borrowed */
  struct comm *team;       /* borrowed; NULL: alone */
  struct layer *layers;
  size_t n_layers;
  size_t *stage; /* (n_stages + 1): first layer of each; all but the first start with a batch norm */
  size_t n_stages;
  size_t n_weights, n_statistics, widest_norm;
  struct lane *lanes; /* one for each thread */
  int n_lanes;
  float *class_weight; /* (classes) on the backend; NULL: all 1 */
  double *sums;        /* (2 widest_norm) */
  double *own_sums;    /* (2 widest_norm): before the sum over the team */
};

/* Rows to train on: consecutive ones, or those that a permutation puts there. */
struct net_rows {
  const float *x;       /* (all, inputs) */
  const int32_t *label; /* (all) or NULL; likewise the next two */
  const float *target;
  const float *weight;
  bool shuffled;
  struct rng_key order; /* row i of the epoch is rng_permute(order, all, i) */
  size_t all;           /* rows of the epoch */
  size_t first, n;      /* this batch: rows [first, first + n) of the epoch */
};

/* What is summed over the batch and the team besides the gradient. */
struct net_sums {
  struct loss_sums loss;
  double vote; /* in: this member's; out: the sum. A team agrees by it on going on, at no message of its own */
};

/* ERR_INPUT: a spec that is no network; ERR_DEVICE: the backend lacks something. */
enum err net_open(struct net **out, const struct spec *spec, const struct backend *b, struct threads *threads,
                  struct comm *team);
void net_close(struct net *net);

/* Fresh weights and statistics (nn/init.c), on the host. */
void net_init(const struct net *net, float *weights, float *statistics);

/* The gradient of sum w l over a batch, summed over the team, into *gradient (n_weights, owned by the net); divide by
 * sums->loss.weight for that of the mean loss. step keys the dropout. Updates the running statistics. All members. */
enum err net_gradient(struct net *net, const struct net_rows *rows, int64_t step, const float *weights,
                      float *statistics, float **gradient, struct net_sums *sums);

/* Outputs (n, outputs) before softmax or sigmoid for rows x (n, inputs), with dropout off and running statistics. Does
 * this member's pieces and leaves 0 in the rows of the others: sum over the team. */
void net_logits(struct net *net, const float *x, size_t n, const float *weights, const float *statistics, float *out);

#endif
