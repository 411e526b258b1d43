#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "run/run.h"

static void usage(void) {
  printf("usage: coxswain status DIR [options]\n\n"
         "How a study stands, also while it runs.\n\n"
         "      --json         as JSON\n"
         "      --exit-code    say it by the exit code as well: 0 complete, 3 too many trials failed, 75 more to do\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain status scan\n"
         "  coxswain status --exit-code scan >/dev/null || [ $? -ne 75 ] || sbatch scan.sh\n");
}

static enum err verdict(const struct report_study *r) {
  if (!r->done || r->runner)
    return FAIL(ERR_STOPPED, "%s: more to do", r->folder);
  if (!strcmp(r->done, "\"" RUN_TOO_MANY_FAILED "\"") ||
      (r->study->n > 0 && r->study->counts[TRIAL_FAIL] == (int64_t)r->study->n))
    return FAIL(ERR_TRIALS, "%s: too many trials failed", r->folder);
  return OK;
}

static enum err show(const char *path, bool json, bool exit_code) {
  struct folder f;
  TRY(folder_open(&f, path));
  struct report_study r = show_study(&f);
  struct strbuf text = STRBUF_INIT;
  if (json)
    show_json(report_status_json(&r));
  else {
    report_status(&r, &text);
    fputs(text.text, stdout);
  }
  enum err e = exit_code ? verdict(&r) : OK;
  strbuf_free(&text);
  folder_close(&f);
  return e;
}

enum err cmd_status(int argc, char **argv) {
  enum { JSON = 256, EXIT_CODE };
  static const struct option options[] = {{"json", no_argument, NULL, JSON},
                                          {"exit-code", no_argument, NULL, EXIT_CODE},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  bool json = false, exit_code = false;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c == '?' || c == ':')
      return options_fault("status", argv, options);
    json = json || c == JSON;
    exit_code = exit_code || c == EXIT_CODE;
  }
  if (optind + 1 != argc)
    return FAIL(ERR_INPUT, "status: give one study folder: coxswain status DIR");
  return show(argv[optind], json, exit_code);
}
