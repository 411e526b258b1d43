/* Trainers: the seam between evaluator and arithmetic. A trainer trains the networks in its slots; what a slot computes
 * depends only on its spec, its data and its start state, never on its neighbours, its slot, the worker or
 * interruptions.
 *
 * The state of a slot is canonical (base/state.h) and complete: row-major float32 weights, optimizer moments,
 * batch-norm statistics, best-epoch weights, plateau and early-stop counters, epoch sums, position in the epoch,
 * validation cursor. Any trainer can take up any other's state. */
#ifndef COXSWAIN_NN_TRAINER_H
#define COXSWAIN_NN_TRAINER_H

#include "base/comm.h"
#include "base/state.h"
#include "nn/data.h"
#include "nn/spec.h"

struct trainer;
struct backend;

enum slot_event {
  SLOT_EPOCH,    /* an epoch and its validation are done: metrics hold */
  SLOT_REACHED,  /* the epoch asked for is done (comes after its SLOT_EPOCH; at once for a state that is already there)
                  */
  SLOT_FINISHED, /* early stop or the last epoch (comes in place of SLOT_REACHED): test metrics are in */
  SLOT_FAILED    /* NaN or infinite loss; reason holds */
};

struct train_report {
  size_t slot;
  enum slot_event event;
  int64_t epoch; /* epochs done */
  double value;  /* SLOT_EPOCH: study.metric of this epoch; else the trial's: of its best (or last) epoch so far */
  struct params
      metrics; /* val_loss, val_accuracy, ..., train_loss, lr; at the end test_*, best_epoch as well. Receiver frees */
  double seconds; /* training time of the slot since the last report */
  char reason[256];
};

struct trainer_options {
  const struct data *data; /* borrowed */
  size_t slots;
  int threads;
  struct comm *comm;        /* the team; NULL: alone. Borrowed. All members call every function in the same order */
  const struct params *tag; /* shares in discriminants, "b.c" = 0.018; NULL: equal */
};

struct trainer_ops {
  const char *name;
  bool (*supports)(const struct spec *spec);
  enum err (*open)(struct trainer *t, const struct trainer_options *o);
  /* Puts a network into a free slot: fresh if start is NULL. It trains until `until` epochs are done. ERR_INPUT: cannot
   * be trained (a failed trial); ERR_DAMAGED: the state does not fit the spec. */
  enum err (*admit)(struct trainer *t, size_t slot, const struct spec *spec, const struct state *start, int64_t until);
  /* Lets a network that has reached its epoch go on to a later one. */
  enum err (*extend)(struct trainer *t, size_t slot, int64_t until);
  /* Advances all slots for about so many seconds, each by whole steps (validation is cut into steps too). Returns early
   * when every slot is idle. Only an error of the machine is an error. */
  enum err (*advance)(struct trainer *t, double seconds);
  /* Takes the next report, in the order they arose; false if there is none. */
  bool (*report)(struct trainer *t, struct train_report *out);
  enum err (*snapshot)(struct trainer *t, size_t slot, struct state *out); /* at any moment between advances */
  void (*evict)(struct trainer *t, size_t slot);
  void (*close)(struct trainer *t);
};

struct trainer {
  const struct trainer_ops *ops;
  struct trainer_options options;
  void *context;
};

#define TRAINER_DECLARE(name, help) extern const struct trainer_ops trainer_##name;
TRAINER_LIST(TRAINER_DECLARE)
#undef TRAINER_DECLARE

enum err trainer_open(struct trainer **out, const char *name, const struct trainer_options *o);
void trainer_close(struct trainer *t);
/* The trainer for a network: depends on spec and backend, never on load. NULL if none supports it. */
const char *trainer_for(const struct spec *spec, const char *backend);
/* Kernel class and BLAS of this machine, "AVX-512, OpenBLAS 0.3.21 SkylakeX": recorded with every trial. */
const char *trainer_kernels(void);

/* Outputs of the network in a state (its best-epoch weights if it has them) for rows of x (n, spec->inputs):
 * probabilities for classes, values for regression; out (n, n_classes or 1). For predict. */
enum err trainer_predict(const struct spec *spec, const struct state *state, const float *x, size_t n, float *out);

#endif
