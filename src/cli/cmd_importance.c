#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"

static void usage(void) {
  printf("usage: coxswain importance DIR [options]\n\n"
         "How much each hyperparameter matters for a trial to be one of the best, in shares of 1: among all complete "
         "trials,\n"
         "and among those that are good already (PED-ANOVA). Also while the study runs.\n\n"
         "      --best SHARE   which trials are the best (default 0.1: one in ten)\n"
         "      --json         as JSON\n"
         "  -h, --help\n\n"
         "example:\n"
         "  coxswain importance scan --best 0.05\n");
}

static enum err read_share(const char *text, double *share) {
  char *end;
  *share = strtod(text, &end);
  return end != text && !*end && *share > 0 && *share < 1
             ? OK
             : FAIL(ERR_INPUT, "importance: --best %s must be a share of the trials between 0 and 1", text);
}

static enum err show(const char *path, double share, bool json) {
  struct folder f;
  TRY(folder_open(&f, path));
  struct report_study r = show_study(&f);
  struct strbuf text = STRBUF_INIT;
  enum err e = OK;
  if (json)
    show_json(report_importance_json(&r, share));
  else {
    report_importance(&r, share, &text);
    e = show_text(NULL, &text);
  }
  strbuf_free(&text);
  folder_close(&f);
  return e;
}

enum err cmd_importance(int argc, char **argv) {
  enum { BEST = 256, JSON };
  static const struct option options[] = {{"best", required_argument, NULL, BEST},
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  double share = 0.1;
  bool json = false;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c == '?' || c == ':')
      return options_fault("importance", argv, options);
    if (c == BEST)
      TRY(read_share(optarg, &share));
    json = json || c == JSON;
  }
  if (optind + 1 != argc)
    return FAIL(ERR_INPUT, "importance: give one study folder: coxswain importance DIR");
  return show(argv[optind], share, json);
}
