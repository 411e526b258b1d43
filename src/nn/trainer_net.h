/* The trainer `net`: any network that layers can make, one slot after the other on one backend.
 *
 * A slot does its work in units: one training step, or some thousand rows of validation. Between units its state is
 * complete. Weights do not move while a slot validates or tests, so what is left of that work is not kept: a slot that
 * was interrupted in it starts that evaluation again and gets the same numbers.
 *
 * In a team every unit ends in one sum over the members, and the leader's vote on going on travels with it. */
#ifndef COXSWAIN_NN_TRAINER_NET_H
#define COXSWAIN_NN_TRAINER_NET_H

#include "nn/net.h"
#include "nn/rate.h"
#include "nn/trainer.h"

/* Numbers are part of saved states: never renumber. */
enum slot_phase {
  SLOT_TRAINS = 0,
  SLOT_VALIDATES = 1, /* the epoch's batches are done */
  SLOT_TESTS = 2,     /* training is over */
  SLOT_HAS_FAILED = 3
};

/* What is remembered of an epoch. */
struct epoch_note {
  int64_t epoch; /* from 1; 0: none yet */
  double value, train_loss, lr;
};

struct slot {
  bool taken, idle; /* idle: reached, finished or failed */
  struct spec spec;
  struct net *net;
  int64_t until;

  /* the state */
  enum slot_phase phase;
  int64_t step, epoch;                   /* optimizer steps and epochs done */
  size_t position;                       /* rows of this epoch done */
  struct loss_sums sums;                 /* of this epoch */
  float *weights, *m, *v;                /* on the backend; m and v if the optimizer has them */
  float *statistics;                     /* on the host */
  float *best_weights, *best_statistics; /* on the host; if spec.value_is_best */
  struct rate_state rate;
  struct epoch_note last, best;
  int64_t stale; /* epochs since the best */

  /* passing */
  double lr;           /* of the last step */
  float *shown;        /* on the backend: the weights that are tested */
  float *logits;       /* (rows of the largest part, outputs) */
  float *chunk;        /* (chunk_rows, outputs) and the vote */
  size_t part, cursor; /* which part is evaluated, and how many of its rows are done */
  struct params metrics;
  double seconds;
  char reason[256];
};

struct net_trainer {
  struct trainer_options options;
  const struct backend *backend;
  struct threads *threads;
  struct slot *slots;
  struct train_report *reports; /* a queue: [taken, n) */
  size_t taken, n_reports, cap;
};

/* One unit of work. more: this member would go on after it; *go_on: the team does. */
enum err slot_unit(struct net_trainer *t, struct slot *s, bool more, bool *go_on);
/* Rows of validation in a unit. */
size_t slot_chunk_rows(const struct net_trainer *t, const struct slot *s);
/* The value of the trial so far: of its best epoch, or of its last. */
double slot_value(const struct slot *s);
void slot_report(struct net_trainer *t, struct slot *s, enum slot_event event, double value);

enum err slot_save(const struct net_trainer *t, const struct slot *s, struct state *out);
enum err slot_load(const struct net_trainer *t, struct slot *s, const struct state *in);

#endif
