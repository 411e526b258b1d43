#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/request.h"

static void usage(void) {
  printf("usage: coxswain tell DIR results.json\n\n"
         "Hands in results of points evaluated elsewhere, also while the study runs:\n"
         "  [{\"trial\": 3, \"value\": 0.41},                     a point from coxswain ask\n"
         "   {\"params\": {\"lr\": 0.01, ...}, \"value\": 0.38},   any point of the space\n"
         "   {\"trial\": 4, \"failed\": \"out of memory\"}]\n\n"
         "example:\n"
         "  coxswain tell scan results.json\n");
}

enum err cmd_tell(int argc, char **argv) {
  if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
    usage();
    return OK;
  }
  if (argc != 3)
    return FAIL(ERR_INPUT, "tell: give a study folder and a file of results: coxswain tell DIR results.json");
  json_t *results = NULL, *reply = NULL;
  TRY(request_read_list(argv[2], "results", &results));
  size_t n = json_array_size(results);
  TRY(request_send(argv[1], json_pack("{s:s, s:o}", "command", "tell", "results", results), &reply));
  printf("%zu result%s told\n", n, n == 1 ? "" : "s");
  return OK;
}
