/* Training files as umami writes them: jets/inputs (n, variables), already scaled, jets/labels (n) and
 * jets/labels_one_hot (n, classes), with the attributes jet_variables and label_classes. */
#include "base/mem.h"
#include "nn/data_source.h"

static const char *label_dataset(const struct data_source *s, const struct data_names *names) {
  if (names->labels)
    return names->labels;
  if (hdf_has(s->file, "jets/labels"))
    return "jets/labels";
  return hdf_has(s->file, "jets/labels_one_hot") ? "jets/labels_one_hot" : NULL;
}

static enum err umami_open(struct data_source *s, const struct data_names *names) {
  s->input_name = mem_strdup(names->inputs ? names->inputs : "jets/inputs");
  TRY(hdf_column_open(&s->input, s->file, s->path, s->input_name));
  s->rows = s->input.rows;
  TRY(source_name_inputs(s, names, "jet_variables"));
  const char *labels = label_dataset(s, names);
  if (labels) {
    TRY(source_open_label(s, labels));
    if (s->has_labels)
      TRY(source_read_class_names(s, labels, "label_classes", NULL));
  }
  if (names->weights)
    TRY(source_open_weights(s, names->weights));
  if (names->event_number)
    TRY(source_open_event_numbers(s, names->event_number));
  return source_open_posterior(s);
}

const struct source_ops source_umami = {"umami", umami_open, SOURCE_READ_COLUMNS};
