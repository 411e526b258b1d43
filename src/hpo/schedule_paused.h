/* For schedules that decide on each paused trial by itself: those that paused, the lowest number first. */
#ifndef COXSWAIN_HPO_SCHEDULE_PAUSED_H
#define COXSWAIN_HPO_SCHEDULE_PAUSED_H

#include "hpo/schedule_rung.h"
#include "hpo/study.h"

/* For `tell`: puts a trial that paused short of its last step into the heap (best_first), maybe more than once. */
void paused_tell(struct heap *paused, const struct trial *t, int64_t steps);
/* The first one that still waits; NULL if there is none. Those that do not any more are taken out on the way. */
const struct trial *paused_first(struct heap *paused, const struct study *study, int64_t steps);

#endif
