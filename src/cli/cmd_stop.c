#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/request.h"
#include "cli/show.h"

enum err cmd_stop(int argc, char **argv) {
  if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
    printf("usage: coxswain stop DIR\n\n"
           "Asks a running study to checkpoint and leave, from any host that sees its folder. The same `coxswain run` "
           "goes on.\n");
    return OK;
  }
  if (argc != 2)
    return FAIL(ERR_INPUT, "stop: give one study folder: coxswain stop DIR");
  struct folder f;
  TRY(folder_open(&f, argv[1]));
  bool running = f.runner != NULL;
  folder_close(&f);
  if (!running) {
    printf("%s: nobody runs it\n", argv[1]);
    return OK;
  }
  json_t *reply = NULL;
  TRY(request_send(argv[1], json_pack("{s:s}", "command", "stop"), &reply));
  printf("%s: it is leaving\n", argv[1]);
  return OK;
}
