/* Synthetic samples: data sources that make their rows. Every row is a function of (seed, row) alone. */
#ifndef COXSWAIN_NN_GENERATE_H
#define COXSWAIN_NN_GENERATE_H

#include "nn/data_source.h"

struct generator_ops {
  const char *name;
  int version; /* counts up whenever the same seed would give other rows */
  /* Fills in what struct data_source says of the sample: rows, variables, classes, posterior, key, ops. */
  void (*open)(struct data_source *s, size_t rows, uint64_t seed);
};

#define GENERATE_DECLARE(name, help) extern const struct generator_ops generate_##name;
GENERATE_LIST(GENERATE_DECLARE)
#undef GENERATE_DECLARE

const struct generator_ops *generator_of(enum data_generate which);

struct generate_options {
  enum data_generate which;
  size_t rows;
  uint64_t seed;
  enum data_format format; /* array or tdd */
  double shares[8];        /* of the classes, in the order light, c, b; n_shares = 0: equal */
  size_t n_shares;
};

/* Writes a sample with its exact posterior: `progress` (may be NULL) is called with the rows done. */
enum err generate_file(const char *path, const struct generate_options *o, void (*progress)(size_t done, size_t all));

#endif
