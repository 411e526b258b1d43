/* Makes system calls on files fail on purpose: preloaded into a program (LD_PRELOAD) by run_faults.py.
 *
 *     FAULT_BELOW   only files and folders below this path, as the program writes it or resolved
 *     FAULT_STATE   a file with struct state, shared by all processes of a run: how many calls there were, which fails
 *     FAULT_KIND    ENOSPC EDQUOT EIO EINTR, TORN (half of a write, and ENOSPC from then on) or SHORT (every write and
 *                   read moves half of what was asked, and nothing fails)
 *
 * Only calls that can give that error are counted: no reading runs out of space. A sync that fails drops what was
 * written since the last one, as kernels do. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct state {
  _Atomic int64_t calls; /* counted so far */
  int64_t first, last;   /* these fail, counted from 1 */
  _Atomic int64_t hits;
  char failed[65536]; /* "call path" and a line feed for each that failed, as far as they fit */
};

enum need { READS = 1, GROWS = 2, SYNCS = 4, CHANGES = 8 }; /* what a call does: decides which errors it may give */
enum { MANY_FDS = 4096 };

static struct {
  struct state *state;
  char below[PATH_MAX];
  int error;
  unsigned kinds; /* of enum need */
  bool torn, halves;
  struct {
    char *path; /* NULL: not watched */
    off_t synced;
  } fds[MANY_FDS];
} faults;

#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* ---- which call fails ---- */

static void choose_kind(const char *kind) {
  static const struct {
    const char *name;
    int error;
    unsigned kinds;
  } known[] = {{"ENOSPC", ENOSPC, GROWS | SYNCS},
               {"EDQUOT", EDQUOT, GROWS | SYNCS},
               {"EIO", EIO, READS | GROWS | SYNCS | CHANGES},
               {"EINTR", EINTR, READS | GROWS},
               {"TORN", ENOSPC, GROWS},
               {"SHORT", 0, READS | GROWS}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strcmp(kind, known[i].name)) {
      faults.error = known[i].error;
      faults.kinds = known[i].kinds;
    }
  faults.torn = !strcmp(kind, "TORN");
  faults.halves = !strcmp(kind, "SHORT");
}

__attribute__((constructor)) static void start(void) {
  const char *below = getenv("FAULT_BELOW"), *state = getenv("FAULT_STATE"), *kind = getenv("FAULT_KIND");
  if (!below || !state || !kind || !realpath(below, faults.below))
    return;
  int fd = REAL(open)(state, O_RDWR | O_CLOEXEC);
  void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) {
    fprintf(stderr, "fault_calls: %s: %s\n", state, strerror(errno));
    _exit(99);
  }
  choose_kind(kind);
  faults.state = map;
  REAL(close)(fd);
}

static bool is_below(const char *path) {
  char full[2 * PATH_MAX], cwd[PATH_MAX];
  size_t n = strlen(faults.below);
  if (!faults.state || !path)
    return false;
  if (path[0] == '/' || !getcwd(cwd, sizeof cwd))
    snprintf(full, sizeof full, "%s", path);
  else
    snprintf(full, sizeof full, "%s/%s", cwd, path);
  return !strncmp(full, faults.below, n) && (full[n] == '/' || full[n] == '\0');
}

static const char *watched(int fd) {
  return fd >= 0 && fd < MANY_FDS ? faults.fds[fd].path : NULL;
}

/* Counts the call; true if it is to fail, with errno set. */
static bool fails(const char *name, const char *path, unsigned need) {
  struct state *s = faults.state;
  if (!(faults.kinds & need) || faults.halves)
    return false;
  int64_t number = atomic_fetch_add(&s->calls, 1) + 1;
  if (number < s->first || number > s->last)
    return false;
  atomic_fetch_add(&s->hits, 1);
  size_t used = strlen(s->failed);
  snprintf(s->failed + used, sizeof s->failed - used, "%s %s\n", name, path);
  errno = faults.error;
  return true;
}

/* ---- opening and closing ---- */

static int watch(int fd, const char *path) {
  struct stat st;
  if (fd < 0 || fd >= MANY_FDS || !is_below(path))
    return fd;
  free(faults.fds[fd].path);
  faults.fds[fd].path = strdup(path);
  faults.fds[fd].synced = fstat(fd, &st) == 0 ? st.st_size : 0;
  return fd;
}

static unsigned need_of(int flags) {
  return flags & O_CREAT ? GROWS : READS;
}

#define OPEN(name)                                             \
  int name(const char *path, int flags, ...) {                 \
    va_list list;                                              \
    va_start(list, flags);                                     \
    mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;  \
    va_end(list);                                              \
    if (is_below(path) && fails("open", path, need_of(flags))) \
      return -1;                                               \
    return watch(REAL(name)(path, flags, mode), path);         \
  }
OPEN(open)
OPEN(open64)

int creat(const char *path, mode_t mode) {
  return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int close(int fd) {
  const char *path = watched(fd);
  bool failed = path && fails("close", path, SYNCS);
  if (path) {
    free(faults.fds[fd].path);
    faults.fds[fd].path = NULL;
  }
  int error = errno, result = REAL(close)(fd); /* it is closed all the same */
  if (!failed)
    return result;
  errno = error;
  return -1;
}

DIR *opendir(const char *path) {
  return is_below(path) && fails("opendir", path, READS) ? NULL : REAL(opendir)(path);
}

int mkdir(const char *path, mode_t mode) {
  return is_below(path) && fails("mkdir", path, GROWS) ? -1 : REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to) {
  return is_below(to) && fails("rename", to, GROWS) ? -1 : REAL(rename)(from, to);
}

int link(const char *from, const char *to) {
  return is_below(to) && fails("link", to, GROWS) ? -1 : REAL(link)(from, to);
}

int unlink(const char *path) {
  return is_below(path) && fails("unlink", path, CHANGES) ? -1 : REAL(unlink)(path);
}

/* ---- reading and writing ---- */

static size_t half(size_t n) {
  return faults.halves && n > 1 ? n / 2 : n;
}

/* The first write that is to fail does half of its work if it is TORN. */
static bool write_fails(int fd, size_t *n) {
  const char *path = watched(fd);
  if (path)
    *n = half(*n);
  if (!path || !fails("write", path, GROWS))
    return false;
  if (!faults.torn || atomic_load(&faults.state->hits) > 1 || *n < 2)
    return true;
  *n /= 2;
  return false;
}

ssize_t write(int fd, const void *bytes, size_t n) {
  return write_fails(fd, &n) ? -1 : REAL(write)(fd, bytes, n);
}

#define PWRITE(name, type)                                          \
  ssize_t name(int fd, const void *bytes, size_t n, type at) {      \
    return write_fails(fd, &n) ? -1 : REAL(name)(fd, bytes, n, at); \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int n) {
  size_t whole = SIZE_MAX;
  return write_fails(fd, &whole) ? -1 : REAL(writev)(fd, parts, n);
}

static bool read_fails(int fd, size_t *n) {
  const char *path = watched(fd);
  if (path)
    *n = half(*n);
  return path && fails("read", path, READS);
}

ssize_t read(int fd, void *bytes, size_t n) {
  return read_fails(fd, &n) ? -1 : REAL(read)(fd, bytes, n);
}

#define PREAD(name, type)                                          \
  ssize_t name(int fd, void *bytes, size_t n, type at) {           \
    return read_fails(fd, &n) ? -1 : REAL(name)(fd, bytes, n, at); \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define TRUNCATE(name, type)                                                    \
  int name(int fd, type size) {                                                 \
    const char *path = watched(fd);                                             \
    return path && fails("ftruncate", path, GROWS) ? -1 : REAL(name)(fd, size); \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* posix_fallocate gives the error and leaves errno alone. */
#define FALLOCATE(name, type)                                                          \
  int name(int fd, type at, type size) {                                               \
    const char *path = watched(fd);                                                    \
    return path && fails("fallocate", path, GROWS) ? errno : REAL(name)(fd, at, size); \
  }
FALLOCATE(posix_fallocate, off_t)
FALLOCATE(posix_fallocate64, off64_t)

#define MMAP(name, type)                                                                              \
  void *name(void *at, size_t n, int how, int flags, int fd, type from) {                             \
    const char *path = flags & MAP_ANONYMOUS ? NULL : watched(fd);                                    \
    return path && fails("mmap", path, READS) ? MAP_FAILED : REAL(name)(at, n, how, flags, fd, from); \
  }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

#define SYNC(name)                                                                                       \
  int name(int fd) {                                                                                     \
    const char *path = watched(fd);                                                                      \
    struct stat st;                                                                                      \
    bool file = path && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);                                      \
    if (path && fails(#name, path, SYNCS)) {                                                             \
      if (file && st.st_size > faults.fds[fd].synced && REAL(ftruncate)(fd, faults.fds[fd].synced) != 0) \
        fprintf(stderr, "fault_calls: cannot cut %s\n", path);                                           \
      errno = faults.error;                                                                              \
      return -1;                                                                                         \
    }                                                                                                    \
    if (file)                                                                                            \
      faults.fds[fd].synced = st.st_size;                                                                \
    return REAL(name)(fd);                                                                               \
  }
SYNC(fsync)
SYNC(fdatasync)
