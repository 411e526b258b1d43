#include "nn/data_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/generate.h"

static const struct source_ops *const formats[] = {
#define X(name, help) &source_##name,
    FORMAT_LIST(X)
#undef X
};

static void source_init(struct data_source *s, const char *path) {
  *s = (struct data_source){.path = mem_strdup(path),
                            .file = -1,
                            .input = HDF_COLUMN_NONE,
                            .label = HDF_COLUMN_NONE,
                            .weight = HDF_COLUMN_NONE,
                            .event = HDF_COLUMN_NONE,
                            .truth = HDF_COLUMN_NONE};
}

static enum err check_rows(const struct data_source *s, const struct hdf_column *c) {
  if (c->id < 0 || c->rows == s->rows)
    return OK;
  return FAIL(ERR_INPUT, "%s: %s has %zu rows, but %s has %zu: they must go together row by row", s->path, c->name,
              c->rows, s->input_name, s->rows);
}

enum err data_source_open(struct data_source *s, enum data_format format, const struct data_names *names,
                          const char *path) {
  source_init(s, path);
  s->ops = formats[format];
  s->optional = names->optional;
  TRY(hdf_open(path, &s->file));
  TRY(s->ops->open(s, names));
  TRY(check_rows(s, &s->label));
  TRY(check_rows(s, &s->weight));
  TRY(check_rows(s, &s->event));
  TRY(check_rows(s, &s->truth));
  return hdf_check(path);
}

enum err data_source_generate(struct data_source *s, enum data_generate which, size_t rows, uint64_t seed) {
  const struct generator_ops *generator = generator_of(which);
  source_init(s, generator->name);
  generator->open(s, rows, seed);
  return OK;
}

void data_source_close(struct data_source *s) {
  hdf_column_close(&s->input);
  hdf_column_close(&s->label);
  hdf_column_close(&s->weight);
  hdf_column_close(&s->event);
  hdf_column_close(&s->truth);
  hdf_close(s->file);
  if (s->variables)
    hdf_names_free(s->variables, s->width);
  if (s->class_names)
    hdf_names_free(s->class_names, s->n_class_names);
  free(s->class_values);
  free(s->posterior_labels);
  free(s->pick);
  free(s->label_name);
  free(s->weight_name);
  free(s->event_name);
  free(s->input_name);
  free(s->synthetic);
  free(s->path);
  *s = (struct data_source){.file = -1,
                            .input = HDF_COLUMN_NONE,
                            .label = HDF_COLUMN_NONE,
                            .weight = HDF_COLUMN_NONE,
                            .event = HDF_COLUMN_NONE,
                            .truth = HDF_COLUMN_NONE};
}

enum err data_source_detect(const char *path, enum data_format *format) {
  int64_t file;
  TRY(hdf_open(path, &file));
  bool known = true;
  if (hdf_is_compound(file, "jets"))
    *format = FORMAT_tdd;
  else if (hdf_has(file, "jets/inputs"))
    *format = FORMAT_umami;
  else if (hdf_has(file, "inputs"))
    *format = FORMAT_array;
  else
    known = false;
  hdf_close(file);
  TRY(hdf_check(path));
  return known ? OK
               : FAIL(ERR_INPUT,
                      "%s has neither a dataset inputs (array) nor jets/inputs (umami) nor a compound jets "
                      "(tdd): name its datasets in the study file (data.inputs, data.labels)",
                      path);
}
