/* Programs: how they start, end and are ended, and that nothing of them stays behind. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "run/launcher.h"
#include "run/launcher_keeper.h"
#include "run/launcher_lease.h"
#include "testing.h"

#define PATIENCE 20.0 /* seconds until a test gives up */

static const char *folder; /* absolute */
static struct launcher *launcher;

static const char *in_folder(const char *name) {
  static char path[2][4096];
  static int turn;
  turn = !turn;
  snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
  return path[turn];
}

static struct payload start_argv(const char *const *argv, const char *const *environment, int64_t memory) {
  char out[4096], err[4096];
  snprintf(out, sizeof out, "%s/out", folder);
  snprintf(err, sizeof err, "%s/err", folder);
  unlink(out);
  unlink(err);
  struct launch l = {
      .argv = argv, .environment = environment, .folder = folder, .out = out, .err = err, .memory = memory};
  struct payload p;
  REQUIRE(payload_start(launcher, &l, &p) == OK);
  return p;
}

static struct payload start_shell(const char *script) {
  const char *argv[] = {"sh", "-c", script, NULL}, *environment[] = {"COLOUR=blue", NULL};
  return start_argv(argv, environment, 0);
}

/* Listens until something else than that it runs has come. */
static struct payload_news end_of(struct payload *p) {
  for (double end = clock_seconds() + PATIENCE; clock_seconds() < end;) {
    struct pollfd f = {.fd = p->line, .events = POLLIN};
    poll(&f, 1, 100);
    struct payload_news n = payload_listen(p);
    if (n.event != PAYLOAD_SILENT && n.event != PAYLOAD_RUNS)
      return n;
  }
  return (struct payload_news){.event = PAYLOAD_SILENT};
}

static void wait_until_it_runs(struct payload *p) {
  for (double end = clock_seconds() + PATIENCE; p->leader == 0 && clock_seconds() < end;) {
    struct pollfd f = {.fd = p->line, .events = POLLIN};
    poll(&f, 1, 100);
    payload_listen(p);
  }
  REQUIRE(p->leader > 0);
}

static char *text_of(const char *name) {
  struct strbuf b = STRBUF_INIT;
  if (file_read(in_folder(name), &b) != OK)
    err_clear();
  return strbuf_detach(&b);
}

/* The number that the program writes into a file, when it has. */
static pid_t number_in(const char *name) {
  for (double end = clock_seconds() + PATIENCE; clock_seconds() < end; clock_sleep(0.01)) {
    char *text = text_of(name);
    long n = strchr(text, '\n') ? strtol(text, NULL, 10) : 0;
    free(text);
    if (n > 0)
      return (pid_t)n;
  }
  return 0;
}

/* Zombies are dead, whoever is to bury them. */
static bool is_alive(pid_t pid) {
  char path[64], text[512] = "";
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  FILE *f = fopen(path, "r");
  if (!f)
    return false;
  size_t n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  text[n] = 0;
  const char *behind = strrchr(text, ')');
  return behind && behind[1] && behind[2] != 'Z' && behind[2] != 'X';
}

static bool dies(pid_t pid) {
  for (double end = clock_seconds() + PATIENCE; is_alive(pid) && clock_seconds() < end;)
    clock_sleep(0.01);
  return !is_alive(pid);
}

static void test_ends(void) {
  struct payload p = start_shell("echo said; echo $COLOUR; pwd; echo wrong >&2; exit 3");
  struct payload_news n = end_of(&p);
  CHECK(n.event == PAYLOAD_ENDED);
  CHECK(WIFEXITED(n.number) && WEXITSTATUS(n.number) == 3);
  CHECK(n.left_behind == 0 && n.peak > 0);
  CHECK(p.line < 0);
  char *out = text_of("out"), *err = text_of("err"), wanted[4200];
  snprintf(wanted, sizeof wanted, "said\nblue\n%s\n", folder);
  CHECK_TEXT(out, wanted);
  CHECK_TEXT(err, "wrong\n");
  free(out);
  free(err);
}

static void test_signal(void) {
  struct payload p = start_shell("kill -SEGV $$");
  struct payload_news n = end_of(&p);
  CHECK(n.event == PAYLOAD_ENDED && WIFSIGNALED(n.number) && WTERMSIG(n.number) == SIGSEGV);
}

static void test_refused(void) {
  const char *missing[] = {"no-such-program-anywhere", NULL}, *folder_itself[] = {folder, NULL};
  struct payload p = start_argv(missing, NULL, 0);
  struct payload_news n = end_of(&p);
  CHECK(n.event == PAYLOAD_REFUSED && n.number == ENOENT);
  p = start_argv(folder_itself, NULL, 0);
  n = end_of(&p);
  CHECK(n.event == PAYLOAD_REFUSED && n.number == EACCES);
}

static void test_no_shell(void) {
  const char *argv[] = {"printf", "%s|", "a b", "$HOME;*", "\"", "", NULL};
  struct payload p = start_argv(argv, NULL, 0);
  CHECK(end_of(&p).event == PAYLOAD_ENDED);
  char *out = text_of("out");
  CHECK_TEXT(out, "a b|$HOME;*|\"||");
  free(out);
}

static void test_terminate(void) {
  struct payload p = start_shell("trap 'echo saved; exit 7' TERM; echo $$ >ready; while :; do sleep 0.01; done");
  CHECK(number_in("ready") > 0);
  payload_terminate(&p, PATIENCE);
  struct payload_news n = end_of(&p);
  CHECK(n.event == PAYLOAD_ENDED && WIFEXITED(n.number) && WEXITSTATUS(n.number) == 7);
  unlink(in_folder("ready"));
}

static void test_deaf(void) {
  struct payload p = start_shell("trap '' TERM; echo $$ >ready; while :; do sleep 0.01; done");
  CHECK(number_in("ready") > 0);
  payload_terminate(&p, 0.05);
  struct payload_news n = end_of(&p);
  CHECK(n.event == PAYLOAD_ENDED && WIFSIGNALED(n.number) && WTERMSIG(n.number) == SIGKILL);
  unlink(in_folder("ready"));
}

static void test_stopped(void) {
  struct payload p = start_shell("kill -STOP $$");
  wait_until_it_runs(&p);
  payload_terminate(&p, 0.05);
  CHECK(end_of(&p).event == PAYLOAD_ENDED);
}

/* setsid takes a process out of the group; its parent's end makes it an orphan. */
static void test_orphans(void) {
  struct payload p = start_shell("setsid sh -c 'echo $$ >orphan; exec sleep 1000' & sleep 1000 & echo $! >child; "
                                 "while [ ! -s orphan ]; do sleep 0.01; done");
  struct payload_news n = end_of(&p);
  CHECK(n.event == PAYLOAD_ENDED && n.number == 0);
  CHECK(n.left_behind == 2);
  CHECK(!is_alive(number_in("orphan")));
  CHECK(!is_alive(number_in("child")));
  unlink(in_folder("orphan"));
  unlink(in_folder("child"));
}

static void test_dropped(void) {
  struct payload p = start_shell("setsid sh -c 'echo $$ >orphan; exec sleep 1000' & echo $$ >ready; sleep 1000");
  pid_t orphan = number_in("orphan"), leader = number_in("ready");
  CHECK(is_alive(orphan) && is_alive(leader));
  payload_drop(&p);
  CHECK(dies(orphan) && dies(leader));
  unlink(in_folder("orphan"));
  unlink(in_folder("ready"));
}

static void test_memory(void) {
  const char *argv[] = {"sh", "-c", "ulimit -v", NULL};
  struct payload p = start_argv(argv, NULL, (int64_t)300 << 20);
  CHECK(end_of(&p).event == PAYLOAD_ENDED);
  char *out = text_of("out");
  CHECK_TEXT(out, "307200\n"); /* kB */
  free(out);
}

static void test_environment(void) {
  CHECK(keeper_hides("OMPI_COMM_WORLD_RANK=1") && keeper_hides("PMIX_RANK=1") && keeper_hides("PMI_RANK=0"));
  CHECK(keeper_hides("SLURM_PROCID=3") && keeper_hides("SLURM_STEP_ID=0"));
  CHECK(!keeper_hides("SLURM_JOB_ID=3") && !keeper_hides("PATH=/bin") && !keeper_hides("SLURM_CPUS_PER_TASK=4"));
  struct payload p = start_shell("env");
  CHECK(end_of(&p).event == PAYLOAD_ENDED);
  char *out = text_of("out");
  CHECK(test_text_contains(out, "COLOUR=blue\n") && !test_text_contains(out, "COLOUR=red"));
  CHECK(test_text_contains(out, "PATH="));
  CHECK(!test_text_contains(out, "PMIX_RANK") && !test_text_contains(out, "SLURM_PROCID"));
  free(out);
}

/* A program sees no file of its rank's, and no signal blocked or ignored. */
static void test_clean_start(void) {
  struct payload p = start_shell("ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign)' /proc/self/status");
  CHECK(end_of(&p).event == PAYLOAD_ENDED);
  char *out = text_of("out");
  CHECK_TEXT(out, "4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"); /* 0 to 2 and the folder */
  free(out);
}

static void test_keeper_killed(void) {
  struct payload p = start_shell("(sleep 1000 & echo $! >child); echo $PPID >keeper; sleep 1000");
  pid_t keeper = number_in("keeper"), child = number_in("child");
  wait_until_it_runs(&p);
  pid_t leader = p.leader;
  kill(keeper, SIGKILL);
  CHECK(end_of(&p).event == PAYLOAD_LOST);
  CHECK(dies(leader) && dies(child));
  unlink(in_folder("keeper"));
  unlink(in_folder("child"));
}

/* Many at once, each with its own end. */
static void test_many(void) {
  enum { N = 40 };
  struct payload p[N];
  for (int i = 0; i < N; i++) {
    char script[64];
    snprintf(script, sizeof script, "exit %d", i);
    p[i] = start_shell(script);
  }
  for (int i = 0; i < N; i++) {
    struct payload_news n = end_of(&p[i]);
    CHECK(n.event == PAYLOAD_ENDED && WEXITSTATUS(n.number) == i);
  }
}

/* A rank that is killed takes its programs along. */
static void test_rank_killed(void) {
  unlink(in_folder("ready"));
  pid_t rank = fork();
  if (rank == 0) {
    struct launcher *own = NULL;
    const char *argv[] = {"sh", "-c", "setsid sh -c 'echo $$ >orphan; exec sleep 1000' & echo $$ >ready; sleep 1000",
                          NULL};
    struct launch l = {.argv = argv, .folder = folder, .out = "out", .err = "err"};
    struct payload mine;
    if (launcher_start(&own) == OK && payload_start(own, &l, &mine) == OK)
      for (;;)
        pause();
    _exit(1);
  }
  pid_t orphan = number_in("orphan"), leader = number_in("ready");
  CHECK(is_alive(orphan) && is_alive(leader));
  kill(rank, SIGKILL);
  waitpid(rank, NULL, 0);
  CHECK(dies(orphan) && dies(leader));
}

static pid_t parent_of(pid_t pid) {
  char path[64], text[512] = "";
  int parent = 0;
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  FILE *f = fopen(path, "r");
  REQUIRE(f != NULL);
  size_t n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  text[n] = 0;
  sscanf(strrchr(text, ')') + 1, " %*c %d", &parent);
  return parent;
}

static void test_launcher_killed(void) {
  struct payload p = start_shell("echo $PPID >keeper; sleep 1000"), none;
  pid_t keeper = number_in("keeper"), dead = parent_of(keeper);
  wait_until_it_runs(&p);
  pid_t leader = p.leader;
  CHECK(launcher_check(launcher) == OK);
  kill(dead, SIGKILL);
  struct pollfd f = {.fd = launcher_descriptor(launcher), .events = POLLIN};
  CHECK(poll(&f, 1, (int)(1000 * PATIENCE)) == 1);
  CHECK(launcher_check(launcher) == ERR_COMM);
  struct launch l = {.folder = folder};
  CHECK(payload_start(launcher, &l, &none) == ERR_COMM && none.line < 0);
  err_clear();
  CHECK(is_alive(leader)); /* what runs goes on until the rank decides */
  payload_drop(&p);
  CHECK(dies(leader));
}

/* ---- one program at a time in a folder ---- */

static struct payload start_leased(const char *script, int64_t turn) {
  const char *argv[] = {"sh", "-c", script, NULL}, *environment[] = {NULL};
  char out[4096], lease[4096];
  snprintf(out, sizeof out, "%s/out", folder);
  snprintf(lease, sizeof lease, "%s/running", folder);
  struct launch l = {.argv = argv,
                     .environment = environment,
                     .folder = folder,
                     .out = out,
                     .err = out,
                     .lease = lease,
                     .turn = {1, turn}};
  struct payload p;
  REQUIRE(payload_start(launcher, &l, &p) == OK);
  return p;
}

/* The second one starts when nothing of the first is left, deaf or not. */
static void test_claimed(void) {
  unlink(in_folder("pid"));
  struct payload first = start_leased("trap '' TERM; sleep 1000 & echo $! >pid.tmp; mv pid.tmp pid; wait; wait", 1);
  pid_t helper = number_in("pid");
  char holder[200];
  lease_holder(in_folder("running"), holder, sizeof holder);
  CHECK(test_text_contains(holder, "process"));
  struct payload second = start_leased("kill -0 $(cat pid) 2>/dev/null && exit 9; exit 0", 2);
  struct payload_news end = end_of(&second);
  CHECK(end.event == PAYLOAD_ENDED && end.number == 0);
  CHECK(end_of(&first).event == PAYLOAD_TAKEN);
  CHECK(kill(helper, 0) != 0);
  struct payload late = start_leased("touch late", 1);
  CHECK(end_of(&late).event == PAYLOAD_LATE && !file_exists(in_folder("late")));
  lease_holder(in_folder("running"), holder, sizeof holder);
  CHECK_TEXT(holder, "");
}

/* A claim that is given up leaves nothing behind, and what waits for it obeys. */
static void test_waits_and_obeys(void) {
  struct lease other = lease_of(in_folder("running"), (struct turn){1, 3});
  REQUIRE(lease_take(&other) == LEASE_OURS); /* by this process, which does not answer claims */
  struct payload p = start_leased("exit 0", 4);
  for (double end = clock_seconds() + PATIENCE; lease_hold(&other) && clock_seconds() < end; clock_sleep(0.01))
    ;
  CHECK(!lease_hold(&other));
  payload_terminate(&p, 0);
  CHECK(end_of(&p).event == PAYLOAD_ENDED);
  CHECK(p.leader == 0);
  p = start_leased("exit 0", 4);
  lease_end(&other);
  CHECK(end_of(&p).number == 0);
}

static void write_lease(const char *text) {
  FILE *f = fopen(in_folder("running"), "w");
  REQUIRE(f != NULL);
  fputs(text, f);
  fclose(f);
}

/* The holder is on another machine, where this one's locks do not reach. */
static void test_other_machine(void) {
  struct lease l = lease_of(in_folder("running"), (struct turn){1, 3});
  l.silence = 0.5;
  write_lease("held 1 3 another-boot host2 77\n");
  struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  REQUIRE(utimensat(AT_FDCWD, l.path, old, 0) == 0);
  CHECK(lease_take(&l) == LEASE_OURS); /* long dead */
  lease_end(&l);
  write_lease("held 1 3 another-boot host2 77\n");
  CHECK(lease_take(&l) == LEASE_WAIT); /* it may be alive: it has just written */
  for (double end = clock_seconds() + 1; clock_seconds() < end; clock_sleep(0.01)) {
    REQUIRE(utimensat(AT_FDCWD, l.path, NULL, 0) == 0);
    CHECK(lease_take(&l) == LEASE_WAIT); /* it is alive */
  }
  double end = clock_seconds() + PATIENCE;
  while (lease_take(&l) != LEASE_OURS && clock_seconds() < end)
    clock_sleep(0.01);
  CHECK(l.fd >= 0 && lease_hold(&l));
  lease_end(&l);
  write_lease("held 1 3 another-boot host2 77\n");
  CHECK(lease_take(&l) == LEASE_WAIT);
  write_lease("free 1 3 another-boot host2 77\n");
  CHECK(lease_take(&l) == LEASE_OURS); /* it let go */
  lease_end(&l);
  struct lease late = lease_of(l.path, (struct turn){1, 3});
  late.silence = 100;
  write_lease("free 1 4 another-boot host2 77\n");
  CHECK(lease_take(&late) == LEASE_TOO_LATE);
  REQUIRE(utimensat(AT_FDCWD, l.path, old, 0) == 0);
  CHECK(lease_take(&late) == LEASE_TOO_LATE); /* it asks again: that is not what was long ago */
  late = lease_of(l.path, (struct turn){1, 3});
  write_lease("free 1 4 another-boot host2 77\n");
  REQUIRE(utimensat(AT_FDCWD, l.path, old, 0) == 0);
  CHECK(lease_take(&late) == LEASE_OURS); /* of a journal that was put back */
  lease_end(&late);
}

int main(void) {
  setenv("PMIX_RANK", "1", 1); /* of a launcher's making: no program is to see it */
  setenv("SLURM_PROCID", "1", 1);
  setenv("COLOUR", "red", 1);
  folder = realpath(test_folder("launcher"), NULL);
  if (!folder || launcher_start(&launcher) != OK)
    return 1;
  int failed = TEST_MAIN(
      "launcher", {"a program ends", test_ends}, {"by a signal", test_signal}, {"cannot be started", test_refused},
      {"no shell between", test_no_shell}, {"asked to end", test_terminate}, {"made to end", test_deaf},
      {"made to end when stopped", test_stopped}, {"leaves orphans", test_orphans}, {"is dropped", test_dropped},
      {"memory", test_memory}, {"environment", test_environment}, {"files and signals", test_clean_start},
      {"its keeper is killed", test_keeper_killed}, {"many at once", test_many},
      {"the rank is killed", test_rank_killed}, {"a lease is claimed", test_claimed},
      {"one that waits obeys", test_waits_and_obeys}, {"a holder on another machine", test_other_machine},
      {"the launcher is killed", test_launcher_killed});
  launcher_free(launcher);
  return failed;
}
