/* What one trial trains: the groups model, train and tag of a study file with every hyperparameter filled in. */
#ifndef COXSWAIN_NN_SPEC_H
#define COXSWAIN_NN_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "conf/lists.h"
#include "conf/settings.h"

enum activation {
#define X(name, help) ACTIVATION_##name,
  ACTIVATION_LIST(X)
#undef X
};
enum init {
#define X(name, help) INIT_##name,
  INIT_LIST(X)
#undef X
};
enum optimizer {
#define X(name, help) OPTIMIZER_##name,
  OPTIMIZER_LIST(X)
#undef X
};
enum rate {
#define X(name, help) RATE_##name,
  RATE_LIST(X)
#undef X
};
enum loss {
#define X(name, help) LOSS_##name,
  LOSS_LIST(X)
#undef X
};
enum monitor { MONITOR_train_loss, MONITOR_val_loss };

#define SPEC_MAX_LAYERS 64
#define SPEC_MAX_CLASSES 64

struct hidden_layer {
  int64_t width;
  enum activation activation;
  double dropout;
};

struct spec {
  /* model */
  int64_t inputs, outputs;
  struct hidden_layer hidden[SPEC_MAX_LAYERS];
  size_t n_hidden;
  bool batch_norm;
  enum init init;
  enum loss loss;
  /* train */
  int64_t epochs, batch, piece;
  enum optimizer optimizer;
  double lr, momentum, beta1, beta2, rho, epsilon, weight_decay, clip;
  bool nesterov;
  enum rate rate;
  double lr_factor, lr_min, warmup;
  int64_t lr_every;
  struct {
    enum monitor monitor;
    double factor, minimum, threshold;
    int64_t patience, cooldown;
  } plateau;
  int64_t early_stop;
  double class_weights[SPEC_MAX_CLASSES];
  bool value_is_best;
  char metric[64]; /* study.metric */
  bool maximize;
  /* randomness of this trial */
  struct rng_key key;
};

struct data;

/* From resolved settings; the data give inputs, outputs and class counts. ERR_INPUT for what no network can be (all
 * hidden widths given but lists of different length, nesterov without momentum, an unknown metric ...): a failed trial.
 */
enum err spec_from_settings(struct spec *spec, const struct settings *resolved, const struct data *data,
                            struct rng_key key, bool maximize);
int64_t spec_weights(const struct spec *spec); /* trainable numbers */
double spec_flops(const struct spec *spec);    /* one training row, forward and backward, matrix products only */

#endif
