/* A synthetic sample as an HDF5 file. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/generate.h"

#define BLOCK 16384

struct writing {
  struct data_source source;
  struct hdf_file file;
  enum data_format format;
  struct hdf_member *members; /* tdd: the inputs, the label, the event number */
  size_t n_members, record;
  float *x, *posterior;
  double *label;
  int64_t *event;
  char *records;
};

static enum err create_tdd(struct writing *w) {
  const struct data_source *s = &w->source;
  w->n_members = s->width + 2;
  w->members = MEM_NEW_ARRAY(struct hdf_member, w->n_members);
  for (size_t i = 0; i < s->width; i++)
    w->members[i] = (struct hdf_member){s->variables[i], HDF_FLOAT, i * sizeof(float)};
  w->members[s->width] = (struct hdf_member){s->label_name, HDF_INT32, s->width * sizeof(float)};
  w->members[s->width + 1] = (struct hdf_member){s->event_name, HDF_INT64, (s->width + 1) * sizeof(float)};
  w->record = (s->width + 1) * sizeof(float) + sizeof(int64_t);
  w->records = mem_alloc(BLOCK * w->record);
  return hdf_compound_create(&w->file, "jets", w->members, w->n_members, w->record);
}

static enum err create_array(struct writing *w) {
  TRY(hdf_dataset_create(&w->file, "inputs", HDF_FLOAT, w->source.width));
  TRY(hdf_dataset_create(&w->file, "labels", HDF_INT64, 0));
  TRY(hdf_dataset_create(&w->file, "event_number", HDF_INT64, 0));
  return hdf_write_texts(&w->file, "inputs", "variables", (const char *const *)w->source.variables, w->source.width);
}

static enum err create(struct writing *w) {
  const struct data_source *s = &w->source;
  const char *inputs = w->format == FORMAT_tdd ? "jets" : "inputs",
             *labels = w->format == FORMAT_tdd ? "jets" : "labels";
  TRY(w->format == FORMAT_tdd ? create_tdd(w) : create_array(w));
  TRY(hdf_dataset_create(&w->file, "posterior", HDF_FLOAT, s->n_posterior));
  TRY(hdf_write_ints(&w->file, "posterior", "labels", s->posterior_labels, s->n_posterior));
  TRY(hdf_write_texts(&w->file, labels, "classes", (const char *const *)s->class_names, s->n_class_names));
  TRY(hdf_write_ints(&w->file, labels, "class_values", s->class_values, s->n_class_names));
  return hdf_write_text(&w->file, inputs, "synthetic", s->synthetic);
}

static enum err add_tdd(struct writing *w, size_t n) {
  size_t width = w->source.width;
  for (size_t i = 0; i < n; i++) {
    char *record = w->records + i * w->record;
    int32_t label = (int32_t)w->label[i];
    memcpy(record, w->x + i * width, width * sizeof(float));
    memcpy(record + w->members[width].offset, &label, sizeof label);
    memcpy(record + w->members[width + 1].offset, &w->event[i], sizeof *w->event);
  }
  return hdf_compound_add(&w->file, "jets", w->members, w->n_members, w->record, w->records, n);
}

static enum err add_array(struct writing *w, size_t n) {
  int64_t *label = MEM_NEW_ARRAY(int64_t, n);
  for (size_t i = 0; i < n; i++)
    label[i] = (int64_t)w->label[i];
  enum err e = hdf_dataset_add(&w->file, "inputs", w->x, n);
  if (e == OK)
    e = hdf_dataset_add(&w->file, "labels", label, n);
  if (e == OK)
    e = hdf_dataset_add(&w->file, "event_number", w->event, n);
  free(label);
  return e;
}

static enum err add_rows(struct writing *w, size_t first, size_t n) {
  const struct data_source *s = &w->source;
  TRY(s->ops->inputs(s, first, n, w->x));
  TRY(s->ops->labels(s, first, n, w->label));
  TRY(s->ops->event_numbers(s, first, n, w->event));
  TRY(s->ops->posterior(s, first, n, w->posterior));
  TRY(w->format == FORMAT_tdd ? add_tdd(w, n) : add_array(w, n));
  return hdf_dataset_add(&w->file, "posterior", w->posterior, n);
}

static enum err write_all(struct writing *w, const char *path, void (*progress)(size_t done, size_t all)) {
  const struct data_source *s = &w->source;
  TRY(hdf_create(&w->file, path));
  TRY(create(w));
  for (size_t row = 0; row < s->rows; row += BLOCK) {
    size_t n = s->rows - row < BLOCK ? s->rows - row : BLOCK;
    TRY(add_rows(w, row, n));
    if (progress)
      progress(row + n, s->rows);
  }
  return hdf_commit(&w->file);
}

/* The shares as given, divided by their sum; none given: equal. */
static enum err take_shares(struct data_source *s, const struct generate_options *o) {
  double sum = 0;
  for (size_t k = 0; k < o->n_shares; k++)
    sum += o->shares[k];
  if (o->n_shares == 0)
    return OK;
  if (o->n_shares != s->n_class_names)
    return FAIL(ERR_INPUT, "%zu shares for %zu classes: give one each", o->n_shares, s->n_class_names);
  for (size_t k = 0; k < o->n_shares; k++) {
    if (!(o->shares[k] > 0))
      return FAIL(ERR_INPUT, "a share of %g: it must be above 0", o->shares[k]);
    s->shares[k] = o->shares[k] / sum;
  }
  return OK;
}

enum err generate_file(const char *path, const struct generate_options *o, void (*progress)(size_t done, size_t all)) {
  if (o->rows == 0)
    return FAIL(ERR_INPUT, "a sample of no rows: say how many");
  if (o->format == FORMAT_umami)
    return FAIL(ERR_INPUT, "a sample is written as array or tdd");
  struct writing w = {.file = HDF_FILE_NONE, .format = o->format};
  TRY(data_source_generate(&w.source, o->which, o->rows, o->seed));
  w.x = MEM_NEW_ARRAY(float, BLOCK *w.source.width);
  w.posterior = MEM_NEW_ARRAY(float, BLOCK *w.source.n_posterior);
  w.label = MEM_NEW_ARRAY(double, BLOCK);
  w.event = MEM_NEW_ARRAY(int64_t, BLOCK);
  enum err e = take_shares(&w.source, o);
  if (e == OK)
    e = write_all(&w, path, progress);
  hdf_abandon(&w.file);
  data_source_close(&w.source);
  free(w.members);
  free(w.records);
  free(w.x);
  free(w.posterior);
  free(w.label);
  free(w.event);
  return e;
}
