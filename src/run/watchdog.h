/* The watchdog: a thread that ends this rank when it makes no progress (base/progress.h) for too long, so that a dead
 * collective, a hung file system or an endless loop holds up one rank and not the job. The exit code is 75, more to do:
 * where a launcher ends the job with it, the same command goes on.
 *
 * It counts its own short sleeps and not the clock: a process that was stopped, or a machine that was suspended, has
 * not hung. */
#ifndef COXSWAIN_RUN_WATCHDOG_H
#define COXSWAIN_RUN_WATCHDOG_H

#include "base/err.h"

struct watchdog;

/* `seconds` without progress; 0: off. Start it after whatever must fork. */
enum err watchdog_start(struct watchdog **out, int rank, double seconds);
void watchdog_set(struct watchdog *w, double seconds);
void watchdog_stop(struct watchdog *w); /* NULL is fine */

#endif
