#include "nn/data_look.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MOST_ROWS 200000
#define LOOK_ROWS 8192
#define SENTINEL (-999.0f)

const char *look_format(const struct look *l) {
  static const struct list_word words[] = {LIST_WORDS(FORMAT_LIST)};
  return words[l->format].name;
}

const char *look_label_name(const struct look *l, int64_t label) {
  for (size_t i = 0; i < l->source.n_class_names; i++)
    if (l->source.class_values[i] == label)
      return l->source.class_names[i];
  if (l->format != FORMAT_tdd || !l->source.label_name || !strstr(l->source.label_name, "TruthLabelID"))
    return NULL;
  return label == 0 ? "light" : label == 4 ? "c" : label == 5 ? "b" : label == 15 ? "tau" : NULL;
}

/* Blocks spread evenly: files are often sorted by label. */
static enum err measure(struct look *l) {
  const struct data_source *s = &l->source;
  size_t blocks = (s->rows + LOOK_ROWS - 1) / LOOK_ROWS, most = MOST_ROWS / LOOK_ROWS;
  size_t take = blocks < most ? blocks : most, n = 0;
  float *x = MEM_NEW_ARRAY(float, take *LOOK_ROWS * s->width);
  enum err e = OK;
  for (size_t i = 0; e == OK && i < take; i++) {
    size_t first = i * blocks / take * LOOK_ROWS, left = s->rows - first;
    size_t rows = left < LOOK_ROWS ? left : LOOK_ROWS;
    e = s->ops->inputs(s, first, rows, x + n * s->width);
    n += rows;
  }
  size_t sentinels = 0;
  for (size_t i = 0; e == OK && i < n * s->width; i++)
    if (x[i] == SENTINEL) {
      sentinels++;
      x[i] = NAN;
    }
  l->sentinel = sentinels > n / 1000;
  l->variables = MEM_NEW_ARRAY(struct data_variable, s->width);
  for (size_t j = 0; j < s->width; j++)
    l->variables[j].name = s->variables[j];
  if (e == OK)
    data_measure(l->variables, s->width, x, n);
  l->measured = n;
  free(x);
  return e;
}

static void count_label(struct look *l, double value) {
  if (value != floor(value) || fabs(value) > 9e15) { /* also for NaN */
    l->whole_labels = false;
    return;
  }
  int64_t label = (int64_t)value;
  size_t i = 0;
  while (i < l->n_labels && l->labels[i] < label)
    i++;
  if (i == l->n_labels || l->labels[i] != label) {
    if (l->n_labels == DATA_MAX_CLASSES) {
      l->whole_labels = false;
      return;
    }
    memmove(l->labels + i + 1, l->labels + i, (l->n_labels - i) * sizeof *l->labels);
    memmove(l->counts + i + 1, l->counts + i, (l->n_labels - i) * sizeof *l->counts);
    l->labels[i] = label;
    l->counts[i] = 0;
    l->n_labels++;
  }
  l->counts[i]++;
}

static double surprise(const struct data_source *s, double label, const float *posterior) {
  for (size_t k = 0; k < s->n_posterior; k++)
    if ((double)s->posterior_labels[k] == label)
      return -log((double)posterior[k]);
  return (double)NAN;
}

static enum err look_at_labels(struct look *l) {
  const struct data_source *s = &l->source;
  l->bayes_loss = (double)NAN;
  if (!s->has_labels)
    return OK;
  l->whole_labels = true;
  double *labels = MEM_NEW_ARRAY(double, LOOK_ROWS), loss = 0;
  float *posterior = s->has_posterior ? MEM_NEW_ARRAY(float, LOOK_ROWS * s->n_posterior) : NULL;
  enum err e = OK;
  for (size_t row = 0; e == OK && row < s->rows && l->whole_labels; row += LOOK_ROWS) {
    size_t n = s->rows - row < LOOK_ROWS ? s->rows - row : LOOK_ROWS;
    e = s->ops->labels(s, row, n, labels);
    if (e == OK && posterior)
      e = s->ops->posterior(s, row, n, posterior);
    for (size_t i = 0; e == OK && i < n && l->whole_labels; i++) {
      count_label(l, labels[i]);
      if (posterior)
        loss += surprise(s, labels[i], posterior + i * s->n_posterior);
    }
  }
  if (posterior)
    l->bayes_loss = loss / (double)s->rows;
  free(posterior);
  free(labels);
  return e;
}

enum err look_open(struct look *l, const char *path) {
  const struct data_names names = {0};
  *l = (struct look){.path = path, .source = {.file = -1}};
  l->source.input.id = l->source.label.id = l->source.weight.id = l->source.event.id = l->source.truth.id = -1;
  TRY(data_source_detect(path, &l->format));
  TRY(data_source_open(&l->source, l->format, &names, path));
  l->weights = l->format == FORMAT_array && hdf_has(l->source.file, "weights");
  l->event_numbers = l->format == FORMAT_array && hdf_has(l->source.file, "event_number");
  TRY(hdf_check(path));
  TRY(look_at_labels(l));
  return measure(l);
}

void look_close(struct look *l) {
  free(l->variables);
  l->variables = NULL;
  data_source_close(&l->source);
}
