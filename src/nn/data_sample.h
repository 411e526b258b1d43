/* A sample on its way from files to the cache: which rows there are, what they are, and where each goes. */
#ifndef COXSWAIN_NN_DATA_SAMPLE_H
#define COXSWAIN_NN_DATA_SAMPLE_H

#include "nn/data.h"
#include "nn/data_plan.h"
#include "nn/data_source.h"

#define ROW_LEFT_OUT 255  /* as a part: nowhere */
#define SAMPLE_BLOCK 8192 /* rows read at once */

struct sample_file {
  const char *path; /* borrowed from the plan */
  unsigned role;    /* enum part: what the whole file is for */
  size_t first, rows;
};

struct sample {
  const struct data_plan *plan;
  struct sample_file *files;
  size_t n_files;
  size_t rows; /* over all files, in their order */
  char **variables;
  size_t width;
  bool names_known;
  char *input_name, *label_name, *weight_name;
  char *synthetic;
  struct data_class *classes;
  size_t n_classes;
  char **class_names; /* as the files call them */
  int64_t *class_values;
  size_t n_class_names;
  int64_t *posterior_labels; /* NULL: no posterior */
  size_t n_posterior;
  /* (rows) each; NULL if there are none */
  double *label;
  int32_t *class;
  float *weight;
  int64_t *event;
  unsigned char *part;
  size_t not_read, dropped_label, dropped_weight;
  size_t n_parts, part_rows[DATA_MAX_PARTS];
};

/* Opens each file in turn and reads all but the inputs (data_sample.c). */
enum err sample_read(struct sample *s, const struct data_plan *plan);
void sample_free(struct sample *s);
enum err sample_open_source(const struct sample *s, size_t file, struct data_source *source);
/* "FILE: DATASET: row N" of a row of the sample, for messages. Caller frees. */
char *sample_where(const struct sample *s, const char *dataset, size_t row);

/* Labels to classes; rows of no class are dropped and counted (data_classes.c). */
enum err sample_find_classes(struct sample *s);
/* Rows to parts, negative weights, counts (data_split.c). */
enum err sample_split(struct sample *s);

#endif
