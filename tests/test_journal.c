#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "histories.h"
#include "hpo/journal_scan.h"
#include "testing.h"

/* ---- lines ---- */

static void format(const struct op *op, const char *worker, struct strbuf *out) {
  strbuf_clear(out);
  op_format(op, worker, out);
}

static enum err scan_text(const char *text, struct op *op, bool *foreign) {
  static char line[4096];
  snprintf(line, sizeof line, "%s", text);
  err_clear();
  return op_scan(line, strlen(line), op, foreign);
}

static enum err there_and_back(void *context, const struct op *op) {
  int64_t *n = context;
  struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
  struct op back;
  bool foreign = true;
  format(op, "coxswain-12", &first);
  CHECK(scan_text(first.text, &back, &foreign) == OK);
  CHECK(!foreign && back.kind == op->kind && back.trial == (op->kind == OP_CREATE_TRIAL ? -1 : op->trial));
  if (back.kind == op->kind) {
    format(&back, "coxswain-12", &second);
    CHECK_TEXT(first.text, second.text);
  }
  CHECK(isnan(op->value) ? isnan(back.value) : back.value == op->value);
  CHECK(isnan(op->time) ? isnan(back.time) : back.time == op->time);
  strbuf_free(&first);
  strbuf_free(&second);
  ++*n;
  return OK;
}

static void test_round_trip(void) {
  struct historian h;
  int64_t n = 0;
  historian_init(&h, 1, true, NULL, there_and_back, &n);
  h.derived = true;
  for (int i = 0; i < 3000; i++)
    REQUIRE(historian_step(&h) == OK);
  CHECK(n > 3000);
  historian_free(&h);
}

static void test_reads_foreign_lines(void) {
  struct op op;
  bool foreign;
  CHECK(
      scan_text("{\"op_code\":8,\"worker_id\":\"3f2b-140\",\"trial_id\":3,\"user_attr\":{\"note\":NaN},\"more\":[{}]}",
                &op, &foreign) == OK);
  CHECK(foreign && op.kind == OP_TRIAL_ATTR && op.trial == 3 && op.foreign);
  CHECK_TEXT(op.name, "note");
  CHECK_TEXT(op.json, "null");
  CHECK(scan_text(" { \"worker_id\" : \"x\" , \"study_id\":0,\"system_attr\" : { \"d:\\u00e9\\ud83d\\udea3\" : [ 1 , "
                  "{\"a\": \"}\"} ] } "
                  ", \"op_code\" : 3 } ",
                  &op, &foreign) == OK);
  CHECK(foreign && op.kind == OP_STUDY_ATTR && op.system);
  CHECK_TEXT(op.name, "d:\xc3\xa9\xf0\x9f\x9a\xa3");
  CHECK_TEXT(op.json, "[ 1 , {\"a\": \"}\"} ]");
  CHECK(scan_text("{\"op_code\":4,\"worker_id\":\"3f2b-140\",\"study_id\":0,\"state\":1,\"value\":NaN}", &op,
                  &foreign) == OK);
  CHECK(foreign && op.kind == OP_CREATE_STUDY);
}

static void test_refuses_bad_lines(void) {
  static const char *const bad[] = {
      "",
      "{}",
      "[]",
      "{\"op_code\":4}",
      "{\"op_code\":4,\"worker_id\":\"coxswain-1\",\"study_id\":0}",
      "{\"op_code\":4,\"worker_id\":\"coxswain-1\",\"study_id\":0,\"datetime_start\":null",
      "{\"op_code\":4,\"worker_id\":\"coxswain-1\",\"study_id\":0,\"datetime_start\":null}x",
      "{\"op_code\":4,\"worker_id\":\"coxswain-1\",\"study_id\":0,\"datetime_start\":null,}",
      "{\"op_code\":4,\"worker_id\":\"coxswain-1\",\"study_id\":0,\"study_id\":0,\"datetime_start\":null}",
      "{\"op_code\":4,\"worker_id\":\"coxswain-1\",\"study_id\":1,\"datetime_start\":null}",
      "{\"op_code\":4,\"worker_id\":\"coxswain-1\",\"study_id\":0,\"datetime_start\":null,\"extra\":1}",
      "{\"op_code\":4.0,\"worker_id\":\"coxswain-1\",\"study_id\":0,\"datetime_start\":null}",
      "{\"op_code\":04,\"worker_id\":\"coxswain-1\",\"study_id\":0,\"datetime_start\":null}",
      "{\"op_code\":1,\"worker_id\":\"coxswain-1\",\"study_id\":0}",
      "{\"op_code\":0,\"worker_id\":\"coxswain-1\",\"study_name\":\"a\",\"directions\":[1,2]}",
      "{\"op_code\":0,\"worker_id\":\"coxswain-1\",\"study_name\":\"a\",\"directions\":[3]}",
      "{\"op_code\":0,\"worker_id\":\"coxswain-1\",\"study_name\":\"a\",\"directions\":[]}",
      "{\"op_code\":0,\"worker_id\":\"coxswain-1\",\"study_name\":\"a\\x\",\"directions\":[1]}",
      "{\"op_code\":0,\"worker_id\":\"coxswain-1\",\"study_name\":\"\xff\",\"directions\":[1]}",
      "{\"op_code\":0,\"worker_id\":\"coxswain-1\",\"study_name\":\"a\tb\",\"directions\":[1]}",
      "{\"op_code\":0,\"worker_id\":\"coxswain-1\",\"study_name\":\"\\u12g4\",\"directions\":[1]}",
      "{\"op_code\":7,\"worker_id\":\"coxswain-1\",\"trial_id\":-1,\"step\":1,\"intermediate_value\":1.0}",
      "{\"op_code\":7,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"step\":1,\"intermediate_value\":NaN}",
      "{\"op_code\":7,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"step\":1,\"intermediate_value\":null}",
      "{\"op_code\":7,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"step\":1,\"intermediate_value\":1e999}",
      "{\"op_code\":7,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"step\":1,\"intermediate_value\":1.}",
      "{\"op_code\":7,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"step\":1,\"intermediate_value\":-}",
      "{\"op_code\":7,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"step\":1,\"intermediate_value\":0x10}",
      "{\"op_code\":7,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"step\":12345678901234567,\"intermediate_value\":1."
      "0}",
      "{\"op_code\":6,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"state\":5,\"values\":null,\"time\":1.0}",
      "{\"op_code\":6,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"state\":1,\"values\":null,\"datetime_complete\":"
      "\"\",\"time\":1.0}",
      "{\"op_code\":6,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"state\":1,\"values\":[1.0]}",
      "{\"op_code\":6,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"state\":1,\"values\":[1.0,2.0],\"datetime_"
      "complete\":\"\",\"time\":1.0}",
      "{\"op_code\":6,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"state\":1,\"values\":1.0,\"datetime_complete\":"
      "\"\",\"time\":1.0}",
      "{\"op_code\":8,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"user_attr\":{}}",
      "{\"op_code\":8,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"user_attr\":{\"a\":1,\"b\":2}}",
      "{\"op_code\":8,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"user_attr\":{\"a\":NaN}}",
      "{\"op_code\":8,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"system_attr\":{\"a\":1}}",
      "{\"op_code\":9,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"system_attr\":{\"coxswain:end\":{\"id\":1}}}",
      "{\"op_code\":9,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"system_attr\":{\"coxswain:saved\":{\"step\":1,"
      "\"pack\":\"p\",\"x\":1}}}",
      "{\"op_code\":9,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"system_attr\":{\"coxswain:saved\":[]}}",
      "{\"op_code\":8,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"user_attr\":{\"a\":1},\"commit\":\"1-0000000G\"}",
      "{\"op_code\":8,\"worker_id\":\"dash\",\"user_attr\":{\"a\":1}}",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct op op;
    bool foreign;
    if (scan_text(bad[i], &op, &foreign) != ERR_DAMAGED || !test_text_contains(err_text(), "column ")) {
      printf("accepted: %s\n", bad[i]);
      CHECK(false);
    }
  }
  char deep[300] = "{\"op_code\":2,\"worker_id\":\"d\",\"study_id\":0,\"user_attr\":{\"a\":";
  memset(deep + strlen(deep), '[', 200);
  struct op op;
  bool foreign;
  CHECK(scan_text(deep, &op, &foreign) == ERR_DAMAGED);
}

static void check_number(const char *text) {
  char copy[64];
  double x;
  snprintf(copy, sizeof copy, "%s", text);
  struct scan s = {.p = copy, .end = copy + strlen(copy)};
  bool good = scan_number(&s, &x);
  CHECK(good && s.p == s.end && x == strtod(text, NULL) && signbit(x) == signbit(strtod(text, NULL)));
}

static void test_numbers_keep_every_bit(void) {
  struct rng r = rng_of(rng_key("numbers", 5));
  struct strbuf text = STRBUF_INIT;
  for (int i = 0; i < 100000; i++) {
    uint64_t bits = rng_u64(&r);
    double x;
    memcpy(&x, &bits, sizeof x);
    if (i % 2)
      x = (rng_uniform(&r) - 0.5) * pow(10, (double)rng_below(&r, 20) - 10);
    if (!isfinite(x))
      continue;
    strbuf_clear(&text);
    strbuf_put_double(&text, x);
    check_number(text.text);
    strbuf_clear(&text);
    strbuf_printf(&text, "%.*f", (int)rng_below(&r, 9), x < 1e6 && x > -1e6 ? x : 0);
    check_number(text.text);
  }
  static const char *const special[] = {"0",
                                        "-0",
                                        "0.0",
                                        "-0.0",
                                        "123456789012345",
                                        "1234567890123456",
                                        "0.000000000000001",
                                        "9007199254740993",
                                        "1E5",
                                        "2.5e-3",
                                        "4.9e-324",
                                        "1.7976931348623157e308"};
  for (size_t i = 0; i < sizeof special / sizeof *special; i++)
    check_number(special[i]);
  strbuf_free(&text);
}

/* Whatever the bytes are, the scanner stays within them: the sanitizers watch. */
static void test_any_bytes(void) {
  struct rng r = rng_of(rng_key("bytes", 6));
  static const char *const seeds[] = {"{\"op_code\":9,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"system_attr\":{"
                                      "\"coxswain:end\":{\"id\":1,\"how\":\"lost\",\"step\":"
                                      "2,\"seconds\":1.5,\"reason\":\"\\ud83d\\u00e9\\n\"}},\"commit\":\"1-00000000\"}",
                                      "{\"op_code\":5,\"worker_id\":\"coxswain-1\",\"trial_id\":0,\"param_name\":\"a\","
                                      "\"param_value_internal\":-1.5e-3,"
                                      "\"distribution\":\"{\\\"name\\\": \\\"x\\\"}\"}"};
  for (int i = 0; i < 50000; i++) {
    const char *seed = seeds[i % 2];
    size_t n = rng_below(&r, strlen(seed) + 1);
    char *line = malloc(n + 1);
    memcpy(line, seed, n);
    for (uint64_t k = rng_below(&r, 4); k > 0 && n > 0; k--)
      line[rng_below(&r, n)] = (char)rng_below(&r, 256);
    line[n] = '\0';
    struct op op;
    bool foreign;
    err_clear();
    op_scan(line, n, &op, &foreign);
    free(line);
  }
  err_clear();
}

/* ---- files ---- */

struct writer {
  struct journal *journal;
  struct historian h;
};

static enum err add(void *context, const struct op *op) {
  struct writer *w = context;
  journal_add(w->journal, op);
  return OK;
}

static char *fold(const char *path, enum err expected) {
  struct study s;
  struct strbuf dump = STRBUF_INIT;
  study_init(&s, NULL);
  err_clear();
  enum err e = journal_read(path, study_visit, &s, NULL);
  CHECK(e == expected);
  if (e != expected)
    printf("%s: %s %s\n", path, err_name(e), err_text());
  study_dump(&s, &dump);
  study_free(&s);
  return strbuf_detach(&dump);
}

static char *dump_of(const struct study *s) {
  struct strbuf dump = STRBUF_INIT;
  study_dump(s, &dump);
  return strbuf_detach(&dump);
}

static enum err ignore(void *context, const struct op *op) {
  (void)context;
  (void)op;
  return OK;
}

/* Where fsync costs nothing, if there is such a place: the test of torn files opens a journal a thousand times. */
static const char *quick_folder(const char *name) {
  static char path[64];
  snprintf(path, sizeof path, "/dev/shm/coxswain-test-%ld", (long)getpid());
  return access("/dev/shm", W_OK) == 0 && (mkdir(path, 0700) == 0 || errno == EEXIST) ? path : test_folder(name);
}

static void empty_folder(const char *folder) {
  char command[700];
  snprintf(command, sizeof command, "rm -f '%s'/journal.*", folder);
  CHECK(system(command) == 0);
  rmdir(folder);
}

/* Groups of random size; ends[i] is the size of the file behind group i, dumps[i] the study then. */
enum { GROUPS = 14 };

struct written {
  char path[600];
  int64_t ends[GROUPS + 1];
  char *dumps[GROUPS + 1];
};

static void write_journal(struct written *f, const char *folder, uint64_t seed, int64_t most) {
  struct writer w;
  snprintf(f->path, sizeof f->path, "%s/journal.log", folder);
  REQUIRE(journal_open(&w.journal, f->path, ignore, NULL) == OK);
  CHECK(journal_epoch(w.journal) == 1);
  historian_init(&w.h, seed, false, NULL, add, &w);
  f->ends[0] = 0;
  f->dumps[0] = dump_of(&w.h.study);
  int64_t lines = 0;
  for (int g = 1; g <= GROUPS; g++) {
    size_t wanted = 1 + rng_below(&w.h.rng, (uint64_t)most);
    while (journal_pending(w.journal) < wanted)
      REQUIRE(historian_step(&w.h) == OK);
    lines += (int64_t)journal_pending(w.journal);
    REQUIRE(journal_commit(w.journal) == OK);
    CHECK(journal_pending(w.journal) == 0 && journal_length(w.journal) == lines);
    f->ends[g] = file_size(f->path);
    f->dumps[g] = dump_of(&w.h.study);
  }
  journal_close(w.journal);
  historian_free(&w.h);
}

static void forget(struct written *f) {
  for (int g = 0; g <= GROUPS; g++)
    free(f->dumps[g]);
}

static void put_file(const char *path, const void *bytes, size_t n) {
  FILE *file = fopen(path, "wb");
  REQUIRE(file != NULL);
  REQUIRE(fwrite(bytes, 1, n, file) == n);
  REQUIRE(fclose(file) == 0);
}

static void append_file(const char *path, const char *text) {
  FILE *file = fopen(path, "ab");
  REQUIRE(file != NULL);
  fputs(text, file);
  REQUIRE(fclose(file) == 0);
}

static void test_written_is_read(void) {
  struct written f;
  write_journal(&f, test_folder("journal-read"), 3, 9);
  char *dump = fold(f.path, OK);
  CHECK_TEXT(dump, f.dumps[GROUPS]);
  free(dump);
  struct study s;
  struct journal *j;
  study_init(&s, NULL);
  for (int epoch = 2; epoch < 5; epoch++) {
    study_free(&s);
    REQUIRE(journal_open(&j, f.path, study_visit, &s) == OK);
    CHECK(journal_epoch(j) == epoch);
    dump = dump_of(&s);
    CHECK_TEXT(dump, f.dumps[GROUPS]);
    free(dump);
    CHECK(test_text_contains(study_attribute(&s, "coxswain:writer"), "process"));
    journal_close(j);
  }
  study_free(&s);
  forget(&f);
}

/* Cut anywhere, a journal is the study as of the last whole group; it can be written on and read again. */
static void test_torn_at_every_byte(void) {
  struct written f;
  struct strbuf whole = STRBUF_INIT;
  const char *folder = quick_folder("journal-torn");
  write_journal(&f, folder, 4, 3);
  REQUIRE(file_read(f.path, &whole) == OK);
  log_levels(LOG_ERROR, LOG_ERROR);
  for (int64_t cut = f.ends[GROUPS - 3]; cut <= f.ends[GROUPS]; cut++) {
    int g = GROUPS;
    while (f.ends[g] > cut)
      g--;
    char torn[600];
    snprintf(torn, sizeof torn, "%s/journal.log.torn-1", folder);
    remove(torn);
    put_file(f.path, whole.text, (size_t)cut);
    char *dump = fold(f.path, OK);
    CHECK_TEXT(dump, f.dumps[g]);
    free(dump);
    struct study s;
    struct journal *j;
    study_init(&s, NULL);
    REQUIRE(journal_open(&j, f.path, study_visit, &s) == OK);
    CHECK(file_exists(torn) == (cut != f.ends[g]) && (cut == f.ends[g] || file_size(torn) == cut - f.ends[g]));
    struct op op = op_of(OP_CREATE_TRIAL, (int64_t)s.n);
    op.time = 1e9;
    journal_add(j, &op);
    REQUIRE(journal_commit(j) == OK);
    REQUIRE(study_apply(&s, &op) == OK);
    journal_close(j);
    char *live = dump_of(&s), *again = fold(f.path, OK);
    CHECK_TEXT(live, again);
    free(live);
    free(again);
    study_free(&s);
  }
  log_levels(LOG_INFO, LOG_INFO);
  empty_folder(folder);
  strbuf_free(&whole);
  forget(&f);
}

static bool names_a_line(const char *path) {
  size_t n = strlen(path);
  return strncmp(err_text(), path, n) == 0 && err_text()[n] == ':' && atoi(err_text() + n + 1) > 0;
}

/* One flipped bit is an error that names a line. The one exception is the last line feed: without it the last group is
 * a torn tail. */
static void test_every_bit_flipped(void) {
  struct written f;
  struct strbuf whole = STRBUF_INIT;
  const char *folder = quick_folder("journal-flip");
  write_journal(&f, folder, 5, 2);
  struct journal *j;
  REQUIRE(journal_open(&j, f.path, ignore, NULL) == OK); /* a second epoch, a last group of one line */
  journal_close(j);
  REQUIRE(file_read(f.path, &whole) == OK);
  log_levels(LOG_ERROR, LOG_ERROR);
  size_t wrong = 0;
  for (size_t i = 0; i < whole.len; i++)
    for (int bit = 0; bit < 8; bit++) {
      whole.text[i] = (char)(whole.text[i] ^ (1 << bit));
      put_file(f.path, whole.text, whole.len);
      whole.text[i] = (char)(whole.text[i] ^ (1 << bit));
      bool last = (int64_t)i >= f.ends[GROUPS];
      struct study s;
      study_init(&s, NULL);
      err_clear();
      enum err e = journal_read(f.path, study_visit, &s, NULL);
      char *dump = dump_of(&s);
      bool named = e == ERR_DAMAGED && names_a_line(f.path);
      bool torn = e == OK && (i + 1 == whole.len || (last && (whole.text[i] ^ (1 << bit)) == 0)) &&
                  strcmp(dump, f.dumps[GROUPS]) == 0 && !study_attribute(&s, "coxswain:writer");
      if (!named && !torn && wrong++ < 5)
        printf("byte %zu bit %d: %s %s\n", i, bit, err_name(e), err_text());
      free(dump);
      study_free(&s);
    }
  CHECK(wrong == 0);
  log_levels(LOG_INFO, LOG_INFO);
  empty_folder(folder);
  strbuf_free(&whole);
  forget(&f);
}

/* Blocks that never reached the disk read as zeros: at the end that is a torn tail, in the middle it is damage. */
static void test_holes(void) {
  struct written f;
  struct strbuf whole = STRBUF_INIT;
  const char *folder = quick_folder("journal-hole");
  write_journal(&f, folder, 7, 4);
  REQUIRE(file_read(f.path, &whole) == OK);
  char *copy = malloc(whole.len);
  for (int64_t at = f.ends[GROUPS - 2]; at < f.ends[GROUPS]; at += 7)
    for (int64_t length = 1; at + length <= f.ends[GROUPS]; length += 40) {
      memcpy(copy, whole.text, whole.len);
      memset(copy + at, 0, (size_t)length);
      put_file(f.path, copy, whole.len);
      bool last = at >= f.ends[GROUPS - 1];
      if (!last && at + length > f.ends[GROUPS - 1] - 30)
        continue; /* the mark of the last group but one is hit: nobody can tell them apart */
      char *dump = fold(f.path, last ? OK : ERR_DAMAGED);
      CHECK(!last || strcmp(dump, f.dumps[GROUPS - 1]) == 0);
      free(dump);
    }
  memset(copy, 0, whole.len); /* nothing but zeros */
  put_file(f.path, copy, whole.len);
  char *dump = fold(f.path, OK);
  CHECK_TEXT(dump, f.dumps[0]);
  free(dump);
  free(copy);
  empty_folder(folder);
  strbuf_free(&whole);
  forget(&f);
}

static void test_other_files(void) {
  char path[600];
  snprintf(path, sizeof path, "%s/journal.log", test_folder("journal-other"));
  CHECK(journal_read(path, ignore, NULL, NULL) == ERR_INPUT);
  free(fold(path, ERR_INPUT));
  put_file(path, "", 0);
  free(fold(path, OK));
  static const char *const others[] = {"some text", "some text\n", "\x89HDF\r\n\x1a\n", "{\"a\": 1}\n", "\n"};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    put_file(path, others[i], strlen(others[i]));
    free(fold(path, ERR_DAMAGED));
    CHECK(names_a_line(path));
    struct journal *j;
    err_clear();
    CHECK(journal_open(&j, path, ignore, NULL) == ERR_DAMAGED);
    CHECK(j == NULL && file_size(path) == (int64_t)strlen(others[i]));
  }
}

static void test_second_writer_refused(void) {
  char path[600], expected[64];
  snprintf(path, sizeof path, "%s/journal.log", test_folder("journal-lock"));
  int ready[2], go[2];
  char byte;
  REQUIRE(pipe(ready) == 0 && pipe(go) == 0);
  pid_t child = fork();
  if (child == 0) {
    struct journal *j;
    setenv("SLURM_JOB_ID", "4711", 1);
    if (journal_open(&j, path, ignore, NULL) == OK && write(ready[1], "x", 1) == 1)
      (void)!read(go[0], &byte, 1); /* until it is killed */
    _exit(1);
  }
  close(ready[1]);
  REQUIRE(read(ready[0], &byte, 1) == 1);
  struct journal *j;
  err_clear();
  CHECK(journal_open(&j, path, ignore, NULL) == ERR_BUSY);
  snprintf(expected, sizeof expected, "process %ld, job 4711, since ", (long)child);
  CHECK(test_text_contains(err_text(), "host ") && test_text_contains(err_text(), expected));
  kill(child, SIGKILL);
  REQUIRE(waitpid(child, NULL, 0) == child);
  err_clear();
  CHECK(journal_open(&j, path, ignore, NULL) == OK); /* a lock ends with its process */
  journal_close(j);
  close(ready[0]);
  close(go[0]);
  close(go[1]);
}

/* A group as a writer of that epoch would append it, its checksum chained on crc. */
static void append_group(const char *path, int64_t epoch, uint32_t *crc, const struct op *op) {
  struct strbuf line = STRBUF_INIT;
  char worker[32];
  snprintf(worker, sizeof worker, "coxswain-%d", (int)epoch);
  op_format(op, worker, &line);
  strbuf_putc(&line, '\n');
  *crc = hash_crc32(*crc, line.text, line.len);
  line.len -= 2;
  strbuf_printf(&line, ",\"commit\":\"%d-%08x\"}\n", (int)epoch, *crc);
  append_file(path, line.text);
  strbuf_free(&line);
}

static struct op named(enum op_kind kind, int64_t trial, const char *name, const char *json) {
  struct op op = op_of(kind, trial);
  op.name = name;
  op.json = json;
  op.time = 1.5e9;
  return op;
}

/* A writer that was thought dead goes on after another has taken over: what it says is dropped. */
static void test_older_epochs_dropped(void) {
  char path[600];
  snprintf(path, sizeof path, "%s/journal.log", test_folder("journal-epoch"));
  struct op study = named(OP_CREATE_STUDY, -1, "s", NULL), trial = named(OP_CREATE_TRIAL, 0, NULL, NULL);
  uint32_t one = 0;
  append_group(path, 1, &one, &study);
  append_group(path, 1, &one, &trial);
  uint32_t two = one, three;
  struct op by_two = named(OP_STUDY_ATTR, -1, "by", "2"), by_one = named(OP_STUDY_ATTR, -1, "by", "1");
  append_group(path, 2, &two, &by_two);
  append_group(path, 1, &one, &by_one);
  append_group(path, 1, &one, &trial);
  append_group(path, 2, &two, &trial);
  append_group(path, 1, &one, &trial);
  three = two;
  append_group(path, 4, &three, &trial);
  append_group(path, 2, &two, &trial);
  struct study s;
  study_init(&s, NULL);
  log_levels(LOG_ERROR, LOG_ERROR);
  int64_t lines;
  CHECK(journal_read(path, study_visit, &s, &lines) == OK);
  CHECK(lines == 5 && s.n == 3);
  CHECK_TEXT(study_attribute(&s, "by"), "2");
  struct journal *j;
  CHECK(journal_open(&j, path, ignore, NULL) == OK);
  CHECK(journal_epoch(j) == 5 && journal_length(j) == 6);
  journal_close(j);
  log_levels(LOG_INFO, LOG_INFO);
  append_group(path, 9, &one, &trial); /* chained on something else */
  free(fold(path, ERR_DAMAGED));
  study_free(&s);
}

/* tests/data/format-1 was written when format 1 was new, and stays as it is. */
static void test_older_format(void) {
  const char *path = test_source_file("tests/data/format-1/journal.log");
  struct study s;
  if (!path)
    return;
  study_init(&s, NULL);
  REQUIRE(journal_read(path, study_visit, &s, NULL) == OK);
  CHECK_TEXT(study_attribute(&s, "coxswain:format"), "1");
  CHECK(s.n == 9 && s.counts[TRIAL_COMPLETE] == 1 && s.counts[TRIAL_PRUNED] == 8 && s.best == 5);
  const struct trial *t = &s.trials[5];
  CHECK_NEAR(t->value, 3.75649, 1e-5);
  CHECK(t->step == 9 && t->stints == 3 && t->rung == 2 && t->n_reports == 9 && t->saved[0].step == 9);
  CHECK(params_get(&t->params, "layers")->as.i == 1);
  CHECK_TEXT(params_get(&t->params, "kind")->as.text, "b");
  CHECK(test_text_contains(trial_attribute(t, "provenance"), "\"rank\""));
  study_free(&s);
}

static void test_newer_format(void) {
  char path[600];
  snprintf(path, sizeof path, "%s/journal.log", test_folder("journal-format"));
  struct op study = named(OP_CREATE_STUDY, -1, "s", NULL), trial = named(OP_CREATE_TRIAL, 0, NULL, NULL);
  struct op format = named(OP_STUDY_ATTR, -1, "coxswain:format", "1");
  uint32_t crc = 0;
  format.system = true;
  append_group(path, 1, &crc, &study);
  append_group(path, 1, &crc, &format);
  append_group(path, 1, &crc, &trial);
  free(fold(path, OK));
  format.json = "3"; /* a later program has gone on with it in its own way */
  append_group(path, 2, &crc, &format);
  append_group(path, 2, &crc, &trial);
  free(fold(path, ERR_INPUT));
  CHECK(names_a_line(path) && atoi(err_text() + strlen(path) + 1) == 4);
  CHECK(test_text_contains(err_text(), "format 3") && test_text_contains(err_text(), "up to 2"));
  CHECK(test_text_contains(err_text(), COXSWAIN_VERSION));
  struct journal *j;
  struct study s;
  int64_t before = file_size(path);
  study_init(&s, NULL);
  err_clear();
  CHECK(journal_open(&j, path, study_visit, &s) == ERR_INPUT);
  CHECK(file_size(path) == before);
  study_free(&s);
}

static void test_dashboard_lines(void) {
  struct written f;
  write_journal(&f, test_folder("journal-foreign"), 11, 6);
  const char *trial_note =
      "{\"op_code\":8,\"worker_id\":\"ab-1\",\"trial_id\":0,\"user_attr\":{\"note\":\"good \\u00e9\"}}\n";
  append_file(f.path, trial_note);
  append_file(f.path,
              "{\"op_code\":3,\"worker_id\":\"ab-1\",\"study_id\":0,\"system_attr\":{\"dashboard:x\":[1,2]}}\n");
  append_file(f.path,
              "{\"op_code\":9,\"worker_id\":\"ab-1\",\"trial_id\":99999,\"system_attr\":{\"a\":1}}\n"); /* no such */
  struct study s;
  struct journal *j;
  study_init(&s, NULL);
  REQUIRE(journal_open(&j, f.path, study_visit, &s) == OK);
  CHECK_TEXT(trial_attribute(&s.trials[0], "note"), "\"good \\u00e9\"");
  CHECK_TEXT(study_attribute(&s, "dashboard:x"), "[1,2]");
  append_file(f.path, trial_note); /* while we write */
  struct op op = named(OP_CREATE_TRIAL, (int64_t)s.n, NULL, NULL);
  journal_add(j, &op);
  CHECK(journal_commit(j) == OK);
  journal_close(j);
  REQUIRE(study_apply(&s, &op) == OK);
  char *live = dump_of(&s), *again = fold(f.path, OK);
  CHECK_TEXT(live, again);
  free(live);
  free(again);
  study_free(&s);
  struct strbuf text = STRBUF_INIT;
  REQUIRE(file_read(f.path, &text) == OK);
  int lines = 0;
  for (size_t i = 0; i < text.len; i++)
    lines += text.text[i] == '\n';
  append_file(f.path, "{\"op_code\":4,\"worker_id\":\"ab-1\",\"study_id\":0,\"datetime_start\":null}\n");
  free(fold(f.path, ERR_DAMAGED));
  char where[700];
  snprintf(where, sizeof where, "%s:%d: written by another program", f.path, lines + 1);
  CHECK(test_text_contains(err_text(), where));
  strbuf_free(&text);
  forget(&f);
}

static void test_bugs_are_not_written(void) {
  char path[600];
  snprintf(path, sizeof path, "%s/journal.log", test_folder("journal-bug"));
  struct op bad[6];
  bad[0] = named(OP_REPORT, 0, NULL, NULL); /* NaN */
  bad[1] = bad[0];
  bad[1].value = (double)INFINITY;
  bad[2] = named(OP_TRIAL_ATTR, 0, "a", "not json");
  bad[3] = named(OP_TRIAL_ATTR, 0, "a", "{\"a\":\n1}");
  bad[4] = named(OP_STATE, 0, NULL, NULL);
  bad[4].state = TRIAL_COMPLETE; /* without a value */
  bad[5] = named(OP_PARAM, 0, "p", "{}");
  for (size_t i = 0; i < 6; i++) {
    struct journal *j;
    int64_t before;
    err_clear();
    REQUIRE(journal_open(&j, path, ignore, NULL) == OK);
    before = file_size(path);
    struct op good = named(OP_CREATE_STUDY, -1, "s", NULL);
    journal_add(j, &good);
    journal_add(j, &bad[i]);
    CHECK(journal_commit(j) == ERR_BUG);
    CHECK(file_size(path) == before);
    journal_add(j, &good);
    CHECK(journal_commit(j) == ERR_IO);
    journal_close(j);
  }
  struct op none = named(OP_STATE, 3, NULL, NULL);
  none.state = TRIAL_FAIL;
  struct strbuf line = STRBUF_INIT;
  op_format(&none, "coxswain-1", &line);
  CHECK(test_text_contains(line.text, "\"values\":null"));
  strbuf_free(&line);
}

static void test_full_disk(void) {
  struct written f;
  write_journal(&f, test_folder("journal-full"), 13, 5);
  struct journal *j;
  REQUIRE(journal_open(&j, f.path, ignore, NULL) == OK);
  struct rlimit old, limit;
  REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
  limit = old;
  limit.rlim_cur = (rlim_t)file_size(f.path) + 60;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  struct op op = named(OP_CREATE_TRIAL, 0, NULL, NULL);
  journal_add(j, &op);
  err_clear();
  CHECK(journal_commit(j) == ERR_IO);
  CHECK(test_text_contains(err_text(), f.path));
  REQUIRE(setrlimit(RLIMIT_FSIZE, &old) == 0);
  signal(SIGXFSZ, handler);
  err_clear();
  journal_add(j, &op);
  CHECK(journal_commit(j) == ERR_IO);
  CHECK(test_text_contains(err_text(), "nothing more is written"));
  journal_close(j);
  char *dump = fold(f.path, OK); /* half a line at the end */
  CHECK_TEXT(dump, f.dumps[GROUPS]);
  free(dump);
  log_levels(LOG_ERROR, LOG_ERROR);
  REQUIRE(journal_open(&j, f.path, ignore, NULL) == OK);
  log_levels(LOG_INFO, LOG_INFO);
  journal_close(j);
  forget(&f);
}

/* Read while another process writes: always a whole number of groups, each of them three trials. */
static void test_read_while_written(void) {
  char path[600];
  snprintf(path, sizeof path, "%s/journal.log", test_folder("journal-live"));
  struct journal *j;
  REQUIRE(journal_open(&j, path, ignore, NULL) == OK);
  struct op study = named(OP_CREATE_STUDY, -1, "s", NULL);
  journal_add(j, &study);
  REQUIRE(journal_commit(j) == OK);
  journal_close(j);
  pid_t child = fork();
  if (child == 0) {
    bool good = journal_open(&j, path, ignore, NULL) == OK;
    for (int i = 0; good && i < 100; i++) {
      struct op op = named(OP_CREATE_TRIAL, i, NULL, NULL);
      for (int k = 0; k < 3; k++)
        journal_add(j, &op);
      good = journal_commit(j) == OK;
    }
    _exit(good ? 0 : 1);
  }
  int status = 0;
  bool ended = false;
  size_t last = 0;
  while (!ended) {
    ended = waitpid(child, &status, WNOHANG) == child;
    struct study s;
    study_init(&s, NULL);
    CHECK(journal_read(path, study_visit, &s, NULL) == OK);
    CHECK(s.n % 3 == 0 && s.n >= last);
    last = s.n;
    study_free(&s);
  }
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && last == 300);
}

int main(void) {
  return TEST_MAIN(
      "journal", {"a line and back", test_round_trip}, {"foreign lines", test_reads_foreign_lines},
      {"bad lines are refused", test_refuses_bad_lines}, {"numbers keep every bit", test_numbers_keep_every_bit},
      {"any bytes", test_any_bytes}, {"what is written is read, epochs rise", test_written_is_read},
      {"torn at every byte", test_torn_at_every_byte}, {"every bit flipped", test_every_bit_flipped},
      {"holes of zeros", test_holes}, {"files that are no journals", test_other_files},
      {"a second writer is refused", test_second_writer_refused}, {"a journal of format 1", test_older_format},
      {"a newer format is refused", test_newer_format}, {"older epochs are dropped", test_older_epochs_dropped},
      {"lines of a dashboard", test_dashboard_lines},
      {"what cannot be read back is not written", test_bugs_are_not_written},
      {"a write that fails is final", test_full_disk}, {"read while written", test_read_while_written}, );
}
