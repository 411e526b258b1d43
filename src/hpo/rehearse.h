/* What a schedule will spend: a study played through in memory with made-up values, by the schedule's own code. */
#ifndef COXSWAIN_HPO_REHEARSE_H
#define COXSWAIN_HPO_REHEARSE_H

#include "hpo/schedule.h"

struct rehearsal {
  int64_t trials, stints, steps;
};

/* `trials` points, one stint after the other. Their curves fall all the way and never cross: how good they are in the
 * end, evenly spread, shows from the first step. */
enum err rehearse(const char *name, int64_t steps, int64_t trials, const struct settings *conf, struct rehearsal *out);

#endif
