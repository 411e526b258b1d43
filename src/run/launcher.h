/* Programs as trials: who starts them, and how nothing of them stays behind.
 *
 *     rank --- launcher          forked before MPI and threads, since a process that has either must not fork
 *       \        |
 *        \--- keeper             one for each program, forked by the launcher; its line goes straight to the rank
 *                |
 *             program            in its own process group; what it leaves behind falls to the keeper and is killed
 *
 * Each line is a socket, and its end is an order: when the rank closes it, or dies in whatever way, the keeper kills
 * all that the program has started, also what has left the process group. */
#ifndef COXSWAIN_RUN_LAUNCHER_H
#define COXSWAIN_RUN_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "run/launcher_lease.h"

struct launcher;

/* Forks the launcher. Call it before MPI_Init and before any thread. */
enum err launcher_start(struct launcher **out);
/* Ends the process, waits for it and for keepers that are still cleaning up. May be called twice; NULL is fine. */
void launcher_stop(struct launcher *l);
void launcher_free(struct launcher *l); /* stops it first */
/* ERR_COMM when the launcher has died: no program can be started any more. */
enum err launcher_check(const struct launcher *l);
int launcher_descriptor(const struct launcher *l); /* becomes readable when it dies */

struct launch {
  const char *const *argv; /* ends in NULL; argv[0] without a slash is looked for in PATH; no shell */
  const char *const
      *environment;      /* "NAME=value", ends in NULL: added to that of this process, less what MPI put there */
  const char *folder;    /* where it runs */
  const char *out, *err; /* files that its output is appended to */
  int64_t memory;        /* most bytes of address space, 0: no limit */
  const int *cores;      /* (n_cores) it is bound to; NULL: those of this process */
  size_t n_cores;
  const char *lease; /* a file that only one running program may hold; NULL: none. See launcher_lease.h */
  struct turn turn;  /* ... and whose turn it is */
};

/* A program that was started. */
struct payload {
  int line;     /* -1: none; becomes readable when there are news */
  pid_t leader; /* of its process group; 0 before it runs */
};
#define PAYLOAD_NONE \
  (struct payload) { \
    .line = -1       \
  }

enum payload_event {
  PAYLOAD_SILENT,  /* no news */
  PAYLOAD_RUNS,    /* the system has started it */
  PAYLOAD_REFUSED, /* it cannot be started: number = errno */
  PAYLOAD_ENDED,   /* number = its status as of wait(); nothing of it is left */
  PAYLOAD_STUCK,   /* it does not die of SIGKILL: it waits inside the system for a disk or a device */
  PAYLOAD_TAKEN,   /* another process claimed its lease: all of it was killed */
  PAYLOAD_BUSY,    /* whoever has its lease did not let go: it was not started */
  PAYLOAD_LATE,    /* a later turn has or had its lease: it was not started */
  PAYLOAD_LOST     /* its keeper was killed; so are the processes of its group */
};

struct payload_news {
  enum payload_event event;
  int number;
  int left_behind; /* processes that outlived the program and were killed */
  int64_t peak;    /* bytes of memory it had at most, as far as known */
};

enum err payload_start(struct launcher *l, const struct launch *what, struct payload *out);
/* Never waits. After ENDED, REFUSED, STUCK and LOST the payload is none. */
struct payload_news payload_listen(struct payload *p);
/* SIGTERM to its group now, SIGKILL to all of it when the grace time (seconds) is over. */
void payload_terminate(struct payload *p, double grace);
/* Kills all of it; nothing more is heard of it. */
void payload_drop(struct payload *p);

#endif
