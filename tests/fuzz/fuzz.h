/* What the fuzz targets share. A target is one parser of ours: it takes bytes that may be anything, and must come back.
 *
 * Each is linked twice: with libFuzzer (scripts/fuzz.sh), and with fuzz_main.c, which feeds it the files of
 * tests/data/fuzz/TARGET and mutations of them (test fuzz_TARGET). */
#ifndef COXSWAIN_TESTS_FUZZ_H
#define COXSWAIN_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv); /* warnings about the input are not shown */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The bytes as a text, and not one byte more: the sanitizer sees who reads on. Freed by the caller. */
char *fuzz_text(const uint8_t *bytes, size_t n);
/* The path of a file in memory that holds the bytes; the next call replaces it. */
const char *fuzz_file(const uint8_t *bytes, size_t n);
/* A folder of this process, in memory where there is /dev/shm, removed when it ends. */
const char *fuzz_folder(void);
/* What must hold: else the program ends as after a crash. */
#define FUZZ_REQUIRE(expression) ((expression) ? (void)0 : fuzz_broken(#expression, __FILE__, __LINE__))
void fuzz_broken(const char *expression, const char *file, int line);

#endif
