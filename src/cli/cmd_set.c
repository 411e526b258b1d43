#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/command.h"
#include "cli/request.h"
#include "cli/show.h"

static void usage(void) {
  printf(
      "usage: coxswain set DIR KEY=VALUE [KEY=VALUE ...]\n\n"
      "Changes settings of a study, also while it runs: all that are marked as free in `coxswain reference`. Those of "
      "its\n"
      "identity (space, metric, data, model, train ...) stay.\n\n"
      "A running study goes by these at once: study.* (trials, timeout, target, stall, failures), sampler.*, "
      "schedule.*\n"
      "but schedule.pause, run.keep, run.walltime, run.poll, run.in_flight, run.attempts. Others hold from its next "
      "start on.\n"
      "With fewer trials than there are, those under way still come to their end. A complete study whose limits "
      "leave room\n"
      "again goes on with the next `coxswain run`. What is set here holds until it is set again, or the study file "
      "says\n"
      "something new.\n\n"
      "examples:\n"
      "  coxswain set scan study.trials=800\n"
      "  coxswain set scan sampler.name=sobol study.target=0.02 run.keep=20\n");
}

/* As in a study file, but shorter where it is long. */
static void put_value(const json_t *value) {
  char *text = json_is_null(value) ? NULL : json_text(value);
  printf("%s", text ? text : "not set");
  free(text);
}

static void print_changes(const json_t *changes) {
  if (json_array_size(changes) == 0)
    puts("nothing changes");
  for (size_t i = 0; i < json_array_size(changes); i++) {
    const json_t *c = json_array_get(changes, i);
    printf("%s: ", json_string_value(json_object_get(c, "key")));
    put_value(json_object_get(c, "was"));
    printf(" -> ");
    put_value(json_object_get(c, "now"));
    puts(json_is_true(json_object_get(c, "at_once")) ? "" : " (from the next start on)");
  }
}

static enum err look_at_folder(const char *path) {
  struct folder f;
  TRY(folder_open(&f, path));
  folder_close(&f);
  return OK;
}

enum err cmd_set(int argc, char **argv) {
  if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
    usage();
    return OK;
  }
  if (argc < 3)
    return FAIL(ERR_INPUT, "set: give a study folder and what to change: coxswain set DIR study.trials=200");
  TRY(look_at_folder(argv[1])); /* a study file would begin a study */
  json_t *settings = json_array(), *changes = NULL;
  for (int i = 2; i < argc; i++)
    json_array_append_new(settings, json_string(argv[i]));
  TRY(request_send(argv[1], json_pack("{s:s, s:o}", "command", "set", "settings", settings), &changes));
  print_changes(changes);
  json_decref(changes);
  return OK;
}
