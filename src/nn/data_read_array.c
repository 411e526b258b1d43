/* Plain datasets: inputs (n, variables), labels (n), and if wanted weights (n), event numbers (n). The inputs'
 * attribute `variables` names the columns, the labels' attributes `classes` and `class_values` the classes, as coxswain
 * import and generate write them. */
#include "base/mem.h"
#include "nn/data_source.h"

static enum err array_open(struct data_source *s, const struct data_names *names) {
  s->input_name = mem_strdup(names->inputs ? names->inputs : "inputs");
  TRY(hdf_column_open(&s->input, s->file, s->path, s->input_name));
  s->rows = s->input.rows;
  TRY(source_name_inputs(s, names, "variables"));
  if (names->labels || hdf_has(s->file, "labels"))
    TRY(source_open_label(s, names->labels ? names->labels : "labels"));
  if (s->has_labels)
    TRY(source_read_class_names(s, s->label_name, "classes", "class_values"));
  if (names->weights)
    TRY(source_open_weights(s, names->weights));
  if (names->event_number)
    TRY(source_open_event_numbers(s, names->event_number));
  return source_open_posterior(s);
}

const struct source_ops source_array = {"array", array_open, SOURCE_READ_COLUMNS};
