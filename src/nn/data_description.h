/* The JSON beside the prepared arrays: what data.h calls the description. */
#ifndef COXSWAIN_NN_DATA_DESCRIPTION_H
#define COXSWAIN_NN_DATA_DESCRIPTION_H

#include "nn/data_sample.h"
#include "nn/data_scale.h"

/* What the opener and data_apply need of it. */
struct description {
  size_t rows;
  struct data_variable *variables;
  size_t width;
  struct data_class *classes;
  double *class_weight;
  size_t n_classes;
  bool regression, weights, truth;
  float *missing;
  size_t n_missing;
  char *part_name[DATA_MAX_PARTS];
  struct range part[DATA_MAX_PARTS];
  size_t n_parts;
};

char *description_write(const struct sample *s, const struct data_variable *variables, const char *hash,
                        const struct range *parts, char (*sha)[65]);
enum err description_read(struct description *d, const char *text, const char *where);
void description_free(struct description *d);

#endif
