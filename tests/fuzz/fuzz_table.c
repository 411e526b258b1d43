/* Tables of recorded values (function.file). */
#include "conf/settings.h"
#include "fuzz.h"
#include "run/function_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static const char study[] =
      "space = { x = { low = 0.0; high = 1.0; }; n = { low = 1; high = 9; }; k = (\"a\", \"b\");\n"
      "  y = { low = 0.1; high = 1.0; when = { k = \"a\"; }; }; };\n";
  static struct settings *conf;
  static struct space space;
  if (!conf) {
    struct complaints c;
    complaints_init(&c);
    settings_read_text(&conf, study, "study.cfg", NULL, 0, &c);
    space_from_settings(&space, conf, &c);
    FUZZ_REQUIRE(c.n == 0);
    complaints_free(&c);
  }
  struct function_table *t = NULL;
  if (function_table_open(&t, fuzz_file(bytes, n), &space) == OK) {
    struct params p;
    double u[8] = {0.5, 0.5, 0.1, 0.5};
    size_t row;
    params_init(&p);
    space_decode(&space, u, &p);
    if (function_table_find(t, &p, &row) == OK)
      (void)function_table_value(t, row, 1);
    params_free(&p);
  }
  function_table_close(t);
  return 0;
}
