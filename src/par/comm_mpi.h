/* A team over MPI. Only files of par/ include this: MPI's type is hidden behind an opaque one elsewhere. */
#ifndef COXSWAIN_PAR_COMM_MPI_H
#define COXSWAIN_PAR_COMM_MPI_H

#include "base/comm.h"

/* `mpi_comm` is an MPI_Comm; the team owns it. A peer counts as gone after `deadline` seconds without an answer. */
struct comm *comm_mpi_wrap(void *mpi_comm, double deadline);
#define comm_mpi_new(mpi_comm, deadline) comm_mpi_wrap(&(mpi_comm), (deadline))

#endif
