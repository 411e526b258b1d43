#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"

/* What a user can do about a refusal of the system. */
static const char *advice(int error) {
  switch (error) {
  case ENOENT:
    return "check the path";
  case EACCES:
  case EPERM:
    return "check the permissions";
  case EROFS:
    return "the file system is read-only: choose another folder";
  case ENOSPC:
    return "free some space or choose another disk";
  case EDQUOT:
    return "your quota is used up: free some space or choose another disk";
  case ENOTDIR:
  case EISDIR:
    return "a file and a folder are mistaken for one another";
  case EMFILE:
  case ENFILE:
    return "raise the limit of open files (ulimit -n)";
  case EIO:
    return "the disk or the network file system failed: look at its state before you start again";
  default:
    return "look at the state of the file system";
  }
}

/* A path that cannot be, or is not ours to write to: another one will do, where a disk that fails will not. */
static bool is_wrong_path(int error) {
  return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM || error == EROFS ||
         error == ENAMETOOLONG || error == ELOOP;
}

/* Missing or forbidden input is the user's to mend; what fails on the way is the disk's fault. */
static enum err cannot(const char *what, const char *path, int error) {
  enum err e = error == ENOENT && strcmp(what, "read") == 0                   ? ERR_INPUT
               : is_wrong_path(error) && strcmp(what, "make the folder") == 0 ? ERR_CONFIG
                                                                              : ERR_IO;
  return FAIL(e, "%s: cannot %s: %s: %s", path, what, strerror(error), advice(error));
}

/* ---- reading ---- */

static enum err read_all(int fd, const char *path, struct strbuf *out) {
  char piece[65536];
  for (;;) {
    ssize_t n = read(fd, piece, sizeof piece);
    if (n == 0)
      return OK;
    if (n > 0)
      strbuf_add(out, piece, (size_t)n);
    else if (errno != EINTR)
      return cannot("read", path, errno);
  }
}

enum err file_read(const char *path, struct strbuf *out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return cannot("read", path, errno);
  struct stat st;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
    strbuf_reserve(out, (size_t)st.st_size);
  enum err e = read_all(fd, path, out);
  close(fd);
  TRY(e);
  return OK;
}

bool file_exists(const char *path) {
  return access(path, F_OK) == 0;
}

bool file_is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t file_size(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

int64_t file_free_space(const char *folder) {
  struct statvfs v;
  return statvfs(folder, &v) == 0 ? (int64_t)v.f_bavail * (int64_t)v.f_frsize : -1;
}

enum err file_map(const char *path, const void **bytes, size_t *n) {
  struct stat st;
  *bytes = strbuf_empty; /* an empty file cannot be mapped */
  *n = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return cannot("read", path, errno);
  int error = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EISDIR;
  if (error == 0 && st.st_size > 0) {
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
      error = errno;
    } else {
      *bytes = map;
      *n = (size_t)st.st_size;
    }
  }
  close(fd);
  return error ? cannot("map", path, error) : OK;
}

void file_unmap(const void *bytes, size_t n) {
  if (n > 0)
    munmap((void *)(uintptr_t)bytes, n);
}

/* ---- writing ---- */

#define WRITTEN_AT_ONCE ((size_t)64 << 20) /* so that a slow disk is told from a dead one */

static enum err write_on(int fd, const void *bytes, size_t n, const char *path) {
  const char *p = bytes;
  while (n > 0) {
    ssize_t done = write(fd, p, n < WRITTEN_AT_ONCE ? n : WRITTEN_AT_ONCE);
    progress_made("writing a file");
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return cannot("write", path, done < 0 ? errno : ENOSPC);
    p += done;
    n -= (size_t)done;
  }
  return OK;
}

enum err file_write_all(int fd, const void *bytes, size_t n, const char *path) {
  stop_hold();
  enum err e = write_on(fd, bytes, n, path);
  stop_release();
  return e;
}

enum err file_sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return cannot("open the folder", folder, errno);
  int error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno; /* EINVAL: a file system that keeps order by itself */
  close(fd);
  return error ? cannot("sync the folder", folder, error) : OK;
}

/* close() is asked too: network file systems report a full disk there. A failed fsync is never repeated on the same
 * file, because the kernel may have dropped the pages it could not write. */
static enum err write_synced(const char *path, const void *bytes, size_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0)
    return cannot("create", path, errno);
  enum err e = file_write_all(fd, bytes, n, path);
  if (e == OK && fsync(fd) != 0)
    e = cannot("sync", path, errno);
  if (close(fd) != 0 && e == OK && errno != EINTR)
    e = cannot("close", path, errno);
  TRY(e);
  return OK;
}

enum err file_write_atomic(const char *path, const void *bytes, size_t n) {
  struct strbuf tmp = STRBUF_INIT;
  char *folder = path_folder(path);
  enum err e;
  strbuf_printf(&tmp, "%s.tmp", path);
  TRY_GOTO(e, failed, write_synced(tmp.text, bytes, n));
  TRY_GOTO(e, failed, file_rename(tmp.text, path));
  TRY_GOTO(e, done, file_sync_folder(folder));
  goto done;
failed:
  unlink(tmp.text);
done:
  free(folder);
  strbuf_free(&tmp);
  return e;
}

enum err file_rename(const char *from, const char *to) {
  if (rename(from, to) != 0) {
    int error = errno;
    return FAIL(ERR_IO, "%s: cannot rename to %s: %s: %s", from, to, strerror(error), advice(error));
  }
  return OK;
}

enum err file_remove(const char *path) {
  if (unlink(path) != 0 && errno != ENOENT)
    return cannot("remove", path, errno);
  return OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

enum err file_remove_tree(const char *path) {
  if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
    return cannot("remove", path, errno);
  return OK;
}

/* ---- folders ---- */

static enum err make_folder(const char *path) {
  struct stat st;
  if (mkdir(path, 0777) == 0)
    return OK;
  int error = errno; /* a read-only parent is no matter when the folder is there */
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
    return OK;
  return cannot("make the folder", path, error == EEXIST ? ENOTDIR : error);
}

enum err file_make_folders(const char *path) {
  char *part = mem_strdup(path);
  enum err e = OK;
  for (char *slash = part; e == OK && slash; *slash = '/') {
    slash = strchr(slash + 1, '/');
    if (!slash)
      break;
    *slash = '\0';
    e = make_folder(part);
  }
  if (e == OK)
    e = make_folder(path);
  free(part);
  TRY(e);
  return OK;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_in(const char *name, const char *suffix) {
  size_t n = strlen(name), m = strlen(suffix);
  return n >= m && strcmp(name + n - m, suffix) == 0;
}

enum err file_list(const char *folder, const char *suffix, char ***names, size_t *n) {
  size_t cap = 0;
  *names = NULL;
  *n = 0;
  DIR *dir = opendir(folder);
  if (!dir)
    return cannot("list the folder", folder, errno);
  errno = 0;
  for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || !ends_in(d->d_name, suffix))
      continue;
    MEM_GROW(*names, *n, &cap);
    (*names)[(*n)++] = mem_strdup(d->d_name);
    errno = 0;
  }
  int error = errno;
  closedir(dir);
  if (error) {
    file_list_free(*names, *n);
    *names = NULL;
    *n = 0;
    return cannot("list the folder", folder, error);
  }
  if (*n > 1)
    qsort(*names, *n, sizeof **names, by_name);
  return OK;
}

void file_list_free(char **names, size_t n) {
  for (size_t i = 0; i < n; i++)
    free(names[i]);
  free(names);
}

/* ---- paths ---- */

char *path_join(const char *folder, const char *name) {
  if (name[0] == '/' || folder[0] == '\0')
    return mem_strdup(name);
  struct strbuf b = STRBUF_INIT;
  strbuf_printf(&b, "%s%s%s", folder, ends_in(folder, "/") ? "" : "/", name);
  return strbuf_detach(&b);
}

char *path_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return mem_strdup(".");
  if (slash == path)
    return mem_strdup("/");
  char *folder = mem_strdup(path);
  folder[slash - path] = '\0';
  return folder;
}

const char *path_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* ---- locks ---- */

/* NFS without a lock daemon, Lustre without -o flock, DVS: the last is the kernel's own ENOTSUPP, which has no name in
 * user space. */
static bool means_no_locks(int error) {
  return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS || error == 524;
}

enum file_locked file_try_lock(int fd, bool shared) {
  const char *lies = getenv("COXSWAIN_NO_FILE_LOCKS");
  if (lies && *lies && strcmp(lies, "0") != 0)
    return FILE_NO_LOCKS;
  while (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0)
    if (errno != EINTR)
      return errno == EWOULDBLOCK ? FILE_LOCK_BUSY : means_no_locks(errno) ? FILE_NO_LOCKS : FILE_LOCK_FAILED;
  return FILE_LOCKED;
}

/* Polls, because a blocking wait could not be bounded and would not see a request to stop. */
static enum err wait_for_lock(int fd, const char *path, double wait_seconds) {
  double deadline = clock_seconds() + wait_seconds;
  for (double pause = 0.001;; pause = pause < 0.05 ? 2 * pause : 0.1) {
    enum file_locked got = file_try_lock(fd, false);
    if (got == FILE_LOCKED || got == FILE_NO_LOCKS)
      return OK;
    if (got == FILE_LOCK_FAILED)
      return cannot("lock", path, errno);
    if (wait_seconds >= 0 && clock_seconds() >= deadline)
      return FAIL(ERR_BUSY, "%s: another process holds this lock: wait for it to end, or stop it", path);
    if (stop_requested() != STOP_NONE)
      return FAIL(ERR_STOPPED, "%s: asked to stop while waiting for the lock", path);
    progress_made("waiting for a lock"); /* of somebody who is watched as well */
    clock_sleep(pause);
  }
}

enum err file_lock(const char *path, double wait_seconds, int *fd) {
  *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (*fd < 0)
    return cannot("open the lock", path, errno);
  enum err e = wait_for_lock(*fd, path, wait_seconds);
  if (e != OK) {
    close(*fd);
    *fd = -1;
  }
  TRY(e);
  return OK;
}

void file_unlock(int fd) {
  if (fd >= 0)
    close(fd);
}
