/* Files of the training-dataset-dumper: one compound dataset, jets, with a member for every variable, in physical
 * units; labels, weights and event numbers are members too. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/data_source.h"

/* Without names: every number but the label and the event number. */
static enum err name_members(struct data_source *s, const struct data_names *names) {
  if (names->n_variables) {
    s->width = names->n_variables;
    s->variables = MEM_NEW_ARRAY(char *, s->width);
    for (size_t i = 0; i < s->width; i++)
      s->variables[i] = mem_strdup(names->variables[i]);
    return OK;
  }
  char **all;
  size_t n, kept = 0;
  TRY(hdf_members(s->file, s->path, s->input_name, &all, &n));
  s->variables = MEM_NEW_ARRAY(char *, n + 1);
  for (size_t i = 0; i < n; i++)
    if (strcmp(all[i], s->label_name) != 0 && strcmp(all[i], "eventNumber") != 0)
      s->variables[kept++] = mem_strdup(all[i]);
  s->width = kept;
  hdf_names_free(all, n);
  return kept ? OK : FAIL(ERR_INPUT, "%s: dataset %s has no members that are numbers", s->path, s->input_name);
}

static enum err open_member(struct data_source *s, struct hdf_column *c, const char *member) {
  return hdf_members_open(c, s->file, s->path, s->input_name, &member, 1);
}

static bool has_member(struct data_source *s, const char *member) {
  char **all;
  size_t n;
  bool found = false;
  if (hdf_members(s->file, s->path, s->input_name, &all, &n) != OK)
    return false;
  for (size_t i = 0; i < n; i++)
    found = found || strcmp(all[i], member) == 0;
  hdf_names_free(all, n);
  return found;
}

static bool wanted(struct data_source *s, const char *member) {
  return member && (!s->optional || has_member(s, member));
}

static enum err open_inputs(struct data_source *s) {
  const char **pick = MEM_NEW_ARRAY(const char *, s->width);
  for (size_t i = 0; i < s->width; i++)
    pick[i] = s->variables[i];
  enum err e = hdf_members_open(&s->input, s->file, s->path, s->input_name, pick, s->width);
  free(pick);
  s->rows = s->input.rows;
  s->input_width = s->width;
  s->names_known = true;
  return e;
}

static enum err tdd_open(struct data_source *s, const struct data_names *names) {
  s->input_name = mem_strdup(names->inputs ? names->inputs : "jets");
  s->label_name = mem_strdup(names->labels ? names->labels : "HadronConeExclTruthLabelID");
  if (!hdf_is_compound(s->file, s->input_name)) { /* says what is there instead */
    const char *any = s->label_name;
    return hdf_members_open(&s->input, s->file, s->path, s->input_name, &any, 1);
  }
  TRY(name_members(s, names));
  TRY(open_inputs(s));
  if (wanted(s, names->labels) || has_member(s, s->label_name)) {
    TRY(open_member(s, &s->label, s->label_name));
    s->has_labels = true;
    TRY(source_read_class_names(s, s->input_name, "classes", "class_values"));
  }
  if (wanted(s, names->weights)) {
    s->weight_name = mem_strdup(names->weights);
    TRY(open_member(s, &s->weight, s->weight_name));
    s->has_weights = true;
  }
  if (wanted(s, names->event_number)) {
    s->event_name = mem_strdup(names->event_number);
    TRY(open_member(s, &s->event, s->event_name));
    if (!s->event.integer)
      return FAIL(ERR_INPUT, "%s: %s is not whole numbers: event numbers must be", s->path, s->event.name);
    s->has_event_numbers = true;
  }
  return source_open_posterior(s);
}

const struct source_ops source_tdd = {"tdd", tdd_open, SOURCE_READ_COLUMNS};
