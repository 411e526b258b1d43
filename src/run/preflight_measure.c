/* A rank measures itself. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/host.h"
#include "base/mem.h"
#include "nn/backend.h"
#include "run/preflight.h"

/* ---- cores ---- */

/* "0-3,8" and how many these are. */
static void measure_cores(struct preflight_rank *r) {
  struct strbuf text = STRBUF_INIT;
  cpu_set_t set;
  CPU_ZERO(&set);
  r->host_cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int i = 0; i < CPU_SETSIZE; i++) {
      int last = i;
      if (!CPU_ISSET(i, &set))
        continue;
      while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
        last++;
      strbuf_printf(&text, last > i ? "%s%d-%d" : "%s%d", text.len ? "," : "", i, last);
      r->cores += last - i + 1;
      i = last;
    }
  r->cpus = strbuf_detach(&text);
}

/* Products of 256 x 256 matrices, which live in the second level cache, as many as fit into the time. */
static void measure_arithmetic(struct preflight_rank *r, double seconds) {
  enum { N = 256 };
  const struct backend *b;
  if (backend_find("cpu", &b) != OK) {
    err_clear();
    return;
  }
  r->kernels = mem_strdup(b->kernels);
  r->blas = mem_strdup(backend_cpu_blas());
  float *x = b->alloc(3 * N * N * sizeof *x);
  for (size_t i = 0; i < (size_t)2 * N * N; i++)
    x[i] = (float)(i % 7) - 3;
  int64_t rounds = 0;
  double start = clock_seconds(), now = start;
  for (; now - start < seconds; now = clock_seconds(), rounds++)
    b->gemm(false, false, N, N, N, x, N, x + N * N, N, false, x + 2 * N * N, N);
  b->release(x);
  r->gflops = 2.0 * N * N * N * (double)rounds / (now - start) * 1e-9;
}

/* ---- memory ---- */

static int64_t number_in(const char *path, const char *key) {
  char line[256];
  int64_t value = 0;
  FILE *f = fopen(path, "r");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, key, strlen(key)) && sscanf(line + strlen(key), "%" SCNd64, &value) == 1)
      break;
  if (f)
    fclose(f);
  return value;
}

/* What the machine has free, or less where the job is given less. */
static int64_t free_memory(void) {
  int64_t machine = number_in("/proc/meminfo", "MemAvailable:") * 1024;
  int64_t most = number_in("/sys/fs/cgroup/memory.max", ""), used = number_in("/sys/fs/cgroup/memory.current", "");
  return most > 0 && most - used < machine ? most - used : machine;
}

static int64_t free_bytes(const char *path) {
  struct statvfs v;
  return statvfs(path, &v) == 0 ? (int64_t)(v.f_bavail * v.f_frsize) : 0;
}

/* ---- the folder ---- */

char *preflight_place(const char *folder) {
  char *place = mem_strdup(folder);
  while (!file_exists(place) && strcmp(place, ".") != 0 && strcmp(place, "/") != 0) {
    char *parent = path_folder(place);
    free(place);
    place = parent;
  }
  return place;
}

/* A file of o->sample_bytes and then small appends, each brought to disk, as packs and the journal are written. */
static enum err write_sample(struct preflight_rank *r, const char *path, int fd, size_t bytes) {
  const int appends = bytes < 1 << 20 ? 2 : 8;
  char *sample = mem_alloc(bytes);
  memset(sample, 'x', bytes); /* zeros would be no honest sample on a file system that compresses */
  for (size_t i = 0; i + 8 <= bytes; i += 4096)
    memcpy(sample + i, &i, sizeof i);
  double start = clock_seconds();
  enum err e = file_write_all(fd, sample, bytes, path);
  free(sample);
  TRY(e);
  if (fsync(fd) != 0)
    return FAIL(ERR_IO, "cannot bring a file to disk: %s", strerror(errno));
  double written = clock_seconds();
  for (int i = 0; i < appends; i++) {
    TRY(file_write_all(fd, "a line of the journal\n", 22, path));
    if (fdatasync(fd) != 0)
      return FAIL(ERR_IO, "cannot bring a line to disk: %s", strerror(errno));
  }
  r->write_rate = (double)bytes / (written - start);
  r->sync_ms = (clock_seconds() - written) / appends * 1e3;
  return OK;
}

static enum err try_writing(struct preflight_rank *r, const char *folder, size_t bytes) {
  char name[64];
  snprintf(name, sizeof name, ".preflight-%lld-%ld", (long long)r->rank, (long)getpid());
  char *path = path_join(folder, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0)
    unlink(path); /* at once, so that a kill leaves nothing */
  enum err e = fd < 0 ? FAIL(ERR_IO, "cannot write there: %s", strerror(errno)) : write_sample(r, path, fd, bytes);
  if (fd >= 0)
    close(fd);
  free(path);
  return e;
}

static void measure_space(struct preflight_rank *r, const char *folder) {
  struct statvfs v;
  if (statvfs(folder, &v) != 0)
    return;
  r->disk_free = (int64_t)(v.f_bavail * v.f_frsize);
  r->files_free = v.f_files > 0 ? (int64_t)v.f_favail : -1;
}

/* Rank 0 holds the lock of the token: whoever gets it as well shows that locks do not hold here. */
static void try_lock(struct preflight_rank *r, const char *token_file) {
  int fd = -1;
  enum err e = file_lock(token_file, 0, &fd);
  if (e == OK) {
    file_unlock(fd);
    r->lock_fault = mem_strdup("two processes got the same lock");
  } else if (e != ERR_BUSY)
    r->lock_fault = mem_strdup(err_text());
  err_clear();
}

static void measure_folder(struct preflight_rank *r, const char *folder, const char *token_file, const char *token,
                           size_t bytes) {
  struct strbuf found = STRBUF_INIT;
  enum err e = *token ? file_read(token_file, &found) : OK; /* no token: rank 0 could not write one */
  if (e == ERR_IO)
    r->folder_fault = mem_strdup(err_text());
  else if (*token && (e != OK || strcmp(found.text, token) != 0))
    r->folder_fault = mem_strdup("it is not the folder that rank 0 sees");
  else if (try_writing(r, folder, bytes) != OK)
    r->folder_fault = mem_strdup(err_text());
  else if (*token && !r->lock_fault)
    try_lock(r, token_file);
  err_clear();
  measure_space(r, folder);
  strbuf_free(&found);
}

/* ---- all of it ---- */

char *preflight_host(void) {
  char host[HOST_NAME_SIZE];
  host_name(host);
  return mem_strdup(host);
}

void preflight_measure(struct preflight_rank *r, const struct preflight_options *o, const char *folder,
                       const char *token_file, const char *token) {
  r->answered = true;
  free(r->host);
  r->host = preflight_host();
  r->memory = free_memory();
  r->shm = free_bytes("/dev/shm");
  r->files_free = -1;
  measure_cores(r);
  measure_arithmetic(r, o->seconds > 0 ? o->seconds : 0.2);
  if (r->first)
    measure_folder(r, folder, token_file, token, o->sample_bytes > 0 ? (size_t)o->sample_bytes : (size_t)16 << 20);
}

void preflight_rank_free(struct preflight_rank *r) {
#define FREE_MEMBER(name) free(r->name);
  PREFLIGHT_TEXTS(FREE_MEMBER)
#undef FREE_MEMBER
  *r = (struct preflight_rank){0};
}
