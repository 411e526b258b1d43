/* The wire between rank 0 and the workers: bytes in order, no collective, no blocking.
 *
 * Rank 0 steers; every rank may row, rank 0 too. What rank 0 says to its own worker goes through queues in memory, the
 * rest through MPI point-to-point messages, so one process alone is the same code. A peer that is gone shows as
 * silence. All functions are for one thread, the one that opened the wire. */
#ifndef COXSWAIN_PAR_WIRE_H
#define COXSWAIN_PAR_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/comm.h"
#include "base/params.h"
#include "base/strbuf.h"
#include "par/neighbours.h"

struct wire;

/* Starts MPI if a launcher started this process (or COXSWAIN_MPI=1), else there is one rank and no MPI. Refuses when
 * the launcher says that there are N tasks but MPI sees 1 (a wrong --mpi= plugin would run N studies side by side). */
enum err wire_open(struct wire **out, int *argc, char ***argv);
/* Waits a little for messages under way, then finalises. With `abandon` (a rank is missing or something failed) it does
 * not finalise, which could wait for ever: the caller must end with _exit. */
void wire_close(struct wire *w, bool abandon);
/* The end of a program of many ranks: closes, and hands `e` back for main to say. With `abandon` and more than one rank
 * it does not return: it says what went wrong, unless that is only that there is more to do, and ends the process. Rank
 * 0 then has the launcher end all others too: one that hangs or is stopped would hold the job. */
enum err wire_end(struct wire *w, bool abandon, enum err e);
/* What MPI and the launcher say of this run, for people and for preflight. */
struct wire_facts {
  bool mpi;
  char library[64];           /* "Open MPI v4.1.4" */
  const char *level;          /* thread level that MPI gave: "funneled"; static */
  bool level_suffices;        /* helper threads of ours, which never call MPI, are allowed for */
  int ranks;                  /* as MPI sees them */
  const char *tasks_variable; /* by which the launcher says how many it started; NULL: by none */
  long tasks;
};
struct wire_facts wire_facts(const struct wire *w);
int wire_rank(const struct wire *w);
int wire_size(const struct wire *w);
const struct neighbours *wire_neighbours(const struct wire *w); /* the ranks of this host */

/* Each copies the message and returns at once; messages between two ranks arrive in order. */
enum err wire_to_worker(struct wire *w, int rank, const struct strbuf *message); /* rank 0 calls */
enum err wire_to_steer(struct wire *w, const struct strbuf *message);            /* any rank */
/* The next message, if any, into `out` (replaced); *from = its rank, -1 if there is none. */
enum err wire_from_workers(struct wire *w, int *from, struct strbuf *out); /* rank 0 calls */
enum err wire_from_steer(struct wire *w, bool *got, struct strbuf *out);   /* any rank */

/* Silence of rank 0. It sends an empty message to each rank that it has told nothing for lost_after/4: from its loop,
 * and from within long calls too, where progress_made calls wire_keep_alive. What can still keep it silent is one call
 * without any progress, an fsync on a file system that fails over, and its own watchdog bounds that to hung_after. So
 * rank 0 counts as gone after lost_after + hung_after seconds of silence, and after lost_after/4 already where this
 * rank can see that its process is not there any more (the same host).
 *
 * Only time in which this process looked is counted: after a step of minutes, or when it was stopped itself, it first
 * reads what has come in the meantime. */
void wire_patience(struct wire *w, double lost_after, double hung_after); /* any rank; 60 and 600 before it is called */
void wire_keep_alive(struct wire *w);                                     /* rank 0 calls, as often as it likes */
enum err wire_check_steer(const struct wire *w);                          /* ERR_STOPPED: rank 0 is gone */

/* Call once a loop: with busy = true when something was done. Otherwise it waits, from microseconds up to 10 ms, longer
 * the longer nothing happens. */
void wire_idle(struct wire *w, bool busy);
double wire_idle_after(double before); /* how long the next wait of it takes after one of `before`; 0: the first */

/* Rank 0's time in seconds: clock_seconds, or that of a simulation. Steering knows no other. */
double wire_now(const struct wire *w);
/* Rank 0 has brought a group of decisions to disk. Nothing to do; a simulation counts what its disk takes. */
void wire_committed(struct wire *w);

/* A wire without MPI whose ranks 1 .. size - 1, and whose clock, are what somebody makes of them (run/simulate.h): the
 * functions above that rank 0 calls end in these. wire_close frees it, not the context. */
struct wire_ends {
  enum err (*to_worker)(void *context, int rank, const struct strbuf *message);
  enum err (*from_workers)(void *context, int *from, struct strbuf *out);
  void (*idle)(void *context, bool busy);
  double (*now)(void *context);
  void (*committed)(void *context);
};
void wire_simulate(struct wire **out, int size, const struct wire_ends *ends, void *context);

/* The means of a rank to be one of a team of k, in which comm_mpi_join (par/comm_mpi.h) puts it; NULL for k = 1. The
 * caller closes it. */
struct comm *wire_team(const struct wire *w, int k, double deadline);

#endif
