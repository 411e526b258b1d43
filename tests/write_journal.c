/* write_journal FOLDER: random studies as journals, each with what Optuna should make of it, for test_optuna.sh:
 * running.log, finished.log, maximize.log, beside each a .json in the form of `coxswain export --format json`. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "histories.h"

static enum err add(void *context, const struct op *op) {
  journal_add(context, op);
  return OK;
}

static enum err ignore(void *context, const struct op *op) {
  (void)context;
  (void)op;
  return OK;
}

static json_t *number_or_null(double x) {
  return isfinite(x) ? json_real(x) : json_null();
}

static json_t *trial_json(const struct trial *t) {
  json_t *reports = json_object(), *attributes = json_object();
  for (size_t i = 0; i < t->n_reports; i++) {
    char step[32];
    snprintf(step, sizeof step, "%lld", (long long)t->reports[i].step);
    json_object_set_new(reports, step, json_real(t->reports[i].value));
  }
  for (size_t i = 0; i < t->n_attributes; i++)
    if (!t->attributes[i].system)
      json_object_set_new(attributes, t->attributes[i].key, json_loads(t->attributes[i].json, JSON_DECODE_ANY, NULL));
  return json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "number", (json_int_t)t->number, "state",
                   trial_state_name(t->state), "value", number_or_null(t->value), "params", params_to_json(&t->params),
                   "intermediate_values", reports, "attributes", attributes);
}

static enum err write_expected(const struct study *s, const char *path) {
  json_t *trials = json_array();
  for (size_t i = 0; i < s->n; i++)
    json_array_append_new(trials, trial_json(&s->trials[i]));
  json_t *json = json_pack("{s:s, s:s, s:o}", "study", s->name, "direction", s->maximize ? "maximize" : "minimize",
                           "trials", trials);
  enum err e = json_write_file(path, json);
  json_decref(json);
  return e;
}

/* Attributes on trials that are over are nothing Optuna takes up, so the study stops before they come: each trial is
 * annotated while it runs. */
static enum err write_study(const char *folder, const char *name, uint64_t seed, bool maximize, bool finish) {
  char log[1024], expected[1024];
  struct historian h;
  struct journal *j;
  snprintf(log, sizeof log, "%s/%s.log", folder, name);
  snprintf(expected, sizeof expected, "%s/%s.json", folder, name);
  TRY(file_remove(log));
  TRY(journal_open(&j, log, ignore, NULL));
  historian_init(&h, seed, maximize, NULL, add, j);
  h.strict = true;
  for (int i = 0; i < 900; i++) {
    TRY(historian_step(&h));
    if (i % 50 == 0)
      TRY(journal_commit(j));
  }
  if (finish)
    TRY(historian_finish(&h));
  TRY(journal_commit(j));
  TRY(write_expected(&h.study, expected));
  historian_free(&h);
  journal_close(j);
  return OK;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: write_journal FOLDER\n");
    return 2;
  }
  enum err e = file_make_folders(argv[1]);
  if (e == OK)
    e = write_study(argv[1], "running", 1, false, false);
  if (e == OK)
    e = write_study(argv[1], "finished", 2, false, true);
  if (e == OK)
    e = write_study(argv[1], "maximize", 3, true, true);
  if (e != OK)
    fprintf(stderr, "write_journal: %s\n", err_text());
  return err_exit_code(e);
}
