/* A team over MPI: point-to-point messages only, so that every wait has a deadline, a team can be dissolved in the
 * middle of a sum, and ranks can come together in another one without a collective call.
 *
 * Sums are taken in the order of ranks, ((x0 + x1) + x2) + ..., whatever the number of values and whoever is fast. */
#ifndef COXSWAIN_PAR_COMM_MPI_H
#define COXSWAIN_PAR_COMM_MPI_H

#include "base/comm.h"

/* A team of `size` ranks of MPI_COMM_WORLD that are not yet known. A peer counts as gone after `deadline` seconds
 * without an answer: then the team is `broken`, and every call fails until the next comm_mpi_join. */
struct comm *comm_mpi_new(int world_rank, int size, double deadline);
/* Joins these ranks, ascending, of which this one is a member. All members give the same id, and no team has it again:
 * what an earlier team left under way never reaches this one. */
void comm_mpi_join(struct comm *c, int64_t id, const int *ranks);

#endif
