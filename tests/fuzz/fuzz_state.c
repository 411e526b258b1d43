/* States as flat bytes: what is read is written as the same bytes. */
#include <string.h>

#include "base/state.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  struct state s;
  struct strbuf again = STRBUF_INIT;
  state_init(&s);
  if (state_unpack(&s, bytes, n) == OK) {
    state_pack(&s, &again);
    FUZZ_REQUIRE(again.len == n && memcmp(again.text, bytes, n) == 0);
  } else
    FUZZ_REQUIRE(s.n == 0);
  strbuf_free(&again);
  state_free(&s);
  return 0;
}
