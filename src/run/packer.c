#include "run/packer.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#define FIRST_RETRY 5.0  /* seconds */
#define LAST_RETRY 300.0 /* ... or the interval, if that is longer */

/* ---- when ---- */

double pack_interval(const struct pack_times *t) {
  if (t->retry > 0)
    return t->retry;
  return fmax(fmax(t->interval - t->took, t->took), 10 * t->stood);
}

double pack_at_risk(const struct pack_times *t) {
  return pack_interval(t) + t->took;
}

/* ---- how ---- */

struct packer {
  struct packer_options options;
  char *packs; /* the folder of packs */
  struct pack_times times;
  int64_t count;
  bool told_slow;

  /* the one under way, or the last */
  bool under_way, has_thread;
  pthread_t thread;
  char *path;
  struct packed *items;
  size_t n;
  double began, stood;
  /* The thread's, until `done`. */
  struct strbuf bytes;
  enum err outcome;
  double ended;
  char why[512];
  atomic_bool done;
};

struct packer *packer_open(const struct packer_options *o) {
  struct packer *p = MEM_NEW(struct packer);
  p->options = *o;
  p->packs = path_join(o->folder, "packs");
  p->times = (struct pack_times){.interval = o->interval, .began = clock_seconds()};
  strbuf_init(&p->bytes);
  return p;
}

static void join(struct packer *p) {
  if (p->has_thread)
    pthread_join(p->thread, NULL);
  p->has_thread = false;
}

void packer_close(struct packer *p) {
  if (!p)
    return;
  join(p);
  strbuf_free(&p->bytes);
  free(p->packs);
  free(p->path);
  free(p->items);
  free(p);
}

bool packer_is_busy(const struct packer *p) {
  return p->under_way;
}

bool packer_is_due(const struct packer *p) {
  return !p->under_way && clock_seconds() >= p->times.began + pack_interval(&p->times);
}

void packer_skip(struct packer *p) {
  p->times.began = clock_seconds();
}

void packer_forget(struct packer *p) {
  p->n = 0;
}

/* ---- writing ---- */

static void *write_bytes(void *packer) {
  struct packer *p = packer;
  p->outcome = file_write_atomic(p->path, p->bytes.text, p->bytes.len);
  snprintf(p->why, sizeof p->why, "%s", p->outcome == OK ? "" : err_text());
  err_clear();
  p->ended = clock_seconds();
  atomic_store(&p->done, true);
  return NULL;
}

/* Signals are for the thread that trains: they cut its waiting short. */
static bool start_thread(struct packer *p) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&p->thread, NULL, write_bytes, p) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

static void name_it(struct packer *p, const struct pack_item *items, size_t n) {
  char name[64];
  snprintf(name, sizeof name, "%06lld-r%04d-%06lld.h5", (long long)p->options.epoch, p->options.rank,
           (long long)p->count);
  free(p->path);
  free(p->items);
  p->path = path_join(p->packs, name);
  p->items = MEM_NEW_ARRAY(struct packed, n + 1);
  p->n = n;
  for (size_t i = 0; i < n; i++)
    p->items[i] = (struct packed){items[i].trial, items[i].step};
}

bool packer_is_free(const struct packer *p) {
  return !p->under_way && (p->times.retry <= 0 || packer_is_due(p));
}

enum err packer_write(struct packer *p, const struct pack_item *items, size_t n, double began, bool whole) {
  strbuf_clear(&p->bytes);
  name_it(p, items, n);
  TRY(pack_build(p->options.study, p->count++, items, n, &p->bytes));
  atomic_store(&p->done, false);
  p->under_way = true;
  p->began = began;
  if (whole)
    p->times.began = began;
  p->has_thread = start_thread(p);
  if (!p->has_thread) /* no more threads may be made: then training waits for the disk */
    write_bytes(p);
  p->stood = clock_seconds() - began;
  return OK;
}

/* ---- what became of it ---- */

static void tell_slow(struct packer *p) {
  const struct pack_times *t = &p->times;
  if (p->told_slow || t->took < t->interval)
    return;
  p->told_slow = true;
  log_warn(
      "%s: a checkpoint of %.0f MB takes %.1f s to get to disk, longer than run.checkpoint = %g s: a kill may cost "
      "%.0f s of training. A faster disk for the study folder helps, or fewer workers",
      p->packs, (double)p->bytes.len / 1e6, t->took, t->interval, pack_at_risk(t));
}

static void tell_failure(struct packer *p) {
  char wait[32], free_space[64] = "";
  int64_t room = file_free_space(p->packs);
  clock_duration(p->times.retry, wait);
  if (room >= 0)
    snprintf(free_space, sizeof free_space, ", where %.1f MB are free", (double)room / 1e6);
  log_warn("a checkpoint of %zu trials could not be written: %s (it takes %.1f MB in %s%s). Training goes on; the next "
           "try is in %s",
           p->n, p->why, (double)p->bytes.len / 1e6, p->packs, free_space, wait);
}

bool packer_listen(struct packer *p, struct packer_news *out) {
  struct pack_times *t = &p->times;
  if (!p->under_way || !atomic_load(&p->done))
    return false;
  join(p);
  p->under_way = false;
  *out = (struct packer_news){.good = p->outcome == OK,
                              .name = path_name(p->path),
                              .items = p->items,
                              .n = p->n,
                              .seconds = p->ended - p->began,
                              .stood = p->stood,
                              .bytes = (int64_t)p->bytes.len};
  if (out->good) {
    t->took = out->seconds;
    t->stood = out->stood;
    t->retry = 0;
    tell_slow(p);
  } else {
    double longest = fmax(t->interval, LAST_RETRY);
    t->retry = t->retry > 0 ? fmin(2 * t->retry, longest) : fmin(t->interval, FIRST_RETRY);
    t->began = clock_seconds();
    tell_failure(p);
  }
  strbuf_free(&p->bytes);
  return true;
}
