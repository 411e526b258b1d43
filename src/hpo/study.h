/* The study: what the journal says, folded. study_apply holds no policy and reads no settings, so a live run and a
 * resume are the same code. */
#ifndef COXSWAIN_HPO_STUDY_H
#define COXSWAIN_HPO_STUDY_H

#include "base/pool.h"
#include "conf/lists.h"
#include "hpo/op.h"
#include "hpo/space.h"

/* Something a model can learn from: a stint came to its end, or a trial is over. In the order of the journal, and never
 * changed: what a sampler keeps is a fold over these, and the first k of them are the same ones however late it looks.
 */
struct event {
  int64_t row;    /* of the history */
  int64_t before; /* the event of the same row before this one; -1: none */
  int64_t step;   /* how far it has come */
  double value;   /* minimised. Complete, pruned: the final value. Running: the best of the reports until step. NaN if
                   * there is none, and for failed trials */
  unsigned char state; /* enum trial_state: RUNNING while it may still go on */
};

/* Which sampler proposed a row, where the trial says so (the attribute coxswain:sampler, that sampler auto writes). */
#define BY_ENUM(name, help) BY_##name,
enum by { BY_UNKNOWN, SAMPLER_LIST(BY_ENUM) BY_COUNT };
#undef BY_ENUM
#define SAMPLER_ATTRIBUTE "coxswain:sampler"
const char *sampler_name_of(enum by by); /* NULL for BY_UNKNOWN */

/* What samplers see: columns over trials, growing with the journal; rows of running trials are there with their point.
 */
struct history {
  size_t n, cap;        /* trials with a point of the space */
  size_t d;             /* coordinates */
  bool conditional;     /* the space has conditions */
  double *u;            /* (n, d) */
  bool *active;         /* (n, d): is this coordinate's dimension there at that point? NULL without conditions */
  double *value;        /* (n): minimised: the sign is turned for maximize; NaN while running, failed */
  double *best;         /* (n): best of the reports until step, same sign; NaN if none */
  int64_t *step;        /* (n): how far the trial has come in stints that ended */
  unsigned char *state; /* (n): enum trial_state */
  unsigned char *by;    /* (n): enum by */
  int64_t *number;      /* (n): trial number; -1: a point of another study (hpo/learned.h), COMPLETE from the start */
  int64_t *last_event;  /* (n): the newest event of the row; -1: none */
  int64_t asked;        /* trials the sampler proposed (not enqueued ones) */
  struct event *events;
  size_t n_events, cap_events;
  int64_t effort; /* how cheap the asks must be, from the attribute coxswain:effort: 0 = as good as can be; each one
                   * more means about a quarter of the time */
};

struct study {
  char *name;
  bool maximize;
  const struct space *space; /* borrowed; NULL: params only, no history */
  struct trial *trials;
  size_t n, cap;
  struct pool pool; /* of what the trials point to */
  struct history history;
  int64_t ops;                  /* applied so far */
  int64_t next_stint;           /* id of the next stint */
  int64_t counts[5];            /* by enum trial_state, without repeats */
  int64_t gone_trials;          /* marks of the first so many trials at steps before gone_step are no longer on disk: */
  int64_t gone_step;            /* the attribute coxswain:gone */
  int64_t children;             /* trials that start from another one's state */
  int64_t repeats;              /* trials that repeat another one's point, and how many of these are over: they are */
  int64_t repeats_over;         /* no part of the search, and count for none of its limits */
  int64_t out;                  /* open stints */
  int64_t steps_out;            /* ... and the steps from where they began to where they are to end */
  int64_t steps;                /* spent in stints that ended; what a lost worker did does not count */
  int64_t best;                 /* index of the best COMPLETE trial that is no repeat, -1 if none; ties: the lower
                                 * number */
  int64_t finished_since_best;  /* trials over since the best one was found: for study.stall */
  double seconds;               /* training time over all stints */
  struct attribute *attributes; /* of the study, "coxswain:" ones included */
  size_t n_attributes, cap_attributes;
  struct seen *seen; /* (seen_cap) points seen; open addressing by params_hash */
  size_t seen_cap, seen_n;
};

int64_t study_over(const struct study *s); /* trials of the search that are over */
int64_t
study_proposed(const struct study *s); /* trials without those that come from others: what study.trials counts */

void study_init(struct study *s, const struct space *space);
void study_free(struct study *s);
/* Folds one op. ERR_INPUT if the journal is of a newer format than this program's. ERR_DAMAGED if it does not fit what
 * came before (unknown trial, a stint that is not out ...); nothing has changed then. Dropped are: a report for a step
 * that is already there, the second end of a stint, reports and ends that come when the trial is over, foreign
 * attributes of a trial that is not there (Optuna drops them too).
 *
 * A point is complete (hashed, and in the history if it is of the space) with the first OP_ASKED, OP_STINT, OP_REPORT
 * or OP_STATE of its trial; a later OP_PARAM or OP_PARENT does not fit. Those of trials that come from others are not
 * in the history, nor among the points seen. OP_STATE closes an open stint as cancelled. */
enum err study_apply(struct study *s, const struct op *op);
enum err study_visit(void *study, const struct op *op); /* study_apply as a journal_visit */

bool study_has_seen(const struct study *s, const struct params *p);
int64_t study_find_open(const struct study *s, const struct params *p); /* the first trial of that point that is not
                                                                         * over; -1: none */
bool study_better(const struct study *s, double a, double b);           /* a better than b; NaN is worse than all */
const char *study_attribute(const struct study *s, const char *key);    /* JSON text or NULL */
/* The state that t had at the end of a stint at that step, if others can start from it; NULL. */
const struct state_ref *study_mark(const struct study *s, const struct trial *t, int64_t step);
/* The k best COMPLETE trials that are no repeats, best first, into index[]; returns how many. Ties: the lower number
 * first. */
size_t study_best(const struct study *s, size_t k, size_t *index);

#endif
