/* What a team of ranks says to each other while it trains one trial together. Interface here, implementations in par/.
 *
 * Every function must be called by all members, in the same order. All waiting has a deadline: when a peer is gone each
 * survivor gets ERR_COMM, the team is dissolved, and no one hangs. A NULL comm is a team of one. */
#ifndef COXSWAIN_BASE_COMM_H
#define COXSWAIN_BASE_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct comm;

struct comm_ops {
  const char *name;                                             /* "mpi", "nccl" */
  enum err (*sum_float)(struct comm *c, float *x, size_t n);    /* x <- sum over ranks, the same bits on every rank */
  enum err (*sum_double)(struct comm *c, double *x, size_t n);  /* likewise */
  enum err (*broadcast)(struct comm *c, void *bytes, size_t n); /* from member 0 */
  void (*close)(struct comm *c);
};

struct comm {
  const struct comm_ops *ops;
  int rank, size;  /* in the team; 0 leads */
  double deadline; /* seconds without progress after which a peer counts as gone */
  bool broken;     /* a peer is gone, or nobody is there yet: every call fails */
  void *context;
};

static inline int comm_size(const struct comm *c) {
  return c ? c->size : 1;
}
static inline int comm_rank(const struct comm *c) {
  return c ? c->rank : 0;
}
enum err comm_sum_float(struct comm *c, float *x, size_t n);
enum err comm_sum_double(struct comm *c, double *x, size_t n);
enum err comm_broadcast(struct comm *c, void *bytes, size_t n);
void comm_close(struct comm *c);

#endif
