/* What DIR/journal.lock says: who writes the journal, and a counter that moves for as long as they live.
 *
 *     host n1, process 17, job 4711, since 2026-11-23T17:26:00.123456
 *     token 9f3c2a7711d04e5b, boot 39ad5c64-...-4026531836, start 8123, beat 00000042 at 0000012345.678
 *
 * Clocks of two hosts are never compared: whoever cannot see the process watches whether the counter moves. An empty
 * file: nobody. */
#ifndef COXSWAIN_HPO_JOURNAL_OWNER_H
#define COXSWAIN_HPO_JOURNAL_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/host.h"

struct journal_owner {
  char text[400];             /* the first line, for people; "": nobody */
  char token[48];             /* of this holding alone. A file that names none gets one made of its inode and time */
  char boot[HOST_SPACE_SIZE]; /* boot of the machine and its space of process ids, in which `process` means something;
                                 "": unknown */
  int64_t process, start;     /* its start, in the system's ticks: process numbers come again */
  int64_t beat;
  double at; /* clock of that boot at the last beat */
};

void journal_owner_self(struct journal_owner *o); /* this process, with a new token */
/* Writes it over what is there; all writings of one owner have the same length. */
enum err journal_owner_write(const struct journal_owner *o, int fd, const char *path);
/* *there = false: no such file. */
enum err journal_owner_read(const char *path, struct journal_owner *o, bool *there);

/* What can be known at once. `locked`: the reader got the system's lock on the file, so that no living process of this
 * kernel holds it. */
enum journal_life { LIFE_NONE, LIFE_DEAD, LIFE_UNKNOWN };
enum journal_life journal_owner_life(const struct journal_owner *o, bool locked);
/* Seconds since the last beat by the clock of this boot; NaN: it is of another boot. */
double journal_owner_age(const struct journal_owner *o);

/* Watches the file for that many seconds of watching (a pause of this process does not count). `locked` as above.
 * ERR_STOPPED when asked to leave. */
enum journal_watch {
  WATCH_MOVED,   /* it lives */
  WATCH_CHANGED, /* the file names somebody else, or is gone */
  WATCH_DEAD,    /* its process has ended since */
  WATCH_SILENT
};
enum err journal_owner_watch(const char *path, const struct journal_owner *o, bool locked, double seconds,
                             enum journal_watch *seen);

/* How long an owner may be silent, in seconds: 30, or COXSWAIN_LOCK_LEASE, which must be the same for all processes of
 * a study; and the time from beat to beat. */
double journal_owner_lease(void);
double journal_owner_pause(void);

#endif
