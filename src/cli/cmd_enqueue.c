#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/request.h"

static void usage(void) {
  printf("usage: coxswain enqueue DIR points.json\n"
         "       coxswain enqueue DIR --point '{\"lr\": 0.001, \"width\": 64}'\n\n"
         "Puts points of your own into a study, before those its sampler proposes, also while it runs. points.json is "
         "a list\n"
         "of points; each must give every hyperparameter of the space (fixed ones may be left out).\n\n"
         "  -p, --point JSON   one point\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain enqueue scan --point '{\"lr\": 0.001, \"width\": 64}'\n"
         "  coxswain enqueue scan points.json      [{\"lr\": 0.001, \"width\": 64}, {\"lr\": 0.01, \"width\": 32}]\n");
}

static enum err points_of(int argc, char **argv, const char *point, json_t **points) {
  if (!point)
    return request_read_list(argv[optind + 1], "points", points);
  json_t *one = NULL;
  (void)argc;
  TRY(json_parse(point, "--point", &one));
  *points = json_pack("[o]", one);
  return OK;
}

enum err cmd_enqueue(int argc, char **argv) {
  static const struct option options[] = {
      {"point", required_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  const char *point = NULL;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":p:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c == '?' || c == ':')
      return options_fault("enqueue", argv, options);
    point = optarg;
  }
  if (argc - optind != (point ? 1 : 2))
    return FAIL(ERR_INPUT, "enqueue: give a study folder and points: coxswain enqueue DIR points.json");
  json_t *points = NULL, *reply = NULL;
  TRY(points_of(argc, argv, point, &points));
  size_t n = json_array_size(points);
  TRY(request_send(argv[optind], json_pack("{s:s, s:o}", "command", "enqueue", "points", points), &reply));
  printf("%zu point%s enqueued\n", n, n == 1 ? "" : "s");
  return OK;
}
