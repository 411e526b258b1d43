#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"

static void usage(void) {
  printf("usage: coxswain export DIR [--format csv|json] [-o FILE]\n\n"
         "All trials of a study: points, values, metrics; json has the intermediate values too. A csv has one line a "
         "trial:\n"
         "number, state (complete, pruned, fail, running, waiting: Optuna's words), value, steps, seconds of training, "
         "a column\n"
         "for each hyperparameter and each metric. A metric named as a hyperparameter is (lr) stands under metric_lr.\n"
         "The journal itself (DIR/journal.log) is an Optuna study: optuna and optuna-dashboard open it as it is.\n\n"
         "  -f, --format F   csv (default) or json\n"
         "  -o, --output F   to a file instead of standard output\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain export scan -o trials.csv\n"
         "  coxswain export scan --format json | jq '.trials[].value'\n");
}

enum err cmd_export(int argc, char **argv) {
  static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  const char *format = "csv", *output = NULL;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":f:o:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c == '?' || c == ':')
      return options_fault("export", argv, options);
    if (c == 'f')
      format = optarg;
    if (c == 'o')
      output = optarg;
  }
  bool json = !strcmp(format, "json");
  if (!json && strcmp(format, "csv"))
    return FAIL(ERR_INPUT, "export: --format %s: it can be csv or json", format);
  if (optind + 1 != argc)
    return FAIL(ERR_INPUT, "export: give one study folder: coxswain export DIR");
  struct folder f;
  TRY(folder_open(&f, argv[optind]));
  struct report_study r = show_study(&f);
  struct show to;
  enum err e = show_open(&to, output);
  if (e == OK)
    e = show_end(&to, json ? report_trials_json(&r, show_take, &to) : report_trials_csv(&r, show_take, &to));
  if (e == OK && output && strcmp(output, "-"))
    printf("%s: %zu trials\n", output, f.study.n);
  folder_close(&f);
  return e;
}
