/* What is wrong with what the ranks said, and its cure. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/preflight.h"

/* ---- problems ---- */

static char *text_of(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static char *text_of(const char *format, va_list args) {
  struct strbuf b = STRBUF_INIT;
  strbuf_vprintf(&b, format, args);
  return strbuf_detach(&b);
}

static void problem(struct preflight *p, bool grave, const char *cure, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void problem(struct preflight *p, bool grave, const char *cure, const char *format, ...) {
  va_list args;
  MEM_GROW(p->problems, p->n_problems, &p->cap_problems);
  size_t at = p->n_problems++;
  if (grave) /* behind the other grave ones */
    for (; at > 0 && !p->problems[at - 1].grave; at--)
      p->problems[at] = p->problems[at - 1];
  va_start(args, format);
  p->problems[at] = (struct preflight_problem){grave, text_of(format, args), mem_strdup(cure)};
  va_end(args);
}

static const char *text(const char *t) {
  return t ? t : "";
}

/* ---- ranks ---- */

static void judge_answers(struct preflight *p) {
  size_t silent = 0, example = 0;
  for (size_t i = p->n_ranks; i-- > 0;)
    if (!p->ranks[i].answered)
      silent++, example = i;
  if (silent)
    problem(p, true, "see to its host, and leave it out (srun --exclude, mpirun --host)",
            "%zu of %zu ranks said nothing, rank %zu%s%s first", silent, p->n_ranks, example,
            p->ranks[example].host ? " on " : "", text(p->ranks[example].host));
}

static void judge_mpi(struct preflight *p) {
  const struct wire_facts *w = &p->wire;
  if (w->tasks_variable && w->tasks > 0 && w->tasks != w->ranks)
    problem(p, w->ranks == 1, "start with the launcher of this MPI: mpirun, or srun --mpi=pmix",
            "%s says %ld tasks, but MPI sees %d ranks", w->tasks_variable, w->tasks, w->ranks);
  if (!w->level_suffices)
    problem(p, false, "use an MPI library that was built with threads",
            "MPI gives thread level %s; heartbeats and checkpoints are written by threads beside it", w->level);
}

static void judge_kernels(struct preflight *p) {
  for (size_t i = 1; i < p->n_ranks; i++) {
    const struct preflight_rank *a = &p->ranks[0], *b = &p->ranks[i];
    if (a->answered && b->answered && strcmp(text(a->kernels), text(b->kernels)) != 0) {
      problem(p, false, "take nodes of one kind (sbatch --constraint) if results must be equal bit for bit",
              "hosts differ in their CPU: %s has %s, %s has %s", text(a->host), text(a->kernels), text(b->host),
              text(b->kernels));
      return;
    }
  }
}

/* ---- hosts ---- */

static bool same_host(const struct preflight_rank *a, const struct preflight_rank *b) {
  return b->answered && a->host && b->host && !strcmp(a->host, b->host);
}

struct host {
  const struct preflight_rank *first;
  size_t ranks;
  size_t crowded; /* ranks bound to a core that a rank before them is bound to */
};

/* Is a rank before this one bound to the same core? */
static bool shares_core(const struct preflight *p, size_t rank) {
  const struct preflight_rank *r = &p->ranks[rank];
  for (size_t i = 0; i < rank; i++)
    if (same_host(r, &p->ranks[i]) && !strcmp(text(p->ranks[i].cpus), text(r->cpus)))
      return true;
  return false;
}

static struct host host_of(const struct preflight *p, const struct preflight_rank *first) {
  struct host h = {first, 0, 0};
  for (size_t i = 0; i < p->n_ranks; i++) {
    const struct preflight_rank *r = &p->ranks[i];
    if (!same_host(first, r))
      continue;
    h.ranks++;
    h.crowded += r->cores == 1 && r->host_cores > 1 && shares_core(p, i);
  }
  return h;
}

static void judge_cores(struct preflight *p, struct host h) {
  if (h.crowded)
    problem(p, false, "mpirun --bind-to none, or srun --cpu-bind=none: ranks need no pinning",
            "%s: %zu of %zu ranks are bound to a core that another rank is bound to", h.first->host, h.crowded,
            h.ranks);
  else if ((int64_t)h.ranks > h.first->host_cores)
    problem(p, false, "start as many ranks as there are cores", "%s: %zu ranks share %lld cores", h.first->host,
            h.ranks, (long long)h.first->host_cores);
}

static void judge_memory(struct preflight *p, struct host h) {
  const double mb = 1048576;
  if (h.first->memory > 0 && (double)h.first->memory / (double)h.ranks < 200 * mb)
    problem(p, false, "ask for more memory (sbatch --mem), or fewer ranks a host",
            "%s: %.0f MB of memory are free for each of its %zu ranks", h.first->host,
            (double)h.first->memory / (double)h.ranks / mb, h.ranks);
  if (h.ranks > 1 && h.first->shm > 0 && (double)h.first->shm / (double)h.ranks < 8 * mb)
    problem(p, false, "clear /dev/shm of files that killed jobs left, or point MPI's segments elsewhere",
            "%s: /dev/shm has %.0f MB left for %zu ranks; MPI ends with SIGBUS when it is full", h.first->host,
            (double)h.first->shm / mb, h.ranks);
}

static void judge_folder(struct preflight *p, const struct preflight_rank *r) {
  const double mb = 1048576;
  if (text(r->folder_fault)[0]) {
    problem(p, true, "put the study on a file system that all hosts share, with room, and yours: --out, run.out",
            "%s: the study folder %s: %s", r->host, p->folder, r->folder_fault);
    return;
  }
  if (text(r->lock_fault)[0])
    problem(p, false, "nothing breaks, as the journal's heartbeat keeps a second copy out; mount with locks if you can",
            "%s: file locks do not work in %s: %s", r->host, p->folder, r->lock_fault);
  if ((double)r->disk_free < mb || r->files_free == 0)
    problem(p, true, "make room, or choose another folder with --out", "%s: %s has %.0f MB and %lld files left",
            r->host, p->folder, (double)r->disk_free / mb, (long long)r->files_free);
  else if ((double)r->disk_free < 1024 * mb)
    problem(p, false, "make room before a long study", "%s: %s has %.0f MB left", r->host, p->folder,
            (double)r->disk_free / mb);
  if (r->sync_ms > 50)
    problem(p, false, "choose a faster file system for the study folder if trials are short",
            "%s: a line takes %.0f ms to be on disk in %s, so steering decides %.0f times a second at most", r->host,
            r->sync_ms, p->folder, 1e3 / r->sync_ms);
  if (r->write_rate > 0 && r->write_rate < 10 * mb)
    problem(p, false, "raise run.checkpoint, or choose a faster file system", "%s: %s takes %.1f MB a second", r->host,
            p->folder, r->write_rate / mb);
}

/* A clock that is seconds off breaks nothing here; log lines and other people's tools are read by it. */
static void judge_clock(struct preflight *p, const struct preflight_rank *r) {
  if (fabs(r->clock) > 2 + r->clock_wide)
    problem(p, false, "tell your administrator: NTP is not running there", "%s: its clock is %.1f s %s rank 0's",
            r->host, fabs(r->clock), r->clock > 0 ? "ahead of" : "behind");
}

static int ascending(const void *a, const void *b) {
  const double *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

/* Half of what the others have: throttled, or something else runs there. */
static void judge_speed(struct preflight *p) {
  double *speeds = MEM_NEW_ARRAY(double, p->n_ranks + 1);
  size_t n = 0;
  for (size_t i = 0; i < p->n_ranks; i++)
    if (p->ranks[i].gflops > 0)
      speeds[n++] = p->ranks[i].gflops;
  qsort(speeds, n, sizeof *speeds, ascending);
  double median = n ? speeds[n / 2] : 0;
  size_t slow = 0, example = 0;
  for (size_t i = p->n_ranks; i-- > 0;)
    if (p->ranks[i].gflops > 0 && p->ranks[i].gflops < 0.5 * median)
      slow++, example = i;
  if (slow)
    problem(p, false, "look for other work on that host, or leave it out",
            "%zu of %zu ranks compute at less than half of the median of %.0f GFLOP/s: rank %zu on %s has %.0f", slow,
            p->n_ranks, median, example, text(p->ranks[example].host), p->ranks[example].gflops);
  free(speeds);
}

void preflight_judge(struct preflight *p, const struct preflight_options *o) {
  judge_answers(p);
  judge_mpi(p);
  if (o->cuda)
    problem(p, true, "run.backend = \"cpu\", or a build with CUDA",
            "the study asks for run.backend = \"cuda\", which this build does not have");
  for (size_t i = 0; i < p->n_ranks; i++) {
    const struct preflight_rank *r = &p->ranks[i];
    if (!r->answered || !r->first)
      continue;
    struct host h = host_of(p, r);
    judge_folder(p, r);
    judge_cores(p, h);
    judge_memory(p, h);
    judge_clock(p, r);
  }
  judge_kernels(p);
  judge_speed(p);
}

bool preflight_is_well(const struct preflight *p) {
  return !p->n_problems || !p->problems[0].grave;
}
