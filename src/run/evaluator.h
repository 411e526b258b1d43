/* Evaluators turn stints into outcomes: train (built in), function, command. An evaluator has slots; it never blocks
 * longer than the quantum it was given. */
#ifndef COXSWAIN_RUN_EVALUATOR_H
#define COXSWAIN_RUN_EVALUATOR_H

#include "base/comm.h"
#include "base/rng.h"
#include "base/state.h"
#include "base/strbuf.h"
#include "conf/lists.h"
#include "conf/settings.h"
#include "hpo/space.h"
#include "par/neighbours.h"

struct evaluator;
struct launcher;

struct evaluator_options {
  const struct settings *conf; /* borrowed, unresolved */
  const struct space *space;   /* borrowed */
  const char *folder;          /* the study folder */
  const char *study_name;
  bool maximize;
  size_t slots;
  struct neighbours host;    /* with whom it shares the machine; size 0: it is alone */
  struct comm *comm;         /* the team, NULL: alone */
  struct launcher *launcher; /* borrowed, for `command`; NULL: it forks one, which a process with MPI must not do */
};

struct work {
  int64_t trial;
  int64_t key;          /* what its random numbers hang on: rng_child(study key, RNG_TRIAL, key) */
  struct params params; /* lent */
  int64_t from, to;     /* steps */
  int64_t run, stint;   /* of the study, and number in it: of two stints of a trial the later one counts */
  bool inherits;        /* the trial has started from the state that `parent` had after so many steps */
  int64_t parent, parent_step;
};

enum outcome_kind { WORK_REPORT, WORK_REACHED, WORK_FINISHED, WORK_FAILED };

struct outcome {
  size_t slot;
  enum outcome_kind kind;
  int64_t step;          /* steps done */
  double value;          /* of this step (WORK_REPORT), of the trial (others) */
  struct params metrics; /* receiver frees */
  double seconds;        /* of training since the slot's last outcome */
  char reason[256];
};

/* What a stint loses when it is cut: nothing, the step under way, or everything. */
enum stint_cut { CUT_ANYWHERE, CUT_BETWEEN_STEPS, CUT_LOSES_ALL };

struct evaluator_ops {
  const char *name;
  /* Checks that need no machine: complaints. Runs in `check` and at the start of `run` on rank 0. NULL: none. */
  void (*check)(const struct evaluator_options *o, struct complaints *c);
  /* Steps of a full trial: train.epochs, function.steps. */
  int64_t (*steps)(const struct settings *conf);
  /* What the study stands on besides its settings, as text (the hash of the data): part of its identity. NULL: nothing.
   */
  enum err (*identity)(const struct evaluator_options *o, struct strbuf *out);
  /* For `check`: lines about size and speed, and how long a step of an average point takes. It may prepare data. NULL:
   * a step takes no time worth counting. */
  enum err (*cost)(const struct evaluator_options *o, struct strbuf *out, double *seconds_per_step);
  enum err (*open)(struct evaluator *e);
  /* Puts a trial into a free slot and starts its stint: from nothing (w->from = 0, start NULL) or from a state after
   * w->from steps. w->to = w->from: the end of the stint is told again. */
  enum err (*admit)(struct evaluator *e, size_t slot, const struct work *w, const struct state *start);
  enum err (*advance)(struct evaluator *e, double seconds);
  bool (*outcome)(struct evaluator *e, struct outcome *out);
  enum err (*snapshot)(struct evaluator *e, size_t slot, struct state *out);
  void (*evict)(struct evaluator *e, size_t slot);
  /* Of one that keeps states outside: what the slot has at the end of its stint is kept as it is now, so that others
   * can start from it. NULL: a snapshot is enough for that. */
  enum err (*set_aside)(struct evaluator *e, size_t slot);
  /* With schedule.pause = false a stint that was reached leaves its slot free, but what it runs goes on and keeps its
   * share of the machine, until the trial is admitted again, or forgotten here (trial < 0: all). NULL: it cannot do
   * that. */
  void (*forget)(struct evaluator *e, int64_t trial);
  /* "cpu AVX-512, OpenBLAS 0.3.21": recorded with each trial. */
  const char *(*describe)(const struct evaluator *e);
  enum stint_cut (*cut)(const struct settings *conf); /* NULL: CUT_ANYWHERE */
  bool keeps_states; /* outside, in files of its own: a lost state is nothing to train again, and no model to keep */
  void (*close)(struct evaluator *e);
};

struct evaluator {
  const struct evaluator_ops *ops;
  struct evaluator_options options;
  void *context;
};

#define EVALUATOR_DECLARE(name, help) extern const struct evaluator_ops evaluator_##name;
EVALUATOR_LIST(EVALUATOR_DECLARE)
#undef EVALUATOR_DECLARE

const struct evaluator_ops *evaluator_ops_of(const char *name); /* NULL if unknown */
/* What can be found wrong without a machine. */
void evaluator_check(const struct evaluator_ops *ops, const struct evaluator_options *o, struct complaints *c);
void evaluator_check_schedule(const struct evaluator_ops *ops, const struct settings *conf, struct complaints *c);
enum err evaluator_open(struct evaluator **out, const char *name, const struct evaluator_options *o);
void evaluator_close(struct evaluator *e);

/* For `admit` of an evaluator whose states hold their `step`: can this work begin with this state (NULL: none)? ERR_BUG
 * for a stint that cannot be, ERR_DAMAGED for a state of another step than w->from. */
enum err evaluator_check_work(const struct work *w, int64_t steps, const struct state *start);

#endif
