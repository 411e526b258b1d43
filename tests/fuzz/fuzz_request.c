/* Requests to a study, as they stand in its inbox: enqueue, tell, ask, cancel, with all the points in them. The study
 * is a real one, its journal goes through the fold. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "fuzz.h"
#include "run/steer.h"

static const char study_file[] =
    "evaluator = \"function\";\nstudy = { name = \"fuzz\"; metric = \"value\"; };\n"
    "space = { x = { low = -1.0; high = 1.0; }; n = { low = 1; high = 9; step = 2; }; kind = (\"a\", \"b\", 3);\n"
    "  y = { low = 0.1; high = 1.0; log = true; when = { kind = \"a\"; }; }; };\n";

enum { LONG_ENOUGH = 200 }; /* trials: then a new study */

static struct steer *open_study(void) {
  static char file[128], out[128];
  static struct run_options o = {.study_file = file, .out = out, .quiet = true, .offline = true};
  snprintf(file, sizeof file, "%s/fuzz.cfg", fuzz_folder());
  snprintf(out, sizeof out, "%s/study", fuzz_folder());
  FUZZ_REQUIRE(file_remove_tree(out) == OK);
  FUZZ_REQUIRE(file_write_atomic(file, study_file, sizeof study_file - 1) == OK);
  struct steer *s = calloc(1, sizeof *s);
  FUZZ_REQUIRE(s && steer_open(s, NULL, &o) == OK);
  return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static struct steer *s;
  if (!s)
    s = open_study();
  char *text = fuzz_text(bytes, n);
  json_t *request = NULL, *reply = NULL;
  if (json_parse(text, "request.json", &request) == OK) {
    enum err e = steer_request(s, request, "request.json", &reply);
    FUZZ_REQUIRE(e == OK || e == ERR_INPUT);
    FUZZ_REQUIRE(steer_settle(s) == OK && journal_commit(s->journal) == OK); /* whatever was taken can be written */
  }
  json_decref(request);
  json_decref(reply);
  free(text);
  s->halt = HALT_NONE;
  if (s->study.n > LONG_ENOUGH || journal_length(s->journal) > 100 * LONG_ENOUGH) {
    steer_close(s);
    free(s);
    s = NULL;
  }
  return 0;
}
