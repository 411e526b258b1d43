/* What readers of HDF5 files share: opening and reading the columns of a sample. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/data_source.h"

enum err source_open_label(struct data_source *s, const char *dataset) {
  if (s->optional && !hdf_has(s->file, dataset))
    return OK;
  TRY(hdf_column_open(&s->label, s->file, s->path, dataset));
  s->has_labels = true;
  s->one_hot = !s->label.flat && s->label.width > 1;
  s->label_name = mem_strdup(dataset);
  return OK;
}

static enum err open_flat(struct data_source *s, struct hdf_column *c, const char *dataset) {
  TRY(hdf_column_open(c, s->file, s->path, dataset));
  if (c->width != 1)
    return FAIL(ERR_INPUT, "%s: dataset %s has %zu columns: it must have one number a row", s->path, dataset, c->width);
  return OK;
}

enum err source_open_weights(struct data_source *s, const char *dataset) {
  if (s->optional && !hdf_has(s->file, dataset))
    return OK;
  TRY(open_flat(s, &s->weight, dataset));
  s->has_weights = true;
  s->weight_name = mem_strdup(dataset);
  return OK;
}

enum err source_open_event_numbers(struct data_source *s, const char *dataset) {
  if (s->optional && !hdf_has(s->file, dataset))
    return OK;
  TRY(open_flat(s, &s->event, dataset));
  s->event_name = mem_strdup(dataset);
  if (!s->event.integer)
    return FAIL(ERR_INPUT, "%s: dataset %s does not hold whole numbers: event numbers must be", s->path, dataset);
  s->has_event_numbers = true;
  return OK;
}

/* How the file says it was made, and the exact posterior of generated data; files of other origin have neither. */
static enum err read_synthetic(struct data_source *s) {
  char **texts;
  size_t n;
  TRY(hdf_attribute_texts(s->file, s->input_name, "synthetic", &texts, &n));
  if (n == 0)
    return OK;
  s->synthetic = mem_strdup(texts[0]);
  hdf_names_free(texts, n);
  return OK;
}

enum err source_open_posterior(struct data_source *s) {
  TRY(read_synthetic(s));
  if (!hdf_has(s->file, "posterior"))
    return OK;
  TRY(hdf_attribute_ints(s->file, "posterior", "labels", &s->posterior_labels, &s->n_posterior));
  if (s->n_posterior == 0)
    return OK;
  TRY(hdf_column_open(&s->truth, s->file, s->path, "posterior"));
  if (s->truth.width != s->n_posterior)
    return FAIL(ERR_INPUT, "%s: dataset posterior has %zu columns but its attribute labels names %zu", s->path,
                s->truth.width, s->n_posterior);
  s->has_posterior = true;
  return OK;
}

static void number_inputs(struct data_source *s) {
  s->variables = MEM_NEW_ARRAY(char *, s->width);
  for (size_t i = 0; i < s->width; i++) {
    char name[32];
    snprintf(name, sizeof name, "v%zu", i + 1);
    s->variables[i] = mem_strdup(name);
  }
}

/* The user names some of the file's columns, in an order of their own. */
static enum err pick_inputs(struct data_source *s, const struct data_names *names, char *const *there) {
  s->pick = MEM_NEW_ARRAY(size_t, names->n_variables);
  for (size_t i = 0; i < names->n_variables; i++) {
    size_t j = 0;
    while (j < s->input_width && strcmp(there[j], names->variables[i]) != 0)
      j++;
    if (j == s->input_width) {
      const char **words = MEM_NEW_ARRAY(const char *, s->input_width);
      for (size_t k = 0; k < s->input_width; k++)
        words[k] = there[k];
      const char *near = nearest_word(names->variables[i], words, s->input_width);
      free(words);
      return FAIL(ERR_INPUT, "%s: %s has no variable %s%s%s", s->path, s->input_name, names->variables[i],
                  near ? ": did you mean " : "", near ? near : "");
    }
    s->pick[i] = j;
  }
  return OK;
}

static enum err name_by_user(struct data_source *s, const struct data_names *names, char **there, size_t n_there) {
  if (n_there)
    TRY(pick_inputs(s, names, there));
  else if (names->n_variables != s->input_width)
    return FAIL(ERR_INPUT, "%s: %s has %zu columns, but data.variables names %zu", s->path, s->input_name,
                s->input_width, names->n_variables);
  s->width = names->n_variables;
  s->variables = MEM_NEW_ARRAY(char *, s->width);
  for (size_t i = 0; i < s->width; i++)
    s->variables[i] = mem_strdup(names->variables[i]);
  return OK;
}

enum err source_name_inputs(struct data_source *s, const struct data_names *names, const char *attribute) {
  char **there;
  size_t n_there;
  s->input_width = s->width = s->input.width;
  s->names_known = true;
  TRY(hdf_attribute_texts(s->file, s->input_name, attribute, &there, &n_there));
  if (n_there && n_there != s->input_width) {
    hdf_names_free(there, n_there);
    return FAIL(ERR_INPUT, "%s: %s has %zu columns, but its attribute %s names %zu", s->path, s->input_name,
                s->input_width, attribute, n_there);
  }
  if (names->n_variables) {
    enum err e = name_by_user(s, names, there, n_there);
    hdf_names_free(there, n_there);
    return e;
  }
  if (n_there)
    s->variables = there;
  else
    number_inputs(s);
  s->names_known = n_there > 0;
  return OK;
}

enum err source_read_inputs(const struct data_source *s, size_t first, size_t n, float *out) {
  if (!s->pick)
    return hdf_read_float(&s->input, first, n, out);
  float *all = MEM_NEW_ARRAY(float, n * s->input_width);
  enum err e = hdf_read_float(&s->input, first, n, all);
  for (size_t i = 0; e == OK && i < n; i++)
    for (size_t j = 0; j < s->width; j++)
      out[i * s->width + j] = all[i * s->input_width + s->pick[j]];
  free(all);
  return e;
}

enum err source_read_class_names(struct data_source *s, const char *dataset, const char *names, const char *values) {
  size_t n_values = 0;
  TRY(hdf_attribute_texts(s->file, dataset, names, &s->class_names, &s->n_class_names));
  if (!s->n_class_names)
    return OK;
  if (values)
    TRY(hdf_attribute_ints(s->file, dataset, values, &s->class_values, &n_values));
  if (n_values == s->n_class_names)
    return OK;
  free(s->class_values); /* the usual case: labels count from 0 */
  s->class_values = MEM_NEW_ARRAY(int64_t, s->n_class_names);
  for (size_t i = 0; i < s->n_class_names; i++)
    s->class_values[i] = (int64_t)i;
  return OK;
}

static enum err one_hot_label(const struct data_source *s, size_t row, const double *hot, double *label) {
  size_t k = s->label.width, ones = 0, which = 0;
  for (size_t j = 0; j < k; j++) {
    if (hot[j] != 0 && hot[j] != 1) /* not a number is neither */
      return FAIL(ERR_INPUT, "%s: %s: row %zu: %g in a one-hot label: only 0 and 1 may stand there", s->path,
                  s->label_name, row, hot[j]);
    if (hot[j] == 1)
      ones++, which = j;
  }
  if (ones != 1)
    return FAIL(ERR_INPUT, "%s: %s: row %zu: a one-hot label with %zu ones: there must be one", s->path, s->label_name,
                row, ones);
  *label = (double)which;
  return OK;
}

enum err source_read_labels(const struct data_source *s, size_t first, size_t n, double *out) {
  if (!s->one_hot)
    return hdf_read_double(&s->label, first, n, out);
  size_t k = s->label.width;
  double *hot = MEM_NEW_ARRAY(double, n *k);
  enum err e = hdf_read_double(&s->label, first, n, hot);
  for (size_t i = 0; e == OK && i < n; i++)
    e = one_hot_label(s, first + i, hot + i * k, &out[i]);
  free(hot);
  return e;
}
enum err source_read_weights(const struct data_source *s, size_t first, size_t n, double *out) {
  return hdf_read_double(&s->weight, first, n, out);
}
enum err source_read_event_numbers(const struct data_source *s, size_t first, size_t n, int64_t *out) {
  return hdf_read_int(&s->event, first, n, out);
}
enum err source_read_posterior(const struct data_source *s, size_t first, size_t n, float *out) {
  return hdf_read_float(&s->truth, first, n, out);
}
