/* The evaluator `command`: what it makes of words, of what programs print, and of trials that are taken up again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "run/command_output.h"
#include "run/command_words.h"
#include "run/evaluator.h"
#include "testing.h"

/* ---- words ---- */

static void check_word(const char *word, const char *wanted) {
  static const struct places places = {
      .trial = "7", .folder = "/f", .checkpoint = "/f/c", .params = "/f/p", .until = "3", .here = "/h"};
  struct params p;
  struct strbuf out = STRBUF_INIT;
  params_init(&p);
  params_set(&p, "lr", value_float(0.1));
  params_set(&p, "n", value_int(-12));
  params_set(&p, "act", value_text("relu"));
  params_set(&p, "norm", value_bool(true));
  bool filled = word_fill(word, &places, &p, &out);
  if (wanted)
    CHECK_TEXT(out.text, wanted);
  CHECK(filled == (wanted != NULL));
  strbuf_free(&out);
  params_free(&p);
}

static void test_words(void) {
  check_word("", "");
  check_word("plain", "plain");
  check_word("--lr={lr}", "--lr=0.1");
  check_word("{n}{act}{norm}", "-12relutrue");
  check_word("{here}/train.py", "/h/train.py");
  check_word("{trial} {folder} {checkpoint} {params} {until}", "7 /f /f/c /f/p 3");
  check_word("--momentum={momentum}", NULL);
  check_word("{\"a\": {\"b\": 1}}", "{\"a\": {\"b\": 1}}");
  check_word("{{n}}", "{-12}");
  check_word("{", "{");
  check_word("{}", "{}");
  check_word("{n", "{n");
}

/* ---- lines ---- */

static bool read_line(const char *line, const char *metric, bool loss_too, struct said *s) {
  struct value_name name = {metric, loss_too};
  const char *why;
  said_init(s);
  return said_read(s, line, strlen(line), &name, &why);
}

static void test_lines(void) {
  struct said s;
  CHECK(
      read_line("  {\"step\": 3, \"loss\": 0.25, \"acc\": 0.5, \"tag\": \"x\", \"big\": true}", "val_loss", true, &s));
  CHECK(s.step == 3 && s.has_value && s.value == 0.25 && !s.failed && !s.done);
  CHECK(s.metrics.n == 4 && params_double(&s.metrics, "acc", 0) == 0.5);
  said_free(&s);
  CHECK(read_line("{\"val_loss\": 1, \"loss\": 2}", "val_loss", true, &s) && s.value == 1);
  said_free(&s);
  CHECK(!read_line("{\"loss\": 2}", "accuracy", false, &s)); /* nobody wants the greatest loss */
  said_free(&s);
  CHECK(read_line("{\"loss\": NaN, \"note\": \"a NaN \\\" NaN\"}", "loss", true, &s) && isnan(s.value));
  said_free(&s);
  CHECK(read_line("{\"loss\": -Infinity}", "loss", true, &s) && s.value < 0 && isinf(s.value));
  said_free(&s);
  CHECK(read_line("{\"loss\": \"inf\"}", "loss", true, &s) && isinf(s.value));
  said_free(&s);
  CHECK(read_line("{\"status\": 2, \"message\": \"no\\ndata\"}", "loss", true, &s) && s.failed);
  CHECK_TEXT(s.message, "no data");
  said_free(&s);
  CHECK(read_line("{\"status\": \"ok\", \"loss\": 1, \"done\": true}", "loss", true, &s) && !s.failed && s.done);
  said_free(&s);
}

static void test_no_lines(void) {
  static const char *const lines[] = {"",
                                      "epoch 3",
                                      "0.5",
                                      "[1]",
                                      "{",
                                      "{\"loss\": }",
                                      "{\"loss\": \"0.3\"}",
                                      "{\"loss\": null}",
                                      "{\"loss\": [1]}",
                                      "{\"other\": 1}",
                                      "{\"loss\": 1, \"step\": 1.5}",
                                      "{\"loss\": 1, \"step\": -1}",
                                      "{\"loss\": 1, \"step\": \"1\"}",
                                      "{\"loss\": 1} trailing",
                                      "{\"loss\": 1e999}",
                                      "{\"loss\": \"\xff\"}",
                                      "null",
                                      "{\"status\": 0}"};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct said s;
    bool taken = read_line(lines[i], "loss", true, &s);
    if (taken)
      printf("taken: %s\n", lines[i]);
    CHECK(!taken);
    said_free(&s);
  }
}

/* Names of the journal's own words are no metrics. */
static void test_reserved_names(void) {
  struct said s;
  CHECK(read_line("{\"loss\": 1, \"coxswain:saved\": 3, \"reason\": \"x\", \"provenance\": 1, \"\": 2}", "loss", true,
                  &s));
  CHECK(s.metrics.n == 1);
  said_free(&s);
}

static bool note_line(void *context, const char *line, size_t n) {
  struct strbuf *b = context;
  strbuf_add(b, line, n);
  strbuf_putc(b, '|');
  return true;
}

static void append(const char *path, const char *text, size_t times) {
  FILE *f = fopen(path, "a");
  REQUIRE(f != NULL);
  while (times--)
    fputs(text, f);
  fclose(f);
}

static void test_tail(void) {
  char path[4096];
  struct tail t;
  struct strbuf got = STRBUF_INIT;
  snprintf(path, sizeof path, "%s/file", test_folder("command_tail"));
  CHECK(tail_open(&t, path, false) == OK && t.fd < 0);
  append(path, "one\ntw", 1);
  CHECK(tail_open(&t, path, false) == OK && t.fd >= 0);
  CHECK(!tail_read(&t, 1 << 20, false, note_line, &got));
  CHECK_TEXT(got.text, "one|");
  append(path, "o\n\nthree", 1);
  tail_read(&t, 1 << 20, false, note_line, &got);
  CHECK_TEXT(got.text, "one|two|");
  tail_read(&t, 1 << 20, true, note_line, &got);
  CHECK_TEXT(got.text, "one|two|three|");
  append(path, "0123456789abcdef", 2 * TAIL_LONGEST / 16); /* too long to be one of ours */
  append(path, "\nlast\n", 1);
  strbuf_clear(&got);
  while (tail_read(&t, 1 << 16, false, note_line, &got))
    ;
  CHECK_TEXT(got.text, "last|");
  tail_close(&t);
  strbuf_free(&got);
}

static void test_last_words(void) {
  char path[4096], words[32];
  snprintf(path, sizeof path, "%s/file", test_folder("command_words"));
  last_words(path, words, sizeof words);
  CHECK_TEXT(words, "");
  append(path, "a first line that is far too long for it\nKeyError:\t'x'\nbye\n\n", 1);
  last_words(path, words, sizeof words);
  CHECK_TEXT(words, "KeyError: 'x';bye");
  append(path, "0123456789", 10);
  last_words(path, words, sizeof words);
  CHECK(strlen(words) == sizeof words - 1);
  append(path, "\n\xff\xfe broken\n", 1);
  last_words(path, words, sizeof words);
  CHECK_TEXT(words, "?? broken");
}

/* ---- the evaluator ---- */

struct fixture {
  struct settings *conf;
  struct space space;
  struct evaluator *e;
};

/* A program that goes on from its checkpoint and says each step once. $1, if given, is the step at which it is killed.
 */
#define GOES_ON                                                                                     \
  "s=$(cat $COXSWAIN_CHECKPOINT/step 2>/dev/null || echo 0); while [ $s -lt $COXSWAIN_UNTIL ]; do " \
  "s=$((s + 1)); echo $s >$COXSWAIN_CHECKPOINT/step; echo '{\\\"loss\\\": 0.'$s', \\\"step\\\": '$s'}'; done"

static void fixture_open(struct fixture *f, const char *script, size_t slots, const char *more) {
  struct complaints c;
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text,
                "evaluator = \"command\"; study = { metric = \"loss\"; }; space = { x = { low = 0.0; high = 1.0; }; };"
                "command = { argv = (\"sh\", \"-c\", \"%s\"); steps = 9; grace = 1; %s };",
                script, more);
  complaints_init(&c);
  settings_read_text(&f->conf, text.text, "small.cfg", NULL, 0, &c);
  space_from_settings(&f->space, f->conf, &c);
  struct evaluator_options o = {
      .conf = f->conf, .space = &f->space, .folder = "test-files/command", .study_name = "small", .slots = slots};
  evaluator_ops_of("command")->check(&o, &c);
  for (size_t i = 0; i < c.n; i++)
    printf("%s\n", c.lines[i]);
  REQUIRE(c.n == 0);
  complaints_free(&c);
  strbuf_free(&text);
  REQUIRE(evaluator_open(&f->e, "command", &o) == OK);
}

static void fixture_close(struct fixture *f) {
  evaluator_close(f->e);
  space_free(&f->space);
  settings_free(f->conf);
}

static enum err admit(struct fixture *f, size_t slot, int64_t trial, int64_t from, int64_t to,
                      const struct state *start) {
  struct work w = {.trial = trial, .key = trial, .from = from, .to = to};
  params_init(&w.params);
  params_set(&w.params, "x", value_float(0.5));
  enum err e = f->e->ops->admit(f->e, slot, &w, start);
  params_free(&w.params);
  return e;
}

/* Until the slot's next outcome; those of other slots are dropped. Its metrics are freed. */
static struct outcome next(struct fixture *f, size_t slot) {
  struct outcome o;
  for (double end = clock_seconds() + 20; clock_seconds() < end;) {
    while (f->e->ops->outcome(f->e, &o)) {
      params_free(&o.metrics);
      if (o.slot == slot)
        return o;
    }
    REQUIRE(f->e->ops->advance(f->e, 0.05) == OK);
  }
  return (struct outcome){.kind = WORK_FAILED, .reason = "nothing came"};
}

static void test_stints(void) {
  struct fixture f;
  struct state s;
  test_folder("command");
  fixture_open(&f, GOES_ON, 1, "");
  state_init(&s);
  REQUIRE(admit(&f, 0, 3, 0, 2, NULL) == OK);
  for (int64_t k = 1; k <= 2; k++) {
    struct outcome o = next(&f, 0);
    CHECK(o.kind == WORK_REPORT && o.step == k);
    CHECK_NEAR(o.value, 0.1 * (double)k, 1e-12);
  }
  struct outcome o = next(&f, 0);
  CHECK(o.kind == WORK_REACHED && o.step == 2);
  CHECK(f.e->ops->snapshot(f.e, 0, &s) == OK);
  f.e->ops->evict(f.e, 0);
  REQUIRE(admit(&f, 0, 3, 2, 9, &s) == OK);
  for (int64_t k = 3; k <= 9; k++)
    CHECK(next(&f, 0).step == k);
  o = next(&f, 0);
  CHECK(o.kind == WORK_FINISHED && o.step == 9);
  CHECK_NEAR(o.value, 0.9, 1e-12);
  state_free(&s);
  fixture_close(&f);
}

/* The process that should have passed values on was killed; the program had gone on to step 5 by then. */
static void test_replay(void) {
  struct fixture f;
  char *folder = path_join(test_folder("command"), "trials/trial-000004/checkpoint");
  REQUIRE(file_make_folders(folder) == OK);
  free(folder);
  append("test-files/command/trials/trial-000004/checkpoint/step", "5\n", 1);
  for (int k = 1; k <= 5; k++) {
    char line[64];
    snprintf(line, sizeof line, "{\"loss\": 0.%d, \"step\": %d}\n", k, k);
    append("test-files/command/trials/trial-000004/stdout.log", line, 1);
  }
  fixture_open(&f, GOES_ON, 1, "");
  REQUIRE(admit(&f, 0, 4, 0, 9, NULL) == OK);
  for (int64_t k = 1; k <= 9; k++) {
    struct outcome o = next(&f, 0);
    CHECK(o.kind == WORK_REPORT && o.step == k);
  }
  CHECK(next(&f, 0).kind == WORK_FINISHED);
  fixture_close(&f);
}

/* A state is of what was told; what was read but not yet taken comes again. */
static void test_snapshot_of_taken(void) {
  struct fixture f;
  struct state s;
  int64_t step = -1;
  char *folder = path_join(test_folder("command"), "trials/trial-000005");
  REQUIRE(file_make_folders(folder) == OK);
  free(folder);
  append("test-files/command/trials/trial-000005/stdout.log", "{\"loss\": 0.5, \"step\": 1}\n", 1);
  fixture_open(&f, GOES_ON, 1, "");
  state_init(&s);
  REQUIRE(admit(&f, 0, 5, 0, 9, NULL) == OK);
  CHECK(f.e->ops->snapshot(f.e, 0, &s) == OK && state_take_i64(&s, "step", &step) == OK && step == 0);
  CHECK(next(&f, 0).step == 1);
  CHECK(f.e->ops->snapshot(f.e, 0, &s) == OK && state_take_i64(&s, "step", &step) == OK && step == 1);
  state_free(&s);
  fixture_close(&f);
}

static void test_evict(void) {
  struct fixture f;
  test_folder("command");
  fixture_open(&f,
               "echo $$ >pid.tmp; mv pid.tmp pid; if [ $COXSWAIN_TRIAL = 1 ]; then trap '' TERM; while :; do sleep "
               "0.01; done; fi; "
               "echo '{\\\"loss\\\": 1}'",
               1, "");
  REQUIRE(admit(&f, 0, 1, 0, 9, NULL) == OK);
  for (double end = clock_seconds() + 20; !file_exists("test-files/command/trials/trial-000001/pid");) {
    REQUIRE(clock_seconds() < end);
    REQUIRE(f.e->ops->advance(f.e, 0.01) == OK);
  }
  f.e->ops->evict(f.e, 0); /* it does not end of SIGTERM; the seat is free all the same */
  REQUIRE(admit(&f, 0, 2, 0, 9, NULL) == OK);
  CHECK(next(&f, 0).kind == WORK_REPORT);
  CHECK(next(&f, 0).kind == WORK_FINISHED);
  f.e->ops->evict(f.e, 0);
  fixture_close(&f);
}

static void test_other_point(void) {
  struct fixture f;
  char *folder = path_join(test_folder("command"), "trials/trial-000006");
  REQUIRE(file_make_folders(folder) == OK);
  free(folder);
  append("test-files/command/trials/trial-000006/params.json", "{\"x\": 0.25}\n", 1);
  fixture_open(&f, GOES_ON, 1, "");
  CHECK(admit(&f, 0, 6, 0, 9, NULL) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "another point"));
  err_clear();
  CHECK(admit(&f, 0, 7, 0, 9, NULL) == OK); /* the seat is free */
  fixture_close(&f);
}

static void test_early_stop(void) {
  struct fixture f;
  test_folder("command");
  fixture_open(
      &f,
      "echo '{\\\"loss\\\": 0.3, \\\"step\\\": 1}'; echo '{\\\"loss\\\": 0.3, \\\"step\\\": 1, \\\"done\\\": true}'", 1,
      "");
  REQUIRE(admit(&f, 0, 1, 0, 3, NULL) == OK);
  CHECK(next(&f, 0).kind == WORK_REPORT);
  struct outcome o = next(&f, 0);
  CHECK(o.kind == WORK_FINISHED && o.step == 1);
  fixture_close(&f);
}

/* More than was asked for is not passed on: a rung would otherwise see what it did not pay for. */
static void test_too_far(void) {
  struct fixture f;
  test_folder("command");
  fixture_open(&f, "for s in 1 2 3 4; do echo '{\\\"loss\\\": 0.'$s', \\\"step\\\": '$s'}'; done", 1, "");
  REQUIRE(admit(&f, 0, 1, 0, 2, NULL) == OK);
  CHECK(next(&f, 0).step == 1);
  CHECK(next(&f, 0).step == 2);
  struct outcome o = next(&f, 0);
  CHECK(o.kind == WORK_REACHED && o.step == 2);
  fixture_close(&f);
}

/* Without pauses the program runs on behind its stint, aside, and the next one takes it up. */
static void test_runs_on(void) {
  struct fixture f;
  struct state s;
  test_folder("command");
  fixture_open(&f,
               "echo x >>starts; for s in 1 2 3 4 5 6 7 8 9; do echo '{\\\"loss\\\": 0.'$s', \\\"step\\\": '$s'}'; "
               "while [ $s = 4 ] && [ ! -e go ]; do sleep 0.01; done; done",
               1, "}; schedule = { pause = false; ");
  state_init(&s);
  REQUIRE(admit(&f, 0, 8, 0, 1, NULL) == OK);
  CHECK(next(&f, 0).step == 1);
  struct outcome o = next(&f, 0);
  CHECK(o.kind == WORK_REACHED && o.step == 1);
  CHECK(f.e->ops->snapshot(f.e, 0, &s) == OK);
  f.e->ops->evict(f.e, 0);
  REQUIRE(admit(&f, 0, 8, 1, 3, &s) == OK);
  CHECK(next(&f, 0).step == 2);
  CHECK(next(&f, 0).step == 3);
  CHECK(next(&f, 0).kind == WORK_REACHED);
  state_free(&s);
  state_init(&s);
  CHECK(f.e->ops->snapshot(f.e, 0, &s) == OK);
  f.e->ops->evict(f.e, 0);
  append("test-files/command/trials/trial-000008/go", "", 1);
  REQUIRE(admit(&f, 0, 8, 3, 9, &s) == OK);
  for (int64_t k = 4; k <= 9; k++)
    CHECK(next(&f, 0).step == k);
  CHECK(next(&f, 0).kind == WORK_FINISHED);
  CHECK(file_size("test-files/command/trials/trial-000008/starts") == 2);
  f.e->ops->evict(f.e, 0);
  state_free(&s);
  fixture_close(&f);
}

/* One that is forgotten gives its share to the next program only when it is gone. */
static void test_forgotten(void) {
  struct fixture f;
  test_folder("command");
  fixture_open(&f,
               "echo '{\\\"loss\\\": 0.5, \\\"step\\\": 1}'; if [ $COXSWAIN_TRIAL = 1 ]; then "
               "trap 'echo x >>../stopped; exit' TERM; while :; do sleep 0.01; done; fi; [ -e ../stopped ] || exit 9",
               1, "}; schedule = { pause = false; ");
  REQUIRE(admit(&f, 0, 1, 0, 1, NULL) == OK);
  CHECK(next(&f, 0).kind == WORK_REPORT);
  CHECK(next(&f, 0).kind == WORK_REACHED);
  f.e->ops->evict(f.e, 0);
  CHECK(!file_exists("test-files/command/trials/stopped"));
  f.e->ops->forget(f.e, 1);
  REQUIRE(admit(&f, 0, 2, 0, 1, NULL) == OK);
  CHECK(next(&f, 0).kind == WORK_REPORT);
  CHECK(next(&f, 0).kind == WORK_REACHED);
  f.e->ops->evict(f.e, 0);
  fixture_close(&f);
}

static bool take_before_stop(void *context, const char *line, size_t n) {
  return strncmp(line, "stop", 4) != 0 && note_line(context, line, n);
}

/* A line that is not taken comes again, also one that was longer than a piece. */
static void test_left_line(void) {
  char path[4096];
  struct tail t;
  struct strbuf got = STRBUF_INIT;
  snprintf(path, sizeof path, "%s/file", test_folder("command_left"));
  append(path, "one\nstop", 1);
  append(path, " and go on", 10000);
  append(path, "\nthree\nfour", 1);
  REQUIRE(tail_open(&t, path, false) == OK);
  for (int i = 0; i < 3; i++)
    CHECK(!tail_read(&t, 1 << 20, true, take_before_stop, &got));
  CHECK_TEXT(got.text, "one|");
  strbuf_clear(&got);
  while (tail_read(&t, 1 << 20, true, note_line, &got))
    ;
  CHECK(got.len == strlen("stop") + 10 * 10000 + strlen("|three|four|"));
  tail_close(&t);
  strbuf_free(&got);
}

/* Steps that come out of order, again, or after the result are no values. */
static void test_disorder(void) {
  struct fixture f;
  test_folder("command");
  fixture_open(&f,
               "for s in 2 1 2 5 3; do echo '{\\\"loss\\\": 0.'$s', \\\"step\\\": '$s'}'; done; "
               "echo '{\\\"loss\\\": 0.7, \\\"step\\\": 9}' >result.tmp; mv result.tmp result.json; "
               "echo '{\\\"loss\\\": 0.1, \\\"step\\\": 4}'",
               1, "");
  REQUIRE(admit(&f, 0, 1, 0, 9, NULL) == OK);
  CHECK(next(&f, 0).step == 2);
  CHECK(next(&f, 0).step == 5);
  CHECK(next(&f, 0).step == 9);
  struct outcome o = next(&f, 0);
  CHECK(o.kind == WORK_FINISHED && o.value == 0.7);
  f.e->ops->evict(f.e, 0);
  fixture_close(&f);
}

int main(void) {
  return TEST_MAIN("command", {"words", test_words}, {"lines", test_lines}, {"what is no line", test_no_lines},
                   {"reserved names", test_reserved_names}, {"a file that grows", test_tail},
                   {"last words", test_last_words}, {"stint after stint", test_stints},
                   {"values nobody passed on", test_replay}, {"state of what was taken", test_snapshot_of_taken},
                   {"evicted", test_evict}, {"a folder of another point", test_other_point},
                   {"early stop", test_early_stop}, {"further than asked", test_too_far},
                   {"a program that runs on", test_runs_on}, {"one that is stopped", test_forgotten},
                   {"a line for later", test_left_line}, {"out of order", test_disorder});
}
