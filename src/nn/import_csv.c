#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/stop.h"
#include "conf/complaints.h"
#include "nn/data_hdf.h"
#include "nn/import_labels.h"
#include "nn/import_text.h"

#define BLOCK 4096 /* rows written at once */

enum column_use { COLUMN_INPUT, COLUMN_DROP, COLUMN_LABEL, COLUMN_WEIGHT, COLUMN_EVENT };

struct table {
  const struct import_csv *o;
  struct text_file text;
  struct hdf_file file;
  char **names; /* (n) of all columns */
  enum column_use *use;
  size_t n, n_inputs, rows, missing;
  float *x; /* (BLOCK, n_inputs) */
  /* grown by the row; small beside the inputs */
  int64_t *label, *event;
  double *target;
  float *weight;
  size_t label_cap, event_cap, target_cap, weight_cap;
  struct label_list labels;
};

/* "file:12:7: column PRI_met". Caller frees. */
static char *where(const struct table *t, size_t column) {
  struct strbuf text = STRBUF_INIT;
  const struct text_field *field = &t->text.fields[column];
  strbuf_printf(&text, "%s:%zu:%zu: column %s", t->o->input, field->line, field->column, t->names[column]);
  return strbuf_detach(&text);
}

/* ---- columns ---- */

static enum err name_columns(struct table *t) {
  t->n = t->text.n_fields;
  t->names = MEM_NEW_ARRAY(char *, t->n);
  t->use = MEM_NEW_ARRAY(enum column_use, t->n);
  for (size_t i = 0; i < t->n; i++) {
    char number[32];
    snprintf(number, sizeof number, "v%zu", i + 1);
    t->names[i] = mem_strdup(t->o->no_header ? number : text_of(&t->text, i));
    const struct text_field *field = &t->text.fields[i];
    if (t->names[i][0] == '\0')
      return FAIL(ERR_INPUT, "%s:%zu:%zu: column %zu has no name: is the first line a header? (--no-header)",
                  t->o->input, field->line, field->column, i + 1);
    for (size_t j = 0; j < i; j++)
      if (strcmp(t->names[i], t->names[j]) == 0)
        return FAIL(ERR_INPUT, "%s:%zu:%zu: two columns are called %s%s", t->o->input, field->line, field->column,
                    t->names[i], t->o->no_header ? "" : ": is the first line a header? (--no-header)");
  }
  return OK;
}

static enum err find_column(const struct table *t, const char *option, const char *name, size_t *column) {
  for (*column = 0; *column < t->n; ++*column) {
    const char *there = t->names[*column];
    if (strcmp(there, name) == 0 || (t->o->no_header && strcmp(there + 1, name) == 0)) /* v3 is called 3, too */
      return OK;
  }
  const char *near = nearest_word(name, (const char *const *)t->names, t->n);
  if (t->o->no_header)
    return FAIL(ERR_INPUT, "%s: %s %s: the columns are called 1 to %zu", t->o->input, option, name, t->n);
  return FAIL(ERR_INPUT, "%s: %s %s: there is no such column%s%s%s", t->o->input, option, name,
              near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static enum err use_column(struct table *t, const char *option, const char *name, enum column_use use) {
  size_t column;
  if (!name)
    return OK;
  TRY(find_column(t, option, name, &column));
  if (t->use[column] != COLUMN_INPUT)
    return FAIL(ERR_INPUT, "%s: %s %s: the column is used for something else as well", t->o->input, option, name);
  t->use[column] = use;
  return OK;
}

static enum err use_columns(struct table *t) {
  const struct import_csv *o = t->o;
  TRY(use_column(t, "--label", o->label, COLUMN_LABEL));
  TRY(use_column(t, "--weights", o->weights, COLUMN_WEIGHT));
  TRY(use_column(t, "--event-number", o->event_number, COLUMN_EVENT));
  for (size_t i = 0; i < o->n_drop; i++)
    TRY(use_column(t, "--drop", o->drop[i], COLUMN_DROP));
  for (size_t i = 0; i < t->n; i++)
    t->n_inputs += t->use[i] == COLUMN_INPUT;
  if (t->n_inputs == 0)
    return FAIL(ERR_INPUT, "%s: no column is left as an input", o->input);
  t->x = MEM_NEW_ARRAY(float, BLOCK * t->n_inputs);
  return OK;
}

/* ---- cells ---- */

static bool is_missing(const struct import_csv *o, const char *text, double value, bool number) {
  if (*text == '\0' || strcasecmp(text, "nan") == 0 || strcmp(text, "NA") == 0)
    return true;
  for (size_t i = 0; i < o->n_missing; i++) {
    char *end;
    double sentinel = strtod(o->missing[i], &end);
    if (strcmp(text, o->missing[i]) == 0 || (number && *end == '\0' && value == sentinel))
      return true;
  }
  return false;
}

static bool parse_number(const char *text, double *value) {
  char *end;
  *value = strtod(text, &end); /* the program never leaves the C locale */
  return end != text && *end == '\0';
}

static enum err fail_cell(const struct table *t, size_t column, const char *what) {
  char *place = where(t, column);
  enum err e = FAIL(ERR_INPUT, "%s: '%s' %s", place, text_of(&t->text, column), what);
  free(place);
  return e;
}

static enum err input_cell(struct table *t, size_t column, float *out) {
  const char *text = text_of(&t->text, column);
  double value = 0;
  bool number = parse_number(text, &value);
  if (is_missing(t->o, text, value, number)) {
    *out = NAN;
    t->missing++;
    return OK;
  }
  if (!number)
    return fail_cell(t, column, "is not a number: leave the column out with --drop, or name the text with --missing");
  *out = (float)value;
  if (!isfinite(*out))
    return fail_cell(t, column, "is too big for a 32-bit number");
  return OK;
}

static enum err weight_cell(struct table *t, size_t column) {
  double value;
  if (!parse_number(text_of(&t->text, column), &value) || !isfinite(value))
    return fail_cell(t, column, "is no weight: it must be a number");
  MEM_GROW(t->weight, t->rows, &t->weight_cap);
  t->weight[t->rows] = (float)value;
  return OK;
}

static enum err event_cell(struct table *t, size_t column) {
  const char *text = text_of(&t->text, column);
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (end == text || *end || errno)
    return fail_cell(t, column, "is no event number: it must be a whole number");
  MEM_GROW(t->event, t->rows, &t->event_cap);
  t->event[t->rows] = value;
  return OK;
}

static enum err label_cell(struct table *t, size_t column) {
  const char *text = text_of(&t->text, column);
  double value;
  if (t->o->regression) {
    if (!parse_number(text, &value) || !isfinite(value))
      return fail_cell(t, column, "is no number to predict: remove the row");
    MEM_GROW(t->target, t->rows, &t->target_cap);
    t->target[t->rows] = value;
    return OK;
  }
  char *place = where(t, column);
  int which = 0;
  enum err e = labels_add(&t->labels, text, place, &which);
  free(place);
  MEM_GROW(t->label, t->rows, &t->label_cap);
  t->label[t->rows] = which;
  return e;
}

static enum err add_row(struct table *t) {
  if (t->text.n_fields != t->n) {
    const struct text_field *field = &t->text.fields[t->text.n_fields > t->n ? t->n : t->text.n_fields - 1];
    return FAIL(ERR_INPUT, "%s:%zu:%zu: this row has %zu fields, the first has %zu", t->o->input, field->line,
                field->column, t->text.n_fields, t->n);
  }
  float *x = t->x + t->rows % BLOCK * t->n_inputs;
  for (size_t i = 0; i < t->n; i++) {
    if (t->use[i] == COLUMN_INPUT)
      TRY(input_cell(t, i, x++));
    else if (t->use[i] == COLUMN_LABEL)
      TRY(label_cell(t, i));
    else if (t->use[i] == COLUMN_WEIGHT)
      TRY(weight_cell(t, i));
    else if (t->use[i] == COLUMN_EVENT)
      TRY(event_cell(t, i));
  }
  t->rows++;
  return OK;
}

/* ---- the file ---- */

static enum err flush(struct table *t, size_t n) {
  TRY(hdf_dataset_add(&t->file, "inputs", t->x, n));
  if (t->o->progress)
    t->o->progress(text_share(&t->text), t->rows);
  return stop_requested() ? FAIL(ERR_STOPPED, "%s: interrupted, nothing was written", t->o->output) : OK;
}

static enum err create(struct table *t) {
  const char **inputs = MEM_NEW_ARRAY(const char *, t->n_inputs);
  for (size_t i = 0, k = 0; i < t->n; i++)
    if (t->use[i] == COLUMN_INPUT)
      inputs[k++] = t->names[i];
  enum err e = hdf_create(&t->file, t->o->output);
  if (e == OK)
    e = hdf_dataset_create(&t->file, "inputs", HDF_FLOAT, t->n_inputs);
  if (e == OK)
    e = hdf_write_texts(&t->file, "inputs", "variables", inputs, t->n_inputs);
  free(inputs);
  return e;
}

static enum err write_classes(struct table *t, struct import_summary *out) {
  TRY(labels_settle(&t->labels, t->o->input));
  for (size_t i = 0; i < t->rows; i++)
    t->label[i] = t->labels.values[t->label[i]];
  labels_summary(&t->labels, out);
  TRY(hdf_dataset_create(&t->file, "labels", HDF_INT64, 0));
  TRY(hdf_dataset_add(&t->file, "labels", t->label, t->rows));
  TRY(hdf_write_texts(&t->file, "labels", "classes", (const char *const *)out->classes, out->n_classes));
  return hdf_write_ints(&t->file, "labels", "class_values", out->class_values, out->n_classes);
}

static enum err write_columns(struct table *t, struct import_summary *out) {
  if (t->o->regression) {
    TRY(hdf_dataset_create(&t->file, "labels", HDF_DOUBLE, 0));
    TRY(hdf_dataset_add(&t->file, "labels", t->target, t->rows));
  } else
    TRY(write_classes(t, out));
  if (t->weight) {
    TRY(hdf_dataset_create(&t->file, "weights", HDF_FLOAT, 0));
    TRY(hdf_dataset_add(&t->file, "weights", t->weight, t->rows));
  }
  if (t->event) {
    TRY(hdf_dataset_create(&t->file, "event_number", HDF_INT64, 0));
    TRY(hdf_dataset_add(&t->file, "event_number", t->event, t->rows));
  }
  return OK;
}

static enum err convert(struct table *t, struct import_summary *out) {
  bool more;
  TRY(text_open(&t->text, t->o->input, t->o->separator ? t->o->separator : ','));
  TRY(text_record(&t->text, &more));
  if (!more)
    return FAIL(ERR_INPUT, "%s holds blank lines only", t->o->input);
  TRY(name_columns(t));
  TRY(use_columns(t));
  TRY(create(t));
  if (!t->o->no_header)
    TRY(text_record(&t->text, &more));
  while (more) {
    TRY(add_row(t));
    if (t->rows % BLOCK == 0)
      TRY(flush(t, BLOCK));
    TRY(text_record(&t->text, &more));
  }
  if (t->rows == 0)
    return FAIL(ERR_INPUT, "%s has a header and no rows", t->o->input);
  TRY(flush(t, t->rows % BLOCK));
  TRY(write_columns(t, out));
  out->rows = t->rows;
  out->variables = t->n_inputs;
  out->missing = t->missing;
  return hdf_commit(&t->file);
}

static void table_free(struct table *t) {
  for (size_t i = 0; i < t->n; i++)
    free(t->names[i]);
  free(t->names);
  free(t->use);
  free(t->x);
  free(t->label);
  free(t->event);
  free(t->target);
  free(t->weight);
  labels_free(&t->labels);
  hdf_abandon(&t->file);
  text_close(&t->text);
  free(t);
}

enum err import_csv_file(const struct import_csv *o, struct import_summary *out) {
  *out = (struct import_summary){0};
  struct table *t = MEM_NEW(struct table); /* its text buffer is too big for a stack */
  t->o = o;
  t->file = (struct hdf_file)HDF_FILE_NONE;
  t->text.text = (struct strbuf)STRBUF_INIT;
  t->labels.options = o;
  enum err e = convert(t, out);
  table_free(t);
  return e;
}

void import_summary_free(struct import_summary *s) {
  for (size_t i = 0; i < s->n_classes; i++)
    free(s->classes[i]);
  *s = (struct import_summary){0};
}
