#include "nn/data_description.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* ---- writing ---- */

static const char *format_name(const struct data_plan *plan) {
  static const struct list_word words[] = {LIST_WORDS(FORMAT_LIST)};
  static const struct list_word generators[] = {LIST_WORDS(GENERATE_LIST)};
  return plan->generated ? generators[plan->generate].name : words[plan->format].name;
}

static void part_name(const struct data_plan *plan, size_t part, char *name, size_t size) {
  if (part == PART_TRAIN || part == PART_VALIDATION)
    snprintf(name, size, "%s", part == PART_TRAIN ? "train" : "val");
  else if (plan->n_tests)
    snprintf(name, size, "test_%s", plan->test[part - PART_TEST].name);
  else
    snprintf(name, size, "test");
}

static json_t *sources_json(const struct sample *s, char (*sha)[65]) {
  json_t *array = json_array();
  for (size_t i = 0; i < s->n_files; i++) {
    json_t *file = json_pack("{s:s, s:I}", "path", s->files[i].path, "rows", (json_int_t)s->files[i].rows);
    if (!s->plan->generated)
      json_object_set_new(file, "sha256", json_string(sha[i]));
    json_array_append_new(array, file);
  }
  return array;
}

static json_t *variables_json(const struct data_variable *v, size_t width) {
  json_t *array = json_array();
  for (size_t i = 0; i < width; i++)
    json_array_append_new(array, json_pack("{s:s, s:f, s:f, s:f, s:b, s:I, s:f, s:f, s:f, s:f}", "name", v[i].name,
                                           "shift", v[i].shift, "scale", v[i].scale, "fill", v[i].fill, "flag",
                                           (int)v[i].flag, "missing", (json_int_t)v[i].missing, "mean", v[i].mean,
                                           "width", v[i].width, "min", v[i].low, "max", v[i].high));
  return array;
}

static json_t *class_json(const struct sample *s, size_t class) {
  json_t *labels = json_array(), *counts = json_object();
  for (size_t j = 0; j < s->classes[class].n_values; j++)
    json_array_append_new(labels, json_integer(s->classes[class].values[j]));
  double weight = 0;
  for (size_t part = 0; part < s->n_parts; part++) {
    char name[128];
    size_t n = 0;
    part_name(s->plan, part, name, sizeof name);
    for (size_t row = 0; row < s->rows; row++)
      if (s->part[row] == part && s->class[row] == (int32_t) class) {
        n++;
        if (part == PART_TRAIN)
          weight += s->weight ? (double)s->weight[row] : 1;
      }
    json_object_set_new(counts, name, json_integer((json_int_t)n));
  }
  return json_pack("{s:s, s:o, s:o, s:f}", "name", s->classes[class].name, "labels", labels, "rows", counts,
                   "training_weight", weight);
}

static json_t *parts_json(const struct sample *s, const struct range *parts) {
  json_t *array = json_array();
  for (size_t i = 0; i < s->n_parts; i++) {
    char name[128];
    part_name(s->plan, i, name, sizeof name);
    json_array_append_new(array, json_pack("{s:s, s:I, s:I}", "name", name, "first", (json_int_t)parts[i].first, "rows",
                                           (json_int_t)parts[i].n));
  }
  return array;
}

char *description_write(const struct sample *s, const struct data_variable *variables, const char *hash,
                        const struct range *parts, char (*sha)[65]) {
  size_t rows = parts[s->n_parts - 1].first + parts[s->n_parts - 1].n;
  json_t *classes = json_array(), *missing = json_array();
  for (size_t i = 0; i < s->n_classes; i++)
    json_array_append_new(classes, class_json(s, i));
  for (size_t i = 0; i < s->plan->n_missing; i++)
    json_array_append_new(missing, json_real((double)s->plan->missing[i]));
  json_t *all = json_pack("{s:s, s:s, s:o, s:I, s:o, s:o, s:o, s:b, s:b, s:b, s:o, s:{s:I, s:I, s:I}}", "hash", hash,
                          "format", format_name(s->plan), "files", sources_json(s, sha), "rows", (json_int_t)rows,
                          "parts", parts_json(s, parts), "variables", variables_json(variables, s->width), "classes",
                          classes, "regression", (int)s->plan->regression, "weights", (int)(s->weight != NULL), "truth",
                          (int)(s->posterior_labels != NULL), "missing_values", missing, "left_out", "other_labels",
                          (json_int_t)s->dropped_label, "negative_weights", (json_int_t)s->dropped_weight,
                          "beyond_data.rows", (json_int_t)s->not_read);
  if (s->synthetic)
    json_object_set_new(all, "synthetic", json_string(s->synthetic));
  char *text = json_text(all);
  json_decref(all);
  return text;
}

/* ---- reading ---- */

static size_t get_size(const json_t *object, const char *key) {
  json_int_t x = json_integer_value(json_object_get(object, key));
  return x > 0 ? (size_t)x : 0;
}
static double get_number(const json_t *object, const char *key) {
  return json_number_value(json_object_get(object, key));
}
static const char *get_text(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text ? text : "";
}

static void read_variables(struct description *d, const json_t *array) {
  d->width = json_array_size(array);
  d->variables = MEM_NEW_ARRAY(struct data_variable, d->width + 1);
  for (size_t i = 0; i < d->width; i++) {
    const json_t *v = json_array_get(array, i);
    d->variables[i] = (struct data_variable){.name = mem_strdup(get_text(v, "name")),
                                             .shift = get_number(v, "shift"),
                                             .scale = get_number(v, "scale"),
                                             .fill = get_number(v, "fill"),
                                             .flag = json_is_true(json_object_get(v, "flag")),
                                             .missing = get_size(v, "missing"),
                                             .mean = get_number(v, "mean"),
                                             .width = get_number(v, "width"),
                                             .low = get_number(v, "min"),
                                             .high = get_number(v, "max")};
  }
}

static void read_classes(struct description *d, const json_t *array) {
  d->n_classes = json_array_size(array);
  d->classes = MEM_NEW_ARRAY(struct data_class, d->n_classes + 1);
  d->class_weight = MEM_NEW_ARRAY(double, d->n_classes + 1);
  for (size_t i = 0; i < d->n_classes; i++) {
    const json_t *c = json_array_get(array, i), *labels = json_object_get(c, "labels");
    size_t n = json_array_size(labels);
    d->classes[i] = (struct data_class){mem_strdup(get_text(c, "name")), MEM_NEW_ARRAY(int64_t, n + 1), n};
    for (size_t j = 0; j < n; j++)
      d->classes[i].values[j] = json_integer_value(json_array_get(labels, j));
    d->class_weight[i] = get_number(c, "training_weight");
  }
}

static enum err read_parts(struct description *d, const json_t *array, const char *where) {
  size_t n = json_array_size(array), first = 0;
  if (n < 2 || n > DATA_MAX_PARTS)
    return FAIL(ERR_DAMAGED, "%s: %zu parts", where, n);
  for (size_t i = 0; i < n; i++) {
    const json_t *p = json_array_get(array, i);
    d->part_name[d->n_parts++] = mem_strdup(get_text(p, "name"));
    d->part[i] = (struct range){get_size(p, "first"), get_size(p, "rows")};
    if (d->part[i].first != first)
      return FAIL(ERR_DAMAGED, "%s: part %s does not follow the one before", where, d->part_name[i]);
    first += d->part[i].n;
  }
  return first == d->rows ? OK : FAIL(ERR_DAMAGED, "%s: the parts do not add up to all rows", where);
}

enum err description_read(struct description *d, const char *text, const char *where) {
  *d = (struct description){0};
  json_t *json;
  TRY(json_parse(text, where, &json));
  d->rows = get_size(json, "rows");
  d->regression = json_is_true(json_object_get(json, "regression"));
  d->weights = json_is_true(json_object_get(json, "weights"));
  d->truth = json_is_true(json_object_get(json, "truth"));
  read_variables(d, json_object_get(json, "variables"));
  read_classes(d, json_object_get(json, "classes"));
  const json_t *missing = json_object_get(json, "missing_values");
  d->n_missing = json_array_size(missing);
  d->missing = MEM_NEW_ARRAY(float, d->n_missing + 1);
  for (size_t i = 0; i < d->n_missing; i++)
    d->missing[i] = (float)json_number_value(json_array_get(missing, i));
  enum err e = read_parts(d, json_object_get(json, "parts"), where);
  if (e == OK && (d->width == 0 || d->rows == 0 || (d->n_classes < 2 && !d->regression)))
    e = FAIL(ERR_DAMAGED, "%s: the description of the data is not complete", where);
  json_decref(json);
  return e;
}

void description_free(struct description *d) {
  for (size_t i = 0; i < d->width; i++)
    free(d->variables[i].name);
  for (size_t i = 0; i < d->n_classes; i++) {
    free(d->classes[i].name);
    free(d->classes[i].values);
  }
  for (size_t i = 0; i < d->n_parts; i++)
    free(d->part_name[i]);
  free(d->variables);
  free(d->classes);
  free(d->class_weight);
  free(d->missing);
  *d = (struct description){0};
}
