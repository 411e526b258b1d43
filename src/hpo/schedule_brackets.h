/* Brackets of asynchronous successive halving, ASHA (Li et al. 2020, "A system for massively parallel hyperparameter
 * tuning", arXiv 1810.05934, Algorithm 2), in the variant that promotes: a trial pauses at each rung and goes on from
 * its state when it turns out to be among the best. `halving` is one bracket; `hyperband` and `bohb` run several side
 * by side, each with another first rung.
 *
 * Rungs are at first, first eta, first eta^2, ... steps, and at the last step of a trial; the k-th bracket has those
 * from the k-th on. What counts at a rung is the running best up to its step. In the rung it was on its way to, a trial
 * that failed or was cancelled counts as the worst, so that a rung is as large as the trials that were let into it. So
 * does a trial that ended early by itself (early stop), there with its best, which no further step would change; it
 * takes a place among those that go on, but nobody has to train it. In the rungs beyond it does not count.
 *
 * A trial that comes to a step that is no rung (the schedule was another one, or had other settings) counts in the
 * rungs it has passed; if it is short of the first, it is brought there. */
#ifndef COXSWAIN_HPO_SCHEDULE_BRACKETS_H
#define COXSWAIN_HPO_SCHEDULE_BRACKETS_H

#include "hpo/schedule.h"

/* With schedule.eta, schedule.first and schedule.delay; `several`: as many brackets as there are rungs, else one. */
enum err brackets_open(struct schedule *s, const struct settings *conf, bool several);
/* The bracket that a trial is in, from 0, which has the shortest first rung. */
size_t brackets_of(const struct schedule *s, int64_t trial);

/* As in struct schedule_ops. */
void brackets_tell(struct schedule *s, const struct study *study, const struct trial *t);
enum next brackets_next(struct schedule *s, const struct study *study, int64_t *trial, int64_t *to, int64_t fresh);
bool brackets_go_on(struct schedule *s, const struct study *study, const struct trial *t, int64_t *to);
void brackets_close(struct schedule *s);

#endif
