/* The group data of a study file, checked and with its files found: everything that preparing a sample needs, and
 * nothing of the settings after it. */
#ifndef COXSWAIN_NN_DATA_PLAN_H
#define COXSWAIN_NN_DATA_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "conf/lists.h"
#include "conf/settings.h"

enum data_format {
#define X(name, help) FORMAT_##name,
  FORMAT_LIST(X)
#undef X
};
enum data_generate {
#define X(name, help) GENERATE_##name,
  GENERATE_LIST(X)
#undef X
};
/* In the order of the rows' choices in conf/settings_table.c (a test compares them). */
enum data_scale { SCALE_AUTO, SCALE_TRAIN, SCALE_NONE, SCALE_FILE };
enum data_fill { FILL_MEAN, FILL_DEFAULT, FILL_FLAG };
enum data_split { SPLIT_FRACTION, SPLIT_MODULO, SPLIT_FILES };
enum data_negative { NEGATIVE_REFUSE, NEGATIVE_KEEP, NEGATIVE_DROP };

#define DATA_MAX_CLASSES 64
#define DATA_MAX_TESTS 16

/* Which dataset or member holds what; NULL: the format's own name, or not there. */
struct data_names {
  char *inputs, *labels, *weights, *event_number;
  char **variables;
  size_t n_variables;
  bool optional; /* labels, weights and event numbers need not be there */
};

struct data_class {
  char *name;
  int64_t *values; /* labels that mean it */
  size_t n_values;
};

struct data_file_group {
  char *name; /* of a test sample; NULL for training and validation */
  char **files;
  size_t n;
};

struct scale_entry {
  char *name;
  double shift, scale, fallback; /* fallback NaN: none */
};

struct data_plan {
  enum data_format format;
  bool generated;
  enum data_generate generate;
  struct data_file_group train, validation, test[DATA_MAX_TESTS];
  size_t n_tests;
  size_t row_limit; /* 0: all */
  struct data_names names;
  bool regression;
  struct data_class *classes; /* none: found in the labels */
  size_t n_classes;
  enum data_scale scale; /* never SCALE_AUTO */
  struct scale_entry *scales;
  size_t n_scales;
  char *scale_file;
  float *missing; /* sentinels */
  size_t n_missing;
  enum data_fill fill;
  double fill_value;
  enum data_split split;
  double validation_share, test_share;
  uint64_t seed;
  int64_t modulo;
  int64_t *validation_folds, *test_folds;
  size_t n_validation_folds, n_test_folds;
  enum data_negative negative;
};

/* All mistakes at once, as ERR_CONFIG with file:line. Free in either case. */
enum err data_plan_read(struct data_plan *plan, const struct settings *conf);
void data_plan_free(struct data_plan *plan);

/* inputs, labels, weights and event_number only, for files other than those of the study. */
void data_names_read(struct data_names *names, const struct settings *conf);
void data_names_free(struct data_names *names);

/* Text that differs whenever the prepared data would, apart from the content of the data files. */
void data_plan_put_identity(const struct data_plan *plan, struct strbuf *out);

/* Names, one a line; of a YAML file its list items. ERR_INPUT if there are none or one stands twice. */
enum err data_read_names(const char *path, char ***names, size_t *n);
/* JSON with shift, scale and default by name: {"jets": [{name, shift, scale, default}]}, a plain list of these, or an
 * object of such lists (all are taken). */
enum err data_read_scales(const char *path, struct scale_entry **entries, size_t *n);
const struct scale_entry *data_find_scale(const struct scale_entry *entries, size_t n, const char *name);

#endif
