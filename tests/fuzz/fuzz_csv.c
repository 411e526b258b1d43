/* CSV to HDF5. The first byte chooses the options. */
#include <stdio.h>

#include "base/file.h"
#include "fuzz.h"
#include "nn/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static char output[128];
  unsigned choice = n ? bytes[0] : 0;
  snprintf(output, sizeof output, "%s/out.h5", fuzz_folder());
  struct import_csv o = {.input = fuzz_file(bytes + (n > 0), n ? n - 1 : 0),
                         .output = output,
                         .label = choice & 1 ? "3" : "label",
                         .weights = choice & 2 ? "w" : NULL,
                         .separator = choice & 4 ? ';' : ',',
                         .no_header = choice & 1,
                         .regression = choice & 8};
  struct import_summary s = {0};
  if (import_csv_file(&o, &s) == OK)
    FUZZ_REQUIRE(s.rows > 0 && s.variables > 0 && file_exists(output));
  import_summary_free(&s);
  FUZZ_REQUIRE(file_remove(output) == OK);
  return 0;
}
