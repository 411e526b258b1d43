/* A worker: takes stints from steering, trains them in the slots of its evaluator, reports once a quantum, and writes
 * packs. Rank 0 hosts one too; it calls worker_row once a loop. */
#ifndef COXSWAIN_RUN_WORKER_H
#define COXSWAIN_RUN_WORKER_H

#include "par/wire.h"
#include "run/evaluator.h"

struct worker;

/* `team` is the means to be one of a team (wire_team), NULL for a worker by itself; all are borrowed, as is the
 * launcher, which is stopped where no program is to be started. Opens nothing yet: that comes with COMMAND_START. */
struct worker *worker_new(struct wire *wire, struct comm *team, struct launcher *launcher);
void worker_free(struct worker *w);

/* One round: commands in, a quantum of work, news out. *busy: something was done. *over: it has said goodbye. An error
 * is one of this machine; steering has been told. */
enum err worker_row(struct worker *w, bool *busy, bool *over);

/* Rounds until steering sends it away. A member of a team that does not lead it is inside its leader's calls meanwhile.
 */
enum err worker_main(struct worker *w);

#endif
