/* From a point to a running program: its folder, its words, its environment. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/command_words.h"
#include "run/evaluate_command.h"

/* ---- files ---- */

static enum err make_trial_folder(struct trial_files *f, const char *study_folder, int64_t trial) {
  char name[64];
  snprintf(name, sizeof name, "trials/trial-%06" PRId64, trial);
  char *relative = path_join(study_folder, name), *checkpoint = path_join(relative, "checkpoint");
  enum err e = file_make_folders(checkpoint);
  f->folder = e == OK ? realpath(relative, NULL) : NULL; /* the program runs elsewhere */
  if (e == OK && !f->folder)
    e = FAIL(ERR_IO, "%s: %s", relative, strerror(errno));
  free(relative);
  free(checkpoint);
  return e;
}

/* What lies in the folder is taken up again, so it must be of this point. */
static enum err write_params(const struct trial_files *f, const struct params *p) {
  json_t *json = params_to_json(p), *there = NULL;
  enum err e = file_exists(f->params) ? json_read_file(f->params, &there) : OK;
  if (e == OK && there) {
    struct params old;
    params_init(&old);
    e = params_from_json(&old, there, f->params);
    if (e == OK && !params_equal(&old, p))
      e = FAIL(ERR_INPUT, "%s is of another point: move the folder away", f->params);
    params_free(&old);
  } else if (e == OK)
    e = json_write_file(f->params, json);
  json_decref(there);
  json_decref(json);
  return e;
}

enum err trial_files_open(struct trial_files *f, const char *study_folder, int64_t trial, const struct params *p) {
  *f = (struct trial_files){0};
  TRY(make_trial_folder(f, study_folder ? study_folder : ".", trial));
  f->checkpoint = path_join(f->folder, "checkpoint");
  f->params = path_join(f->folder, "params.json");
  f->out = path_join(f->folder, "stdout.log");
  f->err = path_join(f->folder, "stderr.log");
  f->result = path_join(f->folder, "result.json");
  f->lease = path_join(f->folder, "running");
  return write_params(f, p);
}

void trial_files_close(struct trial_files *f) {
  free(f->folder);
  free(f->checkpoint);
  free(f->params);
  free(f->out);
  free(f->err);
  free(f->result);
  free(f->lease);
  *f = (struct trial_files){0};
}

/* ---- words and variables ---- */

struct texts {
  char **items; /* end in NULL */
  size_t n, cap;
};

static void add(struct texts *t, char *text) {
  MEM_GROW(t->items, t->n + 1, &t->cap);
  t->items[t->n++] = text;
  t->items[t->n] = NULL;
}

static void texts_free(struct texts *t) {
  for (size_t i = 0; i < t->n; i++)
    free(t->items[i]);
  free(t->items);
}

/* Symbolic links stay: a Python of a virtual environment is one, and finds it by its own name. */
char *command_program(const struct settings *conf, const char *word) {
  if (!strchr(word, '/'))
    return mem_strdup(word);
  char *path = settings_path(conf, word), *here = *path == '/' ? NULL : realpath(".", NULL);
  char *absolute = here ? path_join(here, path) : mem_strdup(path);
  free(here);
  free(path);
  return absolute;
}

static char *folder_of_study_file(const struct settings *conf) {
  char *folder = settings_path(conf, "."), *absolute = realpath(folder, NULL);
  if (absolute)
    free(folder);
  return absolute ? absolute : folder;
}

/* Each word of a list, filled; those that name a hyperparameter the point does not have are left out. */
static void add_words(struct texts *t, const struct settings *conf, const char *list, const struct places *places,
                      const struct params *p) {
  size_t n;
  const struct value *words = settings_list(conf, list, &n);
  for (size_t i = 0; i < n; i++) {
    struct strbuf word = STRBUF_INIT;
    if (word_fill(words[i].as.text, places, p, &word))
      add(t, mem_strdup(word.text));
    strbuf_free(&word);
  }
}

/* The program itself may be named relative to the study file. */
static void find_program(struct texts *argv, const struct settings *conf) {
  if (!argv->n)
    return;
  char *program = command_program(conf, argv->items[0]);
  free(argv->items[0]);
  argv->items[0] = program;
}

static void add_variable(struct texts *t, const char *name, const char *value) {
  struct strbuf b = STRBUF_INIT;
  strbuf_printf(&b, "COXSWAIN_%s=%s", name, value);
  add(t, strbuf_detach(&b));
}

/* COXSWAIN_P_name; shells cannot name a variable with anything but letters, digits and _. */
static void add_hyperparameters(struct texts *t, const struct params *p) {
  for (size_t i = 0; i < p->n; i++) {
    struct strbuf name = STRBUF_INIT, value = STRBUF_INIT;
    strbuf_printf(&name, "P_%s", p->items[i].name);
    for (char *c = name.text; *c; c++)
      if (!isalnum((unsigned char)*c))
        *c = '_';
    word_put_value(&value, &p->items[i].value);
    add_variable(t, name.text, value.text);
    strbuf_free(&name);
    strbuf_free(&value);
  }
}

static void add_number(struct texts *t, const char *name, int64_t x) {
  char text[32];
  snprintf(text, sizeof text, "%" PRId64, x);
  add_variable(t, name, text);
}

/* A seed that is the trial's wherever and whenever it runs. */
static int64_t seed_of(const struct evaluator_options *o, const struct work *w) {
  struct rng_key study = rng_key(o->study_name, (uint64_t)settings_int(o->conf, "study.seed"));
  struct rng rng = rng_of(rng_child(rng_child(study, RNG_TRIAL, (uint64_t)w->key), RNG_FUNCTION, 0));
  return (int64_t)(rng_uniform(&rng) * 2147483648.0);
}

/* Unless command.env has it. */
static void add_default(struct texts *t, const char *name, const char *value) {
  size_t n = strlen(name);
  for (size_t i = 0; i < t->n; i++)
    if (strncmp(t->items[i], name, n) == 0 && t->items[i][n] == '=')
      return;
  struct strbuf b = STRBUF_INIT;
  strbuf_printf(&b, "%s=%s", name, value);
  add(t, strbuf_detach(&b));
}

static void add_share(struct texts *t, const struct share *share) {
  char number[32];
  if (share->gpus)
    add_default(t, "CUDA_VISIBLE_DEVICES", share->gpus);
  snprintf(number, sizeof number, "%zu", share->n_cores);
  if (share->n_cores)
    add_default(t, "OMP_NUM_THREADS", number);
}

static void add_variables(struct texts *t, const struct evaluator_options *o, const struct trial_files *f,
                          const struct work *w, int64_t until) {
  add_number(t, "TRIAL", w->trial);
  add_number(t, "UNTIL", until);
  add_number(t, "STEPS", settings_int(o->conf, "command.steps"));
  add_number(t, "SEED", seed_of(o, w));
  add_variable(t, "STUDY", o->study_name);
  add_variable(t, "FOLDER", f->folder);
  add_variable(t, "CHECKPOINT", f->checkpoint);
  add_variable(t, "PARAMS", f->params);
  add_hyperparameters(t, &w->params);
  add_default(t, "PYTHONUNBUFFERED", "1"); /* reports are to be seen when they are printed */
}

enum err command_start(const struct evaluator_options *o, struct launcher *l, const struct trial_files *f,
                       const struct work *w, const struct share *share, struct payload *out) {
  struct texts argv = {0}, environment = {0};
  bool pauses = settings_bool(o->conf, "schedule.pause");
  int64_t last = pauses ? w->to : settings_int(o->conf, "command.steps");
  char trial[32], until[32], *here = folder_of_study_file(o->conf);
  snprintf(trial, sizeof trial, "%" PRId64, w->trial);
  snprintf(until, sizeof until, "%" PRId64, last);
  struct places places = {.trial = trial,
                          .folder = f->folder,
                          .checkpoint = f->checkpoint,
                          .params = f->params,
                          .until = until,
                          .here = here};
  add_words(&argv, o->conf, "command.argv", &places, &w->params);
  find_program(&argv, o->conf);
  add_words(&environment, o->conf, "command.env", &places, &w->params);
  add_variables(&environment, o, f, w, last);
  add_share(&environment, share);
  struct launch launch = {.argv = (const char *const *)argv.items,
                          .environment = (const char *const *)environment.items,
                          .folder = f->folder,
                          .lease = f->lease,
                          .turn = {w->run, w->stint},
                          .out = f->out,
                          .err = f->err,
                          .memory = settings_int(o->conf, "command.memory") * 1000000,
                          .cores = share->cores,
                          .n_cores = share->n_cores};
  enum err e = argv.n ? file_remove(f->result) : FAIL(ERR_INPUT, "command.argv has no word left for this point");
  if (e == OK)
    e = payload_start(l, &launch, out);
  texts_free(&argv);
  texts_free(&environment);
  free(here);
  return e;
}
