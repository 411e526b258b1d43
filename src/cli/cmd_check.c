#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/options.h"
#include "hpo/rehearse.h"
#include "hpo/sampler.h"
#include "run/evaluator.h"
#include "run/run.h"

static void usage(void) {
  printf("usage: coxswain check STUDY.cfg [--set KEY=VALUE] [--quick]\n\n"
         "Lists every mistake of a study file with file and line, and says what the study will cost: points, steps, "
         "rows,\n"
         "parameters, memory, core hours. For that it prepares the data, as a run would, and trains some points for a "
         "moment.\n\n"
         "  -s, --set KEY=VALUE   change a setting\n"
         "      --quick           mistakes only\n"
         "      --folder          prints the folder that `coxswain run` takes, or mistakes, and nothing else\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain check scan.cfg\n"
         "  coxswain check scan.cfg --set schedule.name=halving     what halving would save\n");
}

struct check {
  struct settings *conf;
  struct space space;
  const struct evaluator_ops *evaluator;
  struct evaluator_options options;
  char *name;
};

static enum err find_mistakes(struct check *k, const char *file, const char *const *sets, size_t n) {
  struct complaints c;
  complaints_init(&c);
  settings_read(&k->conf, file, sets, n, &c);
  if (k->conf) {
    space_from_settings(&k->space, k->conf, &c);
    const char *out = settings_text(k->conf, "run.out");
    k->name = run_study_name(k->conf, file);
    k->evaluator = evaluator_ops_of(settings_text(k->conf, "evaluator"));
    k->options = (struct evaluator_options){.conf = k->conf,
                                            .space = &k->space,
                                            .folder = *out ? out : k->name,
                                            .study_name = k->name,
                                            .maximize = run_maximizes(k->conf),
                                            .slots = 1};
    if (!c.n)
      evaluator_check(k->evaluator, &k->options, &c);
  }
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  return e;
}

/* Is "@name" in any setting, or does another hyperparameter depend on it? */
static bool is_used(json_t *settings, const char *name) {
  char wanted[300];
  const char *key;
  json_t *value;
  snprintf(wanted, sizeof wanted, "\"@%s\"", name);
  json_object_foreach(settings, key, value) {
    const char *when = strstr(key, ".when.");
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    bool found = strstr(text, wanted) || (when && !strcmp(when + strlen(".when."), name));
    free(text);
    if (found)
      return true;
  }
  return false;
}

/* No mistake, but hardly meant: a search along something that changes nothing. */
static void print_unused(const struct check *k) {
  if (strcmp(settings_text(k->conf, "evaluator"), "train") != 0)
    return;
  size_t n;
  const char **names = settings_names(k->conf, "space", &n);
  json_t *settings = settings_to_json(k->conf, IDENTITY);
  for (size_t i = 0; i < n; i++)
    if (!is_used(settings, names[i]))
      printf("  unused     space.%s: no setting is \"@%s\"\n", names[i], names[i]);
  json_decref(settings);
  free(names);
}

static void print_points(const struct check *k, const struct rehearsal *r) {
  double all = space_cardinality(&k->space);
  printf("  points     %lld", (long long)r->trials);
  if (isinf(all))
    printf(" of a continuous space of %zu hyperparameters\n", k->space.n);
  else
    printf(" of %.6g that the space has\n", all);
}

/* How many trials there will be: study.trials, or as many as the space or its grid has. */
static int64_t trials_of(const struct check *k) {
  double n = (double)settings_int(k->conf, "study.trials"), all = space_cardinality(&k->space);
  const char *sampler = sampler_chosen(k->conf);
  if (sampler[0] == 'g') /* grid */
    all = space_grid_size(&k->space);
  return (int64_t)fmin(n, all);
}

static enum err print_cost(const struct check *k) {
  struct rehearsal r;
  struct strbuf lines = STRBUF_INIT;
  double seconds = 0;
  int64_t steps = k->evaluator->steps(k->conf), trials = trials_of(k);
  const char *schedule = settings_text(k->conf, "schedule.name");
  TRY(rehearse(schedule, steps, trials, k->conf, &r));
  print_points(k, &r);
  printf("  schedule   %s: %lld stints, %lld steps (%.0f %% of %lld for all trials to the end)\n", schedule,
         (long long)r.stints, (long long)r.steps, 100 * (double)r.steps / (double)(trials * steps),
         (long long)(trials * steps));
  fflush(stdout);
  if (!k->evaluator->cost)
    return OK;
  enum err e = k->evaluator->cost(&k->options, &lines, &seconds);
  fputs(lines.text, stdout);
  strbuf_free(&lines);
  TRY(e);
  char text[32];
  clock_duration(seconds * (double)r.steps, text);
  printf("  time       about %s on one core like this (%.2g core hours)\n", text, seconds * (double)r.steps / 3600);
  return OK;
}

/* For job scripts. A study folder stands for itself. */
static enum err print_folder(const char *file, const char *const *sets, size_t n) {
  struct check k = {0};
  char *journal = path_join(file, "journal.log");
  bool is_folder = file_exists(journal);
  free(journal);
  enum err e = is_folder ? OK : find_mistakes(&k, file, sets, n);
  if (e == OK)
    puts(is_folder ? file : k.options.folder);
  space_free(&k.space);
  settings_free(k.conf);
  free(k.name);
  return e;
}

static enum err check(const char *file, const char *const *sets, size_t n, bool quick) {
  struct check k = {0};
  enum err e = find_mistakes(&k, file, sets, n);
  if (e == OK)
    printf("%s: no mistakes\n", file);
  if (e == OK)
    print_unused(&k);
  if (e == OK && !quick)
    e = print_cost(&k);
  space_free(&k.space);
  settings_free(k.conf);
  free(k.name);
  return e;
}

enum err cmd_check(int argc, char **argv) {
  enum { QUICK = 256, FOLDER };
  static const struct option options[] = {{"set", required_argument, NULL, 's'},
                                          {"quick", no_argument, NULL, QUICK},
                                          {"folder", no_argument, NULL, FOLDER},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  const char **sets = MEM_NEW_ARRAY(const char *, argc);
  size_t n = 0;
  bool quick = false, folder = false;
  enum err e = OK;
  opterr = 0;
  for (int c; e == OK && (c = getopt_long(argc, argv, ":s:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      free(sets);
      return OK;
    }
    if (c == '?' || c == ':')
      e = options_fault("check", argv, options);
    if (c == 's')
      sets[n++] = optarg;
    quick = quick || c == QUICK;
    folder = folder || c == FOLDER;
  }
  if (e == OK && optind + 1 != argc)
    e = FAIL(ERR_INPUT, "check: give one study file: coxswain check STUDY.cfg");
  if (e == OK)
    e = folder ? print_folder(argv[optind], sets, n) : check(argv[optind], sets, n, quick);
  free(sets);
  return e;
}
