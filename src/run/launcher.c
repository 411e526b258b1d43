#include "run/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "par/message.h"
#include "run/launcher_keeper.h"

struct launcher {
  int line; /* -1: stopped */
  pid_t pid;
};

/* ---- descriptors over a socket ---- */

union control {
  struct cmsghdr head;
  char bytes[CMSG_SPACE(sizeof(int))];
};

static bool send_descriptor(int line, int fd) {
  char byte = 0;
  struct iovec one = {&byte, 1};
  union control control = {0};
  struct msghdr m = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(c), &fd, sizeof fd);
  ssize_t n;
  while ((n = sendmsg(line, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
    ;
  return n == 1;
}

/* False at the end of the line. *fd = -1 if it was disturbed. */
static bool receive_descriptor(int line, int *fd) {
  char byte;
  struct iovec one = {&byte, 1};
  union control control;
  struct msghdr m = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  *fd = -1;
  ssize_t n = recvmsg(line, &m, MSG_CMSG_CLOEXEC);
  if (n < 0 && errno == EINTR)
    return true;
  struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
  if (c && c->cmsg_type == SCM_RIGHTS)
    memcpy(fd, CMSG_DATA(c), sizeof *fd);
  return n > 0;
}

/* ---- the launcher itself ---- */

struct crowd {
  pid_t *keepers;
  size_t n, cap;
};

/* A keeper that is killed leaves its program to us. */
static void reap(struct crowd *c) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (size_t i = 0; i < c->n; i++)
      if (c->keepers[i] == pid)
        c->keepers[i] = c->keepers[--c->n];
    if (!WIFEXITED(status))
      kill_children(c->keepers, c->n);
  }
}

static void hire(struct crowd *c, int line, int keepers_line) {
  pid_t pid = fork();
  if (pid == 0) {
    close(line);
    keeper_main(keepers_line);
  }
  if (pid > 0) {
    MEM_GROW(c->keepers, c->n, &c->cap);
    c->keepers[c->n++] = pid;
  }
  close(keepers_line); /* without a keeper the rank sees the end of the line */
}

static void on_child(int signal) {
  (void)signal; /* it only has to interrupt ppoll */
}

/* Signals to the job are the rank's to judge; a death is to be seen only while we wait. */
static void settle_signals(sigset_t *while_waiting) {
  static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGURG, SIGPIPE, SIGTSTP};
  struct sigaction ignore = {.sa_handler = SIG_IGN}, child = {.sa_handler = on_child};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
    sigaction(ignored[i], &ignore, NULL);
  sigaction(SIGCHLD, &child, NULL);
  sigset_t block;
  sigemptyset(&block);
  sigemptyset(while_waiting);
  sigaddset(&block, SIGCHLD);
  sigprocmask(SIG_SETMASK, &block, NULL);
}

static _Noreturn void launcher_main(int line) {
  struct crowd c = {0};
  sigset_t while_waiting;
  setsid(); /* away from the terminal's and mpirun's process groups */
  prctl(PR_SET_NAME, "cox-launcher");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  close_all_but(line);
  settle_signals(&while_waiting);
  for (bool open = true; open;) {
    struct pollfd p = {.fd = line, .events = POLLIN};
    int fd;
    reap(&c);
    if (ppoll(&p, 1, NULL, &while_waiting) <= 0)
      continue;
    open = receive_descriptor(line, &fd);
    if (fd >= 0)
      hire(&c, line, fd);
  }
  while (c.n > 0 && wait(NULL) > 0) /* the rank is gone or leaves: keepers see it too */
    ;
  _exit(0);
}

enum err launcher_start(struct launcher **out) {
  int ends[2];
  *out = NULL;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return FAIL(ERR_IO, "launcher: no socket: %s", strerror(errno));
  pid_t pid = fork();
  if (pid == 0)
    launcher_main(ends[1]);
  int error = errno;
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return FAIL(ERR_IO, "launcher: no process: %s: look at the limit of processes (ulimit -u)", strerror(error));
  }
  *out = MEM_NEW(struct launcher);
  **out = (struct launcher){.line = ends[0], .pid = pid};
  return OK;
}

void launcher_stop(struct launcher *l) {
  if (!l || l->line < 0)
    return;
  close(l->line);
  l->line = -1;
  while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR)
    ;
}

void launcher_free(struct launcher *l) {
  launcher_stop(l);
  free(l);
}

int launcher_descriptor(const struct launcher *l) {
  return l->line;
}

enum err launcher_check(const struct launcher *l) {
  struct pollfd p = {.fd = l->line, .events = POLLIN};
  if (l->line >= 0 && poll(&p, 1, 0) <= 0) /* it never says a word */
    return OK;
  return FAIL(ERR_COMM, "the launcher (process %ld) is gone: this rank cannot start programs any more", (long)l->pid);
}

/* ---- programs ---- */

static void put_texts(struct strbuf *b, const char *const *texts) {
  int64_t n = 0;
  while (texts && texts[n])
    n++;
  put_i64(b, n);
  for (int64_t i = 0; i < n; i++)
    put_text(b, texts[i]);
}

static enum err send_order(int line, const struct launch *what) {
  struct strbuf order = STRBUF_INIT, message = STRBUF_INIT;
  put_texts(&order, what->argv);
  put_texts(&order, what->environment);
  put_text(&order, what->folder);
  put_text(&order, what->out);
  put_text(&order, what->err);
  put_i64(&order, what->memory);
  put_text(&order, what->lease);
  put_i64(&order, what->turn.run);
  put_i64(&order, what->turn.number);
  put_i64(&order, (int64_t)what->n_cores);
  for (size_t i = 0; i < what->n_cores; i++)
    put_i64(&order, what->cores[i]);
  int64_t length = (int64_t)order.len;
  strbuf_add(&message, &length, sizeof length);
  strbuf_add(&message, order.text, order.len);
  enum err e = OK;
  for (size_t at = 0; at < message.len && e == OK;) {
    ssize_t n = send(line, message.text + at, message.len - at, MSG_NOSIGNAL);
    if (n > 0)
      at += (size_t)n;
    else if (errno == EPIPE || errno == ECONNRESET) /* no keeper: payload_listen will say that it is lost */
      break;
    else if (errno != EINTR)
      e = FAIL(ERR_COMM, "launcher: a keeper cannot be reached: %s", strerror(errno));
  }
  strbuf_free(&order);
  strbuf_free(&message);
  return e;
}

enum err payload_start(struct launcher *l, const struct launch *what, struct payload *out) {
  int ends[2];
  *out = PAYLOAD_NONE;
  TRY(launcher_check(l));
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return FAIL(ERR_IO, "launcher: no socket: %s: raise the limit of open files (ulimit -n)", strerror(errno));
  bool sent = send_descriptor(l->line, ends[1]);
  close(ends[1]);
  enum err e = sent ? send_order(ends[0], what) : FAIL(ERR_COMM, "launcher: it cannot be reached: %s", strerror(errno));
  if (e != OK) {
    close(ends[0]);
    return e;
  }
  out->line = ends[0];
  return OK;
}

static void hang_up(struct payload *p) {
  close(p->line);
  *p = PAYLOAD_NONE;
}

struct payload_news payload_listen(struct payload *p) {
  struct keeper_word w;
  struct payload_news news = {.event = PAYLOAD_SILENT};
  if (p->line < 0)
    return news;
  ssize_t n = recv(p->line, &w, sizeof w, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return news;
  if (n != (ssize_t)sizeof w) {
    if (p->leader > 0)
      kill(-p->leader, SIGKILL);
    hang_up(p);
    news.event = PAYLOAD_LOST;
    return news;
  }
  news = (struct payload_news){
      .event = (enum payload_event)w.event, .number = w.number, .left_behind = w.left_behind, .peak = w.peak};
  if (news.event == PAYLOAD_RUNS)
    p->leader = w.leader;
  else
    hang_up(p);
  return news;
}

void payload_terminate(struct payload *p, double grace) {
  if (p->line < 0)
    return;
  ssize_t unused = send(p->line, &grace, sizeof grace, MSG_NOSIGNAL);
  (void)unused; /* a keeper that is gone will be noticed by payload_listen */
}

void payload_drop(struct payload *p) {
  if (p->line >= 0)
    hang_up(p);
}
