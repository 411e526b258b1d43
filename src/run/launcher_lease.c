#include "run/launcher_lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define BEAT 5.0 /* seconds */

/* A machine between two of its boots: host names come again. */
static void machine(char out[40]) {
  int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, out, 36) : 0;
  if (fd >= 0)
    close(fd);
  out[n > 0 ? n : 0] = 0;
  if (n <= 0)
    snprintf(out, 40, "unknown");
}

struct lease lease_of(const char *path) {
  return (struct lease){.path = path, .silence = LEASE_SILENCE, .fd = -1};
}

static int write_line(int fd, const char *word) {
  char host[256] = "", boot[40], line[400];
  gethostname(host, sizeof host - 1);
  machine(boot);
  int n = snprintf(line, sizeof line, "%s %s %.200s %ld\n", word, boot, host, (long)getpid());
  return write(fd, line, (size_t)n) == n ? n : -1;
}

/* The holder's line: its machine, host and process. False: there is none. */
static bool read_holder(int fd, char boot[40], char host[201], long *pid) {
  char text[400];
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  text[n > 0 ? n : 0] = 0;
  return sscanf(text, "held %39s %200s %ld", boot, host, pid) == 3;
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
  l->claimed = write_line(fd, "claim") > 0;
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

static bool make_ours(struct lease *l, int fd) {
  int n = ftruncate(fd, 0) == 0 ? write_line(fd, "held") : -1;
  l->fd = fd;
  l->length = n;
  l->beat = clock_seconds();
  return true; /* a full disk will say more with the program's output */
}

bool lease_take(struct lease *l) {
  char boot[40], ours[40], host[201];
  long pid;
  if (!l->path)
    return true;
  int fd = open_anew(l->path);
  if (fd < 0) /* likewise */
    return true;
  bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0, busy = !locked && errno == EWOULDBLOCK;
  machine(ours);
  bool held = read_holder(fd, boot, host, &pid), here = held && strcmp(boot, ours) == 0;
  if (!held && !busy)
    return make_ours(l, fd);
  if (locked && here) /* it died */
    return make_ours(l, fd);
  bool silent = held && has_been_silent(l, fd);
  if (silent && !busy)
    return make_ours(l, fd);
  close(fd);
  return false;
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
  int unused = ftruncate(l->fd, 0);
  (void)unused; /* what stays there names a process that is gone */
  close(l->fd);
  l->fd = -1;
}

void lease_holder(const char *path, char *out, size_t size) {
  char boot[40], host[201];
  long pid;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  *out = 0;
  if (fd >= 0 && read_holder(fd, boot, host, &pid))
    snprintf(out, size, "host %s, process %ld", host, pid);
  if (fd >= 0)
    close(fd);
}
