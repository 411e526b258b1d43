#include "run/evaluator.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const struct evaluator_ops *evaluator_ops_of(const char *name) {
#define EVALUATOR_ENTRY(name, help) &evaluator_##name,
  static const struct evaluator_ops *const all[] = {EVALUATOR_LIST(EVALUATOR_ENTRY)};
#undef EVALUATOR_ENTRY
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i]->name, name) == 0)
      return all[i];
  return NULL;
}

enum err evaluator_open(struct evaluator **out, const char *name, const struct evaluator_options *o) {
  *out = NULL;
  const struct evaluator_ops *ops = evaluator_ops_of(name);
  if (!ops)
    return FAIL(ERR_CONFIG, "evaluator = %s: there is no such evaluator", name);
  struct evaluator *e = MEM_NEW(struct evaluator);
  e->ops = ops;
  e->options = *o;
  enum err code = ops->open(e);
  if (code != OK) {
    free(e);
    TRY(code);
  }
  *out = e;
  return OK;
}

void evaluator_close(struct evaluator *e) {
  if (!e)
    return;
  e->ops->close(e);
  free(e);
}
