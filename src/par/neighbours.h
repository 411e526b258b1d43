/* The ranks of one host, which share its GPUs and cores. */
#ifndef COXSWAIN_PAR_NEIGHBOURS_H
#define COXSWAIN_PAR_NEIGHBOURS_H

#include <stdbool.h>

struct neighbours {
  int rank, size;  /* this rank's place among those of its host, and how many they are */
  bool with_first; /* rank 0 of the world is one of them */
  bool own_cores;  /* the cores that each may run on are nobody else's: the launcher has bound them apart */
};

/* Every rank of the world must call it, once, when MPI has started. */
void neighbours_find(struct neighbours *n);
/* Without rank 0, where that only steers. */
struct neighbours neighbours_rowing(const struct neighbours *n, bool dedicated);

#endif
