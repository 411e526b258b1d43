/* Small helps around CUnit: a test program is a table of named functions.
 *
 *     static void test_three_equals(void) { CHECK(value_equal(...)); }
 *     int main(void) { return TEST_MAIN("params", {"3 equals 3.0", test_three_equals}, ...); }
 *
 * TEST_MAIN returns 0 if all passed, 1 otherwise; a failed check prints file, line and the expression. */
#ifndef COXSWAIN_TESTS_TESTING_H
#define COXSWAIN_TESTS_TESTING_H

#include <CUnit/CUnit.h>
#include <stddef.h>

struct test_case {
  const char *name;
  void (*run)(void);
};

int test_main(const char *suite, const struct test_case *cases, size_t n);
#define TEST_MAIN(suite, ...)                                 \
  test_main((suite), (const struct test_case[]){__VA_ARGS__}, \
            sizeof((const struct test_case[]){__VA_ARGS__}) / sizeof(struct test_case))

#define CHECK(expression) CU_ASSERT(expression)
#define REQUIRE(expression) CU_ASSERT_FATAL(expression)
#define CHECK_NEAR(a, b, tolerance) CU_ASSERT_DOUBLE_EQUAL((a), (b), (tolerance))
#define CHECK_TEXT(a, b) CU_ASSERT_STRING_EQUAL((a), (b))

/* A fresh folder for this test's files below the working folder; emptied first. Returns a static string. */
const char *test_folder(const char *name);
/* A file of the project ("tests/data/x.json") or of the data folder beside the checkout; NULL if it is not there, after
 * saying SKIP and what is missing. Static string. */
const char *test_source_file(const char *path);
const char *test_shared_file(const char *path);
/* Does the file contain the text? */
int test_text_contains(const char *text, const char *part);

#endif
