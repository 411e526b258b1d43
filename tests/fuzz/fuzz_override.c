/* --set KEY=VALUE. */
#include <stdlib.h>

#include "conf/settings.h"
#include "fuzz.h"

static const char study[] = "study = { trials = 20; };\nspace = { lr = { low = 1e-4; high = 0.1; log = true; };\n"
                            "  act = (\"relu\", \"tanh\"); };\ntrain = { lr = \"@lr\"; };\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char *text = fuzz_text(bytes, n);
  const char *override = text;
  struct settings *s;
  struct complaints c;
  complaints_init(&c);
  settings_read_text(&s, study, "study.cfg", &override, 1, &c);
  FUZZ_REQUIRE(s != NULL);
  settings_free(s);
  complaints_free(&c);
  free(text);
  return 0;
}
