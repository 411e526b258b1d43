#include "run/launcher_lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/host.h"

#define BEAT 5.0 /* seconds */

static void machine(char out[HOST_BOOT_SIZE]) {
  host_boot(out);
  if (!*out) /* a record has a word for each value */
    snprintf(out, HOST_BOOT_SIZE, "unknown");
}

struct lease lease_of(const char *path, struct turn turn) {
  return (struct lease){.path = path, .turn = turn, .silence = LEASE_SILENCE, .fd = -1};
}

static int write_line(const struct lease *l, int fd, const char *word) {
  char host[HOST_NAME_SIZE], boot[HOST_BOOT_SIZE], line[400];
  host_name(host);
  machine(boot);
  int n = snprintf(line, sizeof line, "%s %" PRId64 " %" PRId64 " %s %.200s %ld\n", word, l->turn.run, l->turn.number,
                   boot, host, (long)getpid());
  return write(fd, line, (size_t)n) == n ? n : -1;
}

/* The first line: who holds it, or did last. */
struct record {
  bool held;
  struct turn turn;
  char boot[HOST_BOOT_SIZE], host[201];
  long pid;
};

static struct record read_record(int fd) {
  struct record r = {0};
  char text[400], word[8] = "";
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  text[n > 0 ? n : 0] = 0;
  if (sscanf(text, "%7s %" SCNd64 " %" SCNd64 " %39s %200s %ld", word, &r.turn.run, &r.turn.number, r.boot, r.host,
             &r.pid) != 6)
    return (struct record){0};
  r.held = strcmp(word, "held") == 0;
  return r;
}

/* On a shared file system only a new descriptor is sure to see what another host wrote. */
static int open_anew(const char *path) {
  return open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666);
}

static void stamp_of(int fd, int64_t stamp[3]) {
  struct stat s;
  bool there = fstat(fd, &s) == 0;
  stamp[0] = there ? (int64_t)s.st_mtim.tv_sec : 0;
  stamp[1] = there ? (int64_t)s.st_mtim.tv_nsec : 0;
  stamp[2] = there ? (int64_t)s.st_size : 0;
}

/* The file server's own time tells how old the last sign of life was when the claim came. */
static bool claim(struct lease *l, int fd) {
  int64_t before[3];
  stamp_of(fd, before);
  l->claimed = write_line(l, fd, "claim") > 0;
  stamp_of(fd, l->stamp);
  l->changed = clock_seconds();
  return l->claimed && (double)(l->stamp[0] - before[0]) > l->silence;
}

static bool has_been_silent(struct lease *l, int fd) {
  int64_t now[3];
  if (!l->claimed)
    return claim(l, fd);
  stamp_of(fd, now);
  if (memcmp(now, l->stamp, sizeof now) != 0) {
    memcpy(l->stamp, now, sizeof now);
    l->changed = clock_seconds();
  }
  return clock_seconds() - l->changed > l->silence;
}

/* What nobody has held for a while is no reason to refuse: the journal may be an older copy, and counts again. */
static bool is_too_late(struct lease *l, int fd, const struct record *r, bool dead) {
  bool later = r->turn.run == l->turn.run && r->turn.number > l->turn.number;
  return later && ((r->held && !dead) || !has_been_silent(l, fd));
}

static enum lease_answer make_ours(struct lease *l, int fd) {
  l->fd = fd;
  l->length = ftruncate(fd, 0) == 0 ? write_line(l, fd, "held") : -1;
  l->beat = clock_seconds();
  return LEASE_OURS; /* a full disk will say more with the program's output */
}

static enum lease_answer leave(int fd, enum lease_answer answer) {
  close(fd);
  return answer;
}

enum lease_answer lease_take(struct lease *l) {
  char ours[HOST_BOOT_SIZE];
  if (!l->path)
    return LEASE_OURS;
  int fd = open_anew(l->path);
  if (fd < 0) /* likewise */
    return LEASE_OURS;
  bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0, busy = !locked && errno == EWOULDBLOCK;
  struct record r = read_record(fd);
  machine(ours);
  bool dead = locked && strcmp(r.boot, ours) == 0;
  if (is_too_late(l, fd, &r, dead))
    return leave(fd, LEASE_TOO_LATE);
  if (!r.held)
    return busy ? leave(fd, LEASE_WAIT) : make_ours(l, fd);
  if (dead)
    return make_ours(l, fd);
  if (has_been_silent(l, fd) && !busy)
    return make_ours(l, fd);
  return leave(fd, LEASE_WAIT);
}

bool lease_hold(struct lease *l) {
  struct stat s;
  double now = clock_seconds();
  if (l->fd < 0 || l->length <= 0)
    return true;
  if (now - l->beat > BEAT) {
    futimens(l->fd, NULL);
    l->beat = now;
  }
  int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  bool there = fd >= 0 && fstat(fd, &s) == 0;
  if (fd >= 0)
    close(fd);
  return !there || s.st_size == l->length; /* a program may have removed its folder */
}

void lease_end(struct lease *l) {
  if (l->fd < 0)
    return;
  if (ftruncate(l->fd, 0) == 0) /* what stays there otherwise names a process that is gone */
    write_line(l, l->fd, "free");
  close(l->fd);
  l->fd = -1;
}

void lease_holder(const char *path, char *out, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  struct record r = {0};
  if (fd >= 0)
    r = read_record(fd);
  if (fd >= 0)
    close(fd);
  *out = 0;
  if (r.held)
    snprintf(out, size, "host %s, process %ld", r.host, r.pid);
}
