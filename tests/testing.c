#include "testing.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int test_main(const char *suite_name, const struct test_case *cases, size_t n) {
  if (CU_initialize_registry() != CUE_SUCCESS)
    return 1;
  CU_pSuite suite = CU_add_suite(suite_name, NULL, NULL);
  for (size_t i = 0; i < n; i++)
    CU_add_test(suite, cases[i].name, cases[i].run);
  CU_basic_set_mode(CU_BRM_VERBOSE);
  CU_basic_run_tests();
  unsigned failures = CU_get_number_of_failures();
  CU_cleanup_registry();
  return failures ? 1 : 0;
}

const char *test_folder(const char *name) {
  static char path[512], command[1100];
  snprintf(path, sizeof path, "test-files/%s", name);
  snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s'", path, path);
  return system(command) == 0 ? path : NULL;
}

static const char *present(const char *folder, const char *below, const char *path) {
  static char full[1024];
  snprintf(full, sizeof full, "%s%s%s", folder, below, path);
  if (access(full, R_OK) == 0)
    return full;
  printf("SKIP: %s is not there\n", full);
  return NULL;
}

static const char *source(void) {
  const char *folder = getenv("COXSWAIN_SOURCE");
  return folder ? folder : "..";
}

const char *test_source_file(const char *path) {
  return present(source(), "/", path);
}
const char *test_shared_file(const char *path) {
  return present(source(), "/../shared/", path);
}
int test_text_contains(const char *text, const char *part) {
  return text && strstr(text, part) != NULL;
}
