#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "nn/data.h"
#include "nn/data_hdf.h"
#include "nn/spec.h"
#include "nn/trainer.h"
#include "run/model_file.h"

static void usage(void) {
  printf(
      "usage: coxswain predict MODEL.h5 DATA.h5 -o scores.h5\n"
      "       coxswain predict DIR [--trial K] DATA.h5 -o scores.h5\n\n"
      "Applies a trained network to a data file, prepared as the training data were: the same variables, shift and "
      "scale.\n"
      "MODEL.h5 is a file of DIR/best or of coxswain train -o; it needs nothing else.\n\n"
      "  -t, --trial K      the trial of the study folder (default: its best); it must be one of DIR/best\n"
      "  -o, --output FILE  HDF5: scores (n, classes) with the class names as attribute, labels if the file has them\n"
      "  -h, --help\n\n"
      "example:\n"
      "  coxswain predict scan new_jets.h5 -o scores.h5\n");
}

/* A trained network and all it takes to apply it. */
struct model {
  struct state state;
  struct settings *conf;
  struct data *names; /* classes and variables, no rows */
  struct spec spec;
};

static enum err find_model(const char *source, int64_t trial, char **path) {
  struct stat st;
  if (stat(source, &st) != 0)
    return FAIL(ERR_INPUT, "predict: %s is not there", source);
  if (!S_ISDIR(st.st_mode)) {
    *path = mem_strdup(source);
    return OK;
  }
  struct folder f;
  char name[64];
  TRY(folder_open(&f, source));
  int64_t number = trial >= 0 ? trial : f.study.best;
  folder_close(&f);
  if (number < 0)
    return FAIL(ERR_INPUT, "predict: %s has no complete trial yet", source);
  snprintf(name, sizeof name, "best/trial-%06lld.h5", (long long)number);
  *path = path_join(source, name);
  if (!file_exists(*path))
    return FAIL(
        ERR_INPUT,
        "predict: %s is not there: weights are kept of the run.keep best trials when a run ends. `coxswain train %s "
        "--trial %lld -o net.h5` makes them again",
        *path, source, (long long)number);
  return OK;
}

static const char *needed(const struct model *m, const char *name) {
  const char *text = state_text(&m->state, name);
  return text ? text : "";
}

static enum err read_spec(struct model *m) {
  struct complaints c;
  struct params params;
  struct settings *resolved = NULL;
  json_t *json = NULL;
  complaints_init(&c);
  params_init(&params);
  settings_read_text(&m->conf, needed(m, "study.cfg"), needed(m, "study_file"), NULL, 0, &c);
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  if (e == OK)
    e = json_parse(needed(m, "params.json"), "the model's params.json", &json);
  if (e == OK)
    e = params_from_json(&params, json, "the model's params.json");
  if (e == OK)
    e = settings_resolve(m->conf, &params, &resolved);
  if (e == OK)
    e = data_from_description(&m->names, needed(m, "data.json"));
  if (e == OK)
    e = spec_from_settings(&m->spec, resolved, m->names, rng_key("predict", 0), false);
  settings_free(resolved);
  params_free(&params);
  json_decref(json);
  return e;
}

static enum err write_scores(const struct model *m, const char *path, const float *scores, const int32_t *label,
                             size_t rows) {
  const struct data *names = m->names;
  size_t width = names->n_classes ? names->n_classes : 1;
  struct hdf_file f = HDF_FILE_NONE;
  enum err e = hdf_create(&f, path);
  if (e == OK)
    e = hdf_dataset_create(&f, "scores", HDF_FLOAT, width);
  if (e == OK)
    e = hdf_dataset_add(&f, "scores", scores, rows);
  if (e == OK && names->n_classes)
    e = hdf_write_texts(&f, "scores", "classes", (const char *const *)names->classes, names->n_classes);
  if (e == OK && label) {
    e = hdf_dataset_create(&f, "labels", HDF_INT32, 0);
    if (e == OK)
      e = hdf_dataset_add(&f, "labels", label, rows);
  }
  if (e == OK)
    e = hdf_commit(&f);
  hdf_abandon(&f);
  return e;
}

/* Share of rows whose most probable class is the true one, for files that know it. */
static void print_accuracy(const struct model *m, const float *scores, const int32_t *label, size_t rows) {
  size_t k = m->names->n_classes, right = 0, known = 0;
  for (size_t i = 0; i < rows && label && k; i++) {
    size_t best = 0;
    for (size_t c = 1; c < k; c++)
      if (scores[i * k + c] > scores[i * k + best])
        best = c;
    known += label[i] >= 0;
    right += label[i] >= 0 && best == (size_t)label[i];
  }
  if (known)
    printf("accuracy %.5f over %zu rows with a known class\n", (double)right / (double)known, known);
}

static enum err apply(const struct model *m, const char *file, const char *output) {
  float *x = NULL, *weight = NULL;
  int32_t *label = NULL;
  size_t rows = 0, width = m->names->n_classes ? m->names->n_classes : 1;
  TRY(data_apply(m->conf, needed(m, "data.json"), file, &x, &label, &weight, &rows));
  float *scores = MEM_NEW_ARRAY(float, rows *width + 1);
  enum err e = trainer_predict(&m->spec, &m->state, x, rows, scores);
  if (e == OK)
    e = write_scores(m, output, scores, label, rows);
  if (e == OK) {
    print_accuracy(m, scores, label, rows);
    printf("%s: %zu rows\n", output, rows);
  }
  free(x);
  free(weight);
  free(label);
  free(scores);
  return e;
}

static enum err predict(const char *source, int64_t trial, const char *file, const char *output) {
  struct model m = {0};
  char *path = NULL;
  state_init(&m.state);
  enum err e = find_model(source, trial, &path);
  if (e == OK)
    e = model_file_read(path, &m.state, NULL);
  if (e == ERR_DAMAGED) {
    err_clear();
    e = FAIL(ERR_INPUT,
             "predict: %s is no trained network, or was cut short: give a file of DIR/best or of coxswain train -o",
             path);
  }
  if (e == OK)
    e = read_spec(&m);
  if (e == OK)
    e = apply(&m, file, output);
  state_free(&m.state);
  settings_free(m.conf);
  data_close(m.names);
  free(path);
  return e;
}

enum err cmd_predict(int argc, char **argv) {
  static const struct option options[] = {{"trial", required_argument, NULL, 't'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  int64_t trial = -1;
  const char *output = NULL;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":t:o:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c == '?' || c == ':')
      return options_fault("predict", argv, options);
    if (c == 't')
      TRY(show_count("--trial", optarg, 0, &trial));
    if (c == 'o')
      output = optarg;
  }
  if (optind + 2 != argc || !output)
    return FAIL(ERR_INPUT,
                "predict: give a model or study folder, a data file and -o: coxswain predict DIR DATA.h5 -o scores.h5");
  TRY(options_output("predict", output));
  return predict(argv[optind], trial, argv[optind + 1], output);
}
