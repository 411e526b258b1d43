#include "nn/backend.h"

#include <string.h>

enum activation_needs activation_needs(enum activation a) {
  switch (a) {
  case ACTIVATION_relu:
  case ACTIVATION_leaky_relu:
    return NEEDS_SIGN;
  case ACTIVATION_swish:
  case ACTIVATION_gelu:
    return NEEDS_INPUT;
  case ACTIVATION_linear:
    return NEEDS_NOTHING;
  default:
    return NEEDS_OUTPUT;
  }
}

enum err backend_find(const char *name, const struct backend **out) {
#define X(word, help)           \
  if (strcmp(name, #word) == 0) \
    return backend_##word(out);
  BACKEND_LIST(X)
#undef X
  return FAIL(ERR_DEVICE, "run.backend = %s: this program was built without it", name);
}

enum err backend_complete(const struct backend *b) {
#define NEEDED(member) \
  if (!b->member)      \
  return FAIL(ERR_DEVICE, "the backend %s has no %s: choose another run.backend", b->name, #member)
  NEEDED(alloc);
  NEEDED(release);
  NEEDED(upload);
  NEEDED(download);
  NEEDED(clear);
  NEEDED(gemm);
  NEEDED(gather);
  NEEDED(panel_rows);
  NEEDED(activate);
  NEEDED(activate_back);
  NEEDED(line_sums);
  NEEDED(dropout);
  NEEDED(norm_sums);
  NEEDED(norm_back_sums);
  NEEDED(norm_back);
  NEEDED(loss);
  NEEDED(add);
  NEEDED(sum_squares);
  NEEDED(sgd);
  NEEDED(adam);
  NEEDED(rmsprop);
#undef NEEDED
  return OK;
}
