/* What preflight says of hosts that cannot be had here: facts are made up, judging is pure. */
#include "run/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "testing.h"

enum { HOSTS = 3, PER_HOST = 4, RANKS = HOSTS * PER_HOST };

static struct preflight healthy(void) {
  struct preflight p = {.folder = mem_strdup("/scratch/scan"), .n_ranks = RANKS};
  p.wire =
      (struct wire_facts){.mpi = true, .level = "funneled", .level_suffices = true, .ranks = RANKS, .tasks = RANKS};
  p.wire.tasks_variable = "SLURM_STEP_NUM_TASKS";
  p.ranks = MEM_NEW_ARRAY(struct preflight_rank, RANKS);
  for (int i = 0; i < RANKS; i++) {
    char host[16], cpus[16];
    snprintf(host, sizeof host, "n%d", i / PER_HOST);
    snprintf(cpus, sizeof cpus, "%d", i % PER_HOST);
    p.ranks[i] = (struct preflight_rank){.rank = i,
                                         .answered = true,
                                         .first = i % PER_HOST == 0,
                                         .host = mem_strdup(host),
                                         .cpus = mem_strdup(cpus),
                                         .kernels = mem_strdup("AVX2"),
                                         .cores = 1,
                                         .host_cores = PER_HOST,
                                         .memory = 8LL << 30,
                                         .shm = 4LL << 30,
                                         .disk_free = 1LL << 40,
                                         .files_free = -1,
                                         .gflops = 80 + i,
                                         .write_rate = 5e8,
                                         .sync_ms = 1};
  }
  return p;
}

/* How many problems there are after judging, the first of which must contain `part` and be grave or not. */
static void expect(struct preflight *p, bool cuda, size_t n, bool grave, const char *part) {
  struct preflight_options o = {.folder = p->folder, .cuda = cuda};
  struct strbuf text = STRBUF_INIT;
  preflight_judge(p, &o);
  preflight_text(p, &text);
  CHECK(p->n_problems == n);
  if (n > 0 && p->n_problems > 0) {
    CHECK(p->problems[0].grave == grave);
    CHECK(test_text_contains(p->problems[0].what, part));
    CHECK(p->problems[0].cure[0] != 0);
    CHECK(test_text_contains(text.text, part));
  }
  CHECK(preflight_is_well(p) == !(n > 0 && grave));
  strbuf_free(&text);
  preflight_free(p);
}

static void set(char **where, const char *text) {
  free(*where);
  *where = mem_strdup(text);
}

static void test_healthy(void) {
  struct preflight p = healthy();
  expect(&p, false, 0, false, "");
}

static void test_grave(void) {
  struct preflight p = healthy();
  p.ranks[7].answered = false;
  expect(&p, false, 1, true, "1 of 12 ranks said nothing, rank 7 on n1");
  p = healthy();
  set(&p.ranks[8].folder_fault, "it is not the folder that rank 0 sees");
  expect(&p, false, 1, true, "n2: the study folder /scratch/scan: it is not the folder");
  p = healthy();
  p.ranks[0].files_free = 0;
  expect(&p, false, 1, true, "0 files left");
  p = healthy();
  p.ranks[4].disk_free = 1000;
  expect(&p, false, 1, true, "n1: /scratch/scan has 0 MB");
  p = healthy();
  expect(&p, true, 1, true, "run.backend = \"cuda\"");
}

static void test_warnings(void) {
  struct preflight p = healthy();
  p.wire.tasks = 24;
  expect(&p, false, 1, false, "SLURM_STEP_NUM_TASKS says 24 tasks, but MPI sees 12 ranks");
  p = healthy();
  p.wire.level_suffices = false;
  expect(&p, false, 1, false, "thread level");
  p = healthy();
  set(&p.ranks[5].kernels, "AVX-512");
  expect(&p, false, 1, false, "n0 has AVX2, n1 has AVX-512");
  p = healthy();
  set(&p.ranks[2].cpus, "0");
  set(&p.ranks[3].cpus, "0");
  expect(&p, false, 1, false, "n0: 2 of 4 ranks are bound to a core");
  p = healthy();
  p.ranks[4].host_cores = 2;
  p.ranks[4].cores = 2;
  set(&p.ranks[4].cpus, "0-1");
  expect(&p, false, 1, false, "n1: 4 ranks share 2 cores");
  p = healthy();
  p.ranks[0].memory = 100 << 20;
  expect(&p, false, 1, false, "n0: 25 MB of memory");
  p = healthy();
  p.ranks[0].shm = 4 << 20;
  expect(&p, false, 1, false, "/dev/shm has 4 MB left for 4 ranks");
  p = healthy();
  set(&p.ranks[4].lock_fault, "two processes got the same lock");
  expect(&p, false, 1, false, "n1: file locks do not work");
  p = healthy();
  p.ranks[0].sync_ms = 100;
  expect(&p, false, 1, false, "100 ms");
  p = healthy();
  p.ranks[0].write_rate = 1 << 20;
  expect(&p, false, 1, false, "1.0 MB a second");
  p = healthy();
  p.ranks[8].clock = -5;
  expect(&p, false, 1, false, "n2: its clock is 5.0 s behind");
  p = healthy();
  p.ranks[8].clock = -5;
  p.ranks[8].clock_wide = 4; /* the answer took 8 s: nothing can be said */
  expect(&p, false, 0, false, "");
  p = healthy();
  p.ranks[9].gflops = 30;
  expect(&p, false, 1, false, "rank 9 on n2 has 30");
}

static void test_grave_first(void) {
  struct preflight p = healthy();
  p.ranks[0].sync_ms = 100;
  p.ranks[4].files_free = 0;
  set(&p.ranks[8].folder_fault, "x");
  expect(&p, false, 3, true, "n1");
}

/* This very machine and a folder of the test's. */
static void test_measure(void) {
  const char *folder = test_folder("preflight");
  char *token = path_join(folder, "token"), *deeper = path_join(folder, "not/yet/there");
  char *place = preflight_place(deeper);
  CHECK_TEXT(place, folder);
  REQUIRE(file_write_atomic(token, "word", 4) == OK);
  int lock = -1;
  struct preflight_options o = {.seconds = 0.01, .sample_bytes = 1 << 16};
  struct preflight_rank r = {.first = 1};
  REQUIRE(file_lock(token, 0, &lock) == OK);
  preflight_measure(&r, &o, folder, token, "word");
  CHECK(!r.folder_fault && !r.lock_fault);
  CHECK(r.gflops > 0 && r.cores > 0 && r.cores <= r.host_cores && r.memory > 0 && r.disk_free > 0);
  CHECK(r.write_rate > 0 && r.sync_ms > 0 && r.host && r.cpus && r.kernels);
  preflight_rank_free(&r);

  r = (struct preflight_rank){.first = 1};
  preflight_measure(&r, &o, folder, token, "another word");
  CHECK(r.folder_fault && test_text_contains(r.folder_fault, "not the folder"));
  preflight_rank_free(&r);

  file_unlock(lock);
  r = (struct preflight_rank){.first = 1};
  preflight_measure(&r, &o, folder, token, "word"); /* a lock that does not keep us out */
  CHECK(r.lock_fault && test_text_contains(r.lock_fault, "same lock"));
  preflight_rank_free(&r);

  char **names = NULL;
  size_t n = 0;
  REQUIRE(file_list(folder, "", &names, &n) == OK);
  CHECK(n == 1); /* nothing but the token is left there */
  file_list_free(names, n);
  free(token);
  free(deeper);
  free(place);
}

int main(void) {
  return TEST_MAIN("preflight", {"healthy", test_healthy}, {"grave problems", test_grave}, {"warnings", test_warnings},
                   {"grave problems come first", test_grave_first}, {"this machine", test_measure});
}
