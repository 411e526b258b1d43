/* A snapshot and the rest of the journal are the journal. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "histories.h"
#include "hpo/snapshot.h"
#include "hpo/snapshot_file.h"
#include "testing.h"

static struct settings *settings;
static struct space space;

static void make_space(void) {
  struct complaints c;
  complaints_init(&c);
  settings_read_text(&settings, historian_space, "study.cfg", NULL, 0, &c);
  space_from_settings(&space, settings, &c);
  REQUIRE(space.n == 5);
  complaints_free(&c);
}

static void drop_space(void) {
  space_free(&space);
  settings_free(settings);
}

static char *dump_of(const struct study *s) {
  struct strbuf dump = STRBUF_INIT;
  study_dump(s, &dump);
  strbuf_printf(&dump, "ops %lld\n", (long long)s->ops);
  return strbuf_detach(&dump);
}

static enum err ignore(void *context, const struct op *op) {
  (void)context, (void)op;
  return OK;
}

/* The fold of the file, with or without its snapshot; *from: where the reading of lines began. */
struct fold {
  struct study study;
  int64_t from, lines;
};

static enum err begin(void *context, const char *journal, int fd, struct journal_mark *at) {
  struct fold *f = context;
  snapshot_load(&f->study, journal, fd, at);
  f->from = at->offset;
  return OK;
}

static enum err visit(void *context, const struct op *op) {
  return study_apply(&((struct fold *)context)->study, op);
}

static char *fold(const char *path, const struct space *of, bool quick, int64_t *from, int64_t *lines) {
  struct fold f = {.from = 0};
  study_init(&f.study, of);
  CHECK(journal_read_on(path, quick ? begin : NULL, visit, &f, &f.lines) == OK);
  char *dump = dump_of(&f.study);
  study_free(&f.study);
  if (from)
    *from = f.from;
  if (lines)
    *lines = f.lines;
  return dump;
}

static void check_same(const char *path, const struct space *of, bool used) {
  int64_t from = 0, lines = 0, all = 0;
  char *whole = fold(path, of, false, NULL, &all), *quick = fold(path, of, true, &from, &lines);
  CHECK((from > 0) == used && lines == all);
  if (strcmp(whole, quick) != 0) {
    printf("%s", "whole and quick differ\n");
    CHECK(false);
  }
  free(whole);
  free(quick);
}

/* ---- a study that is being written ---- */

struct live {
  char path[700], snapshot[700];
  struct journal *journal;
  struct historian h;
  struct snapshot *writing;
};

static enum err add(void *context, const struct op *op) {
  struct live *l = context;
  journal_add(l->journal, op);
  if (l->writing)
    snapshot_touch(l->writing, op);
  return OK;
}

static void live_open(struct live *l, const char *folder, uint64_t seed, bool maximize, const struct space *of) {
  *l = (struct live){.writing = NULL};
  snprintf(l->path, sizeof l->path, "%s/journal.log", folder);
  snprintf(l->snapshot, sizeof l->snapshot, "%s/journal.snapshot", folder);
  REQUIRE(journal_open(&l->journal, l->path, ignore, NULL) == OK);
  historian_init(&l->h, seed, maximize, of, add, l);
  l->h.derived = seed % 4 == 3;
}

static void live_group(struct live *l) {
  size_t wanted = 1 + rng_below(&l->h.rng, 12);
  while (journal_pending(l->journal) < wanted)
    REQUIRE(historian_step(&l->h) == OK);
  REQUIRE(journal_commit(l->journal) == OK);
}

static void live_close(struct live *l) {
  snapshot_drop(l->writing);
  journal_close(l->journal);
  historian_free(&l->h);
}

static void save(struct live *l) {
  struct journal_mark at;
  REQUIRE(journal_place(l->journal, &at));
  REQUIRE(snapshot_save(l->path, &l->h.study, &at) == OK);
}

/* Of random histories, at random moments, all at once or in pieces while the study goes on. */
static void test_snapshot_and_rest(void) {
  make_space();
  for (uint64_t seed = 0; seed < 24; seed++) {
    struct live l;
    struct journal_mark at;
    const struct space *of = seed % 3 ? &space : NULL;
    bool done = true, there = false;
    live_open(&l, test_folder("snapshot"), seed, seed % 2, of);
    for (int group = 0; group < 60; group++) {
      live_group(&l);
      if (!l.writing && rng_below(&l.h.rng, 6) == 0) {
        REQUIRE(snapshot_begin(&l.writing, l.path, &l.h.study) == OK);
      } else if (l.writing && rng_below(&l.h.rng, 8)) {
        REQUIRE(snapshot_write(l.writing, 1 + rng_below(&l.h.rng, 20), &done) == OK);
      } else if (l.writing) {
        REQUIRE(journal_place(l.journal, &at));
        REQUIRE(snapshot_end(l.writing, &at) == OK);
        l.writing = NULL;
        there = true;
      }
      if (group % 5 == 0)
        check_same(l.path, of, there);
    }
    save(&l);
    check_same(l.path, of, true);
    for (int group = 0; group < 5; group++)
      live_group(&l);
    check_same(l.path, of, true);
    char *live = dump_of(&l.h.study), *read = fold(l.path, of, true, NULL, NULL);
    CHECK_TEXT(live, read);
    free(live);
    free(read);
    live_close(&l);
  }
  drop_space();
}

/* Opened with the snapshot, a journal is written on as if it had been read. */
static void test_written_on(void) {
  make_space();
  struct live l;
  live_open(&l, test_folder("snapshot-on"), 77, false, &space);
  for (int group = 0; group < 20; group++)
    live_group(&l);
  save(&l);
  live_group(&l);
  int64_t length = journal_length(l.journal);
  live_close(&l);
  for (int epoch = 2; epoch < 6; epoch++) {
    struct fold f = {.from = 0};
    struct journal *j;
    study_init(&f.study, &space);
    REQUIRE(journal_open_on(&j, l.path, begin, visit, &f) == OK);
    CHECK(f.from > 0 && journal_epoch(j) == epoch && journal_length(j) == ++length);
    struct op op = op_of(OP_CREATE_TRIAL, (int64_t)f.study.n);
    op.time = 1e9;
    journal_add(j, &op);
    REQUIRE(study_apply(&f.study, &op) == OK && journal_commit(j) == OK);
    length++;
    struct journal_mark at;
    REQUIRE(journal_place(j, &at));
    CHECK(at.offset == file_size(l.path) && at.lines == length && at.epoch == epoch);
    if (epoch == 3)
      REQUIRE(snapshot_save(l.path, &f.study, &at) == OK);
    journal_close(j);
    study_free(&f.study);
    check_same(l.path, &space, true);
  }
  /* a damaged line behind the snapshot is named by its place in the whole file */
  FILE *file = fopen(l.path, "ab");
  REQUIRE(file != NULL);
  fputs("nonsense\n", file);
  REQUIRE(fclose(file) == 0);
  struct fold f = {.from = 0};
  char expected[800];
  study_init(&f.study, &space);
  err_clear();
  CHECK(journal_read_on(l.path, begin, visit, &f, NULL) == ERR_DAMAGED);
  snprintf(expected, sizeof expected, "%s:%lld: ", l.path, (long long)length + 1);
  CHECK(test_text_contains(err_text(), expected));
  study_free(&f.study);
  drop_space();
}

/* Lines that a dashboard appends while we write are not in our study, so there is no place to make a snapshot of; with
 * the next opening there is. */
static void test_dashboard(void) {
  struct live l;
  struct journal_mark at;
  live_open(&l, test_folder("snapshot-dashboard"), 5, false, NULL);
  for (int group = 0; group < 10; group++)
    live_group(&l);
  CHECK(journal_place(l.journal, &at));
  FILE *file = fopen(l.path, "ab");
  REQUIRE(file != NULL);
  fputs("{\"op_code\":8,\"worker_id\":\"ab-1\",\"trial_id\":0,\"user_attr\":{\"note\":1}}\n", file);
  REQUIRE(fclose(file) == 0);
  CHECK(journal_place(l.journal, &at)); /* nothing of ours stands behind it yet */
  save(&l);
  check_same(l.path, NULL, true);
  live_group(&l);
  CHECK(!journal_place(l.journal, &at));
  check_same(l.path, NULL, true);
  live_close(&l);
  struct fold f = {.from = 0};
  struct journal *j;
  study_init(&f.study, NULL);
  REQUIRE(journal_open_on(&j, l.path, begin, visit, &f) == OK);
  CHECK_TEXT(trial_attribute(&f.study.trials[0], "note"), "1");
  REQUIRE(journal_place(j, &at));
  REQUIRE(snapshot_save(l.path, &f.study, &at) == OK);
  journal_close(j);
  study_free(&f.study);
  check_same(l.path, NULL, true);
}

/* ---- what must not be believed ---- */

static void put_file(const char *path, const void *bytes, size_t n) {
  FILE *file = fopen(path, "wb");
  REQUIRE(file != NULL);
  REQUIRE(fwrite(bytes, 1, n, file) == n);
  REQUIRE(fclose(file) == 0);
}

static void small_study(struct live *l, const char *folder, uint64_t seed, const struct space *of, int groups) {
  live_open(l, folder, seed, false, of);
  for (int group = 0; group < groups; group++)
    live_group(l);
  save(l);
  live_group(l);
}

/* Not one flipped bit, cut or zeroed piece of a snapshot is believed: the journal is read instead. */
static void test_damaged(void) {
  struct live l;
  struct strbuf good = STRBUF_INIT;
  small_study(&l, test_folder("snapshot-flip"), 9, NULL, 4);
  live_close(&l);
  REQUIRE(file_read(l.snapshot, &good) == OK);
  char *whole = fold(l.path, NULL, false, NULL, NULL);
  log_levels(LOG_ERROR, LOG_ERROR);
  size_t wrong = 0;
  for (size_t i = 0; i < good.len * 8; i++) {
    good.text[i / 8] = (char)(good.text[i / 8] ^ (1 << i % 8));
    put_file(l.snapshot, good.text, good.len);
    good.text[i / 8] = (char)(good.text[i / 8] ^ (1 << i % 8));
    int64_t from;
    char *quick = fold(l.path, NULL, true, &from, NULL);
    wrong += from != 0 || strcmp(whole, quick) != 0;
    free(quick);
  }
  for (size_t cut = 0; cut < good.len; cut += cut < 300 ? 1 : 37) {
    put_file(l.snapshot, good.text, cut);
    int64_t from;
    char *quick = fold(l.path, NULL, true, &from, NULL);
    wrong += from != 0 || strcmp(whole, quick) != 0;
    free(quick);
  }
  CHECK(wrong == 0);
  put_file(l.snapshot, good.text, good.len);
  check_same(l.path, NULL, true);
  log_levels(LOG_INFO, LOG_INFO);
  free(whole);
  strbuf_free(&good);
}

/* A file that is whole but lies: its sums are right. Nothing may crash; the sanitizers watch. */
static void test_nonsense(void) {
  struct live l;
  struct strbuf good = STRBUF_INIT;
  struct rng r = rng_of(rng_key("nonsense", 1));
  small_study(&l, test_folder("snapshot-nonsense"), 19, NULL, 8);
  live_close(&l);
  REQUIRE(file_read(l.snapshot, &good) == OK);
  log_levels(LOG_ERROR, LOG_ERROR);
  size_t n = good.len - SNAPSHOT_TRAILER;
  for (int i = 0; i < 3000; i++) {
    char *bytes = malloc(good.len);
    int64_t words[WORD_COUNT];
    memcpy(bytes, good.text, good.len);
    REQUIRE(trailer_scan(bytes + n, words));
    for (uint64_t k = 1 + rng_below(&r, 4); k > 0; k--)
      bytes[rng_below(&r, n)] = (char)rng_below(&r, 256);
    words[WORD_CRC] = hash_crc32(0, bytes, n);
    trailer_format(words, bytes + n);
    put_file(l.snapshot, bytes, good.len);
    struct fold f = {.from = 0};
    study_init(&f.study, NULL);
    (void)journal_read_on(l.path, begin, visit, &f, NULL);
    err_clear();
    study_free(&f.study);
    free(bytes);
  }
  log_levels(LOG_INFO, LOG_INFO);
  strbuf_free(&good);
}

/* Of another journal, of this one before it was cut and went on otherwise, of another space, format or program. */
static void test_foreign(void) {
  make_space();
  struct live l, other;
  struct strbuf snapshot = STRBUF_INIT, journal = STRBUF_INIT;
  char folder[600];
  snprintf(folder, sizeof folder, "%s", test_folder("snapshot-other"));
  small_study(&l, test_folder("snapshot-foreign"), 21, &space, 10);
  small_study(&other, folder, 22, &space, 10);
  REQUIRE(file_read(l.snapshot, &snapshot) == OK && file_read(l.path, &journal) == OK);
  log_levels(LOG_ERROR, LOG_ERROR);
  put_file(other.snapshot, snapshot.text, snapshot.len);
  check_same(other.path, &space, false);
  check_same(l.path, &space, true);
  check_same(l.path, NULL, true); /* who has no space needs no coordinates */

  int64_t words[WORD_COUNT];
  REQUIRE(trailer_scan(snapshot.text + snapshot.len - SNAPSHOT_TRAILER, words));
  size_t place = (size_t)words[WORD_OFFSET];
  REQUIRE(place < journal.len);
  put_file(l.path, journal.text, place);
  check_same(l.path, &space, true);
  for (size_t cut = place - 1; cut > 0 && cut + 700 > place; cut--) {
    int64_t from;
    put_file(l.path, journal.text, cut);
    free(fold(l.path, &space, true, &from, NULL));
    CHECK(from == 0);
  }
  /* cut, and written on beyond the place by a later writer */
  struct journal *j;
  journal_close(l.journal);
  l.journal = NULL;
  put_file(l.path, journal.text, place - 100);
  REQUIRE(journal_open(&j, l.path, ignore, NULL) == OK);
  struct op op = op_of(OP_STUDY_ATTR, -1);
  op.name = "other";
  op.json = "1";
  while (file_size(l.path) < (int64_t)place + 1000) {
    journal_add(j, &op);
    REQUIRE(journal_commit(j) == OK);
  }
  journal_close(j);
  check_same(l.path, &space, false);
  put_file(l.path, journal.text, journal.len);
  check_same(l.path, &space, true);

  for (int word = WORD_FORMAT; word <= WORD_VERSION; word++) {
    char *bytes = malloc(snapshot.len);
    memcpy(bytes, snapshot.text, snapshot.len);
    int64_t changed[WORD_COUNT];
    memcpy(changed, words, sizeof changed);
    changed[word]++;
    trailer_format(changed, bytes + snapshot.len - SNAPSHOT_TRAILER);
    put_file(l.snapshot, bytes, snapshot.len);
    check_same(l.path, &space, false);
    free(bytes);
  }

  REQUIRE(file_remove(l.snapshot) == OK);
  struct study s;
  struct journal_mark at;
  study_init(&s, NULL); /* by somebody who knows no space */
  REQUIRE(journal_open(&j, l.path, study_visit, &s) == OK && journal_place(j, &at));
  REQUIRE(snapshot_save(l.path, &s, &at) == OK);
  journal_close(j);
  study_free(&s);
  check_same(l.path, NULL, true);
  check_same(l.path, &space, false);
  log_levels(LOG_INFO, LOG_INFO);
  live_close(&l);
  live_close(&other);
  strbuf_free(&snapshot);
  strbuf_free(&journal);
  drop_space();
}

/* A snapshot that cannot be written leaves the old one, and nothing half written. */
static void test_cannot_write(void) {
  struct live l;
  char unfinished[800];
  small_study(&l, test_folder("snapshot-full"), 31, NULL, 5);
  snprintf(unfinished, sizeof unfinished, "%s.tmp", l.snapshot);
  REQUIRE(mkdir(unfinished, 0700) == 0);
  struct journal_mark at;
  REQUIRE(journal_place(l.journal, &at));
  err_clear();
  CHECK(snapshot_save(l.path, &l.h.study, &at) == ERR_IO);
  CHECK(test_text_contains(err_text(), unfinished));
  err_clear();
  REQUIRE(rmdir(unfinished) == 0);
  check_same(l.path, NULL, true);
  at.offset += 1000; /* a place that the journal has not */
  CHECK(snapshot_save(l.path, &l.h.study, &at) == ERR_IO);
  CHECK(!file_exists(unfinished));
  err_clear();
  check_same(l.path, NULL, true);
  live_close(&l);
}

int main(void) {
  return TEST_MAIN("snapshot", {"snapshot and rest are the whole", test_snapshot_and_rest},
                   {"written on", test_written_on}, {"a dashboard writes too", test_dashboard},
                   {"damaged", test_damaged}, {"nonsense with the right sums", test_nonsense},
                   {"of something else", test_foreign}, {"cannot be written", test_cannot_write}, );
}
