#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"

static void usage(void) {
  printf("usage: coxswain best DIR [options]\n\n"
         "The best trials: point, every metric on validation and test, and where the weights are.\n\n"
         "  -n, --n K      so many (default 1)\n"
         "      --json     as JSON\n"
         "  -h, --help\n\n"
         "example:\n"
         "  coxswain best scan -n 3\n");
}

enum err cmd_best(int argc, char **argv) {
  static const struct option options[] = {{"n", required_argument, NULL, 'n'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  int64_t n = 1;
  bool json = false;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":n:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c == '?' || c == ':')
      return options_fault("best", argv, options);
    if (c == 'n')
      TRY(show_count("--n", optarg, 1, &n));
    json = json || c == 'j';
  }
  if (optind + 1 != argc)
    return FAIL(ERR_INPUT, "best: give one study folder: coxswain best DIR");
  struct folder f;
  TRY(folder_open(&f, argv[optind]));
  struct report_study r = show_study(&f);
  struct strbuf text = STRBUF_INIT;
  if (json)
    show_json(report_best_json(&r, (size_t)n));
  else
    report_best(&r, (size_t)n, &text);
  fputs(text.text, stdout);
  strbuf_free(&text);
  folder_close(&f);
  return OK;
}
