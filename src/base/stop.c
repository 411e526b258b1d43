#include "base/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int level = STOP_NONE;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "the flag is set from signal handlers");

static void raise_level(int wanted) {
  int now = atomic_load(&level);
  while (now < wanted && !atomic_compare_exchange_weak(&level, &now, wanted))
    ;
}

static void on_signal(int signal) {
  int again = atomic_load(&level) >= STOP_SOON;
  raise_level(again && (signal == SIGINT || signal == SIGTERM) ? STOP_NOW : STOP_SOON);
}

void stop_catch_signals(void) {
  static const int signals[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGURG};
  /* SA_RESTART: libraries below us do not all loop on EINTR; sleeps and polls return early all the same. */
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaction(signals[i], &action, NULL);
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigemptyset(&ignore.sa_mask);
  sigaction(SIGPIPE, &ignore, NULL);
}

enum stop_level stop_requested(void) {
  return (enum stop_level)atomic_load(&level);
}

enum err stop_check(const char *what) {
  return stop_requested() == STOP_NONE ? OK : FAIL(ERR_STOPPED, "%s: asked to leave before it was done", what);
}

void stop_request(enum stop_level wanted) {
  raise_level((int)wanted);
}
