#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  log_levels(LOG_ERROR, LOG_ERROR);
  return 0;
}

char *fuzz_text(const uint8_t *bytes, size_t n) {
  char *text = mem_alloc(n + 1);
  if (n)
    memcpy(text, bytes, n);
  text[n] = '\0';
  return text;
}

const char *fuzz_file(const uint8_t *bytes, size_t n) {
  static int fd = -1;
  static char path[64];
  if (fd < 0)
    fd = memfd_create("fuzz", MFD_CLOEXEC);
  FUZZ_REQUIRE(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
  FUZZ_REQUIRE(file_write_all(fd, bytes, n, "fuzz") == OK);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return path;
}

static char folder[64];

static void remove_folder(void) {
  (void)file_remove_tree(folder);
}

const char *fuzz_folder(void) {
  if (folder[0])
    return folder;
  snprintf(folder, sizeof folder, "%s/coxswain-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  FUZZ_REQUIRE(mkdtemp(folder) != NULL);
  atexit(remove_folder);
  return folder;
}

void fuzz_broken(const char *expression, const char *file, int line) {
  fprintf(stderr, "%s:%d: does not hold: %s: %s\n", file, line, expression, err_text());
  abort();
}
