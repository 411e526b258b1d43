/* A worker's packs: when they are due, and how they come to disk, or do not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "run/packer.h"
#include "testing.h"

static void test_when(void) {
  static const struct {
    struct pack_times times;
    double interval, at_risk;
  } all[] = {
      {{.interval = 60}, 60, 60},
      {{.interval = 60, .took = 2, .stood = 0.1}, 58, 60}, /* a kill costs no more than run.checkpoint */
      {{.interval = 60, .took = 20, .stood = 0.1}, 40, 60},
      {{.interval = 60, .took = 40, .stood = 0.1}, 40, 80}, /* one after the other on a slow disk, never two at once */
      {{.interval = 60, .took = 300, .stood = 0.1}, 300, 600},
      {{.interval = 60, .took = 12, .stood = 10}, 100, 112}, /* training stands still for a tenth at most */
      {{.interval = 0.01, .took = 0.02, .stood = 0.005}, 0.05, 0.07},
      {{.interval = 60, .took = 2, .retry = 5}, 5, 7},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    CHECK_NEAR(pack_interval(&all[i].times), all[i].interval, 1e-9);
    CHECK_NEAR(pack_at_risk(&all[i].times), all[i].at_risk, 1e-9);
  }
}

static struct state a_state(int64_t step, size_t n) {
  struct state s;
  state_init(&s);
  state_put_i64(&s, "step", step);
  state_put(&s, "weights", STATE_F32, NULL, n);
  return s;
}

static void write_two(struct packer *p) {
  struct state a = a_state(3, 10), b = a_state(4, 200000);
  struct pack_item items[] = {{17, 3, &a}, {18, 4, &b}};
  CHECK(packer_write(p, items, 2, clock_seconds(), true) == OK);
  CHECK(packer_is_busy(p) && !packer_is_due(p));
  state_free(&a); /* its bytes are made */
  state_free(&b);
}

static struct packer_news wait_for_news(struct packer *p) {
  struct packer_news n = {0};
  double end = clock_seconds() + 60;
  while (!packer_listen(p, &n) && clock_seconds() < end)
    clock_sleep(0.001);
  return n;
}

static void test_writing(void) {
  char *folder = strdup(test_folder("packer")), *packs = path_join(folder, "packs");
  struct packer_options o = {.folder = folder, .study = "s", .epoch = 2, .rank = 7, .interval = 1000};
  struct packer *p = packer_open(&o);
  struct packer_news n;
  CHECK(!packer_is_due(p) && !packer_is_busy(p) && !packer_listen(p, &n));

  write_two(p); /* no folder: nothing is lost but the pack */
  n = wait_for_news(p);
  CHECK(!n.good && n.n == 2 && n.items[1].trial == 18 && n.items[1].step == 4);
  CHECK(!packer_is_busy(p) && !packer_is_due(p)); /* not at once again */

  REQUIRE(file_make_folders(packs) == OK);
  write_two(p);
  n = wait_for_news(p);
  REQUIRE(n.good && n.n == 2);
  CHECK(n.bytes > 800000 && n.seconds > 0 && n.stood > 0);
  CHECK(!strncmp(n.name, "000002-r0007-", 13));
  char *path = path_join(packs, n.name);
  struct state read;
  int64_t step = 0;
  state_init(&read);
  CHECK(file_size(path) == n.bytes);
  CHECK(pack_read(path, 18, &read, &step) == OK && step == 4);
  state_free(&read);

  write_two(p); /* under another name */
  packer_forget(p);
  n = wait_for_news(p);
  CHECK(n.good && n.n == 0 && strcmp(n.name, path_name(path)) != 0);

  write_two(p);
  packer_close(p); /* it is still written to its end */
  char **names;
  size_t files;
  REQUIRE(file_list(packs, "", &names, &files) == OK);
  CHECK(files == 3);
  for (size_t i = 0; i < files; i++) {
    char *each = path_join(packs, names[i]);
    CHECK(pack_check(each) == OK);
    free(each);
  }
  file_list_free(names, files);
  packer_close(NULL);
  free(path);
  free(packs);
  free(folder);
}

int main(void) {
  return TEST_MAIN("packer", {"when the next is due", test_when}, {"writing", test_writing});
}
