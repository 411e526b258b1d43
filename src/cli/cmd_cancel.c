#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/request.h"
#include "cli/show.h"

enum err cmd_cancel(int argc, char **argv) {
  if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
    printf("usage: coxswain cancel DIR TRIAL ...\n\n"
           "Gives trials up, also while they train: they become failed, \"cancelled on request\".\n\n"
           "example:\n"
           "  coxswain cancel scan 17 18\n");
    return OK;
  }
  if (argc < 3)
    return FAIL(ERR_INPUT, "cancel: give a study folder and numbers of trials: coxswain cancel DIR 17 18");
  json_t *trials = json_array(), *reply = NULL;
  for (int i = 2; i < argc; i++) {
    int64_t n;
    TRY(show_count("trial", argv[i], 0, &n));
    json_array_append_new(trials, json_integer(n));
  }
  TRY(request_send(argv[1], json_pack("{s:s, s:o}", "command", "cancel", "trials", trials), &reply));
  printf("%d trial%s cancelled\n", argc - 2, argc == 3 ? "" : "s");
  return OK;
}
