/* Errors, text, memory, checksums, log, clock, signals and the team of one. */
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/comm.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/stop.h"
#include "base/strbuf.h"
#include "testing.h"

/* ---- errors ---- */

static enum err innermost(int row) {
  errno = ENOENT;
  return FAIL(ERR_INPUT, "points.csv:%d: 'abc' is not a number", row);
}
static enum err middle(int row) {
  TRY(innermost(row));
  return OK;
}
static enum err outermost(int row, int *cleaned) {
  enum err e;
  TRY_GOTO(e, done, middle(row));
done:
  *cleaned = 1;
  return e;
}

static void test_error_text_and_trace(void) {
  int cleaned = 0;
  err_clear();
  CHECK_TEXT(err_text(), "");
  CHECK(outermost(7, &cleaned) == ERR_INPUT);
  CHECK(errno == ENOENT);
  CHECK(cleaned);
  CHECK_TEXT(err_text(), "points.csv:7: 'abc' is not a number");
  const char *first = strstr(err_backtrace(), "ERR_INPUT"), *second = strstr(err_backtrace(), "middle"),
             *third = strstr(err_backtrace(), "outermost");
  CHECK(first && second && third && first < second && second < third);
  CHECK(innermost(8) == ERR_INPUT); /* the first text stays, the second joins the trace */
  CHECK_TEXT(err_text(), "points.csv:7: 'abc' is not a number");
  CHECK(test_text_contains(err_backtrace(), "points.csv:8"));
  err_clear();
  CHECK_TEXT(err_text(), "");
  CHECK_TEXT(err_backtrace(), "");
}

static void test_error_too_long(void) {
  char *text = mem_alloc(20001);
  memset(text, 'x', 20000);
  err_clear();
  CHECK(FAIL(ERR_BUG, "%s", text) == ERR_BUG);
  size_t n = strlen(err_text());
  CHECK(n > 1000 && n < 20000);
  for (int i = 0; i < 1000; i++)
    err_pass(ERR_BUG, "src/base/x.c", i, "some_function_with_a_name");
  CHECK(strlen(err_backtrace()) < 20000);
  CHECK(test_text_contains(err_backtrace(), "x.c:0 "));
  err_clear();
  free(text);
}

static void *fail_elsewhere(void *unused) {
  (void)unused;
  enum err e = FAIL(ERR_COMM, "the other thread");
  return e == ERR_COMM && strcmp(err_text(), "the other thread") == 0 ? NULL : strbuf_empty;
}

static void test_error_per_thread(void) {
  pthread_t thread;
  void *wrong = strbuf_empty;
  err_clear();
  CHECK(FAIL(ERR_IO, "this thread") == ERR_IO);
  REQUIRE(pthread_create(&thread, NULL, fail_elsewhere, NULL) == 0);
  REQUIRE(pthread_join(thread, &wrong) == 0);
  CHECK(wrong == NULL);
  CHECK_TEXT(err_text(), "this thread");
  err_clear();
}

static void test_exit_codes(void) {
  CHECK(err_exit_code(OK) == 0);
  CHECK(err_exit_code(ERR_CONFIG) == 2);
  CHECK(err_exit_code(ERR_TRIALS) == 3);
  CHECK(err_exit_code(ERR_BUG) == 70);
  CHECK(err_exit_code(ERR_IO) == 74);
  CHECK(err_exit_code(ERR_STOPPED) == 75);
  CHECK_TEXT(err_name(ERR_DAMAGED), "ERR_DAMAGED");
  CHECK_TEXT(err_short(ERR_DAMAGED), "damaged file");
}

/* ---- text ---- */

static void test_strbuf(void) {
  struct strbuf b = STRBUF_INIT;
  CHECK_TEXT(b.text, "");
  strbuf_clear(&b);
  for (int i = 0; i < 1000; i++)
    strbuf_printf(&b, "%d,", i);
  CHECK(b.len == strlen(b.text) && b.len == 10 * 2 + 90 * 3 + 900 * 4);
  CHECK(strncmp(b.text, "0,1,2,", 6) == 0);
  strbuf_clear(&b);
  strbuf_add(&b, "a\0b", 3);
  CHECK(b.len == 3 && memcmp(b.text, "a\0b", 4) == 0);
  strbuf_free(&b);
  CHECK(b.len == 0);
  CHECK_TEXT(b.text, "");
  char *text = strbuf_detach(&b);
  CHECK_TEXT(text, "");
  free(text);
  strbuf_puts(&b, "kept");
  text = strbuf_detach(&b);
  CHECK_TEXT(text, "kept");
  CHECK(b.len == 0 && b.text == strbuf_empty);
  free(text);
}

static int double_prints_as(double x, const char *wanted) {
  struct strbuf b = STRBUF_INIT;
  strbuf_put_double(&b, x);
  int same = strcmp(b.text, wanted) == 0;
  if (!same)
    printf("%.17g printed as %s, wanted %s\n", x, b.text, wanted);
  strbuf_free(&b);
  return same;
}

static void test_double_known(void) { /* the right side is what Python's repr() gives */
  CHECK(double_prints_as(0.1, "0.1"));
  CHECK(double_prints_as(0.1 + 0.2, "0.30000000000000004"));
  CHECK(double_prints_as(1e-5, "1e-05"));
  CHECK(double_prints_as(3.0, "3.0"));
  CHECK(double_prints_as(-0.0, "-0.0"));
  CHECK(double_prints_as(0.0, "0.0"));
  CHECK(double_prints_as(1.0 / 3.0, "0.3333333333333333"));
  CHECK(double_prints_as(5e-324, "5e-324"));
  CHECK(double_prints_as(DBL_MAX, "1.7976931348623157e+308"));
  CHECK(double_prints_as(DBL_MIN, "2.2250738585072014e-308"));
  CHECK(double_prints_as(1e22, "1e+22"));
  CHECK(double_prints_as(123456789.125, "123456789.125"));
  CHECK(double_prints_as((double)INFINITY, "Infinity"));
  CHECK(double_prints_as(-(double)INFINITY, "-Infinity"));
  CHECK(double_prints_as((double)NAN, "NaN"));
}

/* Digits from the first that is not 0 to the last, the ".0" of whole numbers left out. */
static int digits_of(const char *text) {
  int n = 0;
  const char *end = text + strcspn(text, "e");
  if (end - text > 2 && end[-2] == '.' && end[-1] == '0')
    end -= 2;
  for (const char *p = text + strspn(text, "-0."); p < end; p++)
    n += *p != '.';
  return n;
}

static void test_double_round_trips(void) {
  struct rng r = rng_of(rng_key("doubles", 1));
  struct strbuf b = STRBUF_INIT;
  int wrong = 0, too_long = 0;
  for (int i = 0; i < 200000; i++) {
    uint64_t bits = rng_u64(&r);
    double x;
    memcpy(&x, &bits, sizeof x);
    if (i % 2) /* numbers as people write them, of 8 digits at most */
      x = (double)(bits >> 40) / pow(10.0, (double)(bits % 12));
    if (!isfinite(x))
      continue;
    strbuf_clear(&b);
    strbuf_put_double(&b, x);
    wrong += strtod(b.text, NULL) != x;
    too_long += digits_of(b.text) > (i % 2 ? 8 : 17);
  }
  CHECK(wrong == 0);
  CHECK(too_long == 0);
  strbuf_free(&b);
}

static int json_string_is(const char *text, const char *wanted) {
  struct strbuf b = STRBUF_INIT;
  strbuf_put_json_string(&b, text);
  int same = strcmp(b.text, wanted) == 0;
  if (!same)
    printf("got %s, wanted %s\n", b.text, wanted);
  strbuf_free(&b);
  return same;
}

static void test_json_strings(void) {
  CHECK(json_string_is("", "\"\""));
  CHECK(json_string_is("a\"b\\c/d", "\"a\\\"b\\\\c/d\""));
  CHECK(json_string_is("\n\t\r\b\f\x01\x1f", "\"\\n\\t\\r\\b\\f\\u0001\\u001f\""));
  CHECK(json_string_is("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa3", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\xa3\""));
  CHECK(json_string_is("\xff", "\"\\ufffd\""));
  CHECK(json_string_is("\xc3", "\"\\ufffd\""));                                    /* cut short */
  CHECK(json_string_is("\xc0\xaf", "\"\\ufffd\\ufffd\""));                         /* overlong */
  CHECK(json_string_is("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""));              /* a surrogate */
  CHECK(json_string_is("\xf4\x90\x80\x80x", "\"\\ufffd\\ufffd\\ufffd\\ufffdx\"")); /* beyond U+10FFFF */
}

static void test_memory(void) {
  int *numbers = NULL;
  size_t n = 0, cap = 0;
  for (int i = 0; i < 10000; i++) {
    MEM_GROW(numbers, n, &cap);
    numbers[n++] = i;
  }
  CHECK(numbers[0] == 0 && numbers[9999] == 9999 && cap >= n && cap < 3 * n);
  free(numbers);
  unsigned char *p = mem_alloc_aligned(1001);
  CHECK((uintptr_t)p % 64 == 0);
  CHECK(p[0] == 0 && p[1000] == 0);
  free(p);
  CHECK(mem_strdup(NULL) == NULL);
  char *copy = mem_strdup("text");
  CHECK_TEXT(copy, "text");
  free(copy);
}

/* ---- checksums ---- */

static int sha256_is(const char *text, size_t repeat, size_t piece, const char *wanted) {
  struct strbuf all = STRBUF_INIT;
  for (size_t i = 0; i < repeat; i++)
    strbuf_puts(&all, text);
  struct sha256 s;
  char hex[65];
  sha256_init(&s);
  for (size_t at = 0; at < all.len; at += piece)
    sha256_add(&s, all.text + at, at + piece < all.len ? piece : all.len - at);
  sha256_hex(&s, hex);
  strbuf_free(&all);
  return strcmp(hex, wanted) == 0;
}

static void test_sha256(void) { /* examples of FIPS 180-4 */
  static const size_t pieces[] = {1, 3, 63, 64, 65, 1000, 1 << 20};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    CHECK(sha256_is("", 1, pieces[i], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    CHECK(sha256_is("abc", 1, pieces[i], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK(sha256_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, pieces[i],
                    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
    CHECK(sha256_is("a", 1000000, pieces[i], "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
  }
}

static void test_crc32(void) {
  CHECK(hash_crc32(0, "123456789", 9) == 0xcbf43926); /* the check value of every CRC catalogue */
  CHECK(hash_crc32(0, NULL, 0) == 0);
  CHECK(hash_crc32(hash_crc32(0, "1234", 4), "56789", 5) == 0xcbf43926);
  CHECK(hash_crc32(hash_crc32(0, "123456789", 9), NULL, 0) == 0xcbf43926);
}

/* ---- log ---- */

static void *log_many(void *number) {
  for (int i = 0; i < 500; i++)
    log_debug("thread %d line %d with some text behind it", *(int *)number, i);
  return NULL;
}

static void test_log_lines_stay_whole(void) {
  char path[256];
  snprintf(path, sizeof path, "%s/log", test_folder("base-log"));
  REQUIRE(log_open(path) == OK);
  log_levels(LOG_ERROR, LOG_DEBUG);
  pthread_t threads[4];
  int numbers[4] = {0, 1, 2, 3};
  for (int i = 0; i < 4; i++)
    REQUIRE(pthread_create(&threads[i], NULL, log_many, &numbers[i]) == 0);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  log_close();
  log_levels(LOG_INFO, LOG_INFO);
  struct strbuf text = STRBUF_INIT;
  REQUIRE(file_read(path, &text) == OK);
  int lines = 0, whole = 0, next[4] = {0};
  for (char *line = strtok(text.text, "\n"); line; line = strtok(NULL, "\n")) {
    int h, m, s, thread, number;
    lines++;
    if (sscanf(line, "%2d:%2d:%2d debug thread %d line %d with some text behind it", &h, &m, &s, &thread, &number) == 5)
      whole += thread >= 0 && thread < 4 && number == next[thread]++;
  }
  CHECK(lines == 2000);
  CHECK(whole == 2000);
  strbuf_free(&text);
}

static void count_hook(void *context, int before) {
  int *counts = context;
  counts[before]++;
}

/* What log_line writes to stderr, caught in a file. */
static void catch_stderr(const char *path, struct strbuf *out, int *hooked) {
  int saved = dup(STDERR_FILENO), fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
  REQUIRE(saved >= 0 && fd >= 0);
  dup2(fd, STDERR_FILENO);
  log_set_terminal_hook(count_hook, hooked);
  log_levels(LOG_WARN, LOG_INFO);
  log_warn("shown %d", 1);
  log_info("hidden");
  log_set_terminal_hook(NULL, NULL);
  log_levels(LOG_INFO, LOG_INFO);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(fd);
  REQUIRE(file_read(path, out) == OK);
}

static void test_log_levels_and_hook(void) {
  char path[256];
  int hooked[2] = {0, 0};
  struct strbuf text = STRBUF_INIT;
  snprintf(path, sizeof path, "%s/stderr", test_folder("base-log-levels"));
  catch_stderr(path, &text, hooked);
  CHECK(test_text_contains(text.text, " warn  shown 1\n"));
  CHECK(!test_text_contains(text.text, "hidden"));
  CHECK(hooked[0] == 1 && hooked[1] == 1);
  strbuf_free(&text);
}

static void test_log_cannot_open(void) {
  err_clear();
  CHECK(log_open("no/such/folder/log") == ERR_IO);
  CHECK(test_text_contains(err_text(), "no/such/folder/log"));
  err_clear();
}

/* ---- time, signals, teams ---- */

static int duration_is(double seconds, const char *wanted) {
  char text[32];
  clock_duration(seconds, text);
  return strcmp(text, wanted) == 0;
}

static void test_durations(void) {
  CHECK(duration_is(0.2, "0.2 s"));
  CHECK(duration_is(9.96, "10 s"));
  CHECK(duration_is(41.2, "41 s"));
  CHECK(duration_is(59.7, "1 min 00 s"));
  CHECK(duration_is(725, "12 min 05 s"));
  CHECK(duration_is(7380, "2 h 03 min"));
  CHECK(duration_is(3 * 86400 + 4 * 3600, "3 d 04 h"));
  CHECK(duration_is((double)NAN, "unknown"));
  CHECK(duration_is(-1, "unknown"));
}

static void test_clock(void) {
  char text[32];
  clock_iso(text);
  int y, mo, d, h, mi, s, us;
  CHECK(strlen(text) == 26);
  CHECK(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6d", &y, &mo, &d, &h, &mi, &s, &us) == 7);
  CHECK(y >= 2024 && mo >= 1 && mo <= 12 && d >= 1 && d <= 31);
  double before = clock_seconds();
  clock_sleep(0.002);
  clock_sleep(-1);
  clock_sleep((double)NAN);
  CHECK(clock_seconds() - before >= 0.002);
  CHECK(clock_cpu_seconds() > 0.0);
}

/* In a child, because the handlers stay. Returns a number that tells which step went wrong. */
static int signals_in_child(void) {
  stop_catch_signals();
  stop_catch_signals();
  if (stop_requested() != STOP_NONE)
    return 1;
  raise(SIGPIPE);
  raise(SIGUSR1);
  raise(SIGUSR2);
  raise(SIGURG);
  if (stop_requested() != STOP_SOON)
    return 2;
  stop_request(STOP_NONE);
  if (stop_requested() != STOP_SOON)
    return 3;
  raise(SIGTERM);
  raise(SIGHUP);
  if (stop_requested() != STOP_SOON) /* so soon it is the same word from somebody else */
    return 4;
  for (double end = clock_seconds() + 20; stop_requested() != STOP_NOW && clock_seconds() < end; clock_sleep(0.02))
    raise(SIGTERM);
  if (stop_requested() != STOP_NOW)
    return 5;
  stop_request(STOP_SOON);
  return stop_requested() == STOP_NOW ? 0 : 6;
}

/* As if a step took for ever; and a write before it that must not be torn. */
static int stuck_child(int line) {
  stop_catch_signals();
  stop_hold();
  raise(SIGINT);
  for (double end = clock_seconds() + 20; stop_requested() != STOP_NOW && clock_seconds() < end; clock_sleep(0.02))
    raise(SIGINT);
  for (double end = clock_seconds() + 2.5; clock_seconds() < end;)
    clock_sleep(0.1);
  if (write(line, "x", 1) != 1)
    return 1;
  stop_release();
  for (double end = clock_seconds() + 60; clock_seconds() < end;)
    clock_sleep(1);
  return 2;
}

static void test_forced_end(void) {
  int ends[2], status = -1;
  char written = 0;
  REQUIRE(pipe(ends) == 0);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0)
    _exit(stuck_child(ends[1]));
  close(ends[1]);
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 75);
  CHECK(read(ends[0], &written, 1) == 1 && written == 'x');
  close(ends[0]);
}

static void test_signals(void) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0)
    _exit(signals_in_child());
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_team_of_one(void) {
  float f[2] = {1, 2};
  double d[2] = {3, 4};
  struct comm alone = {.ops = NULL, .rank = 0, .size = 1};
  struct comm *teams[] = {NULL, &alone};
  for (int i = 0; i < 2; i++) {
    CHECK(comm_size(teams[i]) == 1 && comm_rank(teams[i]) == 0);
    CHECK(comm_sum_float(teams[i], f, 2) == OK && f[0] == 1 && f[1] == 2);
    CHECK(comm_sum_double(teams[i], d, 2) == OK && d[0] == 3 && d[1] == 4);
    CHECK(comm_broadcast(teams[i], d, sizeof d) == OK && d[0] == 3);
  }
  comm_close(NULL);
}

int main(void) {
  return TEST_MAIN(
      "base", {"error text and trace", test_error_text_and_trace},
      {"an error text too long is cut", test_error_too_long}, {"error text is per thread", test_error_per_thread},
      {"exit codes", test_exit_codes}, {"strbuf", test_strbuf},
      {"doubles print as Python prints them", test_double_known}, {"doubles read back equal", test_double_round_trips},
      {"JSON strings", test_json_strings}, {"memory", test_memory}, {"SHA-256", test_sha256}, {"CRC-32", test_crc32},
      {"log lines of threads stay whole", test_log_lines_stay_whole},
      {"log levels and terminal hook", test_log_levels_and_hook}, {"a log that cannot be opened", test_log_cannot_open},
      {"durations", test_durations}, {"clock", test_clock}, {"signals", test_signals},
      {"a second signal", test_forced_end}, {"team of one", test_team_of_one});
}
