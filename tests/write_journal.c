/* write_journal FOLDER: random studies as journals, each with what Optuna should make of it, for test_optuna.sh:
 * running.log, finished.log, maximize.log, beside each a .json in the form of `coxswain export --format json`. And
 * cut-00.log ...: the last groups of a journal cut somewhere, opened again, and written on. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
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

enum { CUTS = 24, LAST_GROUPS = 4 };

/* Opened, which cuts the torn tail off, and written on by one more trial. */
static enum err write_on(const char *log, const char *expected) {
  struct study s;
  struct journal *j = NULL;
  study_init(&s, NULL);
  enum err e = journal_open(&j, log, study_visit, &s);
  struct op op = op_of(OP_CREATE_TRIAL, (int64_t)s.n);
  op.time = 1.8e9;
  if (e == OK) {
    journal_add(j, &op);
    e = study_apply(&s, &op);
  }
  if (e == OK)
    e = journal_commit(j);
  if (e == OK)
    e = write_expected(&s, expected);
  journal_close(j);
  study_free(&s);
  return e;
}

/* At places spread over the last groups of running.log, the ends of the groups among them. */
static enum err write_cuts(const char *folder) {
  char path[1024], expected[1024];
  struct strbuf whole = STRBUF_INIT;
  size_t first;
  int groups = 0;
  snprintf(path, sizeof path, "%s/running.log", folder);
  TRY(file_read(path, &whole));
  for (first = whole.len - 1; first > 0 && groups <= LAST_GROUPS; first--)
    groups += strncmp(whole.text + first, ",\"commit\":\"", 11) == 0;
  for (size_t i = 0; i < CUTS; i++) {
    size_t cut = first + (whole.len - first) * (i + 1) / CUTS;
    snprintf(path, sizeof path, "%s/cut-%02zu.log", folder, i);
    snprintf(expected, sizeof expected, "%s/cut-%02zu.json", folder, i);
    TRY(file_write_atomic(path, whole.text, cut));
    TRY(write_on(path, expected));
  }
  strbuf_free(&whole);
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
  log_levels(LOG_ERROR, LOG_ERROR);
  if (e == OK)
    e = write_cuts(argv[1]);
  if (e != OK)
    fprintf(stderr, "write_journal: %s\n", err_text());
  return err_exit_code(e);
}
