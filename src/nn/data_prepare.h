/* From source files to one file of prepared data. */
#ifndef COXSWAIN_NN_DATA_PREPARE_H
#define COXSWAIN_NN_DATA_PREPARE_H

#include "nn/data_plan.h"

/* Writes `path` in one go; nothing is left after an error. `sha` are the sums of the files: training, validation,
 * tests. */
enum err data_prepare(const struct data_plan *plan, const char *hash, const char *path, char (*sha)[65]);

/* n rows of inputs as read: sentinels become NaN; an infinite value is an error that names file, variable and row
 * (`first` is the row of x[0]). Rows with keep[i] == false are not looked at; NULL: all are. */
struct data_source;
enum err data_clean_inputs(const struct data_source *source, const float *missing, size_t n_missing, size_t first,
                           size_t n, const bool *keep, float *x);

#endif
