/* One program at a time in a trial's folder. Whoever runs one holds a lease on it: a file that names its host and
 * process, under the system's lock, and whose time it sets anew every few seconds. Whoever comes next, because the
 * trial was handed out again, writes its claim behind that; a holder that finds a claim stops its program and lets go.
 * One that does not answer has lost the lease when the system says that it is dead (same machine), or has been silent
 * for some time (another one, where locks may not reach). Clocks of hosts are never compared.
 *
 * The file remembers whose turn it was: a worker that was given up, and wakes to start what was handed out anew
 * meanwhile, comes too late. */
#ifndef COXSWAIN_RUN_LAUNCHER_LEASE_H
#define COXSWAIN_RUN_LAUNCHER_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_SILENCE 30.0 /* seconds without a sign of life */

/* In one run of a study a higher number comes later. */
struct turn {
  int64_t run, number;
};

struct lease {
  const char *path; /* borrowed; NULL: there is nothing to hold, and every question is answered with yes */
  struct turn turn;
  double silence;   /* LEASE_SILENCE */
  int fd;           /* -1: not held */
  int64_t length;   /* bytes of our own words in it */
  bool claimed;     /* we wrote a claim */
  double changed;   /* seconds of our clock: when we last saw it change */
  int64_t stamp[3]; /* ... to this time and size */
  double beat;      /* when we last set its time */
};

enum lease_answer { LEASE_OURS, LEASE_WAIT, LEASE_TOO_LATE };

struct lease lease_of(const char *path, struct turn turn);
/* To be asked again while it says LEASE_WAIT: the holder has been told to let go. */
enum lease_answer lease_take(struct lease *l);
/* At least once a second: is it still ours, and nobody's claim is on it? */
bool lease_hold(struct lease *l);
void lease_end(struct lease *l);
/* "host n1, process 17"; "" if nobody holds it. */
void lease_holder(const char *path, char *out, size_t size);

#endif
