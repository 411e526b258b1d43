#include "run/watchdog.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/progress.h"

#define TICK 0.1 /* seconds */

struct watchdog {
  pthread_t thread;
  int rank;
  atomic_uint ticks; /* without progress that are too many; 0: off */
  atomic_bool over;
};

/* The main thread may hang in the very write that the log needs: the alarm, whose default is to end the process, bounds
 * the attempt to leave a word. */
static void end_rank(const struct watchdog *w, double seconds) {
  alarm(5);
  log_error("rank %d: no progress for %.0f s (run.hung_after), last seen %s: it hangs, and ends itself", w->rank,
            seconds, progress_doing());
  _exit(err_exit_code(ERR_STOPPED));
}

static void *watch(void *context) {
  struct watchdog *w = context;
  uint64_t seen = progress_count();
  unsigned still = 0;
  while (!atomic_load(&w->over)) {
    clock_sleep(TICK);
    uint64_t now = progress_count();
    unsigned limit = atomic_load(&w->ticks);
    still = now == seen ? still + 1 : 0;
    seen = now;
    if (limit && still >= limit)
      end_rank(w, still * TICK);
  }
  return NULL;
}

enum err watchdog_start(struct watchdog **out, int rank, double seconds) {
  struct watchdog *w = MEM_NEW(struct watchdog);
  w->rank = rank;
  watchdog_set(w, seconds);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
  int code = pthread_create(&w->thread, NULL, watch, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code != 0) {
    free(w);
    return FAIL(ERR_MEMORY, "no thread can be started to watch this rank: %s: raise ulimit -u", strerror(code));
  }
  *out = w;
  return OK;
}

void watchdog_set(struct watchdog *w, double seconds) {
  atomic_store(&w->ticks, (unsigned)fmin(ceil(seconds / TICK), 4e9));
}

void watchdog_stop(struct watchdog *w) {
  if (!w)
    return;
  atomic_store(&w->over, true);
  pthread_join(w->thread, NULL);
  free(w);
}
