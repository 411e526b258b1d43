#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static double seconds_of(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_seconds(void) {
  return seconds_of(CLOCK_MONOTONIC);
}

double clock_cpu_seconds(void) {
  return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

void clock_sleep(double seconds) {
  if (!(seconds > 0.0))
    return;
  double whole = floor(fmin(seconds, 1e9));
  struct timespec t = {.tv_sec = (time_t)whole, .tv_nsec = (long)((fmin(seconds, 1e9) - whole) * 1e9)};
  nanosleep(&t, NULL);
}

void clock_iso(char out[32]) {
  struct timespec now;
  struct tm tm;
  clock_gettime(CLOCK_REALTIME, &now);
  localtime_r(&now.tv_sec, &tm);
  size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(out + n, 32 - n, ".%06d", (int)(now.tv_nsec / 1000));
}

void clock_duration(double seconds, char out[32]) {
  if (!(seconds >= 0.0 && seconds < 1e12)) {
    snprintf(out, 32, "unknown");
    return;
  }
  long long s = llround(seconds);
  if (seconds < 9.95)
    snprintf(out, 32, "%.1f s", seconds);
  else if (s < 60)
    snprintf(out, 32, "%lld s", s);
  else if (s < 3600)
    snprintf(out, 32, "%lld min %02lld s", s / 60, s % 60);
  else if (s < 86400)
    snprintf(out, 32, "%lld h %02lld min", s / 3600, s % 3600 / 60);
  else
    snprintf(out, 32, "%lld d %02lld h", s / 86400, s % 86400 / 3600);
}
