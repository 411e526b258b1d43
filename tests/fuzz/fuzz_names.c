/* Lists of variables (plain or YAML), scale dictionaries, descriptions of prepared data. */
#include <stdlib.h>

#include "fuzz.h"
#include "nn/data_description.h"
#include "nn/data_hdf.h"
#include "nn/data_plan.h"

static void free_scales(struct scale_entry *entries, size_t n) {
  for (size_t i = 0; i < n; i++)
    free(entries[i].name);
  free(entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  char *text = fuzz_text(bytes, n), **names;
  size_t count;
  struct scale_entry *entries;
  struct description d;
  const char *path = fuzz_file(bytes, n);
  if (data_read_names(path, &names, &count) == OK) {
    FUZZ_REQUIRE(count > 0);
    hdf_names_free(names, count);
  }
  (void)data_read_scales(path, &entries, &count);
  free_scales(entries, count); /* complete or not */
  (void)description_read(&d, text, "data.json");
  description_free(&d);
  free(text);
  return 0;
}
