/* Preflight: what a study would meet on these ranks and in this folder, before hours of a job go by.
 *
 * Every rank measures itself, all at the same time (so that what ranks of one host take from each other shows), and
 * tells rank 0, which judges: a problem is grave (the study would fail or be wrong) or a warning (it would be slow or
 * at risk), and each says its cure. Point-to-point messages with a deadline only: a rank that hangs is named. */
#ifndef COXSWAIN_RUN_PREFLIGHT_H
#define COXSWAIN_RUN_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "par/wire.h"

/* What a rank knows of itself. The one list behind the struct, the message and the JSON: X(name), by type.
 *
 *   host, cpus (cores it may run on, "0-3,8"), kernels, blas; folder_fault, lock_fault ("" = well)
 *   cores (how many it may run on), host_cores; memory, shm: bytes that are free (0: unknown)
 *   first: it is the first rank of its host, which also tries the folder: disk_free in bytes, files_free in inodes
 *   (-1: no limit); gflops of its core with all ranks at it, write_rate in bytes/s, sync_ms of a small append */
#define PREFLIGHT_TEXTS(X) X(host) X(cpus) X(kernels) X(blas) X(folder_fault) X(lock_fault)
#define PREFLIGHT_WHOLES(X) X(rank) X(first) X(cores) X(host_cores) X(memory) X(shm) X(disk_free) X(files_free)
#define PREFLIGHT_REALS(X) X(gflops) X(write_rate) X(sync_ms)

struct preflight_rank {
#define PREFLIGHT_MEMBER(name) char *name;
  PREFLIGHT_TEXTS(PREFLIGHT_MEMBER)
#undef PREFLIGHT_MEMBER
#define PREFLIGHT_MEMBER(name) int64_t name;
  PREFLIGHT_WHOLES(PREFLIGHT_MEMBER)
#undef PREFLIGHT_MEMBER
#define PREFLIGHT_MEMBER(name) double name;
  PREFLIGHT_REALS(PREFLIGHT_MEMBER)
#undef PREFLIGHT_MEMBER
  bool answered;            /* false: it said nothing before the deadline, and only `rank` is known */
  double clock, clock_wide; /* seconds its clock is ahead of rank 0's, and by how much that may be wrong */
};

struct preflight_problem {
  bool grave;
  char *what, *cure;
};

struct preflight {
  char *folder; /* as it was tried */
  struct wire_facts wire;
  struct preflight_rank *ranks; /* by rank */
  size_t n_ranks;
  struct preflight_problem *problems; /* grave ones first */
  size_t n_problems, cap_problems;
};

struct preflight_options {
  const char *folder;   /* study folder; its nearest existing parent is tried if it is not there yet */
  double seconds;       /* of arithmetic; 0: 0.2 */
  double patience;      /* seconds a rank may be silent; 0: 60 */
  bool cuda;            /* the study asks for a GPU */
  int64_t sample_bytes; /* written to the folder by the first rank of each host; 0: 16 MB */
};

/* All ranks call it. On rank 0 *out is filled (free it with preflight_free); elsewhere it stays empty. *abandon: hand
 * this to wire_close (a rank did not answer). */
enum err preflight_run(struct wire *wire, const struct preflight_options *o, struct preflight *out, bool *abandon);
void preflight_free(struct preflight *p);

/* preflight_judge.c: fills p->problems from the rest. Pure. */
void preflight_judge(struct preflight *p, const struct preflight_options *o);
bool preflight_is_well(const struct preflight *p); /* no grave problem */

/* preflight_measure.c: this process. `first`: tries the folder too. `token_file` is a file in the folder that rank 0
 * wrote and holds a lock on, `token` its content. */
void preflight_measure(struct preflight_rank *r, const struct preflight_options *o, const char *folder,
                       const char *token_file, const char *token);
char *preflight_host(void); /* name of this machine; caller frees */
void preflight_rank_free(struct preflight_rank *r);
/* The folder itself, or the nearest parent that is there; caller frees. */
char *preflight_place(const char *folder);

/* preflight_show.c: for people, and for programs. */
struct json_t;
void preflight_text(const struct preflight *p, struct strbuf *out);
struct json_t *preflight_json(const struct preflight *p); /* caller decref()s */

/* The short form at the start of a run, on rank 0: MPI and the folder, in a few milliseconds. Warnings go to the log;
 * ERR_INPUT, or ERR_IO where writing failed, when the study would fail there. */
enum err preflight_short(const struct wire *wire, const char *folder);
/* And on the others: is the folder that rank 0 made there? */
enum err preflight_see(const char *folder);

#endif
