/* The time a study took, and what it cost to keep it, as its journal says ("coxswain:elapsed", "coxswain:timers"). */
#ifndef COXSWAIN_REPORT_TIMERS_H
#define COXSWAIN_REPORT_TIMERS_H

#include "report/report.h"

/* Seconds in all runs. While somebody runs the study, what went by since the last note counts too. */
double timers_elapsed(const struct report_study *r);
/* "  checkpoints: 41 packs, 1.2 GB, training stood still 0.31 % of the time"; nothing if there were none. */
void timers_put(const struct report_study *r, struct strbuf *out);
struct json_t *timers_json(const struct report_study *r);
/* How often steering brought decisions to disk, and the seconds it waited for that. */
struct json_t *timers_journal_json(const struct report_study *r);

#endif
