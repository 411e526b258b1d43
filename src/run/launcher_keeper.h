/* The process that keeps one program: starts it, tells its rank what became of it, and leaves nothing of it behind. For
 * launcher.c; see there. */
#ifndef COXSWAIN_RUN_LAUNCHER_KEEPER_H
#define COXSWAIN_RUN_LAUNCHER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What goes over a keeper's line. To the keeper: the length of the order (int64_t) and the order; later, doubles: a
 * grace time, for SIGTERM. From the keeper: struct keeper_word. */
struct keeper_word {
  int32_t event; /* enum payload_event */
  int32_t number, left_behind;
  int32_t leader; /* of the process group */
  int64_t peak;
};

_Noreturn void keeper_main(int line);

/* Variables by which MPI and schedulers tell a rank who it is: a program that found them would take itself for that
 * rank. */
bool keeper_hides(const char *variable);

/* Sends SIGKILL to every child of this process but those listed. */
void kill_children(const pid_t *spared, size_t n);

/* For a process that must not hold what others wait to see closed: everything but `keep` is closed, 0 to 2 are
 * /dev/null. */
void close_all_but(int keep);

#endif
