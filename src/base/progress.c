#include "base/progress.h"

#include <stdatomic.h>
#include <stddef.h>

static struct {
  atomic_uint_fast64_t count;
  _Atomic(const char *) doing;
  void (*hook)(void *context);
  void *context;
} progress = {.doing = "starting"};

void progress_waits(void) {
  if (progress.hook)
    progress.hook(progress.context);
}

void progress_made(const char *doing) {
  atomic_fetch_add_explicit(&progress.count, 1, memory_order_relaxed);
  atomic_store_explicit(&progress.doing, doing, memory_order_relaxed);
  progress_waits();
}

void progress_hook(void (*hook)(void *context), void *context) {
  progress.hook = hook;
  progress.context = context;
}

uint64_t progress_count(void) {
  return atomic_load_explicit(&progress.count, memory_order_relaxed);
}

const char *progress_doing(void) {
  return atomic_load_explicit(&progress.doing, memory_order_relaxed);
}
