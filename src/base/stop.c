#include "base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

enum { SAME_SIGNAL_MS = 200, UNTIL_FORCED = 2, MOST_HELD = 5 /* seconds */ };

#include "base/progress.h"

static atomic_int level = STOP_NONE;
static atomic_long first_at;     /* milliseconds of the first signal */
static atomic_int held, overdue; /* writes under way; seconds that they have held us */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LONG_LOCK_FREE == 2, "these are set from signal handlers");

static void raise_level(int wanted) {
  int now = atomic_load(&level);
  while (now < wanted && !atomic_compare_exchange_weak(&level, &now, wanted))
    ;
}

static long milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_signal(int signal) {
  long now = milliseconds(), none = 0;
  bool first = atomic_compare_exchange_strong(&first_at, &none, now);
  bool urgent = signal == SIGINT || signal == SIGTERM;
  raise_level(STOP_SOON);
  if (first || !urgent || now - atomic_load(&first_at) < SAME_SIGNAL_MS)
    return;
  if (atomic_load(&level) != STOP_NOW)
    alarm(UNTIL_FORCED);
  raise_level(STOP_NOW);
}

static void on_alarm(int signal) {
  static const char words[] = "coxswain: left in the middle of its work; the same command goes on\n";
  int before = errno;
  (void)signal;
  if (atomic_load(&held) > 0 && atomic_fetch_add(&overdue, 1) < MOST_HELD) {
    alarm(1);
    errno = before;
    return;
  }
  ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
  (void)written;
  _exit(err_exit_code(ERR_STOPPED));
}

static void handle(int signal, void (*handler)(int)) {
  /* SA_RESTART: libraries below us do not all loop on EINTR; sleeps and polls return early all the same. */
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

void stop_catch_signals(void) {
  static const int signals[] = {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGURG};
  struct sigaction hangup;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    handle(signals[i], on_signal);
  if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
    handle(SIGHUP, on_signal);
  handle(SIGALRM, on_alarm);
  handle(SIGPIPE, SIG_IGN);
}

enum stop_level stop_requested(void) {
  return (enum stop_level)atomic_load(&level);
}

enum err stop_check(const char *what) {
  progress_made(what);
  return stop_requested() == STOP_NONE ? OK : FAIL(ERR_STOPPED, "%s: asked to leave before it was done", what);
}

void stop_request(enum stop_level wanted) {
  raise_level((int)wanted);
}

void stop_hold(void) {
  atomic_fetch_add(&held, 1);
}

void stop_release(void) {
  atomic_fetch_sub(&held, 1);
}
