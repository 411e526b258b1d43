/* A team's evaluators, moved together. The leader calls; each call is broadcast, and the other members make the same
 * call on theirs, so that the evaluator may use the team's comm inside. With no comm (a team of one) a call goes
 * straight through.
 *
 * When the team breaks, every call gives ERR_COMM on every member that is left, within the deadline of the comm. */
#ifndef COXSWAIN_RUN_CREW_H
#define COXSWAIN_RUN_CREW_H

#include "run/evaluator.h"

enum err crew_admit(struct evaluator *e, size_t slot, const struct work *w, const struct state *start);
enum err crew_advance(struct evaluator *e, double seconds);
enum err crew_snapshot(struct evaluator *e, size_t slot, struct state *out);
enum err crew_evict(struct evaluator *e, size_t slot);
/* The leader calls this at least every few seconds while it has nothing else to say. */
enum err crew_idle(struct evaluator *e);
enum err crew_dismiss(struct evaluator *e); /* the run is over */
enum err crew_release(struct evaluator *e); /* the team is, and its members are free for others */

/* The other members stay in here until they are dismissed or released. */
enum err crew_follow(struct evaluator *e, bool *released);

#endif
