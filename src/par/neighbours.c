#include "par/neighbours.h"

#include <mpi.h>
#include <sched.h>

/* Of masks that nobody shares with anybody the union is as large as all of them together. */
static bool cores_are_apart(MPI_Comm host) {
  cpu_set_t mine, all;
  CPU_ZERO(&mine);
  CPU_ZERO(&all);
  if (sched_getaffinity(0, sizeof mine, &mine) != 0)
    CPU_ZERO(&mine);
  int count = CPU_COUNT(&mine), sum = 0;
  MPI_Allreduce(&mine, &all, (int)sizeof mine, MPI_BYTE, MPI_BOR, host);
  MPI_Allreduce(&count, &sum, 1, MPI_INT, MPI_SUM, host);
  return sum == CPU_COUNT(&all);
}

void neighbours_find(struct neighbours *n) {
  MPI_Comm host;
  int world = 0, lowest = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &world);
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, world, MPI_INFO_NULL, &host);
  MPI_Comm_rank(host, &n->rank);
  MPI_Comm_size(host, &n->size);
  MPI_Allreduce(&world, &lowest, 1, MPI_INT, MPI_MIN, host);
  n->with_first = lowest == 0;
  n->own_cores = cores_are_apart(host);
  MPI_Comm_free(&host);
}

struct neighbours neighbours_rowing(const struct neighbours *n, bool dedicated) {
  struct neighbours rowing = *n;
  if (dedicated && n->with_first && n->size > 1) {
    rowing.rank = n->rank > 0 ? n->rank - 1 : 0;
    rowing.size--;
  }
  return rowing;
}
