/* One writer, ever: with real processes that are killed, stopped and woken, on a file system whose locks work and on
 * one whose locks are taken away (COXSWAIN_NO_FILE_LOCKS). No test asks how long something took: where a wait would be
 * wrong the lease is an hour, and the test would not end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "hpo/journal.h"
#include "hpo/journal_lock.h"
#include "hpo/journal_owner.h"
#include "testing.h"

static void locks_are(bool there, const char *lease) {
  setenv("COXSWAIN_NO_FILE_LOCKS", there ? "0" : "1", 1);
  setenv("COXSWAIN_LOCK_LEASE", lease, 1);
  err_clear();
}

static const char *journal_in(const char *name) {
  static char path[600];
  snprintf(path, sizeof path, "%s/journal.log", test_folder(name));
  return path;
}

static const char *beside(const char *journal, const char *suffix) {
  static char path[600];
  snprintf(path, sizeof path, "%.*s.lock%s", (int)strlen(journal) - 4, journal, suffix);
  return path;
}

/* How many files there are beside the lock: claims, and records that never found their place. */
static size_t leftovers(const char *journal) {
  char **names, *folder = path_folder(journal);
  size_t n, found = 0;
  REQUIRE(file_list(folder, "", &names, &n) == OK);
  for (size_t i = 0; i < n; i++)
    found += strncmp(names[i], "journal.lock.", strlen("journal.lock.")) == 0;
  file_list_free(names, n);
  free(folder);
  return found;
}

static enum err ignore(void *context, const struct op *op) {
  (void)context;
  (void)op;
  return OK;
}

static struct op attribute(const char *key) {
  struct op op = op_of(OP_STUDY_ATTR, -1);
  op.name = key;
  op.json = "1";
  op.system = true;
  return op;
}

/* ---- a process that holds a journal ---- */

/* It opens the journal, commits `first`, and for each byte that comes commits one line more. Exit code 0: opened, and
 * the last commit went well; 1: the lock was refused; 2: the commit was refused because the lock is another's. */
struct holder {
  pid_t pid;
  int said, go; /* a byte comes when it holds the journal, and after each commit; none: it has ended */
};

static void hold(const char *path, int said, int go) {
  struct journal *j;
  struct op op = attribute("first");
  char byte;
  if (journal_open(&j, path, ignore, NULL) != OK)
    _exit(1);
  enum err e = OK;
  do {
    journal_add(j, &op);
    e = journal_commit(j);
    op = attribute("more");
  } while (e == OK && write(said, "x", 1) == 1 && read(go, &byte, 1) == 1);
  journal_close(j);
  _exit(e == OK ? 0 : e == ERR_BUSY ? 2 : 3);
}

static struct holder start_holder(const char *path) {
  int said[2], go[2];
  REQUIRE(pipe2(said, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
  fflush(NULL);
  struct holder h = {.pid = fork(), .said = said[0], .go = go[1]};
  if (h.pid == 0) {
    close(said[0]);
    close(go[1]);
    hold(path, said[1], go[0]);
  }
  close(said[1]);
  close(go[0]);
  return h;
}

static bool hears(const struct holder *h) {
  char byte;
  return read(h->said, &byte, 1) == 1;
}

static int end_of(struct holder *h) {
  int status = -1;
  close(h->go);
  while (waitpid(h->pid, &status, 0) != h->pid)
    ;
  close(h->said);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void stop_and_wait(pid_t pid) {
  int status;
  REQUIRE(kill(pid, SIGSTOP) == 0);
  REQUIRE(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

/* ---- owners that are dead ---- */

static void killed_is_followed_at_once(bool locks) {
  locks_are(locks, "3600");
  const char *path = journal_in(locks ? "lock-killed" : "lock-killed-nolocks");
  struct holder h = start_holder(path);
  REQUIRE(hears(&h));
  kill(h.pid, SIGKILL);
  CHECK(end_of(&h) == -SIGKILL);
  CHECK(file_size(beside(path, "")) > 0); /* it could not say goodbye */
  struct journal_look look;
  CHECK(journal_lock_look(path, 1, &look) == OK && look.holder == HOLDER_DEAD);
  struct journal *j;
  CHECK(journal_open(&j, path, ignore, NULL) == OK);
  CHECK(journal_epoch(j) == 2);
  CHECK(journal_lock_look(path, 3600, &look) == OK && look.holder == HOLDER_ALIVE);
  journal_close(j);
  CHECK(journal_lock_look(path, 1, &look) == OK && look.holder == HOLDER_NONE);
  CHECK(file_size(beside(path, "")) == 0);
  CHECK(leftovers(path) == 0);
}

static void test_killed(void) {
  killed_is_followed_at_once(true);
  killed_is_followed_at_once(false);
}

static void put_record(const char *path, const struct journal_owner *o) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  REQUIRE(fd >= 0 && journal_owner_write(o, fd, path) == OK);
  close(fd);
}

/* Our own process number, but of a process that began at another time. */
static void test_number_came_again(void) {
  locks_are(false, "3600");
  const char *path = journal_in("lock-number");
  struct journal_owner o;
  journal_owner_self(&o);
  o.start--;
  put_record(beside(path, ""), &o);
  struct journal_lock *l;
  CHECK(journal_lock_take(&l, path) == OK);
  CHECK(journal_lock_check(l) == OK);
  journal_lock_release(l);
}

static void test_older_versions_record(void) {
  const char *old = "host n1, process 17, since 2026-11-23T17:26:00.123456";
  locks_are(true, "3600");
  const char *path = journal_in("lock-old");
  REQUIRE(file_write_atomic(beside(path, ""), old, strlen(old)) == OK);
  struct journal_lock *l;
  CHECK(journal_lock_take(&l, path) == OK); /* it had the system's lock, and that is free */
  journal_lock_release(l);
}

/* One that was killed after it had the right to follow, and before it had put itself in place; and its own follower. */
static void test_killed_while_taking(void) {
  locks_are(false, "3600");
  char path[600], claim[700], claim_2[700];
  snprintf(path, sizeof path, "%s", journal_in("lock-claims"));
  struct journal_owner dead, taker, taker_2;
  journal_owner_self(&dead);
  dead.start--;
  journal_owner_self(&taker);
  taker.start--;
  journal_owner_self(&taker_2);
  taker_2.start--;
  snprintf(claim, sizeof claim, "%s.after-%s", beside(path, ""), dead.token);
  snprintf(claim_2, sizeof claim_2, "%s.after-%s", beside(path, ""), taker.token);
  put_record(beside(path, ""), &dead);
  put_record(claim, &taker);
  put_record(claim_2, &taker_2);
  struct journal_lock *l;
  CHECK(journal_lock_take(&l, path) == OK);
  CHECK(journal_lock_check(l) == OK);
  CHECK(leftovers(path) == 0);
  journal_lock_release(l);
}

/* ---- owners that live ---- */

static void living_is_respected(bool locks) {
  locks_are(locks, "30");
  char path[600], expected[64];
  snprintf(path, sizeof path, "%s", journal_in(locks ? "lock-alive" : "lock-alive-nolocks"));
  setenv("SLURM_JOB_ID", "4711", 1);
  struct holder h = start_holder(path);
  unsetenv("SLURM_JOB_ID");
  REQUIRE(hears(&h));
  struct journal *j;
  CHECK(journal_open(&j, path, ignore, NULL) == ERR_BUSY);
  snprintf(expected, sizeof expected, "process %ld, job 4711, since ", (long)h.pid);
  CHECK(test_text_contains(err_text(), "host ") && test_text_contains(err_text(), expected));
  err_clear();
  struct journal_look look;
  CHECK(journal_lock_look(path, 30, &look) == OK && look.holder == HOLDER_ALIVE);
  CHECK(test_text_contains(look.text, expected) && test_text_contains(look.text, ", heartbeat "));
  CHECK(write(h.go, "x", 1) == 1 && hears(&h)); /* nobody disturbed it */
  CHECK(end_of(&h) == 0);
  CHECK(leftovers(path) == 0);
}

static void test_living(void) {
  living_is_respected(true);
  living_is_respected(false);
}

/* A holder on another host, as far as can be seen from here: `beats` of it, a byte for each. */
static pid_t elsewhere(const char *path, int said) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid != 0)
    return pid;
  struct journal_owner o;
  journal_owner_self(&o);
  snprintf(o.boot, sizeof o.boot, "00000000-0000-0000-0000-000000000000-1");
  int fd = open(beside(path, ""), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  for (o.beat = 0; fd >= 0 && journal_owner_write(&o, fd, path) == OK && write(said, "x", 1) == 1; o.beat++)
    clock_sleep(journal_owner_pause());
  _exit(1);
}

static void test_beats_from_elsewhere(void) {
  locks_are(true, "30");
  const char *path = journal_in("lock-elsewhere");
  int said[2];
  char beats[64];
  REQUIRE(pipe2(said, O_CLOEXEC | O_NONBLOCK) == 0);
  pid_t pid = elsewhere(path, said[1]);
  while (read(said[0], beats, 1) != 1)
    clock_sleep(0.001);
  struct journal_lock *l;
  CHECK(journal_lock_take(&l, path) == ERR_BUSY); /* though the system's lock is to be had */
  CHECK(test_text_contains(err_text(), "is being written by host "));
  ssize_t n = read(said[0], beats, sizeof beats);
  CHECK(n < 30); /* it was refused by a beat, not by the end of the lease; none may have been counted yet */
  struct journal_look look;
  CHECK(journal_lock_look(path, 30, &look) == OK && look.holder == HOLDER_ALIVE);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  CHECK(journal_lock_look(path, 0.1, &look) == OK && look.holder == HOLDER_SILENT);
  CHECK(test_text_contains(look.text, "no heartbeat for 0.1 s"));
  locks_are(true, "1");
  log_levels(LOG_ERROR, LOG_ERROR);
  CHECK(journal_lock_take(&l, path) == OK);
  log_levels(LOG_INFO, LOG_INFO);
  CHECK(journal_lock_check(l) == OK);
  journal_lock_release(l);
  close(said[0]);
  close(said[1]);
}

/* ---- an owner that comes back ---- */

static void test_woken_writes_nothing(void) {
  locks_are(false, "1");
  char path[600];
  snprintf(path, sizeof path, "%s", journal_in("lock-woken"));
  struct holder h = start_holder(path);
  REQUIRE(hears(&h));
  stop_and_wait(h.pid);
  log_levels(LOG_ERROR, LOG_ERROR);
  struct journal *j;
  REQUIRE(journal_open(&j, path, ignore, NULL) == OK);
  log_levels(LOG_INFO, LOG_INFO);
  CHECK(journal_epoch(j) == 2);
  int64_t size = file_size(path);
  CHECK(write(h.go, "x", 1) == 1); /* the first thing it does is to write */
  kill(h.pid, SIGCONT);
  CHECK(!hears(&h));
  CHECK(end_of(&h) == 2);
  CHECK(file_size(path) == size);
  struct op op = attribute("ours");
  journal_add(j, &op);
  CHECK(journal_commit(j) == OK); /* and its goodbye did not take the lock from us */
  journal_close(j);
  CHECK(leftovers(path) == 0);
}

/* With nothing to write it ends as well: its beat finds out. */
static void test_woken_idle_ends(void) {
  locks_are(true, "30");
  char path[600];
  snprintf(path, sizeof path, "%s", journal_in("lock-idle"));
  struct journal *j;
  REQUIRE(journal_open(&j, path, ignore, NULL) == OK);
  CHECK(journal_commit(j) == OK);
  struct journal_owner other;
  journal_owner_self(&other);
  REQUIRE(file_remove(beside(path, "")) == OK);
  put_record(beside(path, ""), &other);
  enum err e = OK;
  for (int i = 0; i < 6000 && e == OK; i++) {
    clock_sleep(0.01);
    e = journal_commit(j);
  }
  CHECK(e == ERR_BUSY);
  CHECK(test_text_contains(err_text(), "was taken over by host "));
  journal_close(j);
  CHECK(file_size(beside(path, "")) > 0);
}

static void test_lock_removed(void) {
  locks_are(true, "30");
  const char *path = journal_in("lock-removed");
  struct journal_lock *l;
  REQUIRE(journal_lock_take(&l, path) == OK);
  REQUIRE(file_remove(beside(path, "")) == OK);
  CHECK(journal_lock_check(l) == ERR_BUSY);
  CHECK(test_text_contains(err_text(), "is gone"));
  journal_lock_release(l);
}

/* ---- several at once ---- */

enum { TAKERS = 4, ROUNDS = 50 };

/* Stands before the system's rename (linked with --wrap): the moment between having the right to follow and being in
 * place is too short to be hit by chance. */
static double before_rename;
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
  clock_sleep(before_rename);
  return __real_rename(from, to);
}

/* Waits for the start, tries, says how it went, and if it won holds on until the others have said it too. */
static void take_one(const char *path, int start, int said, int over) {
  struct journal_lock *l;
  char byte;
  if (read(start, &byte, 1) != 0)
    _exit(9);
  enum err e = journal_lock_take(&l, path);
  byte = e == OK ? 'w' : e == ERR_BUSY ? 'b' : '?';
  if (write(said, &byte, 1) != 1 || read(over, &byte, 1) != 0)
    _exit(9);
  _exit(e == OK && journal_lock_check(l) != OK ? 8 : 0); /* leaves its record, as one that was killed */
}

/* All start when the write end of `start` is closed. */
static void race(const char *path, int *won, int *busy) {
  int start[2], said[2], over[2];
  pid_t pids[TAKERS];
  REQUIRE(pipe2(start, O_CLOEXEC) == 0 && pipe2(said, O_CLOEXEC) == 0 && pipe2(over, O_CLOEXEC) == 0);
  fflush(NULL);
  for (int i = 0; i < TAKERS; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      close(start[1]);
      close(over[1]);
      take_one(path, start[0], said[1], over[0]);
    }
  }
  close(start[1]);
  *won = *busy = 0;
  for (int i = 0; i < TAKERS; i++) {
    char byte = 0;
    CHECK(read(said[0], &byte, 1) == 1);
    *won += byte == 'w';
    *busy += byte == 'b';
  }
  close(over[1]);
  for (int i = 0; i < TAKERS; i++) {
    int status = -1;
    CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
  }
  int all[] = {start[0], said[0], said[1], over[0]};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    close(all[i]);
}

/* From nothing, from an empty file, and from the record of the round before, whose owner is dead then. */
static void races(const char *name, bool locks, const char *lease, int rounds) {
  char path[600];
  int won, busy;
  locks_are(locks, lease);
  snprintf(path, sizeof path, "%s", journal_in(name));
  for (int i = 0; i < rounds; i++) {
    if (i % 5 == 3)
      REQUIRE(file_remove(beside(path, "")) == OK);
    if (i % 5 == 4)
      REQUIRE(file_write_atomic(beside(path, ""), "", 0) == OK);
    race(path, &won, &busy);
    CHECK(won == 1 && busy == TAKERS - 1);
  }
  CHECK(leftovers(path) == 0);
}

static void test_takers_at_once(void) {
  races("lock-race", true, "3600", ROUNDS);
  races("lock-race-nolocks", false, "6", ROUNDS);
  before_rename = 0.01;
  races("lock-race-slow", false, "6", 5);
  before_rename = 0;
}

/* All of them watch a silent owner of another host until its time is over. */
static void test_silent_owner_followed_by_one(void) {
  locks_are(false, "2");
  char path[600];
  int won, busy;
  snprintf(path, sizeof path, "%s", journal_in("lock-race-silent"));
  struct journal_owner o;
  journal_owner_self(&o);
  snprintf(o.boot, sizeof o.boot, "00000000-0000-0000-0000-000000000000-1");
  put_record(beside(path, ""), &o);
  log_levels(LOG_ERROR, LOG_ERROR);
  race(path, &won, &busy);
  log_levels(LOG_INFO, LOG_INFO);
  CHECK(won == 1 && busy == TAKERS - 1);
  CHECK(leftovers(path) == 0);
}

int main(void) {
  return TEST_MAIN("journal_lock", {"a killed owner is followed at once", test_killed},
                   {"a process number that came again", test_number_came_again},
                   {"the record of an older version", test_older_versions_record},
                   {"killed while taking over", test_killed_while_taking}, {"a living owner is respected", test_living},
                   {"beats from another host", test_beats_from_elsewhere},
                   {"a woken owner writes nothing", test_woken_writes_nothing},
                   {"a woken owner without work ends", test_woken_idle_ends},
                   {"the lock file is removed", test_lock_removed}, {"several takers, one owner", test_takers_at_once},
                   {"several watch a silent owner, one follows", test_silent_owner_followed_by_one});
}
