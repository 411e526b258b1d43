#include "par/comm_mpi.h"

#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"

enum { FIRST_TAG = 16, TAGS = 32000 };
#define SMALL 2048 /* bytes that are sent to everybody whole: one round of messages instead of two */

struct team {
  int world_rank, tag;
  int *ranks;            /* (size) in MPI_COMM_WORLD */
  MPI_Request *requests; /* (2 size) of the round under way */
  int n_requests;
  char *scratch; /* MPI reads and writes here only: after a break it may still do so, and the team lets it be */
  size_t n_scratch;
};

/* What is summed. */
struct kind {
  MPI_Datatype type;
  size_t size;
  void (*add)(void *sum, const void *x, size_t n);
};

static void add_float(void *sum, const void *x, size_t n) {
  float *s = sum;
  const float *v = x;
  for (size_t i = 0; i < n; i++)
    s[i] += v[i];
}

static void add_double(void *sum, const void *x, size_t n) {
  double *s = sum;
  const double *v = x;
  for (size_t i = 0; i < n; i++)
    s[i] += v[i];
}

/* ---- rounds of messages ---- */

static enum err broke(struct comm *c, const char *what, const char *how) {
  struct team *t = c->context;
  c->broken = true;
  t->scratch = NULL;
  t->n_scratch = 0;
  t->requests = NULL;
  return FAIL(ERR_COMM, "team: %s: %s", what, how);
}

static void reserve(struct comm *c, size_t bytes) {
  struct team *t = c->context;
  if (!t->requests)
    t->requests = MEM_NEW_ARRAY(MPI_Request, 2 * c->size);
  t->n_requests = 0;
  if (bytes <= t->n_scratch)
    return;
  t->scratch = mem_realloc(t->scratch, bytes);
  t->n_scratch = bytes;
}

static enum err send(struct comm *c, int to, const void *x, size_t n, MPI_Datatype type) {
  struct team *t = c->context;
  int code = MPI_Isend(x, (int)n, type, t->ranks[to], t->tag, MPI_COMM_WORLD, &t->requests[t->n_requests]);
  if (code != MPI_SUCCESS)
    return broke(c, "a message", "MPI cannot send it: a member is probably gone");
  t->n_requests++;
  return OK;
}

static enum err receive(struct comm *c, int from, void *x, size_t n, MPI_Datatype type) {
  struct team *t = c->context;
  int code = MPI_Irecv(x, (int)n, type, t->ranks[from], t->tag, MPI_COMM_WORLD, &t->requests[t->n_requests]);
  if (code != MPI_SUCCESS)
    return broke(c, "a message", "MPI cannot receive it: a member is probably gone");
  t->n_requests++;
  return OK;
}

/* Members of a step arrive within microseconds of each other: spin first, then give the core away, then sleep. */
static enum err finish_round(struct comm *c, const char *what) {
  struct team *t = c->context;
  const double start = clock_seconds();
  for (;;) {
    int done = 0, code = MPI_Testall(t->n_requests, t->requests, &done, MPI_STATUSES_IGNORE);
    if (code != MPI_SUCCESS)
      return broke(c, what, "failed in MPI: a member is probably gone");
    if (done) {
      t->n_requests = 0;
      return OK;
    }
    double waited = clock_seconds() - start;
    if (waited > c->deadline)
      return broke(c, what, "no answer from a member in time (run.lost_after): it is gone or stuck");
    if (waited > 0.01) {
      progress_waits();
      clock_sleep(waited < 1 ? 0.0005 : 0.005);
    } else if (waited > 50e-6)
      sched_yield();
  }
}

/* ---- sums ---- */

/* All to all, and each adds by itself. */
static enum err sum_small(struct comm *c, void *x, size_t n, const struct kind *kind) {
  struct team *t = c->context;
  const size_t bytes = n * kind->size;
  reserve(c, bytes * ((size_t)c->size + 1));
  char *out = t->scratch + bytes * (size_t)c->size;
  memcpy(out, x, bytes);
  memcpy(t->scratch + bytes * (size_t)c->rank, x, bytes);
  for (int r = 0; r < c->size; r++) {
    if (r == c->rank)
      continue;
    TRY(receive(c, r, t->scratch + bytes * (size_t)r, n, kind->type));
    TRY(send(c, r, out, n, kind->type));
  }
  TRY(finish_round(c, "sum"));
  memcpy(x, t->scratch, bytes);
  for (int r = 1; r < c->size; r++)
    kind->add(x, t->scratch + bytes * (size_t)r, n);
  return OK;
}

static size_t cut(const struct comm *c, size_t n, int r) {
  return n / (size_t)c->size * (size_t)r + n % (size_t)c->size * (size_t)r / (size_t)c->size;
}

/* Each adds one part of the values, and sends the sum to all. */
static enum err sum_large(struct comm *c, void *x, size_t n, const struct kind *kind) {
  struct team *t = c->context;
  const size_t size = kind->size, first = cut(c, n, c->rank), mine = cut(c, n, c->rank + 1) - first;
  reserve(c, (n + mine * (size_t)c->size) * size);
  char *out = t->scratch, *parts = t->scratch + n * size;
  memcpy(out, x, n * size);
  memcpy(parts + mine * (size_t)c->rank * size, out + first * size, mine * size);
  for (int r = 0; r < c->size; r++) {
    size_t theirs = cut(c, n, r);
    if (r == c->rank)
      continue;
    TRY(receive(c, r, parts + mine * (size_t)r * size, mine, kind->type));
    TRY(send(c, r, out + theirs * size, cut(c, n, r + 1) - theirs, kind->type));
  }
  TRY(finish_round(c, "sum"));
  for (int r = 1; r < c->size; r++)
    kind->add(parts, parts + mine * (size_t)r * size, mine);
  memcpy(out + first * size, parts, mine * size);
  for (int r = 0; r < c->size; r++) {
    size_t theirs = cut(c, n, r);
    if (r == c->rank)
      continue;
    TRY(receive(c, r, out + theirs * size, cut(c, n, r + 1) - theirs, kind->type));
    TRY(send(c, r, parts, mine, kind->type));
  }
  TRY(finish_round(c, "sum"));
  memcpy(x, out, n * size);
  return OK;
}

static enum err sum(struct comm *c, void *x, size_t n, const struct kind *kind) {
  if (c->broken)
    return FAIL(ERR_COMM, "team: it is dissolved");
  return n * kind->size <= SMALL ? sum_small(c, x, n, kind) : sum_large(c, x, n, kind);
}

static enum err sum_float(struct comm *c, float *x, size_t n) {
  return sum(c, x, n, &(struct kind){MPI_FLOAT, sizeof(float), add_float});
}
static enum err sum_double(struct comm *c, double *x, size_t n) {
  return sum(c, x, n, &(struct kind){MPI_DOUBLE, sizeof(double), add_double});
}

/* ---- broadcast ---- */

/* Along a binomial tree: whoever has it passes it on to the rank that is the next power of two away. */
static enum err broadcast(struct comm *c, void *bytes, size_t n) {
  struct team *t = c->context;
  int mask = 1;
  if (c->broken)
    return FAIL(ERR_COMM, "team: it is dissolved");
  reserve(c, n);
  if (c->rank == 0)
    memcpy(t->scratch, bytes, n);
  while (mask < c->size && !(c->rank & mask))
    mask <<= 1;
  if (c->rank > 0) {
    TRY(receive(c, c->rank - mask, t->scratch, n, MPI_BYTE));
    TRY(finish_round(c, "broadcast"));
  }
  for (mask >>= 1; mask > 0; mask >>= 1)
    if (c->rank + mask < c->size)
      TRY(send(c, c->rank + mask, t->scratch, n, MPI_BYTE));
  TRY(finish_round(c, "broadcast"));
  memcpy(bytes, t->scratch, n);
  return OK;
}

/* ---- a team comes and goes ---- */

static void close_team(struct comm *c) {
  struct team *t = c->context;
  free(t->scratch);
  free(t->requests);
  free(t->ranks);
  free(t);
  free(c);
}

static const struct comm_ops comm_mpi = {"mpi", sum_float, sum_double, broadcast, close_team};

struct comm *comm_mpi_new(int world_rank, int size, double deadline) {
  struct comm *c = MEM_NEW(struct comm);
  struct team *t = MEM_NEW(struct team);
  t->world_rank = world_rank;
  t->ranks = MEM_NEW_ARRAY(int, size);
  *c = (struct comm){.ops = &comm_mpi, .size = size, .deadline = deadline, .broken = true, .context = t};
  return c;
}

void comm_mpi_join(struct comm *c, int64_t id, const int *ranks) {
  struct team *t = c->context;
  t->tag = FIRST_TAG + (int)(id % TAGS);
  memcpy(t->ranks, ranks, (size_t)c->size * sizeof *ranks);
  for (int r = 0; r < c->size; r++)
    if (ranks[r] == t->world_rank)
      c->rank = r;
  c->broken = false;
}
