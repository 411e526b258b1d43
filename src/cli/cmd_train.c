#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "nn/metric.h"
#include "run/evaluator.h"
#include "run/model_file.h"
#include "run/run.h"

static void usage(void) {
  printf("usage: coxswain train STUDY.cfg --params '{\"lr\": 0.001, ...}' [options]\n"
         "       coxswain train DIR --trial K [options]\n\n"
         "Trains one point of a study, or one of its trials again: the same point and seed give the same bits.\n"
         "With a study file, the prepared data and the settings go to NAME.train, beside the study's own folder, and "
         "so do\n"
         "the files of a program (evaluator = command).\n\n"
         "  -p, --params JSON    the point; fixed hyperparameters may be left out\n"
         "  -t, --trial K        the trial of a study folder (default: its best)\n"
         "  -o, --output FILE    write the trained network to a model file\n"
         "  -s, --set KEY=VALUE  change a setting (with a study file)\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain train configs/quickstart.cfg --params '{\"lr\": 0.002, \"width\": 64}' -o net.h5\n"
         "  coxswain train scan --trial 17 -o net.h5\n");
}

struct options {
  const char *source, *params, *output;
  int64_t trial;
  const char **sets;
  size_t n_sets;
};

/* The one point, and all that training it needs. */
struct job {
  struct settings *conf; /* owned unless it is the folder's */
  struct space own_space;
  const struct space *space;
  struct folder folder; /* path NULL: from a study file */
  char *name, *study_file, *out;
  struct params params;
  int64_t key;
  bool maximize;
  double recorded; /* value of the trial that is trained again; NaN */
};

/* A program has files of its own in the folder of its trial, which are not those of this training. */
static bool keeps_states(const struct job *j) {
  return evaluator_ops_of(settings_text(j->conf, "evaluator"))->keeps_states;
}

static char *beside(const char *folder) {
  struct strbuf name = STRBUF_INIT;
  size_t n = strlen(folder);
  while (n > 1 && folder[n - 1] == '/')
    n--;
  strbuf_printf(&name, "%.*s.train", (int)n, folder);
  return strbuf_detach(&name);
}

static enum err open_folder(struct job *j, const struct options *o) {
  const struct trial *t;
  TRY(folder_open(&j->folder, o->source));
  int64_t number = o->trial >= 0 ? o->trial : j->folder.study.best;
  if (number < 0)
    return FAIL(ERR_INPUT, "train: %s has no complete trial: give --trial", o->source);
  TRY(folder_trial(&j->folder, number, &t));
  if (t->parent >= 0)
    return FAIL(ERR_INPUT,
                "train: trial %lld began with the state that trial %lld had after %lld steps, and cannot be trained by "
                "itself: give the first of its line, or a point with --params",
                (long long)number, (long long)t->parent, (long long)t->start.step);
  j->conf = j->folder.conf;
  j->space = &j->folder.space;
  j->name = mem_strdup(j->folder.study.name);
  j->out = keeps_states(j) ? beside(o->source) : mem_strdup(o->source);
  params_copy(&j->params, &t->params);
  j->key = t->key;
  j->maximize = j->folder.study.maximize;
  j->recorded = t->state == TRIAL_COMPLETE ? t->value : (double)NAN;
  printf("trial %lld of %s\n", (long long)number, o->source);
  return OK;
}

static enum err take_point(struct job *j, const char *text) {
  json_t *json = NULL;
  TRY(json_parse(text, "--params", &json));
  enum err e = params_from_json(&j->params, json, "--params");
  json_decref(json);
  TRY(e);
  double *u = MEM_NEW_ARRAY(double, j->space->n_coordinates + 1);
  e = space_adopt(j->space, &j->params, u, "--params");
  free(u);
  return e;
}

static enum err open_file(struct job *j, const struct options *o) {
  struct complaints c;
  complaints_init(&c);
  settings_read(&j->conf, o->source, o->sets, o->n_sets, &c);
  if (j->conf)
    space_from_settings(&j->own_space, j->conf, &c);
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  TRY(e);
  j->space = &j->own_space;
  j->study_file = realpath(o->source, NULL);
  j->name = run_study_name(j->conf, o->source);
  const char *out = settings_text(j->conf, "run.out");
  struct strbuf scratch = STRBUF_INIT;
  strbuf_printf(&scratch, "%s.train", *out ? out : j->name);
  j->out = strbuf_detach(&scratch);
  j->maximize = run_maximizes(j->conf);
  j->recorded = (double)NAN;
  return take_point(j, o->params ? o->params : "{}");
}

/* An epoch on one line: all metrics are for the end. */
static void print_some(const struct params *metrics, const char *metric) {
  static const char *const names[] = {"train_loss", "val_loss", "lr"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const struct value *v = params_get(metrics, names[i]);
    double x;
    if (v && value_to_double(v, &x) && strcmp(names[i], metric) != 0)
      printf("  %s %-9.5g", names[i], x);
  }
  putchar('\n');
}

static void print_outcome(const struct job *j, const struct outcome *o) {
  const char *metric = settings_text(j->conf, "study.metric");
  if (o->kind == WORK_REPORT) {
    printf("%5lld  %s %-10.6g", (long long)o->step, metric, o->value);
    print_some(&o->metrics, metric);
  }
  if (o->kind == WORK_FINISHED) {
    printf("\n%s %.17g\n", metric, o->value);
    for (size_t i = 0; i < o->metrics.n; i++) {
      double x;
      if (value_to_double(&o->metrics.items[i].value, &x))
        printf("  %-28s %.6g\n", o->metrics.items[i].name, x);
    }
    if (!isnan(j->recorded))
      printf("recorded %.17g: %s\n", j->recorded, j->recorded == o->value ? "the same" : "NOT the same");
  }
  fflush(stdout);
}

static enum err write_model(const struct job *j, struct evaluator *e, const char *path, int64_t step) {
  struct state state;
  state_init(&state);
  struct model_origin origin = {.study = j->name,
                                .study_file = j->study_file ? j->study_file : "",
                                .folder = j->out,
                                .trial = j->key,
                                .step = step,
                                .params = &j->params};
  enum err code = e->ops->snapshot(e, 0, &state);
  if (code == OK)
    code = model_file_write(path, &origin, &state);
  state_free(&state);
  if (code == OK)
    printf("wrote %s\n", path);
  return code;
}

static enum err drive(const struct job *j, struct evaluator *e, const char *output) {
  struct work w = {.trial = j->key, .key = j->key, .params = j->params, .from = 0, .to = e->ops->steps(j->conf)};
  struct outcome o;
  TRY(e->ops->admit(e, 0, &w, NULL));
  for (bool over = false; !over;) {
    TRY(e->ops->advance(e, 0.5));
    while (e->ops->outcome(e, &o)) {
      over = o.kind != WORK_REPORT;
      print_outcome(j, &o);
      params_free(&o.metrics);
      if (o.kind == WORK_FAILED)
        return FAIL(ERR_INPUT, "train: the point failed: %s", o.reason);
    }
    if (!over && stop_requested() != STOP_NONE)
      return FAIL(ERR_STOPPED, "train: stopped before the end; nothing is kept");
  }
  return output ? write_model(j, e, output, o.step) : OK;
}

/* The effective settings beside the data's description: what a model file takes with it. They may be others than those
 * of the study of that name (--set), so that they have a folder of their own. */
static enum err write_settings(const struct job *j) {
  struct strbuf text = STRBUF_INIT;
  char *path = path_join(j->out, "study.cfg");
  enum err e = file_make_folders(j->out);
  settings_write(j->conf, &text);
  if (e == OK && !j->folder.path)
    e = file_write_atomic(path, text.text, text.len);
  strbuf_free(&text);
  free(path);
  return e;
}

/* What a program left here the last time is not gone on with. */
static enum err remove_earlier(const struct job *j) {
  char name[64];
  snprintf(name, sizeof name, "trials/trial-%06lld", (long long)j->key);
  char *path = path_join(j->out, name);
  enum err e = file_remove_tree(path);
  free(path);
  return e;
}

static enum err train(const struct options *options) {
  struct job j = {0};
  struct evaluator *e = NULL;
  params_init(&j.params);
  char *journal = path_join(options->source, "journal.log");
  enum err code = file_exists(journal) ? open_folder(&j, options) : open_file(&j, options);
  free(journal);
  if (code == OK)
    code = write_settings(&j);
  if (code == OK && keeps_states(&j))
    code = remove_earlier(&j);
  if (code == OK) {
    char *point = params_to_text(&j.params);
    printf("%s\n", point);
    free(point);
    struct evaluator_options o = {
        .conf = j.conf, .space = j.space, .folder = j.out, .study_name = j.name, .maximize = j.maximize, .slots = 1};
    code = evaluator_open(&e, settings_text(j.conf, "evaluator"), &o);
  }
  if (code == OK)
    code = drive(&j, e, options->output);
  evaluator_close(e);
  params_free(&j.params);
  if (j.conf != j.folder.conf)
    settings_free(j.conf);
  space_free(&j.own_space);
  folder_close(&j.folder);
  free(j.name);
  free(j.study_file);
  free(j.out);
  return code;
}

enum err cmd_train(int argc, char **argv) {
  static const struct option options[] = {
      {"params", required_argument, NULL, 'p'}, {"trial", required_argument, NULL, 't'},
      {"output", required_argument, NULL, 'o'}, {"set", required_argument, NULL, 's'},
      {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
  struct options o = {.trial = -1, .sets = MEM_NEW_ARRAY(const char *, argc)};
  enum err e = OK;
  opterr = 0;
  for (int c; e == OK && (c = getopt_long(argc, argv, ":p:t:o:s:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      free(o.sets);
      return OK;
    }
    if (c == '?' || c == ':')
      e = options_fault("train", argv, options);
    if (c == 'p')
      o.params = optarg;
    if (c == 't')
      e = show_count("--trial", optarg, 0, &o.trial);
    if (c == 'o')
      o.output = optarg;
    if (c == 's')
      o.sets[o.n_sets++] = optarg;
  }
  if (e == OK && optind + 1 != argc)
    e = FAIL(ERR_INPUT, "train: give a study file and --params, or a study folder and --trial");
  if (e == OK)
    e = options_output("train", o.output);
  if (e == OK) {
    o.source = argv[optind];
    stop_catch_signals();
    e = train(&o);
  }
  free(o.sets);
  return e;
}
