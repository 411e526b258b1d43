/* Opening trainers by name, and what this machine computes with. */
#include "nn/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/backend.h"

static const struct trainer_ops *const trainers[] = {
#define X(name, help) &trainer_##name,
    TRAINER_LIST(X)
#undef X
};

enum err trainer_open(struct trainer **out, const char *name, const struct trainer_options *o) {
  for (size_t i = 0; i < sizeof trainers / sizeof *trainers; i++) {
    if (strcmp(trainers[i]->name, name) != 0)
      continue;
    struct trainer *t = MEM_NEW(struct trainer);
    *t = (struct trainer){.ops = trainers[i], .options = *o};
    enum err e = t->ops->open(t, o);
    if (e != OK) {
      free(t);
      return e;
    }
    *out = t;
    return OK;
  }
  return FAIL(ERR_BUG, "there is no trainer %s", name);
}

void trainer_close(struct trainer *t) {
  if (!t)
    return;
  t->ops->close(t);
  free(t);
}

/* The first in the list that can: all of them train on the cpu so far. */
const char *trainer_for(const struct spec *spec, const char *backend) {
  const struct backend *b;
  if (backend_find(backend, &b) != OK)
    return NULL;
  for (size_t i = 0; i < sizeof trainers / sizeof *trainers; i++)
    if (trainers[i]->supports(spec))
      return trainers[i]->name;
  return NULL;
}

const char *trainer_kernels(void) {
  static _Thread_local char text[160];
  const struct backend *b;
  if (backend_cpu(&b) != OK)
    return "none";
  snprintf(text, sizeof text, "%s, %s", b->kernels, backend_cpu_blas());
  return text;
}
