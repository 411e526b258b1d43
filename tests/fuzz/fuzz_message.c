/* Messages between ranks. */
#include <stdlib.h>

#include "fuzz.h"
#include "run/protocol.h"

static void read_item(struct reader *r) {
  struct assignment a;
  struct ending e;
  switch (get_i64(r) & 3) {
  case 0:
    get_assignment(r, &a);
    assignment_free(&a);
    return;
  case 1:
    get_ending(r, &e);
    ending_free(&e);
    return;
  case 2:
    free(get_text(r));
    return;
  default:
    (void)get_f64(r);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct reader r = {.bytes = (const char *)bytes, .n = n};
  while (reader_more(&r)) {
    size_t at = r.at;
    read_item(&r);
    FUZZ_REQUIRE(r.bad || (r.at > at && r.at <= n));
  }
  return 0;
}
