/* Other files in the form of a prepared sample. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/data_description.h"
#include "nn/data_prepare.h"

static void name_variables(struct data_names *names, const struct description *d) {
  names->variables = MEM_NEW_ARRAY(char *, d->width + 1);
  for (size_t i = 0; i < d->width; i++)
    names->variables[names->n_variables++] = mem_strdup(d->variables[i].name);
}

/* A study of generated data has no format: its files look as coxswain generate writes them. */
static enum err find_format(const struct settings *conf, const char *file, enum data_format *format) {
  if (settings_given(conf, "data.generate"))
    return data_source_detect(file, format);
  *format = (enum data_format)settings_choice(conf, "data.format");
  return OK;
}

static enum err apply_inputs(const struct description *d, const struct data_source *s, float *x) {
  size_t wide = d->width + data_flags(d->variables, d->width);
  float *raw = MEM_NEW_ARRAY(float, SAMPLE_BLOCK * d->width);
  enum err e = OK;
  for (size_t row = 0; e == OK && row < s->rows; row += SAMPLE_BLOCK) {
    size_t n = s->rows - row < SAMPLE_BLOCK ? s->rows - row : SAMPLE_BLOCK;
    e = s->ops->inputs(s, row, n, raw);
    if (e == OK)
      e = data_clean_inputs(s, d->missing, d->n_missing, row, n, NULL, raw);
    for (size_t i = 0; e == OK && i < n; i++)
      data_scale_row(d->variables, d->width, raw + i * d->width, x + (row + i) * wide);
  }
  free(raw);
  return e;
}

static int32_t class_of(const struct description *d, double label) {
  for (size_t i = 0; i < d->n_classes; i++)
    for (size_t j = 0; j < d->classes[i].n_values; j++)
      if ((double)d->classes[i].values[j] == label)
        return (int32_t)i;
  return -1;
}

static enum err apply_labels(const struct description *d, const struct data_source *s, int32_t **label) {
  if (!s->has_labels || d->regression)
    return OK;
  double *values = MEM_NEW_ARRAY(double, s->rows);
  *label = MEM_NEW_ARRAY(int32_t, s->rows);
  enum err e = s->ops->labels(s, 0, s->rows, values);
  for (size_t i = 0; e == OK && i < s->rows; i++)
    (*label)[i] = class_of(d, values[i]);
  free(values);
  return e;
}

static enum err apply_weights(const struct data_source *s, float **weight) {
  if (!s->has_weights)
    return OK;
  double *values = MEM_NEW_ARRAY(double, s->rows);
  *weight = MEM_NEW_ARRAY(float, s->rows);
  enum err e = s->ops->weights(s, 0, s->rows, values);
  for (size_t i = 0; e == OK && i < s->rows; i++) {
    (*weight)[i] = (float)values[i];
    if (!isfinite(values[i]))
      e = FAIL(ERR_INPUT, "%s: %s: row %zu: the weight is %g: it must be a number", s->path, s->weight_name, i,
               values[i]);
  }
  free(values);
  return e;
}

static enum err apply(const struct description *d, const struct data_source *s, float **x, int32_t **label,
                      float **weight) {
  *x = MEM_NEW_ARRAY(float, s->rows *(d->width + data_flags(d->variables, d->width)));
  TRY(apply_inputs(d, s, *x));
  TRY(apply_labels(d, s, label));
  return apply_weights(s, weight);
}

enum err data_apply(const struct settings *conf, const char *description, const char *file, float **x, int32_t **label,
                    float **weight, size_t *rows) {
  *x = NULL;
  *label = NULL;
  *weight = NULL;
  *rows = 0;
  struct description d;
  struct data_names names;
  struct data_source source;
  enum data_format format;
  TRY(find_format(conf, file, &format));
  enum err e = description_read(&d, description, "description of the data");
  data_names_read(&names, conf);
  name_variables(&names, &d);
  names.optional = true;
  if (e == OK) {
    e = data_source_open(&source, format, &names, file);
    if (e == OK)
      e = apply(&d, &source, x, label, weight);
    *rows = e == OK ? source.rows : 0;
    data_source_close(&source);
  }
  data_names_free(&names);
  description_free(&d);
  if (e != OK) {
    free(*x);
    free(*label);
    free(*weight);
    *x = *weight = NULL;
    *label = NULL;
  }
  return e;
}
