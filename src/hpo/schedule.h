/* Schedules decide which stint is worth running next. They read the study and keep only what can be rebuilt from it. */
#ifndef COXSWAIN_HPO_SCHEDULE_H
#define COXSWAIN_HPO_SCHEDULE_H

#include "conf/lists.h"
#include "hpo/study.h"

enum next {
  NEXT_RESUME, /* a paused trial goes on: trial, to */
  NEXT_NEW,    /* a new point is worth starting: to */
  NEXT_PRUNE,  /* a paused trial is not worth going on with: trial. It is over, pruned, with its best value */
  NEXT_FINISH, /* a paused trial has come as far as it can: trial. It is over, complete, with its best value */
  NEXT_CHILD,  /* a paused or failed trial gives its place to a new one that goes on from the state of a better one:
                * trial, to; schedule_child says which. A paused one is over, pruned, with its best value */
  NEXT_WAIT    /* nothing until an outcome comes in */
};

struct schedule;

/* A trial that starts from another one's state (trial_mark of parent at step). */
struct child {
  int64_t parent, step;
  struct params point; /* initialised by the caller, who frees it; empty if the study knows no space */
};

struct schedule_ops {
  const char *name;
  enum err (*open)(struct schedule *s, const struct settings *conf); /* NULL: nothing to do */
  /* Called for each trial whose stint goes out or ended, or that is over, after study_apply of that op and in journal
   * order; also while a journal is read back (schedule_hears). To be told the same twice does no harm, and whoever is
   * only told once how each trial stands (a study that comes from a snapshot) knows the same. */
  void (*tell)(struct schedule *s, const struct study *study, const struct trial *t); /* NULL: nothing to do */
  /* `fresh`: the number of the trial that would start, -1 when none may (limits). Whoever calls acts on the answer
   * (OP_STINT for NEXT_RESUME, OP_STATE for NEXT_PRUNE and NEXT_FINISH, both for NEXT_CHILD) before the next call.
   * Stints that were interrupted or lost are handed out again by steering before it asks here. */
  enum next (*next)(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to, int64_t fresh);
  /* A decision on a paused trial that cannot wait (schedule.pause = false: its program has a slot that something else
   * wants): does it go on, and to where? NULL: to the last step. */
  bool (*goes_on)(struct schedule *s, const struct study *study, const struct trial *t, int64_t *to);
  /* After NEXT_CHILD for this trial, before anything else happens. Together with `oldest`: the states that its trials
   * have at the ends of their stints are needed on disk before their ends are told (trial.marks). NULL: there is none.
   */
  enum err (*child)(struct schedule *s, const struct study *study, int64_t trial, struct child *out);
  int64_t (*oldest)(struct schedule *s, const struct study *study); /* marks of earlier steps are not needed any more */
  void (*close)(struct schedule *s);                                /* NULL: nothing to do */
};

struct schedule {
  const struct schedule_ops *ops;
  int64_t steps; /* the last step of a full trial */
  void *context;
};

#define SCHEDULE_DECLARE(name, help) extern const struct schedule_ops schedule_##name;
SCHEDULE_LIST(SCHEDULE_DECLARE)
#undef SCHEDULE_DECLARE

enum err schedule_open(struct schedule *s, const char *name, int64_t steps, const struct settings *conf);
void schedule_close(struct schedule *s);
bool schedule_hears(const struct study *study, const struct op *op); /* is it told of this op, which was applied? */
void schedule_tell(struct schedule *s, const struct study *study, const struct trial *t);
enum next schedule_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to, int64_t fresh);
bool schedule_goes_on(struct schedule *s, const struct study *study, const struct trial *t, int64_t *to);
enum err schedule_child(struct schedule *s, const struct study *study, int64_t trial, struct child *out);
bool schedule_breeds(const struct schedule *s); /* do new trials start from the states of others? */
bool schedule_named_breeds(const char *name);
int64_t schedule_oldest(struct schedule *s, const struct study *study); /* INT64_MAX: no marks are needed */
/* Is there room for a stint under a limit of steps over all trials (study.steps; 0: none)? Until a trial is complete,
 * as many steps as one takes are kept back for it. */
bool schedule_affords(const struct schedule *s, const struct study *study, int64_t limit, int64_t from, int64_t to);
/* Would this paused trial's state be needed again? (run.keep) Any paused trial short of the last step may be: a rung
 * that grows lets more of its members go on. */
bool schedule_may_promote(const struct schedule *s, const struct study *study, const struct trial *t);

#endif
