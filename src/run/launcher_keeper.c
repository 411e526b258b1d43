#include "run/launcher_keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "par/message.h"
#include "run/launcher.h"
#include "run/launcher_lease.h"

#define PATIENCE 10.0 /* seconds until what was killed must be gone */
#define WAIT_FOR_LEASE (2 * LEASE_SILENCE)
#define LINGER 0.2 /* seconds for helpers of a program that has ended to end by themselves */

/* ---- processes ---- */

static bool is_spared(pid_t pid, const pid_t *spared, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (spared[i] == pid)
      return true;
  return false;
}

/* The parent is the second field behind the name, which is in brackets and may hold anything. */
static bool is_living_child(const char *pid, pid_t parent) {
  char path[64], text[512], state = 0;
  int found = 0;
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  text[n > 0 ? n : 0] = 0;
  const char *behind = strrchr(text, ')');
  return behind && sscanf(behind + 1, " %c %d", &state, &found) == 2 && found == parent && state != 'Z';
}

void kill_children(const pid_t *spared, size_t n) {
  DIR *all = opendir("/proc");
  for (const struct dirent *d; all && (d = readdir(all));) {
    pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);
    if (pid > 0 && !is_spared(pid, spared, n) && is_living_child(d->d_name, getpid()))
      kill(pid, SIGKILL);
  }
  if (all)
    closedir(all);
}

void close_all_but(int keep) {
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2; fd++)
    if (fd != keep && null >= 0)
      dup2(null, fd);
  DIR *open_ones = opendir("/proc/self/fd");
  for (const struct dirent *d; open_ones && (d = readdir(open_ones));) {
    int fd = (int)strtol(d->d_name, NULL, 10);
    if (fd > 2 && fd != keep && fd != dirfd(open_ones))
      close(fd);
  }
  if (open_ones)
    closedir(open_ones);
}

/* ---- the order ---- */

struct order {
  char **argv, **environment; /* end in NULL */
  char *folder, *out, *err;
  char *lease; /* NULL: none */
  struct turn turn;
  int64_t memory;
  cpu_set_t cores; /* none: as inherited */
};

bool keeper_hides(const char *variable) {
  static const char *const starts[] = {"PMIX_",          "PMI_",          "PMI2_",
                                       "OMPI_",          "PRTE_",         "HYDRA_",
                                       "HYDI_",          "MPI_LOCAL",     "MPIR_",
                                       "MV2_COMM_",      "PALS_",         "JSM_",
                                       "ALPS_APP_",      "COXSWAIN_MPI=", "SLURM_PROCID=",
                                       "SLURM_LOCALID=", "SLURM_NODEID=", "SLURM_NTASKS",
                                       "SLURM_NPROCS=",  "SLURM_STEP",    "SLURM_TASK",
                                       "SLURM_GTIDS=",   "SLURM_PMI",     "SLURM_SRUN_",
                                       "SLURM_LAUNCH_",  "SLURM_MPI_",    "SLURM_DISTRIBUTION="};
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
    if (strncmp(variable, starts[i], strlen(starts[i])) == 0)
      return true;
  return false;
}

static bool has_name_of(char *const *list, size_t n, const char *variable) {
  size_t name = strcspn(variable, "=") + 1;
  for (size_t i = 0; i < n; i++)
    if (strncmp(list[i], variable, name) == 0)
      return true;
  return false;
}

static char **get_texts(struct reader *r, size_t room, size_t *n) {
  *n = (size_t)get_i64(r);
  if (r->bad || *n > r->n)
    *n = 0;
  char **texts = MEM_NEW_ARRAY(char *, *n + room + 1);
  for (size_t i = 0; i < *n; i++)
    texts[i] = get_text(r);
  return texts;
}

/* Ours, less what is hidden and what the order says anew. */
static char **get_environment(struct reader *r) {
  size_t n, inherited = 0;
  while (environ[inherited])
    inherited++;
  char **all = get_texts(r, inherited, &n);
  const size_t added = n;
  for (size_t i = 0; i < inherited; i++)
    if (!keeper_hides(environ[i]) && !has_name_of(all, added, environ[i]))
      all[n++] = environ[i];
  return all;
}

static bool read_exactly(int fd, void *bytes, size_t n) {
  for (char *at = bytes; n > 0;) {
    ssize_t got = read(fd, at, n);
    if (got == 0 || (got < 0 && errno != EINTR))
      return false;
    if (got > 0) {
      at += got;
      n -= (size_t)got;
    }
  }
  return true;
}

static bool take_order(int line, struct order *o) {
  int64_t length = 0;
  size_t n;
  if (!read_exactly(line, &length, sizeof length) || length < 0 || length > (1 << 28))
    return false;
  struct strbuf bytes = STRBUF_INIT;
  strbuf_reserve(&bytes, (size_t)length);
  if (!read_exactly(line, bytes.text, (size_t)length))
    return false;
  bytes.len = (size_t)length;
  struct reader r = reader_of(&bytes);
  o->argv = get_texts(&r, 0, &n);
  o->environment = get_environment(&r);
  o->folder = get_text(&r);
  o->out = get_text(&r);
  o->err = get_text(&r);
  o->memory = get_i64(&r);
  o->lease = get_text(&r);
  o->turn.run = get_i64(&r);
  o->turn.number = get_i64(&r);
  CPU_ZERO(&o->cores);
  for (int64_t left = get_i64(&r); left > 0 && !r.bad; left--)
    CPU_SET((size_t)get_i64(&r), &o->cores);
  return !r.bad && n > 0;
}

/* ---- starting it ---- */

static void limit(int what, int64_t most) {
  struct rlimit l;
  if (most <= 0 || getrlimit(what, &l) != 0)
    return;
  l.rlim_cur = (rlim_t)most < l.rlim_max ? (rlim_t)most : l.rlim_max;
  l.rlim_max = l.rlim_cur;
  setrlimit(what, &l);
}

static void default_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int s = 1; s < NSIG; s++)
    sigaction(s, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool direct(int fd, const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
  return file >= 0 && dup2(file, fd) >= 0;
}

/* In the new process: becomes the program, or says on `trouble` (which closes when it succeeds) why not. */
static _Noreturn void become(const struct order *o, int trouble) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* should somebody kill the keeper */
  bool bound = CPU_COUNT(&o->cores) == 0 || sched_setaffinity(0, sizeof o->cores, &o->cores) == 0;
  if (bound && chdir(o->folder) == 0 && direct(1, o->out) && direct(2, o->err)) {
    default_signals();
    limit(RLIMIT_AS, o->memory);
    execvpe(o->argv[0], o->argv, o->environment);
  }
  int error = errno;
  ssize_t unused = write(trouble, &error, sizeof error);
  (void)unused;
  _exit(127);
}

static pid_t start(const struct order *o, int *error) {
  int trouble[2];
  *error = 0;
  if (pipe2(trouble, O_CLOEXEC) != 0) {
    *error = errno;
    return -1;
  }
  pid_t pid = fork();
  if (pid == 0)
    become(o, trouble[1]);
  if (pid < 0)
    *error = errno;
  close(trouble[1]);
  if (pid > 0 && !read_exactly(trouble[0], error, sizeof *error))
    *error = 0;
  close(trouble[0]);
  if (*error && pid > 0)
    waitpid(pid, NULL, 0);
  return *error ? -1 : pid;
}

/* ---- keeping it ---- */

struct keeper {
  int line;
  pid_t leader;
  bool ended; /* the program itself */
  int status;
  int64_t peak;
  bool sweeping;
  int swept; /* processes that had to be killed besides the program */
  bool terminated;
  double deadline; /* of SIGTERM, seconds of the clock */
  struct lease lease;
};

static void tell(const struct keeper *k, enum payload_event event, int number, int left_behind) {
  struct keeper_word w = {.event = (int32_t)event,
                          .number = number,
                          .left_behind = left_behind,
                          .leader = (int32_t)k->leader,
                          .peak = k->peak};
  ssize_t unused = send(k->line, &w, sizeof w, MSG_NOSIGNAL);
  (void)unused; /* a rank that is gone needs no news */
}

/* Takes note of all that has died. True while children are left. */
static bool reap(struct keeper *k) {
  for (;;) {
    int status;
    struct rusage used;
    pid_t pid = wait4(-1, &status, WNOHANG, &used);
    if (pid < 0 && errno == EINTR)
      continue;
    if (pid <= 0)
      return pid == 0;
    if (pid != k->leader) {
      k->swept += k->sweeping && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
      continue;
    }
    k->ended = true;
    k->status = status;
    k->peak = (int64_t)used.ru_maxrss * 1024;
  }
}

/* SIGCHLD is blocked but in here, so that no death goes unseen. Longest: seconds, < 0 for ever. */
static bool wait_for_news(int line, double longest) {
  struct pollfd p = {.fd = line, .events = POLLIN};
  struct timespec t = {.tv_sec = (time_t)longest, .tv_nsec = (long)((longest - (double)(time_t)longest) * 1e9)};
  sigset_t none;
  sigemptyset(&none);
  return ppoll(&p, line >= 0 ? 1 : 0, longest < 0 ? NULL : &t, &none) > 0;
}

/* Each killed process hands its children down to us, until there are none. */
static bool sweep(struct keeper *k) {
  double end = clock_seconds() + PATIENCE;
  k->sweeping = true;
  if (!k->ended)
    kill(-k->leader, SIGKILL);
  while (reap(k)) {
    kill_children(NULL, 0);
    if (clock_seconds() > end)
      return false;
    wait_for_news(-1, 0.02);
  }
  return true;
}

static _Noreturn void finish(struct keeper *k) {
  for (double end = clock_seconds() + LINGER, now; reap(k) && (now = clock_seconds()) < end;)
    wait_for_news(-1, end - now);
  bool gone = sweep(k);
  lease_end(&k->lease);
  tell(k, gone ? PAYLOAD_ENDED : PAYLOAD_STUCK, k->status, k->swept);
  _exit(0);
}

static _Noreturn void kill_all(struct keeper *k, enum payload_event why) {
  bool gone = sweep(k);
  lease_end(&k->lease);
  tell(k, gone ? why : PAYLOAD_STUCK, k->status, 0);
  _exit(0);
}

static void obey(struct keeper *k) {
  double grace;
  if (!read_exactly(k->line, &grace, sizeof grace))
    kill_all(k, PAYLOAD_ENDED);
  double deadline = clock_seconds() + grace;
  if (!k->terminated || deadline < k->deadline)
    k->deadline = deadline;
  if (!k->terminated && grace > 0)
    kill(-k->leader, SIGTERM);
  k->terminated = true;
}

/* Until nobody else runs a program there. An order to end, or the end of the line, is obeyed meanwhile. */
static void wait_for_lease(struct keeper *k) {
  enum lease_answer answer;
  for (double end = clock_seconds() + WAIT_FOR_LEASE; (answer = lease_take(&k->lease)) != LEASE_OURS;) {
    bool ordered = answer == LEASE_WAIT && wait_for_news(k->line, 0.1);
    if (answer == LEASE_WAIT && !ordered && clock_seconds() < end)
      continue;
    tell(k, ordered ? PAYLOAD_ENDED : answer == LEASE_WAIT ? PAYLOAD_BUSY : PAYLOAD_LATE, ordered ? SIGTERM : 0, 0);
    _exit(0);
  }
}

static void on_child(int signal) {
  (void)signal; /* it only has to interrupt ppoll */
}

static void watch_children(void) {
  struct sigaction action = {.sa_handler = on_child};
  sigset_t child;
  sigemptyset(&action.sa_mask);
  sigaction(SIGCHLD, &action, NULL);
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
}

_Noreturn void keeper_main(int line) {
  struct keeper k = {.line = line};
  struct order o = {0};
  int error = 0;
  prctl(PR_SET_NAME, "cox-keeper");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  watch_children();
  if (!take_order(line, &o))
    _exit(0);
  k.lease = lease_of(o.lease, o.turn);
  wait_for_lease(&k);
  k.leader = start(&o, &error);
  tell(&k, error ? PAYLOAD_REFUSED : PAYLOAD_RUNS, error, 0);
  if (error)
    lease_end(&k.lease);
  if (error)
    _exit(0);
  for (;;) {
    reap(&k);
    if (k.ended)
      finish(&k);
    double left = k.terminated ? k.deadline - clock_seconds() : -1;
    if (k.terminated && left <= 0)
      kill_all(&k, PAYLOAD_ENDED);
    if (!lease_hold(&k.lease))
      kill_all(&k, PAYLOAD_TAKEN);
    if (wait_for_news(line, left >= 0 && left < 1 ? left : 1))
      obey(&k);
  }
}
