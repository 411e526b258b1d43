/* A trial: one point of the space and all that happened to it, as the fold of the journal knows it. A study may have
 * millions of them, so what a trial points to lies in the pool of its study, and equal texts are one. */
#ifndef COXSWAIN_HPO_TRIAL_H
#define COXSWAIN_HPO_TRIAL_H

#include "base/params.h"

/* Optuna's states and numbers. A paused trial (one that waits for promotion) is RUNNING without an open stint. */
enum trial_state { TRIAL_RUNNING, TRIAL_COMPLETE, TRIAL_PRUNED, TRIAL_FAIL, TRIAL_WAITING };

/* How a stint ended. */
#define STINT_END_LIST(X)                                                         \
  X(reached, "came to its last step; the trial waits for what the schedule says") \
  X(finished, "the trial is over by itself: early stop, or the last step")        \
  X(failed, "the trial failed: NaN, an impossible shape, a crash of the payload") \
  X(interrupted, "the worker was asked to leave; the state is saved")             \
  X(lost, "the worker is gone, with its machine; the trial is not to blame")      \
  X(crashed, "the worker died or hung, and the trial may have done it")           \
  X(cancelled, "given up on request")
#define STINT_END_ENUM(name, help) STINT_##name,
enum stint_end { STINT_END_LIST(STINT_END_ENUM) STINT_OPEN };
#undef STINT_END_ENUM
const char *stint_end_name(enum stint_end e);                              /* "open" for STINT_OPEN */
bool stint_end_from_name(const char *name, size_t n, enum stint_end *out); /* name: n bytes */

/* Where a saved state is: group "trial-NNNNNN" of a pack. */
struct state_ref {
  char *pack;   /* file name in packs/; NULL: none */
  int64_t step; /* whole steps done in that state */
};

struct stint {
  int64_t id;       /* counts over the study */
  int64_t order;    /* place among the decisions; a stint handed out again keeps it (run.ordered) */
  int64_t from, to; /* steps: it begins after `from` steps and ends after `to` */
  int worker;
  int team;           /* ranks */
  enum stint_end end; /* STINT_OPEN while it is out */
};

struct report {
  int64_t step;
  double value; /* the study's metric at that step; never NaN */
};

struct attribute {
  char *key;
  char *json;  /* its value as JSON text */
  bool system; /* a system attribute (a dashboard's notes), not one of the user's */
};

struct trial {
  int64_t number;
  enum trial_state state;
  bool settled;         /* the point is complete: no more params come */
  bool enqueued;        /* a point of the user's */
  struct params params; /* borrowed from the study; includes fixed ones */
  int64_t row;          /* in the study's history, where its coordinates are; -1 if the point is not of the space */
  double value;         /* final value if COMPLETE, PRUNED; else NaN */
  int64_t asked_at;     /* journal length (committed decisions) it was proposed at; -1 if it was not asked */
  int64_t twin;         /* the trial before it with the same point (or the same hash of it); -1: none */
  int64_t key;          /* what its random numbers hang on: its number, or that of the trial it stands for */

  int64_t parent;         /* whose state it starts from, in place of nothing (population based training); -1: none */
  struct state_ref start; /* ... which is there: the parent's, in that pack */
  int64_t replaces;       /* whose place in the population it takes, of the one that was worse or failed; -1: none */
  int64_t confirms;       /* whose point it repeats with other random numbers (study.confirm); -1: it is no repeat */

  struct report *reports;       /* ascending steps */
  struct attribute *attributes; /* metrics and provenance */
  uint32_t n_reports, n_attributes;
  double best; /* running best of the reports in the study's direction; NaN if none */
  int64_t best_step;

  int64_t step;              /* whole steps done, as far as outcomes say */
  struct stint stint;        /* the last one */
  int64_t reached;           /* the last step that a stint of its came to as planned, or finished at; 0: none */
  int64_t aim;               /* where its last stint was to end, and how it did: unlike `stint`, not of those that */
  enum stint_end fate;       /* make the weights of a finished trial anew */
  int32_t stints;            /* how many there were */
  int32_t rung;              /* stints reached so far: rung index for halving */
  int32_t faults;            /* crashed since it last got further: run.attempts counts these */
  int32_t losses;            /* lost with a machine */
  struct state_ref saved[2]; /* newest first */
  struct state_ref *marks; /* ascending: where it came to a planned end, if the state was saved before that was told */
  uint32_t n_marks;

  char *reason;          /* why it failed or was cancelled; NULL */
  double seconds;        /* training time spent */
  double started, ended; /* seconds since the epoch; NaN if not yet */
};

void trial_init(struct trial *t, int64_t number);
/* The best report (in the study's direction) at or before `step`; NaN if there is none. */
double trial_best_until(const struct trial *t, int64_t step, bool maximize);
/* Its point is not what its value comes from alone, or not only its own: no sampler is to learn from it. */
bool trial_is_derived(const struct trial *t);
const struct state_ref *trial_mark(const struct trial *t, int64_t step); /* the state at that end of a stint; NULL */
double trial_value_at(const struct trial *t, int64_t step);              /* the last report until then; NaN: none */
bool trial_is_over(const struct trial *t);                               /* COMPLETE, PRUNED or FAIL */
bool trial_is_paused(const struct trial *t);                             /* RUNNING, no open stint */
bool trial_is_out(const struct trial *t);                                /* RUNNING, a stint is open */
const char *trial_state_name(enum trial_state s);                        /* "complete" */
const char *trial_attribute(const struct trial *t, const char *key);     /* JSON text or NULL */

bool attribute_is_number(const char *json);
/* In a list of attributes; NULL if it has none of that key. */
struct attribute *attribute_find(struct attribute *list, size_t n, const char *key, bool system);
const char *attribute_get(const struct attribute *list, size_t n, const char *key); /* JSON text or NULL */

#endif
