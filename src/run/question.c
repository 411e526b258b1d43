#include "run/question.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "run/launcher_keeper.h"

enum { LONGEST = 1 << 20 }; /* bytes of an answer */

extern char **environ;

void question_init(struct question *q) {
  *q = (struct question){.line = -1};
  strbuf_init(&q->answer);
}

/* ---- starting ---- */

static char **environment_for_it(void) {
  size_t n = 0, kept = 0;
  while (environ[n])
    n++;
  char **all = MEM_NEW_ARRAY(char *, n + 1);
  for (size_t i = 0; i < n; i++)
    if (!keeper_hides(environ[i]))
      all[kept++] = environ[i];
  return all;
}

/* Signals that this process catches or ignores mean to it what they mean to any program. */
static void set_attributes(posix_spawnattr_t *a) {
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setflags(a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(a, 0);
  posix_spawnattr_setsigdefault(a, &all);
  posix_spawnattr_setsigmask(a, &none);
}

static bool spawn(const char *const *argv, int out, pid_t *pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  char **environment = environment_for_it();
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out, 1);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_init(&attributes);
  set_attributes(&attributes);
  int error = posix_spawnp(pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  free(environment);
  return error == 0;
}

bool question_ask(struct question *q, const char *const *argv) {
  int ends[2];
  question_drop(q);
  if (pipe(ends) != 0)
    return false;
  for (int i = 0; i < 2; i++)
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  bool started = spawn(argv, ends[1], &q->pid);
  close(ends[1]);
  if (!started) {
    close(ends[0]);
    q->pid = 0;
    return false;
  }
  q->line = ends[0];
  q->since = clock_seconds();
  return true;
}

/* ---- listening ---- */

/* false: nothing more will come. */
static bool read_more(struct question *q) {
  char piece[4096];
  for (ssize_t n; (n = read(q->line, piece, sizeof piece)) != 0;) {
    if (n < 0 && errno != EINTR)
      return errno == EAGAIN;
    if (n > 0)
      strbuf_add(&q->answer, piece, (size_t)n);
    if (q->answer.len > LONGEST)
      return true; /* it is cut off below */
  }
  return false;
}

/* The line closes a moment before the process can be waited for. */
static enum answer listen_for_end(struct question *q) {
  int status = 0;
  pid_t ended = waitpid(q->pid, &status, WNOHANG);
  if (ended == 0)
    return ANSWER_WAIT;
  close(q->line);
  q->line = -1;
  q->pid = 0;
  return ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ANSWER_GOOD : ANSWER_BAD;
}

enum answer question_listen(struct question *q, double patience) {
  if (q->pid == 0)
    return ANSWER_NONE;
  enum answer a = read_more(q) ? ANSWER_WAIT : listen_for_end(q);
  if (a == ANSWER_WAIT && (clock_seconds() - q->since > patience || q->answer.len > LONGEST)) {
    question_drop(q);
    return ANSWER_BAD;
  }
  return a;
}

void question_drop(struct question *q) {
  if (q->pid > 0) {
    kill(-q->pid, SIGKILL);
    for (int i = 0; i < 100 && waitpid(q->pid, NULL, WNOHANG) == 0; i++) /* one that waits for a disk stays behind */
      clock_sleep(0.001);
  }
  if (q->line >= 0)
    close(q->line);
  strbuf_free(&q->answer);
  question_init(q);
}
