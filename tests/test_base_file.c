/* Files: reads, atomic writes that fail for real reasons, folders, paths, locks between processes. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/stop.h"
#include "testing.h"

static const char *at(const char *folder, const char *name) {
  static char paths[4][512];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static int file_is(const char *path, const char *wanted) {
  struct strbuf text = STRBUF_INIT;
  int same = file_read(path, &text) == OK && strcmp(text.text, wanted) == 0;
  strbuf_free(&text);
  return same;
}

/* What a child process finds out, as its exit status. */
static int in_child(int (*work)(const char *folder), const char *folder) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0)
    _exit(work(folder));
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static void test_read_and_write(void) {
  const char *folder = test_folder("base-file");
  size_t n = 3000000;
  char *bytes = mem_alloc(n);
  for (size_t i = 0; i < n; i++)
    bytes[i] = (char)(i * 31 >> 3);
  struct strbuf back = STRBUF_INIT;
  CHECK(file_write_atomic(at(folder, "big"), bytes, n) == OK);
  CHECK(file_size(at(folder, "big")) == 3000000);
  strbuf_puts(&back, "before");
  CHECK(file_read(at(folder, "big"), &back) == OK);
  CHECK(back.len == n + 6 && memcmp(back.text + 6, bytes, n) == 0);
  CHECK(file_write_atomic(at(folder, "big"), "", 0) == OK && file_size(at(folder, "big")) == 0);
  CHECK(!file_exists(at(folder, "big.tmp")));
  CHECK(file_size(at(folder, "none")) == -1);
  strbuf_free(&back);
  free(bytes);
}

static void test_read_errors(void) {
  struct strbuf text = STRBUF_INIT;
  err_clear();
  CHECK(file_read("no/such/file", &text) == ERR_INPUT);
  CHECK(test_text_contains(err_text(), "no/such/file: cannot read: No such file"));
  err_clear();
  CHECK(file_read(test_folder("base-read"), &text) == ERR_IO); /* a folder */
  err_clear();
  strbuf_free(&text);
}

static void test_map(void) {
  const char *folder = test_folder("base-map");
  const void *bytes;
  size_t n;
  REQUIRE(file_write_atomic(at(folder, "x"), "mapped", 6) == OK);
  REQUIRE(file_map(at(folder, "x"), &bytes, &n) == OK);
  CHECK(n == 6 && memcmp(bytes, "mapped", 6) == 0);
  file_unmap(bytes, n);
  REQUIRE(file_write_atomic(at(folder, "empty"), "", 0) == OK);
  CHECK(file_map(at(folder, "empty"), &bytes, &n) == OK && n == 0 && bytes != NULL);
  file_unmap(bytes, n);
  err_clear();
  CHECK(file_map(at(folder, "none"), &bytes, &n) != OK && n == 0);
  CHECK(file_map(folder, &bytes, &n) == ERR_IO);
  err_clear();
}

/* ---- writes that fail ---- */

static void test_write_into_nothing(void) {
  const char *folder = test_folder("base-write");
  err_clear();
  CHECK(file_write_atomic(at(folder, "missing/x"), "new", 3) == ERR_IO);
  CHECK(test_text_contains(err_text(), "missing/x.tmp: cannot create: No such file or directory: check the path"));
  err_clear();
  REQUIRE(file_write_atomic(at(folder, "plain"), "a file", 6) == OK);
  CHECK(file_write_atomic(at(folder, "plain/x"), "new", 3) == ERR_IO);
  CHECK(test_text_contains(err_text(), "Not a directory"));
  err_clear();
}

static void test_rename_fails(void) {
  const char *folder = test_folder("base-rename");
  REQUIRE(file_make_folders(at(folder, "taken/inside")) == OK);
  err_clear();
  CHECK(file_write_atomic(at(folder, "taken"), "new", 3) == ERR_IO); /* a folder stands where the file should go */
  CHECK(test_text_contains(err_text(), "taken.tmp: cannot rename to"));
  CHECK(!file_exists(at(folder, "taken.tmp")));
  err_clear();
}

/* The system cuts the write in the middle: first a short count, then EFBIG. */
static int write_beyond_limit(const char *folder) {
  char *bytes = mem_alloc(100000);
  memset(bytes, 'x', 100000);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 50000, .rlim_max = 50000});
  enum err e = file_write_atomic(at(folder, "x"), bytes, 100000);
  if (e != ERR_IO || !strstr(err_text(), "x.tmp: cannot write: File too large"))
    return 1;
  return file_is(at(folder, "x"), "old") && !file_exists(at(folder, "x.tmp")) ? 0 : 2;
}

static void test_write_cut_short(void) {
  const char *folder = test_folder("base-limit");
  REQUIRE(file_write_atomic(at(folder, "x"), "old", 3) == OK);
  CHECK(in_child(write_beyond_limit, folder) == 0);
}

static int write_as_nobody(const char *folder) {
  if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0))
    return 77;
  enum err e = file_write_atomic(at(folder, "x"), "new", 3);
  if (e != ERR_IO || !strstr(err_text(), "Permission denied: check the permissions"))
    return 1;
  int fd;
  err_clear();
  if (file_lock(at(folder, "lock"), 0, &fd) != ERR_IO || fd != -1)
    return 2;
  return file_is(at(folder, "x"), "old") && !file_exists(at(folder, "x.tmp")) ? 0 : 3;
}

/* Below /tmp, because another user must be able to reach the folder. */
static void test_unwritable_folder(void) {
  char folder[] = "/tmp/coxswain-test-XXXXXX";
  REQUIRE(mkdtemp(folder) != NULL);
  REQUIRE(file_write_atomic(at(folder, "x"), "old", 3) == OK);
  chmod(folder, 0555);
  int result = in_child(write_as_nobody, folder);
  if (result == 77)
    printf("SKIP: cannot become another user ");
  else
    CHECK(result == 0);
  chmod(folder, 0755);
  CHECK(file_remove(at(folder, "x")) == OK && rmdir(folder) == 0);
}

/* A mount table of this process alone: as root directly, otherwise inside a user namespace where that is allowed. */
static int unshare_mounts(void) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
    return -1;
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* A disk of 64 kB, mounted where nobody else sees it. */
static int write_to_full_disk(const char *folder) {
  if (unshare_mounts() != 0 || mount("none", folder, "tmpfs", 0, "size=64k") != 0)
    return 77;
  char *bytes = mem_alloc(200000);
  memset(bytes, 'x', 200000);
  if (file_write_atomic(at(folder, "x"), "old", 3) != OK)
    return 1;
  if (file_write_atomic(at(folder, "x"), bytes, 200000) != ERR_IO || !strstr(err_text(), "free some space"))
    return 2;
  if (!file_is(at(folder, "x"), "old") || file_exists(at(folder, "x.tmp")))
    return 3;
  return file_write_atomic(at(folder, "x"), bytes, 20000) == OK ? 0 : 4; /* the failed try left no rubbish */
}

static void test_full_disk(void) {
  int result = in_child(write_to_full_disk, test_folder("base-full"));
  if (result == 77)
    printf("SKIP: cannot mount a small disk ");
  else
    CHECK(result == 0);
}

/* ---- folders and paths ---- */

static void test_folders(void) {
  const char *folder = test_folder("base-folders");
  CHECK(file_make_folders(at(folder, "a/b//c/")) == OK && file_exists(at(folder, "a/b/c")));
  CHECK(file_make_folders(at(folder, "a/b/c")) == OK);
  CHECK(file_make_folders("/") == OK && file_make_folders("/tmp") == OK && file_make_folders(".") == OK);
  REQUIRE(file_write_atomic(at(folder, "plain"), "", 0) == OK);
  err_clear();
  CHECK(file_make_folders(at(folder, "plain")) == ERR_CONFIG);
  CHECK(file_make_folders(at(folder, "plain/below")) == ERR_CONFIG);
  err_clear();
  CHECK(file_sync_folder(folder) == OK);
  CHECK(file_sync_folder(at(folder, "none")) == ERR_IO);
  CHECK(file_remove(at(folder, "none")) == OK);
  CHECK(file_remove(at(folder, "a")) == ERR_IO);
  err_clear();
}

static void test_list(void) {
  const char *folder = test_folder("base-list");
  static const char *const files[] = {"b.h5", "a.h5", "c.h5.tmp", ".hidden.h5", "h5"};
  for (size_t i = 0; i < 5; i++)
    REQUIRE(file_write_atomic(at(folder, files[i]), "", 0) == OK);
  char **names;
  size_t n;
  REQUIRE(file_list(folder, ".h5", &names, &n) == OK);
  REQUIRE(n == 3);
  CHECK_TEXT(names[0], ".hidden.h5");
  CHECK_TEXT(names[1], "a.h5");
  CHECK_TEXT(names[2], "b.h5");
  file_list_free(names, n);
  REQUIRE(file_list(folder, "", &names, &n) == OK);
  CHECK(n == 5);
  file_list_free(names, n);
  REQUIRE(file_list(folder, ".none", &names, &n) == OK);
  CHECK(n == 0);
  file_list_free(names, n);
  err_clear();
  CHECK(file_list(at(folder, "none"), "", &names, &n) == ERR_IO && n == 0 && names == NULL);
  err_clear();
}

static int is_text(char *text, const char *wanted) {
  int same = strcmp(text, wanted) == 0;
  free(text);
  return same;
}

static void test_paths(void) {
  CHECK(is_text(path_join("a", "b"), "a/b"));
  CHECK(is_text(path_join("a/", "b"), "a/b"));
  CHECK(is_text(path_join("a", "/b"), "/b"));
  CHECK(is_text(path_join("", "b"), "b"));
  CHECK(is_text(path_folder("a/b.c"), "a"));
  CHECK(is_text(path_folder("b"), "."));
  CHECK(is_text(path_folder("/b"), "/"));
  CHECK_TEXT(path_name("a/b.c"), "b.c");
  CHECK_TEXT(path_name("b.c"), "b.c");
}

/* ---- locks ---- */

static int lock_is_busy(const char *folder) {
  int fd = 0;
  if (file_lock(at(folder, "lock"), 0, &fd) != ERR_BUSY || fd != -1)
    return 1;
  if (!strstr(err_text(), "lock: another process holds this lock"))
    return 2;
  if (file_lock(at(folder, "lock"), 0.02, &fd) != ERR_BUSY)
    return 3;
  stop_request(STOP_SOON); /* waiting for ever still ends when asked to stop */
  return file_lock(at(folder, "lock"), -1, &fd) == ERR_STOPPED ? 0 : 4;
}

static int lock_is_free(const char *folder) {
  int fd;
  if (file_lock(at(folder, "lock"), 0, &fd) != OK)
    return 1;
  file_unlock(fd);
  return 0;
}

static void test_lock_between_processes(void) {
  const char *folder = test_folder("base-lock");
  int fd;
  REQUIRE(file_lock(at(folder, "lock"), 0, &fd) == OK);
  CHECK(in_child(lock_is_busy, folder) == 0);
  file_unlock(fd);
  CHECK(in_child(lock_is_free, folder) == 0);
}

/* A child that takes the lock and is killed must not leave it behind; a waiter gets it then. */
static void test_lock_of_the_dead(void) {
  const char *folder = test_folder("base-lock-dead");
  int ready[2], fd;
  char byte;
  REQUIRE(pipe(ready) == 0);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    if (file_lock(at(folder, "lock"), 0, &fd) != OK || write(ready[1], "x", 1) != 1)
      _exit(1);
    for (;;)
      pause();
  }
  REQUIRE(read(ready[0], &byte, 1) == 1);
  CHECK(file_lock(at(folder, "lock"), 0, &fd) == ERR_BUSY);
  kill(child, SIGKILL);
  CHECK(file_lock(at(folder, "lock"), 30, &fd) == OK);
  file_unlock(fd);
  waitpid(child, NULL, 0);
  close(ready[0]);
  close(ready[1]);
  err_clear();
}

int main(void) {
  return TEST_MAIN("file", {"read and write", test_read_and_write}, {"reads that fail", test_read_errors},
                   {"map", test_map}, {"a folder that is not there", test_write_into_nothing},
                   {"a rename that fails", test_rename_fails}, {"a write cut short", test_write_cut_short},
                   {"an unwritable folder", test_unwritable_folder}, {"a full disk", test_full_disk},
                   {"folders", test_folders}, {"lists", test_list}, {"paths", test_paths},
                   {"a lock between processes", test_lock_between_processes},
                   {"the lock of a killed process", test_lock_of_the_dead});
}
