/* Where rows come from: an open data file of some format, or a generator. All give the same columns.
 *
 * A format is one file data_read_NAME.c with a struct source_ops and one word in FORMAT_LIST; a generator is one file
 * generate_NAME.c and one word in GENERATE_LIST. */
#ifndef COXSWAIN_NN_DATA_SOURCE_H
#define COXSWAIN_NN_DATA_SOURCE_H

#include "base/rng.h"
#include "nn/data_hdf.h"
#include "nn/data_plan.h"

struct data_source;

struct source_ops {
  const char *name;
  /* Finds the columns, sets rows, width, variables and the rest below. The file is open. */
  enum err (*open)(struct data_source *s, const struct data_names *names);
  /* Inputs as they are in the file, (n, width). */
  enum err (*inputs)(const struct data_source *s, size_t first, size_t n, float *out);
  enum err (*labels)(const struct data_source *s, size_t first, size_t n, double *out);
  enum err (*weights)(const struct data_source *s, size_t first, size_t n, double *out);
  enum err (*event_numbers)(const struct data_source *s, size_t first, size_t n, int64_t *out);
  enum err (*posterior)(const struct data_source *s, size_t first, size_t n, float *out); /* (n, n_posterior) */
};

struct data_source {
  const struct source_ops *ops;
  char *path; /* for messages */
  size_t rows, width;
  char **variables; /* (width) */
  bool names_known; /* the names are the file's or the user's, not numbered by us */
  bool has_labels, has_weights, has_event_numbers, has_posterior;
  char *input_name, *label_name, *weight_name, *event_name; /* of dataset or member */
  char **class_names;                                       /* what the file calls its labels; none: NULL */
  int64_t *class_values;                                    /* the label of each */
  size_t n_class_names;
  int64_t *posterior_labels; /* the label of each column of the exact posterior */
  size_t n_posterior;
  char *synthetic; /* how the file says it was made; NULL: it does not say so */
  /* of HDF5 files */
  int64_t file;
  struct hdf_column input, label, weight, event, truth;
  bool optional;      /* as in struct data_names */
  bool one_hot;       /* labels (n, classes) */
  size_t *pick;       /* (width) columns of the inputs to take; NULL: all */
  size_t input_width; /* columns of the inputs in the file */
  /* of generators */
  struct rng_key key;
  double shares[8]; /* of the classes; they add up to 1 */
};

/* `rows` only for generators. Labels, weights and event numbers that are not there are no error yet. */
enum err data_source_open(struct data_source *s, enum data_format format, const struct data_names *names,
                          const char *path);
enum err data_source_generate(struct data_source *s, enum data_generate which, size_t rows, uint64_t seed);
void data_source_close(struct data_source *s);
/* The format a file looks like; ERR_INPUT if none, saying what was looked for. */
enum err data_source_detect(const char *path, enum data_format *format);

/* What readers of HDF5 files share. */
enum err source_open_label(struct data_source *s, const char *dataset);
enum err source_open_weights(struct data_source *s, const char *dataset);
enum err source_open_event_numbers(struct data_source *s, const char *dataset);
enum err source_open_posterior(struct data_source *s);
/* Names of the columns of an input dataset: the user's, those of `attribute`, or v1, v2, ...; chooses columns by name
 * where the user names some of those the file has. */
enum err source_name_inputs(struct data_source *s, const struct data_names *names, const char *attribute);
enum err source_read_inputs(const struct data_source *s, size_t first, size_t n, float *out);
enum err source_read_labels(const struct data_source *s, size_t first, size_t n, double *out);
enum err source_read_weights(const struct data_source *s, size_t first, size_t n, double *out);
enum err source_read_event_numbers(const struct data_source *s, size_t first, size_t n, int64_t *out);
enum err source_read_posterior(const struct data_source *s, size_t first, size_t n, float *out);
/* Column readers, in the order of struct source_ops. */
#define SOURCE_READ_COLUMNS \
  source_read_inputs, source_read_labels, source_read_weights, source_read_event_numbers, source_read_posterior
enum err source_read_class_names(struct data_source *s, const char *dataset, const char *names, const char *values);

#define SOURCE_DECLARE(name, help) extern const struct source_ops source_##name;
FORMAT_LIST(SOURCE_DECLARE)
#undef SOURCE_DECLARE

#endif
