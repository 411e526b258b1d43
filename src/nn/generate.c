#include "nn/generate.h"

const struct generator_ops *generator_of(enum data_generate which) {
  static const struct generator_ops *const all[] = {
#define X(name, help) &generate_##name,
      GENERATE_LIST(X)
#undef X
  };
  return all[which];
}
