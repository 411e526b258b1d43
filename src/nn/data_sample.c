#include "nn/data_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"

char *sample_where(const struct sample *s, const char *dataset, size_t row) {
  size_t file = 0;
  while (file + 1 < s->n_files && s->files[file + 1].first <= row)
    file++;
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text, "%s: %s: row %zu", s->files[file].path, dataset ? dataset : "?", row - s->files[file].first);
  return strbuf_detach(&text);
}

enum err sample_open_source(const struct sample *s, size_t file, struct data_source *source) {
  const struct data_plan *plan = s->plan;
  if (plan->generated)
    return data_source_generate(source, plan->generate, plan->row_limit, plan->seed);
  return data_source_open(source, plan->format, &plan->names, s->files[file].path);
}

static void list_group(struct sample *s, const struct data_file_group *group, unsigned role) {
  for (size_t i = 0; i < group->n; i++)
    s->files[s->n_files++] = (struct sample_file){group->files[i], role, 0, 0};
}

static void list_files(struct sample *s) {
  const struct data_plan *plan = s->plan;
  size_t n = 1 + plan->train.n + plan->validation.n;
  for (size_t i = 0; i < plan->n_tests; i++)
    n += plan->test[i].n;
  s->files = MEM_NEW_ARRAY(struct sample_file, n);
  if (plan->generated)
    s->files[s->n_files++] = (struct sample_file){"generated", PART_TRAIN, 0, 0};
  list_group(s, &plan->train, PART_TRAIN);
  list_group(s, &plan->validation, PART_VALIDATION);
  for (size_t i = 0; i < plan->n_tests; i++)
    list_group(s, &plan->test[i], PART_TEST + (unsigned)i);
}

static char **copy_names(char *const *names, size_t n) {
  char **copy = MEM_NEW_ARRAY(char *, n + 1);
  for (size_t i = 0; i < n; i++)
    copy[i] = mem_strdup(names[i]);
  return copy;
}

/* The first file says what the sample is. */
static void take_shape(struct sample *s, const struct data_source *source) {
  s->width = source->width;
  s->variables = copy_names(source->variables, source->width);
  s->names_known = source->names_known;
  s->input_name = mem_strdup(source->input_name);
  s->label_name = mem_strdup(source->label_name);
  s->weight_name = mem_strdup(source->weight_name);
  s->synthetic = mem_strdup(source->synthetic);
  if (source->n_class_names) {
    s->n_class_names = source->n_class_names;
    s->class_names = copy_names(source->class_names, source->n_class_names);
    s->class_values = mem_dup(source->class_values, source->n_class_names * sizeof *s->class_values);
  }
  if (source->has_posterior) {
    s->n_posterior = source->n_posterior;
    s->posterior_labels = mem_dup(source->posterior_labels, source->n_posterior * sizeof *s->posterior_labels);
  }
}

static enum err check_same_names(const struct sample *s, const struct data_source *source) {
  const char *first = s->files[0].path;
  if (source->width != s->width)
    return FAIL(ERR_INPUT, "%s has %zu variables, but %s has %zu: they must be the same", source->path, source->width,
                first, s->width);
  for (size_t i = 0; i < s->width; i++)
    if (strcmp(source->variables[i], s->variables[i]) != 0)
      return FAIL(ERR_INPUT, "%s: variable %zu is %s, but in %s it is %s: name them in data.variables", source->path,
                  i + 1, source->variables[i], first, s->variables[i]);
  return OK;
}

static enum err check_same_classes(const struct sample *s, const struct data_source *source) {
  for (size_t i = 0; i < source->n_class_names && i < s->n_class_names; i++)
    if (strcmp(source->class_names[i], s->class_names[i]) != 0 || source->class_values[i] != s->class_values[i])
      return FAIL(ERR_INPUT,
                  "%s: label %lld means %s, but in %s label %lld means %s: import both files with the same --classes",
                  source->path, (long long)source->class_values[i], source->class_names[i], s->files[0].path,
                  (long long)s->class_values[i], s->class_names[i]);
  return OK;
}

static void drop_posterior(struct sample *s) {
  free(s->posterior_labels);
  s->posterior_labels = NULL;
  s->n_posterior = 0;
}

static bool same_posterior(const struct sample *s, const struct data_source *source) {
  return source->has_posterior && source->n_posterior == s->n_posterior &&
         memcmp(source->posterior_labels, s->posterior_labels, s->n_posterior * sizeof *s->posterior_labels) == 0;
}

static enum err check_source(struct sample *s, const struct data_source *source) {
  if (!source->has_labels)
    return FAIL(ERR_INPUT, "%s has no labels: name their dataset with data.labels", source->path);
  if (source->one_hot && s->plan->regression)
    return FAIL(ERR_INPUT, "%s: dataset %s has %zu columns: a number to predict must be one a row", source->path,
                source->label_name, source->label.width);
  TRY(check_same_names(s, source));
  TRY(check_same_classes(s, source));
  if (s->posterior_labels && !same_posterior(s, source))
    drop_posterior(s);
  return OK;
}

static void grow_columns(struct sample *s, const struct data_source *source) {
  s->label = mem_realloc(s->label, s->rows * sizeof *s->label);
  if (source->has_weights)
    s->weight = mem_realloc(s->weight, s->rows * sizeof *s->weight);
  if (source->has_event_numbers)
    s->event = mem_realloc(s->event, s->rows * sizeof *s->event);
}

static enum err read_weights(struct sample *s, const struct data_source *source, size_t first) {
  double *block = MEM_NEW_ARRAY(double, SAMPLE_BLOCK);
  enum err e = OK;
  for (size_t row = 0; e == OK && row < source->rows; row += SAMPLE_BLOCK) {
    size_t n = source->rows - row < SAMPLE_BLOCK ? source->rows - row : SAMPLE_BLOCK;
    e = source->ops->weights(source, row, n, block);
    progress_made("reading weights");
    for (size_t i = 0; e == OK && i < n; i++) {
      s->weight[first + row + i] = (float)block[i];
      if (!isfinite(s->weight[first + row + i]))
        e = FAIL(ERR_INPUT, "%s: %s: row %zu: the weight is %g: it must be a number", source->path, source->weight_name,
                 row + i, block[i]);
    }
  }
  free(block);
  return e;
}

static enum err read_labels(struct sample *s, const struct data_source *source, size_t first) {
  TRY(source->ops->labels(source, 0, source->rows, s->label + first));
  for (size_t i = 0; i < source->rows; i++) {
    double x = s->label[first + i];
    if (!isfinite(x))
      return FAIL(ERR_INPUT, "%s: %s: row %zu: the label is %g: remove the row", source->path, source->label_name, i,
                  x);
    if (!s->plan->regression && (x != floor(x) || fabs(x) > 9e15))
      return FAIL(ERR_INPUT,
                  "%s: %s: row %zu: the label %g is not a whole number: for regression set data.target = "
                  "\"value\"",
                  source->path, source->label_name, i, x);
    if (s->plan->regression && !isfinite((float)x))
      return FAIL(ERR_INPUT, "%s: %s: row %zu: the label %g is too big for a 32-bit number: use another unit",
                  source->path, source->label_name, i, x);
  }
  return OK;
}

static enum err read_columns(struct sample *s, size_t file, const struct data_source *source) {
  if (file == 0)
    take_shape(s, source);
  TRY(check_source(s, source));
  size_t first = s->rows;
  s->files[file].first = first;
  s->files[file].rows = source->rows;
  s->rows += source->rows;
  grow_columns(s, source);
  TRY(read_labels(s, source, first));
  if (source->has_weights)
    TRY(read_weights(s, source, first));
  if (source->has_event_numbers && s->plan->split == SPLIT_MODULO)
    TRY(source->ops->event_numbers(source, 0, source->rows, s->event + first));
  return OK;
}

enum err sample_read(struct sample *s, const struct data_plan *plan) {
  *s = (struct sample){.plan = plan};
  list_files(s);
  for (size_t file = 0; file < s->n_files; file++) {
    struct data_source source;
    enum err e = sample_open_source(s, file, &source);
    if (e == OK)
      e = read_columns(s, file, &source);
    data_source_close(&source);
    TRY(e);
  }
  return OK;
}

static void free_texts(char **texts, size_t n) {
  for (size_t i = 0; texts && i < n; i++)
    free(texts[i]);
  free(texts);
}

void sample_free(struct sample *s) {
  free_texts(s->variables, s->width);
  free_texts(s->class_names, s->n_class_names);
  for (size_t i = 0; i < s->n_classes; i++) {
    free(s->classes[i].name);
    free(s->classes[i].values);
  }
  free(s->classes);
  free(s->class_values);
  free(s->posterior_labels);
  free(s->files);
  free(s->input_name);
  free(s->label_name);
  free(s->weight_name);
  free(s->synthetic);
  free(s->label);
  free(s->class);
  free(s->weight);
  free(s->event);
  free(s->part);
  *s = (struct sample){0};
}
