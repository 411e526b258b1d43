#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "hpo/propose.h"
#include "hpo/sampler.h"
#include "run/run.h"

static void usage(void) {
  printf("usage: coxswain split STUDY.cfg --jobs N -o FOLDER [--set KEY=VALUE]\n\n"
         "Cuts a scan into files of points for independent jobs. Each job does one file and leaves a small JSON of its "
         "values;\n"
         "coxswain merge joins them to the study that one run would have made.\n\n"
         "  -j, --jobs N       so many files, as even as they go\n"
         "  -o, --output DIR   where part01.json ... go\n"
         "  -s, --set K=V      change a setting; give the jobs the same\n"
         "  -h, --help\n\n"
         "example:\n"
         "  coxswain split configs/dl1_scan.cfg --jobs 10 -o parts\n"
         "  coxswain run configs/dl1_scan.cfg --points parts/part03.json --out scan03 --results loss03.json\n"
         "  coxswain merge scan scan01 scan02 ... scan10\n");
}

static enum err apply(void *study, const struct op *op) {
  return study_apply(study, op);
}

/* The points that one run would ask for, in its order. */
static enum err draw(const struct settings *conf, const char *name, struct study *study, json_t *points) {
  struct sampler sampler;
  struct rng_key key = rng_key(name, (uint64_t)settings_int(conf, "study.seed"));
  TRY(sampler_open(&sampler, sampler_chosen(conf), study->space, key, conf));
  enum err e = OK;
  enum ask answer = ASK_POINT;
  if (sampler.ops->uses_history)
    e = FAIL(ERR_CONFIG,
             "split: the points of sampler %s depend on values that are not there yet: use grid, random or sobol",
             sampler.ops->name);
  for (int64_t n = 0; e == OK && n < settings_int(conf, "study.trials"); n++) {
    struct params p;
    params_init(&p);
    e = sampler_ask(&sampler, study, n, &p, &answer);
    if (e == OK && answer == ASK_POINT) {
      e = propose_trial(study->space, &p, n, n, 0, false, apply, study);
      json_array_append_new(points, json_pack("{s:I, s:o}", "number", (json_int_t)n, "params", params_to_json(&p)));
    }
    params_free(&p);
    if (answer != ASK_POINT)
      break;
  }
  sampler_close(&sampler);
  return e;
}

static enum err write_parts(const json_t *points, int64_t jobs, const char *folder) {
  size_t n = json_array_size(points), next = 0;
  TRY(file_make_folders(folder));
  for (int64_t job = 0; job < jobs; job++) {
    char name[64];
    snprintf(name, sizeof name, "part%02lld.json", (long long)job + 1);
    char *path = path_join(folder, name);
    json_t *part = json_array();
    for (size_t end = n * (size_t)(job + 1) / (size_t)jobs; next < end; next++)
      json_array_append(part, json_array_get(points, next));
    enum err e = json_write_file(path, part);
    json_decref(part);
    free(path);
    TRY(e);
  }
  return OK;
}

/* Files of another split would be taken for parts of this one. */
static enum err no_other_parts(int64_t jobs, const char *folder) {
  char name[64];
  snprintf(name, sizeof name, "part%02lld.json", (long long)jobs + 1);
  char *path = path_join(folder, name);
  enum err e =
      file_exists(path) ? FAIL(ERR_INPUT, "split: %s is of another split: give a new folder with -o", path) : OK;
  free(path);
  return e;
}

static enum err split(const char *file, const char *const *sets, size_t n_sets, int64_t jobs, const char *folder) {
  struct settings *conf = NULL;
  struct space space = {0};
  struct study study;
  struct complaints c;
  complaints_init(&c);
  settings_read(&conf, file, sets, n_sets, &c);
  if (conf)
    space_from_settings(&space, conf, &c);
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  json_t *points = json_array();
  study_init(&study, &space);
  if (e == OK) {
    char *name = run_study_name(conf, file);
    struct op create = op_of(OP_CREATE_STUDY, 0);
    create.name = name;
    e = study_apply(&study, &create);
    if (e == OK)
      e = draw(conf, name, &study, points);
    free(name);
  }
  if (e == OK)
    e = write_parts(points, jobs, folder);
  if (e == OK)
    printf("%zu points in %lld files in %s\n", json_array_size(points), (long long)jobs, folder);
  json_decref(points);
  study_free(&study);
  space_free(&space);
  settings_free(conf);
  return e;
}

enum err cmd_split(int argc, char **argv) {
  static const struct option options[] = {{"jobs", required_argument, NULL, 'j'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"set", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  const char *output = "parts", **sets = MEM_NEW_ARRAY(const char *, argc);
  size_t n_sets = 0;
  int64_t jobs = 0;
  enum err e = OK;
  opterr = 0;
  for (int c; e == OK && (c = getopt_long(argc, argv, ":j:o:s:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      free(sets);
      return OK;
    }
    if (c == '?' || c == ':')
      e = options_fault("split", argv, options);
    if (c == 'j')
      e = show_count("--jobs", optarg, 1, &jobs);
    if (c == 'o')
      output = optarg;
    if (c == 's')
      sets[n_sets++] = optarg;
  }
  if (e == OK && (optind + 1 != argc || !jobs))
    e = FAIL(ERR_INPUT, "split: give a study file and --jobs: coxswain split STUDY.cfg --jobs 10 -o parts");
  if (e == OK)
    e = no_other_parts(jobs, output);
  if (e == OK)
    e = split(argv[optind], sets, n_sets, jobs, output);
  free(sets);
  return e;
}
