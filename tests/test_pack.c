/* Packs: what goes in comes out, damage of any kind is found, and a disk that fails leaves the old file. */
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/pack.h"
#include "testing.h"

static const char *at(const char *folder, const char *name) {
  static char paths[4][512];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static int same(const struct state *a, const struct state *b) {
  if (a->n != b->n)
    return 0;
  for (size_t i = 0; i < a->n; i++) {
    const struct state_array *x = &a->items[i], *y = &b->items[i];
    if (strcmp(x->name, y->name) != 0 || x->type != y->type || x->n != y->n ||
        memcmp(x->data, y->data, x->n * state_element_size(x->type)) != 0)
      return 0;
  }
  return 1;
}

/* Any bits at all, so NaNs with payloads, infinities and subnormal numbers too; names not in alphabetical order. */
static void fill(struct state *s, uint64_t seed, size_t weights) {
  struct rng r = rng_of(rng_key("pack", seed));
  state_init(s);
  uint32_t *w = state_put(s, "weights", STATE_F32, NULL, weights);
  uint64_t *m = state_put(s, "adam.m", STATE_F64, NULL, weights / 2);
  int64_t *c = state_put(s, "counters", STATE_I64, NULL, 5);
  for (size_t i = 0; i < weights; i++)
    w[i] = (uint32_t)rng_u64(&r);
  for (size_t i = 0; i < weights / 2; i++)
    m[i] = rng_u64(&r);
  for (size_t i = 0; i < 5; i++)
    c[i] = (int64_t)rng_u64(&r);
  state_put_text(s, "scheduler", "cosine \xc3\xa9");
  state_put(s, "bytes", STATE_TEXT, "a\0b\0", 4);
  state_put_text(s, "nothing", "");
  state_put(s, "no floats", STATE_F32, NULL, 0);
  state_put_f64(s, "best", (double)NAN);
  state_put_i64(s, "step", INT64_MIN);
}

static struct state one_state(uint64_t seed, size_t weights) {
  struct state s;
  fill(&s, seed, weights);
  return s;
}

/* ---- round trips ---- */

static void test_round_trip(void) {
  const char *path = at(test_folder("pack-round"), "0001.h5");
  struct state s = one_state(1, 1001), back;
  struct pack_item item = {.trial = 17, .step = 123456789012, .state = &s};
  int64_t step = 0, generation = 0;
  fill(&back, 2, 3); /* replaced as a whole */
  REQUIRE(pack_write(path, "DL1 \"scan\" \xc3\xa9", 7, &item, 1) == OK);
  CHECK(!file_exists("0001.h5.tmp"));
  CHECK(pack_check(path) == OK);
  CHECK(pack_generation(path, &generation) == OK && generation == 7);
  REQUIRE(pack_read(path, 17, &back, &step) == OK);
  CHECK(step == 123456789012);
  CHECK(same(&s, &back));
  CHECK_TEXT(state_text(&back, "scheduler"), "cosine \xc3\xa9");
  state_free(&s);
  state_free(&back);
}

static void test_absent_trial(void) {
  const char *path = at(test_folder("pack-absent"), "x.h5");
  struct state s = one_state(1, 10), back;
  struct pack_item item = {.trial = 17, .step = 1, .state = &s};
  int64_t step = -5;
  REQUIRE(pack_write(path, "study", 1, &item, 1) == OK);
  state_init(&back);
  err_clear();
  CHECK(pack_read(path, 18, &back, &step) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "x.h5: holds no trial 18"));
  CHECK(step == -5 && back.n == 0);
  err_clear();
  CHECK(pack_read(at("no", "such.h5"), 18, &back, &step) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "no/such.h5"));
  err_clear();
  state_free(&s);
}

enum { MANY = 300 };

static void test_many_trials(void) {
  const char *path = at(test_folder("pack-many"), "x.h5");
  struct state *states = MEM_NEW_ARRAY(struct state, MANY), back;
  struct pack_item *items = MEM_NEW_ARRAY(struct pack_item, MANY);
  for (int i = 0; i < MANY; i++) {
    fill(&states[i], (uint64_t)i, (size_t)(i * i));
    items[i] = (struct pack_item){.trial = (int64_t)(MANY - i) * 12345, .step = i, .state = &states[i]};
  }
  REQUIRE(pack_write(path, "study", 1, items, MANY) == OK);
  int64_t *trials, *steps, step;
  size_t n, good = 0;
  REQUIRE(pack_list(path, &trials, &steps, &n) == OK);
  REQUIRE(n == MANY);
  for (size_t i = 0; i < MANY; i++)
    good += trials[i] == (int64_t)(i + 1) * 12345 && steps[i] == (int64_t)(MANY - 1 - i);
  CHECK(good == MANY);
  struct pack *p;
  REQUIRE(pack_open(path, &p) == OK);
  state_init(&back);
  good = 0;
  for (int i = 0; i < MANY; i++)
    good += pack_take(p, items[i].trial, &back, &step) == OK && step == i && same(&back, &states[i]);
  CHECK(good == MANY);
  pack_close(p);
  pack_close(NULL);
  for (int i = 0; i < MANY; i++)
    state_free(&states[i]);
  state_free(&back);
  free(states);
  free(items);
  free(trials);
  free(steps);
}

static void test_empty(void) {
  const char *path = at(test_folder("pack-empty"), "x.h5");
  struct state nothing, back;
  struct pack_item item = {.trial = 0, .step = 0, .state = &nothing};
  int64_t *trials, *steps, step = -1;
  size_t n = 9;
  state_init(&nothing);
  fill(&back, 1, 3);
  REQUIRE(pack_write(path, "study", 1, &item, 1) == OK);
  CHECK(pack_read(path, 0, &back, &step) == OK && back.n == 0 && step == 0);
  REQUIRE(pack_write(path, "", 2, NULL, 0) == OK);
  CHECK(pack_check(path) == OK);
  CHECK(pack_list(path, &trials, &steps, &n) == OK && n == 0);
  err_clear();
  free(trials);
  free(steps);
}

static void test_two_packs_at_once(void) {
  const char *folder = test_folder("pack-two");
  struct state a = one_state(1, 50), b = one_state(2, 60), back;
  struct pack_item item = {.trial = 1, .step = 1, .state = &a};
  struct pack *old, *new;
  int64_t step;
  state_init(&back);
  REQUIRE(pack_write(at(folder, "x.h5"), "study", 1, &item, 1) == OK);
  REQUIRE(pack_open(at(folder, "x.h5"), &old) == OK);
  item.state = &b;
  REQUIRE(pack_write(at(folder, "x.h5"), "study", 2, &item, 1) == OK);
  REQUIRE(pack_open(at(folder, "x.h5"), &new) == OK);
  CHECK(pack_take(old, 1, &back, &step) == OK && same(&back, &a));
  CHECK(pack_take(new, 1, &back, &step) == OK && same(&back, &b));
  pack_close(old);
  CHECK(pack_take(new, 1, &back, &step) == OK && same(&back, &b));
  pack_close(new);
  state_free(&a);
  state_free(&b);
  state_free(&back);
}

static void test_names_that_are_paths(void) {
  const char *path = at(test_folder("pack-names"), "x.h5");
  static const char *const names[] = {"a/b", "/", "."};
  for (size_t i = 0; i < 3; i++) {
    struct state s;
    struct pack_item item = {.trial = 1, .step = 1, .state = &s};
    state_init(&s);
    state_put_i64(&s, names[i], 1);
    err_clear();
    CHECK(pack_write(path, "study", 1, &item, 1) == ERR_BUG);
    state_free(&s);
  }
  struct state s = one_state(1, 3);
  struct pack_item twice[2] = {{.trial = 1, .state = &s}, {.trial = 1, .state = &s}};
  err_clear();
  CHECK(pack_write(path, "study", 1, twice, 2) == ERR_BUG);
  CHECK(test_text_contains(err_text(), "trial-000001"));
  CHECK(!file_exists(path));
  err_clear();
  state_free(&s);
}

/* Any HDF5 tool must read it. */
static void test_h5dump_reads_it(void) {
  const char *folder = test_folder("pack-h5dump");
  char command[1200];
  if (system("command -v h5dump >/dev/null 2>&1") != 0) {
    printf("SKIP: h5dump is not there ");
    return;
  }
  struct state s = one_state(1, 0);
  float weights[3] = {1.5f, -2, 0.25f};
  struct pack_item item = {.trial = 17, .step = 42, .state = &s};
  state_put(&s, "weights", STATE_F32, weights, 3);
  REQUIRE(pack_write(at(folder, "x.h5"), "my study", 3, &item, 1) == OK);
  snprintf(command, sizeof command, "h5dump '%s' > '%s' 2>&1", at(folder, "x.h5"), at(folder, "dump"));
  CHECK(system(command) == 0);
  struct strbuf text = STRBUF_INIT;
  REQUIRE(file_read(at(folder, "dump"), &text) == OK);
  CHECK(test_text_contains(text.text, "GROUP \"trial-000017\""));
  CHECK(test_text_contains(text.text, "(0): 1.5, -2, 0.25"));
  CHECK(test_text_contains(text.text, "my study"));
  CHECK(test_text_contains(text.text, "ATTRIBUTE \"step\""));
  strbuf_free(&text);
  state_free(&s);
}

/* Equal states give equal bytes but for the time: the second half of a pack_build is free of memory never set. */
static void test_equal_bytes(void) {
  struct state s = one_state(5, 777);
  struct pack_item item = {.trial = 1, .step = 1, .state = &s};
  struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
  REQUIRE(pack_build("study", 1, &item, 1, &a) == OK);
  REQUIRE(pack_build("study", 1, &item, 1, &b) == OK);
  size_t different = 0;
  REQUIRE(a.len == b.len);
  for (size_t i = 0; i < a.len; i++)
    different += a.text[i] != b.text[i];
  CHECK(different <= 26 + 4); /* a time text and the checksum */
  strbuf_free(&a);
  strbuf_free(&b);
  state_free(&s);
}

/* ---- damage ---- */

static void write_plain(const char *path, const void *bytes, size_t n) {
  FILE *f = fopen(path, "wb");
  REQUIRE(f != NULL);
  REQUIRE(fwrite(bytes, 1, n, f) == n);
  fclose(f);
}

static int is_refused(const char *path) {
  struct state back;
  int64_t step, *trials, *steps;
  size_t n;
  state_init(&back);
  err_clear();
  int refused = pack_read(path, 17, &back, &step) == ERR_DAMAGED && back.n == 0 && strstr(err_text(), path) != NULL;
  refused = refused && pack_check(path) == ERR_DAMAGED;
  refused = refused && pack_list(path, &trials, &steps, &n) == ERR_DAMAGED && n == 0;
  state_free(&back);
  err_clear();
  return refused;
}

/* One kind of damage a disk or a network file system is known to do. Returns the new length. */
static size_t damage(unsigned char *bytes, size_t n, struct rng *r, int kind) {
  size_t where = rng_below(r, n), length = 1 + rng_below(r, 4096);
  if (where + length > n)
    length = n - where;
  switch (kind) {
  case 0: /* a bit */
    bytes[where] ^= (unsigned char)(1u << rng_below(r, 8));
    return n;
  case 1: /* cut short */
    return where;
  case 2: /* a page of zeros: put a one there first, so that something does change */
    bytes[where] ^= 1;
    memset(bytes + where, 0, length - 1);
    return n;
  case 3: /* one byte written over */
    bytes[where] = (unsigned char)(bytes[where] + 1 + rng_below(r, 255));
    return n;
  default: /* the tail repeated */
    memcpy(bytes + n, bytes + n - length, length);
    return n + length;
  }
}

static void test_damage_is_found(void) {
  const char *path = at(test_folder("pack-damage"), "x.h5");
  struct state s = one_state(1, 2000);
  struct pack_item items[2] = {{.trial = 17, .step = 42, .state = &s}, {.trial = 18, .step = 43, .state = &s}};
  struct strbuf good = STRBUF_INIT;
  REQUIRE(pack_build("study", 1, items, 2, &good) == OK);
  unsigned char *bytes = mem_alloc(good.len + 4096);
  struct rng r = rng_of(rng_key("damage", 1));
  int refused = 0, changed = 0;
  for (int i = 0; i < 2500; i++) {
    memcpy(bytes, good.text, good.len);
    size_t n = damage(bytes, good.len, &r, i % 5);
    if (n == good.len && memcmp(bytes, good.text, n) == 0)
      continue; /* zeros over zeros */
    changed++;
    write_plain(path, bytes, n);
    refused += is_refused(path);
  }
  CHECK(changed > 2000);
  CHECK(refused == changed);
  write_plain(path, good.text, good.len); /* and the test itself can tell */
  CHECK(!is_refused(path));
  free(bytes);
  strbuf_free(&good);
  state_free(&s);
}

static void test_damage_of_every_trailer_byte(void) {
  const char *path = at(test_folder("pack-trailer"), "x.h5");
  struct state s = one_state(1, 5);
  struct pack_item item = {.trial = 17, .step = 42, .state = &s};
  struct strbuf bytes = STRBUF_INIT;
  REQUIRE(pack_build("study", 1, &item, 1, &bytes) == OK);
  int refused = 0;
  for (size_t i = 1; i <= 64; i++) {
    bytes.text[bytes.len - i] ^= 0x10;
    write_plain(path, bytes.text, bytes.len);
    refused += is_refused(path);
    bytes.text[bytes.len - i] ^= 0x10;
  }
  CHECK(refused == 64);
  write_plain(path, "", 0);
  CHECK(is_refused(path));
  strbuf_free(&bytes);
  state_free(&s);
}

/* The trailer's layout is written down in pack_trailer.h; a foreign program can count on it. */
static void seal(struct strbuf *bytes) {
  uint32_t crc = hash_crc32(0, bytes->text, bytes->len - 4);
  for (size_t i = 0; i < 4; i++)
    bytes->text[bytes->len - 4 + i] = (char)(crc >> 8 * i);
}

static void test_right_checksum_wrong_content(void) {
  const char *path = at(test_folder("pack-sealed"), "x.h5");
  struct state s = one_state(1, 3000);
  struct pack_item item = {.trial = 17, .step = 42, .state = &s};
  struct strbuf bytes = STRBUF_INIT;
  int64_t step;
  REQUIRE(pack_build("study", 1, &item, 1, &bytes) == OK);
  const char *weights = memmem(bytes.text, bytes.len, s.items[0].data, 4 * s.items[0].n);
  REQUIRE(weights != NULL);
  bytes.text[weights - bytes.text + 100] ^= 1;
  seal(&bytes);
  write_plain(path, bytes.text, bytes.len);
  err_clear();
  CHECK(pack_check(path) == OK);
  CHECK(pack_read(path, 17, &s, &step) == ERR_DAMAGED); /* the state has a checksum of its own */
  CHECK(test_text_contains(err_text(), "checksum"));
  memset(bytes.text, 0, bytes.len - 64); /* no HDF5 at all */
  seal(&bytes);
  write_plain(path, bytes.text, bytes.len);
  err_clear();
  CHECK(pack_read(path, 17, &s, &step) == ERR_DAMAGED);
  CHECK(test_text_contains(err_text(), "HDF5: "));
  bytes.text[bytes.len - 64 + 8] = 2; /* a later version */
  seal(&bytes);
  write_plain(path, bytes.text, bytes.len);
  err_clear();
  CHECK(pack_read(path, 17, &s, &step) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "pack format 2"));
  err_clear();
  strbuf_free(&bytes);
  state_free(&s);
}

/* libhdf5 would print a page of its own for each of these. */
static int refuse_quietly(const char *folder) {
  if (!freopen(at(folder, "stderr"), "w", stderr))
    return 1;
  test_right_checksum_wrong_content();
  fflush(stderr);
  return file_size(at(folder, "stderr")) == 0 ? 0 : 2;
}

static int in_child(int (*work)(const char *folder), const char *folder) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0)
    _exit(work(folder));
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static void test_quiet(void) {
  char folder[256];
  snprintf(folder, sizeof folder, "%s", test_folder("pack-quiet"));
  CHECK(in_child(refuse_quietly, folder) == 0);
}

/* ---- disks that fail ---- */

static int write_item(const char *path, size_t weights, int64_t generation) {
  struct state s = one_state(1, weights);
  struct pack_item item = {.trial = 17, .step = generation, .state = &s};
  enum err e = pack_write(path, "study", generation, &item, 1);
  state_free(&s);
  return (int)e;
}

static int is_generation(const char *path, int64_t wanted) {
  int64_t generation, step;
  struct state s;
  state_init(&s);
  int good = pack_generation(path, &generation) == OK && generation == wanted && pack_read(path, 17, &s, &step) == OK &&
             step == wanted;
  state_free(&s);
  return good;
}

static void test_no_folder(void) {
  const char *folder = test_folder("pack-nowhere");
  err_clear();
  CHECK(write_item(at(folder, "missing/x.h5"), 10, 1) == ERR_IO);
  CHECK(test_text_contains(err_text(), "missing/x.h5.tmp: cannot create"));
  err_clear();
}

static int write_as_nobody(const char *folder) {
  if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
    return 77;
  if (write_item(at(folder, "x.h5"), 10, 2) != ERR_IO || !strstr(err_text(), "Permission denied"))
    return 1;
  return is_generation(at(folder, "x.h5"), 1) && !file_exists(at(folder, "x.h5.tmp")) ? 0 : 2;
}

static void test_unwritable_folder(void) {
  char folder[] = "/tmp/coxswain-test-XXXXXX"; /* another user must be able to reach it */
  REQUIRE(mkdtemp(folder) != NULL);
  REQUIRE(write_item(at(folder, "x.h5"), 10, 1) == OK);
  chmod(folder, 0555);
  int result = in_child(write_as_nobody, folder);
  if (result == 77)
    printf("SKIP: cannot become another user ");
  else
    CHECK(result == 0);
  chmod(folder, 0755);
  CHECK(file_remove(at(folder, "x.h5")) == OK && rmdir(folder) == 0);
}

static int write_beyond_limit(const char *folder) {
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 30000, .rlim_max = 30000});
  if (write_item(at(folder, "x.h5"), 10000, 2) != ERR_IO)
    return 1;
  if (!is_generation(at(folder, "x.h5"), 1) || file_exists(at(folder, "x.h5.tmp")))
    return 2;
  return write_item(at(folder, "x.h5"), 10, 3) == OK && is_generation(at(folder, "x.h5"), 3) ? 0 : 3;
}

static void test_write_cut_short(void) {
  const char *folder = test_folder("pack-limit");
  REQUIRE(write_item(at(folder, "x.h5"), 10, 1) == OK);
  CHECK(in_child(write_beyond_limit, folder) == 0);
}

/* A mount table of this process alone: as root directly, otherwise inside a user namespace where that is allowed. */
static int unshare_mounts(void) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
    return -1;
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int write_to_full_disk(const char *folder) {
  if (unshare_mounts() != 0 || mount("none", folder, "tmpfs", 0, "size=256k") != 0)
    return 77;
  if (write_item(at(folder, "x.h5"), 1000, 1) != OK)
    return 1;
  for (int attempt = 0; attempt < 20; attempt++) { /* a failure must not make the next one worse */
    err_clear();
    if (write_item(at(folder, "x.h5"), 40000, 2) != ERR_IO || !strstr(err_text(), "No space left"))
      return 2;
    if (!is_generation(at(folder, "x.h5"), 1) || file_exists(at(folder, "x.h5.tmp")))
      return 3;
  }
  return write_item(at(folder, "x.h5"), 2000, 3) == OK && is_generation(at(folder, "x.h5"), 3) ? 0 : 4;
}

static void test_full_disk(void) {
  int result = in_child(write_to_full_disk, test_folder("pack-full"));
  if (result == 77)
    printf("SKIP: cannot mount a small disk ");
  else
    CHECK(result == 0);
}

/* tests/data/format-1 was written when format 1 was new, and stays as it is. */
static void test_older_format(void) {
  const char *path = test_source_file("tests/data/format-1/packs/000001-r0000-000000.h5");
  struct state s;
  int64_t step = 0;
  if (!path)
    return;
  state_init(&s);
  CHECK(pack_check(path) == OK);
  REQUIRE(pack_read(path, 5, &s, &step) == OK);
  CHECK(step == 9 && s.n > 0);
  state_free(&s);
}

int main(void) {
  return TEST_MAIN(
      "pack", {"round trip", test_round_trip}, {"a trial that is not in it", test_absent_trial},
      {"many trials", test_many_trials}, {"empty state, empty pack", test_empty},
      {"two packs at once", test_two_packs_at_once}, {"names that HDF5 cannot hold", test_names_that_are_paths},
      {"h5dump reads it", test_h5dump_reads_it}, {"equal states, equal bytes", test_equal_bytes},
      {"damage is found", test_damage_is_found}, {"damage of every trailer byte", test_damage_of_every_trailer_byte},
      {"right checksum, wrong content", test_right_checksum_wrong_content}, {"a pack of format 1", test_older_format},
      {"libhdf5 prints nothing", test_quiet}, {"no folder", test_no_folder},
      {"unwritable folder", test_unwritable_folder}, {"write cut short", test_write_cut_short},
      {"full disk", test_full_disk});
}
