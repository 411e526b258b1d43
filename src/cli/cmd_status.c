#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"

static void usage(void) {
  printf("usage: coxswain status DIR [options]\n\n"
         "How a study stands, also while it runs.\n\n"
         "      --json         as JSON\n"
         "      --exit-code    say it by the exit code as well: 0 complete, 75 more to do\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain status scan\n"
         "  until coxswain status --exit-code scan >/dev/null; do sbatch --wait scan.sh; done\n");
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
  bool done = r.done != NULL && !r.runner;
  strbuf_free(&text);
  folder_close(&f);
  return exit_code && !done ? FAIL(ERR_STOPPED, "%s: more to do", path) : OK;
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
