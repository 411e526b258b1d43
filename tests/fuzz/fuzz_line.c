/* One line of a journal; one that is read is written so that it reads back. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hpo/journal.h"

static void read_back(const struct op *op) {
  struct strbuf line = STRBUF_INIT;
  struct op again;
  bool foreign;
  op_format(op, "coxswain-1", &line);
  FUZZ_REQUIRE(op_scan(line.text, line.len, &again, &foreign) == OK);
  FUZZ_REQUIRE(again.kind == op->kind && again.trial == op->trial && again.step == op->step && !foreign);
  strbuf_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char *line = fuzz_text(bytes, n);
  struct op op;
  bool foreign;
  if (op_scan(line, n, &op, &foreign) == OK && !foreign)
    read_back(&op);
  free(line);
  return 0;
}
