/* Other people's files into the HDF5 layout that data.format = "array" reads: inputs (n, variables) with attribute
 * `variables`, labels (n) with `classes` and `class_values`, weights (n), event_number (n). A missing value becomes
 * NaN. The output appears whole or not at all. */
#ifndef COXSWAIN_NN_IMPORT_H
#define COXSWAIN_NN_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define IMPORT_MAX_CLASSES 64

struct import_class {
  const char *name;
  int64_t value;
  bool has_value; /* given as name=value: a label may be written either way in the file */
};

struct import_csv {
  const char *input, *output; /* input may be compressed with gzip */
  const char *label;          /* name of a column; without a header its number from 1, as for the others */
  const struct import_class *classes;
  size_t n_classes; /* 0: found in the file */
  const char *const *drop;
  size_t n_drop;
  const char *const *missing; /* values that mean missing; an empty field, nan and NA always do */
  size_t n_missing;
  const char *weights, *event_number; /* NULL: none */
  char separator;
  bool no_header, regression;
  void (*progress)(double share, size_t rows); /* NULL: none */
};

struct import_summary {
  size_t rows, variables, missing;
  char *classes[IMPORT_MAX_CLASSES]; /* owned */
  int64_t class_values[IMPORT_MAX_CLASSES];
  size_t class_rows[IMPORT_MAX_CLASSES], n_classes;
};

/* Errors are ERR_INPUT as file:line:column. */
enum err import_csv_file(const struct import_csv *o, struct import_summary *out);

/* IDX files as of MNIST, bytes, also compressed: pictures (n, height, width) become rows of height x width whole
 * numbers. */
enum err import_idx_files(const char *images, const char *labels, const char *output,
                          void (*progress)(double share, size_t rows), struct import_summary *out);
bool import_is_idx(const char *path); /* by its first bytes */
void import_summary_free(struct import_summary *s);

#endif
