/* Labels to classes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/data_sample.h"

static int compare_values(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The different labels, in ascending order; more than DATA_MAX_CLASSES is an error. */
static enum err distinct_labels(const struct sample *s, int64_t values[DATA_MAX_CLASSES], size_t *n) {
  *n = 0;
  for (size_t row = 0; row < s->rows; row++) {
    int64_t value = (int64_t)s->label[row];
    size_t i = 0;
    while (i < *n && values[i] != value)
      i++;
    if (i < *n)
      continue;
    if (*n == DATA_MAX_CLASSES)
      return FAIL(ERR_INPUT,
                  "%s: %s has more than %d different labels: name the classes with data.classes, or set data.target = "
                  "\"value\" for regression",
                  s->files[0].path, s->label_name, DATA_MAX_CLASSES);
    values[(*n)++] = value;
  }
  qsort(values, *n, sizeof *values, compare_values);
  return OK;
}

static char *name_of_label(const struct sample *s, int64_t value) {
  for (size_t i = 0; i < s->n_class_names; i++)
    if (s->class_values[i] == value)
      return mem_strdup(s->class_names[i]);
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  return mem_strdup(text);
}

static enum err classes_from_labels(struct sample *s) {
  int64_t values[DATA_MAX_CLASSES];
  size_t n;
  TRY(distinct_labels(s, values, &n));
  if (n < 2)
    return FAIL(ERR_INPUT, "%s: %s: every label is %lld: there is nothing to tell apart", s->files[0].path,
                s->label_name, (long long)values[0]);
  s->n_classes = n;
  for (size_t i = 0; i < n; i++)
    s->classes[i] = (struct data_class){name_of_label(s, values[i]), mem_dup(&values[i], sizeof *values), 1};
  return OK;
}

static void classes_from_plan(struct sample *s) {
  for (size_t i = 0; i < s->plan->n_classes; i++) {
    const struct data_class *c = &s->plan->classes[i];
    s->classes[s->n_classes++] =
        (struct data_class){mem_strdup(c->name), mem_dup(c->values, c->n_values * sizeof *c->values), c->n_values};
  }
}

static int32_t class_of(const struct sample *s, int64_t value) {
  for (size_t i = 0; i < s->n_classes; i++)
    for (size_t j = 0; j < s->classes[i].n_values; j++)
      if (s->classes[i].values[j] == value)
        return (int32_t)i;
  return -1;
}

/* "the labels are 0, 4 and 15" */
static enum err fail_no_rows(const struct sample *s, size_t class) {
  int64_t values[DATA_MAX_CLASSES];
  size_t n;
  struct strbuf text = STRBUF_INIT;
  if (distinct_labels(s, values, &n) == OK)
    for (size_t i = 0; i < n; i++)
      strbuf_printf(&text, "%s%lld", i ? ", " : " (labels there: ", (long long)values[i]);
  else
    err_clear();
  if (text.len)
    strbuf_putc(&text, ')');
  enum err e = FAIL(ERR_INPUT, "%s: %s: no row of class %s%s: check data.classes", s->files[0].path, s->label_name,
                    s->classes[class].name, text.text);
  strbuf_free(&text);
  return e;
}

enum err sample_find_classes(struct sample *s) {
  s->class = MEM_NEW_ARRAY(int32_t, s->rows);
  if (s->plan->regression)
    return OK;
  s->classes = MEM_NEW_ARRAY(struct data_class, DATA_MAX_CLASSES);
  if (s->plan->n_classes)
    classes_from_plan(s);
  else
    TRY(classes_from_labels(s));
  size_t count[DATA_MAX_CLASSES] = {0};
  for (size_t row = 0; row < s->rows; row++) {
    int32_t class = class_of(s, (int64_t)s->label[row]);
    s->class[row] = class;
    if (class >= 0)
      count[class]++;
    else
      s->dropped_label++;
  }
  for (size_t i = 0; i < s->n_classes; i++)
    if (count[i] == 0)
      return fail_no_rows(s, i);
  return OK;
}
