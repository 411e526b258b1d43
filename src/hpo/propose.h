/* A new trial as the ops that make it: used by steering, and wherever trials are made without it. */
#ifndef COXSWAIN_HPO_PROPOSE_H
#define COXSWAIN_HPO_PROPOSE_H

#include "hpo/journal.h"
#include "hpo/space.h"

/* Hands OP_CREATE_TRIAL, an OP_PARAM for each value and OP_ASKED to `take`. The point must be of the space
 * (space_encode). `number` must be the next one of the study; `key` is what the trial's random numbers hang on. */
enum err propose_trial(const struct space *space, const struct params *point, int64_t number, int64_t key,
                       int64_t asked_at, bool enqueued, journal_visit take, void *context);
/* The same for one that comes from another: `origin` is its OP_PARENT or coxswain:confirms. */
enum err propose_derived(const struct space *space, const struct params *point, const struct op *origin, int64_t key,
                         int64_t asked_at, journal_visit take, void *context);
double propose_time(void); /* now, in seconds since the epoch, for op.time */

#endif
