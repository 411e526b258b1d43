/* Layers: what each does to a piece. A new layer is a file layer_NAME.c, a word in LAYER_LIST and its place in
 * compile (net.c). */
#ifndef COXSWAIN_NN_LAYER_H
#define COXSWAIN_NN_LAYER_H

#include "nn/net.h"

#define LAYER_LIST(X)                                                              \
  X(dense, "y = W x; its bias is left to what comes next")                         \
  X(norm, "batch normalisation, left to the activation")                           \
  X(activation, "affine step of the layer before, then a function of each number") \
  X(dropout, "drops units at random in training")

/* A batch norm's numbers of this step, by unit: z = scale x + shift on the way forward, delta <- scale delta + slope x
 * + offset on the way back. */
struct norm {
  float *mean, *scale, *shift, *slope, *offset; /* on the backend */
  /* on the host */
  float *host;     /* (5 units): the same five, in that order */
  float *gradient; /* (2 units): of gamma and of beta */
  double *inverse; /* (units): 1 / sqrt(variance + eps) */
};

struct layer {
  const struct layer_ops *ops;
  size_t index, inputs, units;
  size_t weight, bias;        /* where in the flat buffer: W and b, or gamma and beta */
  size_t statistics;          /* norm: where in the statistics buffer */
  const struct layer *source; /* activation: whose affine step it takes; norm: the dense layer below */
  bool frozen_bias;           /* dense: in front of a norm */
  bool own_values;            /* has a panel of its own; else works in the panel of the layer below */
  enum activation activation;
  double dropout;
  struct rng_key key;
  struct norm norm;
};

/* The rows that go through the net together. */
struct piece {
  size_t first, rows; /* in the batch */
  const float *x;     /* (rows, inputs) */
  float *picked;      /* where shuffled rows are gathered to; x points here then */
  uint64_t *pick;
  int32_t *label;
  float *target, *weight;
  struct truth truth;
  struct panel *value;       /* (n_layers): what each layer gave */
  struct panel delta, spare; /* dL/dvalue on its way back, and where the next one goes */
};

/* One piece's turn. */
struct pass {
  const struct net *net;
  const float *weights;
  float *gradient; /* of this lane */
  bool add;        /* to the gradient; the lane's first piece sets it */
  bool train;
  uint64_t step;
  struct piece *piece;
};

struct layer_ops {
  const char *name;
  void (*forward)(const struct layer *l, const struct pass *p);
  /* delta of its output -> delta of its input, adding its weights' gradient. */
  void (*backward)(const struct layer *l, const struct pass *p);
};

#define LAYER_DECLARE(name, help) extern const struct layer_ops layer_##name;
LAYER_LIST(LAYER_DECLARE)
#undef LAYER_DECLARE

/* What a batch norm needs between stages. sums are of the whole batch of n rows. */
void norm_sum(const struct layer *l, const struct pass *p, double *sums);
void norm_settle(const struct layer *l, const struct net *net, const double *sums, size_t n, const float *weights,
                 float *statistics);
void norm_sum_back(const struct layer *l, const struct pass *p, double *sums);
/* own: this member's part of the sums; its gradient of gamma and beta goes to gradient. */
void norm_settle_back(const struct layer *l, const struct net *net, const double *sums, const double *own, size_t n,
                      float *gradient);
void norm_settle_predict(const struct layer *l, const struct net *net, const float *weights, const float *statistics);

/* One thread's share of the work and what it alone writes. */
struct lane {
  float *gradient; /* (n_weights + NET_TAIL) */
  double *sums;    /* (2 widest_norm) */
  struct loss_sums loss;
  struct piece *pieces; /* as many as it has in a batch if there is batch norm, else one */
  size_t n_pieces;
};
#define NET_TAIL 3 /* loss, weight sum and vote travel behind the gradient */

#endif
