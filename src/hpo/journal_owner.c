#include "hpo/journal_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"

enum { RECORD = 1024 };

double journal_owner_lease(void) {
  const char *text = getenv("COXSWAIN_LOCK_LEASE");
  double seconds = text ? strtod(text, NULL) : 0;
  return seconds >= 0.1 && seconds <= 86400 ? seconds : 30;
}

double journal_owner_pause(void) {
  return fmin(journal_owner_lease() / 30, 1);
}

/* ---- ourselves ---- */

static const char *job_id(void) {
  static const char *const names[] = {"SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *id = getenv(names[i]);
    if (id && *id)
      return id;
  }
  return NULL;
}

static double boot_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* When a process began; -1: it is gone, or dead and not yet waited for. */
static int64_t start_of(int64_t process) {
  char path[64], line[1024];
  snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", process);
  FILE *f = fopen(path, "re");
  if (!f)
    return -1;
  size_t n = fread(line, 1, sizeof line - 1, f);
  fclose(f);
  line[n] = '\0';
  const char *at = strrchr(line, ')'); /* its name may hold anything */
  if (!at || n < (size_t)(at - line) + 3 || at[2] == 'Z' || at[2] == 'X')
    return -1;
  at += 2;
  for (int field = 3; field < 22 && at; field++)
    at = strchr(at + 1, ' ');
  return at ? strtoll(at, NULL, 10) : -1;
}

static void new_token(char *out, size_t n) {
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    bits = (uint64_t)t.tv_nsec << 32 ^ (uint64_t)t.tv_sec ^ (uint64_t)getpid() << 20;
  }
  snprintf(out, n, "%016" PRIx64, bits);
}

void journal_owner_self(struct journal_owner *o) {
  char host[HOST_NAME_SIZE], now[32];
  const char *job = job_id();
  *o = (struct journal_owner){.process = getpid(), .start = start_of(getpid()), .at = boot_seconds()};
  host_name(host);
  clock_iso(now);
  snprintf(o->text, sizeof o->text, "host %s, process %ld%s%.60s, since %s", host, (long)getpid(), job ? ", job " : "",
           job ? job : "", now);
  o->text[strcspn(o->text, "\n")] = '\0';
  new_token(o->token, sizeof o->token);
  host_space(o->boot);
}

/* ---- the file ---- */

enum err journal_owner_write(const struct journal_owner *o, int fd, const char *path) {
  char record[RECORD];
  int n = snprintf(record, sizeof record, "%s\ntoken %s, boot %s, start %" PRId64 ", beat %08" PRId64 " at %014.3f\n",
                   o->text, o->token, *o->boot ? o->boot : "unknown", o->start, o->beat, boot_seconds());
  ssize_t done = 0;
  for (int at = 0; at < n && done >= 0; at += (int)done) {
    done = pwrite(fd, record + at, (size_t)(n - at), at);
    if (done < 0 && errno == EINTR)
      done = 0;
  }
  if (done >= 0 && fdatasync(fd) == 0) /* other hosts are to see it */
    return OK;
  return FAIL(ERR_IO, "%s: cannot write: %s: is the disk full?", path, strerror(errno));
}

static enum err read_record(const char *path, char record[RECORD], struct stat *st, bool *there) {
  int fd = open(path, O_RDONLY | O_CLOEXEC); /* anew each time: network file systems look at the server then */
  *there = fd >= 0;
  if (fd < 0 && errno == ENOENT)
    return OK;
  ssize_t n = fd < 0 || fstat(fd, st) != 0 ? -1 : pread(fd, record, RECORD - 1, 0);
  int error = errno;
  if (fd >= 0)
    close(fd);
  record[n < 0 ? 0 : n] = '\0';
  return n >= 0 ? OK : FAIL(ERR_IO, "%s: cannot read: %s: is the file system well?", path, strerror(error));
}

enum err journal_owner_read(const char *path, struct journal_owner *o, bool *there) {
  char record[RECORD];
  struct stat st;
  *o = (struct journal_owner){.process = -1, .start = -1};
  TRY(read_record(path, record, &st, there));
  if (!*there)
    return OK;
  size_t first = strcspn(record, "\n");
  snprintf(o->text, sizeof o->text, "%.*s", (int)first, record);
  const char *process = strstr(o->text, ", process ");
  if (process)
    o->process = strtoll(process + strlen(", process "), NULL, 10);
  if (!record[first] ||
      sscanf(record + first + 1, "token %47[0-9a-f], boot %95[^,], start %" SCNd64 ", beat %" SCNd64 " at %lf",
             o->token, o->boot, &o->start, &o->beat, &o->at) != 5) {
    *o->boot = '\0';
    snprintf(o->token, sizeof o->token, "%" PRIxMAX "-%" PRIxMAX "%09ld", (uintmax_t)st.st_ino,
             (uintmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  }
  return OK;
}

/* ---- alive? ---- */

enum journal_life journal_owner_life(const struct journal_owner *o, bool locked) {
  char here[HOST_SPACE_SIZE];
  if (!*o->text)
    return LIFE_NONE;
  if (!*o->boot) /* an older version's: it had nothing but the system's lock */
    return locked ? LIFE_DEAD : LIFE_UNKNOWN;
  host_space(here);
  if (*here && strcmp(here, o->boot) == 0)
    return o->start >= 0 && start_of(o->process) == o->start ? LIFE_UNKNOWN
                                                             : LIFE_DEAD; /* alive, but stopped for ever perhaps */
  bool same_boot = *here && strncmp(here, o->boot, 36) == 0;              /* in another container */
  return same_boot && locked ? LIFE_DEAD : LIFE_UNKNOWN;
}

double journal_owner_age(const struct journal_owner *o) {
  char here[HOST_SPACE_SIZE];
  host_space(here);
  bool same = *here && strncmp(here, o->boot, 36) == 0;
  return same ? fmax(boot_seconds() - o->at, 0) : (double)NAN;
}

/* Signals wake a sleeper early; only a request to leave may. */
static enum err sleep_whole(double seconds) {
  for (double end = clock_seconds() + seconds, left = seconds; left > 0; left = end - clock_seconds()) {
    if (stop_requested() != STOP_NONE)
      return FAIL(ERR_STOPPED, "asked to leave while waiting for the lock of the journal");
    clock_sleep(left);
  }
  return OK;
}

static enum err look_again(const char *path, const struct journal_owner *o, bool locked, enum journal_watch *seen) {
  struct journal_owner now;
  bool there;
  TRY(journal_owner_read(path, &now, &there));
  if (!there || strcmp(now.token, o->token) != 0)
    *seen = WATCH_CHANGED;
  else if (now.beat != o->beat)
    *seen = WATCH_MOVED;
  else if (journal_owner_life(&now, locked) == LIFE_DEAD)
    *seen = WATCH_DEAD;
  return OK;
}

enum err journal_owner_watch(const char *path, const struct journal_owner *o, bool locked, double seconds,
                             enum journal_watch *seen) {
  const double pause = journal_owner_pause() / 4;
  bool said = false;
  *seen = WATCH_SILENT;
  for (double watched = 0; watched < seconds && *seen == WATCH_SILENT; watched += pause) {
    TRY(sleep_whole(pause));
    TRY(look_again(path, o, locked, seen));
    if (watched >= 20 * pause && !said && seconds >= journal_owner_lease())
      log_info("%s: no heartbeat yet of %s; silent for %.3g s means dead", path, o->text, seconds);
    said = watched >= 20 * pause;
  }
  return OK;
}
