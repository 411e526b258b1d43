/* Pairs of IDX files to HDF5: the first two bytes are the length of the first one. */
#include <stdio.h>

#include "base/file.h"
#include "fuzz.h"
#include "nn/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static char output[128], labels[128];
  if (n < 2)
    return 0;
  size_t first = (size_t)bytes[0] << 8 | bytes[1];
  first = first > n - 2 ? n - 2 : first;
  snprintf(output, sizeof output, "%s/out.h5", fuzz_folder());
  snprintf(labels, sizeof labels, "%s/labels", fuzz_folder());
  FUZZ_REQUIRE(file_write_atomic(labels, bytes + 2 + first, n - 2 - first) == OK);
  const char *images = fuzz_file(bytes + 2, first);
  struct import_summary s = {0};
  if (import_is_idx(images) && import_idx_files(images, labels, output, NULL, &s) == OK)
    FUZZ_REQUIRE(s.rows > 0 && file_exists(output));
  import_summary_free(&s);
  FUZZ_REQUIRE(file_remove(output) == OK);
  return 0;
}
