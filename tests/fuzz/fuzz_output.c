/* What a program says of its trial: the file of its output, its last words. */
#include <stdio.h>

#include "base/file.h"
#include "fuzz.h"
#include "run/command_output.h"

static bool take(void *context, const char *line, size_t n) {
  const struct value_name *name = context;
  struct said s;
  const char *why;
  said_init(&s);
  if (said_read(&s, line, n, name, &why))
    FUZZ_REQUIRE(s.has_value || s.failed);
  said_free(&s);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct value_name name = {.metric = "val_auc", .loss_too = true};
  static char path[128];
  snprintf(path, sizeof path, "%s/stdout.log", fuzz_folder());
  FUZZ_REQUIRE(file_write_atomic(path, bytes, n) == OK);
  struct tail t;
  char words[400];
  FUZZ_REQUIRE(tail_open(&t, path, false) == OK);
  while (tail_read(&t, 1 << 16, true, take, &name))
    continue;
  tail_close(&t);
  last_words(path, words, sizeof words);
  return 0;
}
