#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/request.h"
#include "cli/show.h"

static void usage(void) {
  printf("usage: coxswain ask DIR|STUDY.cfg [-n K] [-o points.json]\n\n"
         "Takes points to evaluate elsewhere; hand the values in with coxswain tell. A study file starts a new study "
         "in the\n"
         "folder it names (run.out, or the study's name).\n\n"
         "  -n K             so many points (default 1); fewer come when study.trials is reached\n"
         "  -o, --output F   JSON list [{\"trial\": 0, \"params\": {...}}, ...] to a file instead of standard output\n"
         "  -h, --help\n\n"
         "example:\n"
         "  coxswain ask scan.cfg -n 4 -o points.json\n"
         "  ... evaluate ...      results.json: [{\"trial\": 0, \"value\": 0.41}, {\"trial\": 1, \"failed\": \"out of "
         "memory\"}]\n"
         "  coxswain tell scan results.json\n");
}

enum err cmd_ask(int argc, char **argv) {
  static const struct option options[] = {
      {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  const char *output = NULL;
  int64_t n = 1;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":n:o:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c == '?' || c == ':')
      return options_fault("ask", argv, options);
    if (c == 'n')
      TRY(show_count("-n", optarg, 1, &n));
    if (c == 'o')
      output = optarg;
  }
  if (optind + 1 != argc)
    return FAIL(ERR_INPUT, "ask: give one study folder or study file: coxswain ask DIR -n 4");
  json_t *points = NULL;
  TRY(request_send(argv[optind], json_pack("{s:s, s:I}", "command", "ask", "n", (json_int_t)n), &points));
  size_t got = json_array_size(points);
  TRY(show_json_to(output, points ? points : json_array()));
  if (output && strcmp(output, "-"))
    printf("%s: %zu point%s\n", output, got, got == 1 ? "" : "s");
  return OK;
}
