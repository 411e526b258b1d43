#include "par/comm_mpi.h"

#include <mpi.h>
#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

struct team {
  MPI_Comm mpi;
};

static MPI_Comm mpi_of(struct comm *c) {
  return ((struct team *)c->context)->mpi;
}

/* A blocking collective never returns when a member was killed, so all of them are non-blocking and have a deadline.
 * Members of a step arrive within microseconds of each other: spin first, then give the core away, then sleep. */
static enum err wait_for(struct comm *c, MPI_Request *request, const char *what) {
  const double start = clock_seconds();
  for (;;) {
    int done = 0, code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS)
      return FAIL(ERR_COMM, "team: %s failed in MPI (code %d): a member is probably gone", what, code);
    if (done)
      return OK;
    double waited = clock_seconds() - start;
    if (waited > c->deadline)
      return FAIL(ERR_COMM, "team: %s: no answer from a member for %.0f s: it is gone or stuck", what, waited);
    if (waited > 0.01)
      clock_sleep(waited < 1 ? 0.0005 : 0.005);
    else if (waited > 50e-6)
      sched_yield();
  }
}

static enum err sum(struct comm *c, void *x, size_t n, MPI_Datatype type) {
  MPI_Request request;
  int code = MPI_Iallreduce(MPI_IN_PLACE, x, (int)n, type, MPI_SUM, mpi_of(c), &request);
  if (code != MPI_SUCCESS)
    return FAIL(ERR_COMM, "team: MPI_Iallreduce failed (code %d)", code);
  return wait_for(c, &request, "sum");
}

static enum err sum_float(struct comm *c, float *x, size_t n) {
  return sum(c, x, n, MPI_FLOAT);
}
static enum err sum_double(struct comm *c, double *x, size_t n) {
  return sum(c, x, n, MPI_DOUBLE);
}

static enum err broadcast(struct comm *c, void *bytes, size_t n) {
  MPI_Request request;
  int code = MPI_Ibcast(bytes, (int)n, MPI_BYTE, 0, mpi_of(c), &request);
  if (code != MPI_SUCCESS)
    return FAIL(ERR_COMM, "team: MPI_Ibcast failed (code %d)", code);
  return wait_for(c, &request, "broadcast");
}

/* MPI_Comm_free is collective and could wait for a dead member: the communicator goes with the process. */
static void close_team(struct comm *c) {
  free(c->context);
  free(c);
}

static const struct comm_ops comm_mpi = {"mpi", sum_float, sum_double, broadcast, close_team};

struct comm *comm_mpi_wrap(void *mpi_comm, double deadline) {
  struct comm *c = MEM_NEW(struct comm);
  struct team *t = MEM_NEW(struct team);
  t->mpi = *(MPI_Comm *)mpi_comm;
  MPI_Comm_set_errhandler(t->mpi, MPI_ERRORS_RETURN);
  MPI_Comm_rank(t->mpi, &c->rank);
  MPI_Comm_size(t->mpi, &c->size);
  c->ops = &comm_mpi;
  c->deadline = deadline;
  c->context = t;
  return c;
}
