#include "nn/net_threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LOOKS 2000 /* before sleeping: some microseconds, about as long as waking up takes */

struct helper {
  struct threads *team;
  int index;
  pthread_t thread;
};

struct threads {
  int n, started;
  struct helper *helpers; /* (n - 1) */
  pthread_mutex_t lock;
  pthread_cond_t news, finished;
  /* Written under the lock; read without it while looking. */
  atomic_ulong job; /* counts up; ULONG_MAX: leave */
  atomic_int busy;  /* helpers that have not finished this job */
  void (*part)(void *context, int i);
  void *context;
};

static const unsigned long LEAVE = ~0ul;

static inline void look_again(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static unsigned long next_job(struct threads *t, unsigned long last) {
  for (int i = 0; i < LOOKS; i++) {
    if (atomic_load(&t->job) != last)
      return atomic_load(&t->job);
    look_again();
  }
  pthread_mutex_lock(&t->lock);
  while (atomic_load(&t->job) == last)
    pthread_cond_wait(&t->news, &t->lock);
  unsigned long job = atomic_load(&t->job);
  pthread_mutex_unlock(&t->lock);
  return job;
}

static void *help(void *argument) {
  struct helper *h = argument;
  struct threads *t = h->team;
  for (unsigned long job = 0; (job = next_job(t, job)) != LEAVE;) {
    t->part(t->context, h->index);
    if (atomic_fetch_sub(&t->busy, 1) == 1) {
      pthread_mutex_lock(&t->lock);
      pthread_cond_signal(&t->finished);
      pthread_mutex_unlock(&t->lock);
    }
  }
  return NULL;
}

static void announce(struct threads *t, unsigned long job) {
  pthread_mutex_lock(&t->lock);
  atomic_store(&t->job, job);
  pthread_cond_broadcast(&t->news);
  pthread_mutex_unlock(&t->lock);
}

enum err threads_open(struct threads **out, int n) {
  struct threads *t = MEM_NEW(struct threads);
  t->n = n < 1 ? 1 : n;
  t->helpers = MEM_NEW_ARRAY(struct helper, t->n);
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->news, NULL);
  pthread_cond_init(&t->finished, NULL);
  for (int i = 1; i < t->n; i++) {
    struct helper *h = &t->helpers[i - 1];
    *h = (struct helper){.team = t, .index = i};
    int e = pthread_create(&h->thread, NULL, help, h);
    if (e) {
      threads_close(t);
      return FAIL(ERR_DEVICE, "thread %d of %d cannot be started: %s: lower run.threads", i + 1, n, strerror(e));
    }
    t->started++;
  }
  *out = t;
  return OK;
}

void threads_close(struct threads *t) {
  if (!t)
    return;
  announce(t, LEAVE);
  for (int i = 0; i < t->started; i++)
    pthread_join(t->helpers[i].thread, NULL);
  pthread_cond_destroy(&t->finished);
  pthread_cond_destroy(&t->news);
  pthread_mutex_destroy(&t->lock);
  free(t->helpers);
  free(t);
}

int threads_count(const struct threads *t) {
  return t->n;
}

static void wait_for_helpers(struct threads *t) {
  for (int i = 0; i < LOOKS; i++) {
    if (atomic_load(&t->busy) == 0)
      return;
    look_again();
  }
  pthread_mutex_lock(&t->lock);
  while (atomic_load(&t->busy) > 0)
    pthread_cond_wait(&t->finished, &t->lock);
  pthread_mutex_unlock(&t->lock);
}

void threads_run(struct threads *t, void (*part)(void *context, int i), void *context) {
  if (t->n > 1) {
    t->part = part;
    t->context = context;
    atomic_store(&t->busy, t->n - 1);
    announce(t, atomic_load(&t->job) + 1);
  }
  part(context, 0);
  if (t->n > 1)
    wait_for_helpers(t);
}
