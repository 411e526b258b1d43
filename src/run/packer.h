/* A worker's packs: when the next one is due, and a thread that brings its bytes to disk while training goes on. The
 * bytes are made by the caller, because HDF5 is used from one thread only; one pack is under way at a time.
 *
 * A job that is killed without warning is to lose at most run.checkpoint of training. It loses what came after the last
 * snapshot that is on disk, so the next snapshot is taken that much earlier as a pack takes to get there; on a disk
 * that is slower than that, one pack follows the other. Training never stands still for more than a tenth of the time.
 * After a pack that could not be written (a full disk) the next try waits, each time longer. */
#ifndef COXSWAIN_RUN_PACKER_H
#define COXSWAIN_RUN_PACKER_H

#include <stdbool.h>

#include "store/pack.h"

/* ---- when ---- */

struct pack_times {
  double interval;    /* run.checkpoint */
  double began;       /* the last snapshot, or the start; clock_seconds */
  double stood, took; /* of the last pack that came to disk: seconds that training stood still, until it was there */
  double retry;       /* seconds to wait after a failure; 0: none */
};
/* Seconds after `began` at which the next pack is to begin. */
double pack_interval(const struct pack_times *t);
/* What a kill may cost, in seconds of training. */
double pack_at_risk(const struct pack_times *t);

/* ---- how ---- */

struct packer;

struct packer_options {
  const char *folder, *study; /* borrowed */
  int64_t epoch;              /* of the journal: with rank and count it makes names that never come again */
  int rank;
  double interval;
};

struct packer *packer_open(const struct packer_options *o);
void packer_close(struct packer *p); /* waits for what is being written; NULL is fine */
bool packer_is_due(const struct packer *p);
bool packer_is_busy(const struct packer *p);

bool packer_is_free(const struct packer *p); /* not busy, nor waiting after a failure */

/* Begins to write one pack of these states; they are not needed any more when it returns. began: when the first of them
 * was taken. whole: nothing is left out that has changed, so that the next one is due an interval from now. Not while
 * it is busy. */
enum err packer_write(struct packer *p, const struct pack_item *items, size_t n, double began, bool whole);
/* What is on its way to disk is nobody's any more: its news will name no trials. */
void packer_forget(struct packer *p);
/* Nothing has changed since the last pack. */
void packer_skip(struct packer *p);

struct packed {
  int64_t trial, step;
};
struct packer_news {
  bool good;        /* on disk, under its name */
  const char *name; /* of the file */
  struct packed *items;
  size_t n;
  double seconds, stood;
  int64_t bytes;
};
/* Is one done that was begun? Then what became of it; the pointers hold until the next packer_write. The log says what
 * went wrong. */
bool packer_listen(struct packer *p, struct packer_news *out);

#endif
