#include "hpo/journal_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/journal_owner.h"

struct journal_lock {
  char *journal, *path, *mine; /* mine: our record, until it has its place */
  int fd;                      /* of our record, for ever */
  struct journal_owner self;
  bool unsure; /* taken from an owner that may come back, or where files cannot be linked */
  int tries;   /* that found somebody else in the middle of taking or leaving */

  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  bool beating, leave;
  atomic_bool lost;
};

enum { TRIES = 250 }; /* of 20 ms */

static enum err cannot(const char *what, const char *path) {
  bool forbidden = errno == EACCES || errno == EROFS; /* a folder of somebody else's */
  return FAIL(forbidden ? ERR_CONFIG : ERR_IO, "%s: cannot %s: %s: is the folder there, and yours?", path, what,
              strerror(errno));
}

/* ---- the heartbeat ---- */

static bool names_us(const struct journal_lock *l, const struct journal_owner *o) {
  return strcmp(o->token, l->self.token) == 0;
}

/* A disk that does not answer is the writer's to report. */
static void beat(struct journal_lock *l) {
  struct journal_owner now;
  bool there;
  l->self.beat++;
  if (journal_owner_write(&l->self, l->fd, l->path) == OK && journal_owner_read(l->path, &now, &there) == OK &&
      !names_us(l, &now))
    atomic_store(&l->lost, true);
  err_clear();
}

static void *beat_on(void *lock) {
  struct journal_lock *l = lock;
  pthread_mutex_lock(&l->mutex);
  while (!l->leave && !journal_lock_is_lost(l)) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double when = (double)until.tv_nsec * 1e-9 + journal_owner_pause();
    until.tv_sec += (time_t)when;
    until.tv_nsec = (long)(fmod(when, 1) * 1e9);
    if (pthread_cond_timedwait(&l->wake, &l->mutex, &until) != ETIMEDOUT)
      continue;
    pthread_mutex_unlock(&l->mutex);
    beat(l);
    pthread_mutex_lock(&l->mutex);
  }
  pthread_mutex_unlock(&l->mutex);
  return NULL;
}

/* Signals are for the thread that steers. */
static enum err start_beating(struct journal_lock *l) {
  sigset_t all, before;
  pthread_condattr_t clock;
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_mutex_init(&l->mutex, NULL);
  pthread_cond_init(&l->wake, &clock);
  pthread_condattr_destroy(&clock);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = pthread_create(&l->thread, NULL, beat_on, l);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  l->beating = error == 0;
  return error ? FAIL(ERR_IO, "%s: no thread for its heartbeat: %s: is there a limit on processes (ulimit -u)?",
                      l->path, strerror(error))
               : OK;
}

static void stop_beating(struct journal_lock *l) {
  if (!l->beating)
    return;
  pthread_mutex_lock(&l->mutex);
  l->leave = true;
  pthread_cond_signal(&l->wake);
  pthread_mutex_unlock(&l->mutex);
  pthread_join(l->thread, NULL);
  pthread_cond_destroy(&l->wake);
  pthread_mutex_destroy(&l->mutex);
  l->beating = false;
}

/* ---- claims ---- */

/* The right to follow that owner: who has linked a record under this name is the owner, in place or not yet. */
static char *claim_path(const struct journal_lock *l, const char *token) {
  struct strbuf path = STRBUF_INIT;
  strbuf_printf(&path, "%s.after-%s", l->path, token);
  return strbuf_detach(&path);
}

static bool cannot_link(int error) {
  return error == EPERM || error == EOPNOTSUPP || error == ENOSYS;
}

/* Puts our record under that name if there is none yet. Without links two may both believe it; the look after a moment
 * tells them apart. */
static enum err link_mine(struct journal_lock *l, const char *to, bool *won) {
  *won = link(l->mine, to) == 0;
  if (*won || errno == EEXIST)
    return OK;
  if (!cannot_link(errno))
    return cannot("link", to);
  l->unsure = true;
  *won = true;
  return OK;
}

static enum err put_in_place(struct journal_lock *l) {
  return rename(l->mine, l->path) == 0 ? OK : cannot("rename over", l->path);
}

/* The owner that counts: the one in journal.lock, unless it was followed by one that was killed before it had put
 * itself in place. *last is the file that names it. */
static enum err find_owner(const struct journal_lock *l, struct journal_owner *first, struct journal_owner *o,
                           char **last) {
  bool there;
  TRY(journal_owner_read(l->path, first, &there));
  *o = *first;
  *last = mem_strdup(l->path);
  while (there) {
    struct journal_owner next;
    char *path = claim_path(l, o->token);
    enum err e = journal_owner_read(path, &next, &there);
    if (e == OK && there) {
      free(*last);
      *last = mem_strdup(path);
      *o = next;
    }
    free(path);
    TRY(e);
  }
  return OK;
}

/* Nobody can follow an owner any more that journal.lock does not name. */
static void forget_claims(const struct journal_lock *l, const struct journal_owner *first) {
  struct journal_owner o = *first, next;
  for (bool there = true; there; o = next) {
    char *path = claim_path(l, o.token);
    there = journal_owner_read(path, &next, &there) == OK && there && unlink(path) == 0;
    free(path);
  }
  err_clear();
}

/* ---- taking it ---- */

static enum err refuse(const struct journal_lock *l, const struct journal_owner *o) {
  return FAIL(ERR_BUSY, "%s is being written by %s: wait for it to end, or stop it there", l->journal,
              *o->text ? o->text : "another process");
}

/* Somebody is just taking or leaving it. */
static enum err try_again(struct journal_lock *l, const struct journal_owner *o) {
  if (++l->tries > TRIES)
    return refuse(l, o);
  clock_sleep(0.02);
  return OK;
}

static enum err follow(struct journal_lock *l, const struct journal_owner *first, const struct journal_owner *o,
                       bool *won) {
  struct journal_owner now;
  bool claimed, there;
  char *claim = claim_path(l, o->token);
  enum err e = link_mine(l, claim, &claimed);
  if (e == OK && claimed)
    e = journal_owner_read(l->path, &now, &there);
  *won = e == OK && claimed && there && strcmp(now.token, first->token) == 0;
  if (claimed && !*won)
    unlink(claim); /* the claim before ours was done with, and taken away */
  free(claim);
  TRY(e);
  if (!*won)
    return try_again(l, o);
  TRY(put_in_place(l));
  forget_claims(l, first);
  return OK;
}

/* Nobody can see from here whether that owner lives; its heartbeat tells. *gone: it may be followed. */
static enum err watch_owner(struct journal_lock *l, const char *file, const struct journal_owner *o, bool locked,
                            bool *gone) {
  enum journal_watch seen;
  TRY(journal_owner_watch(file, o, locked, journal_owner_lease(), &seen));
  if (seen == WATCH_MOVED)
    return refuse(l, o);
  if (seen == WATCH_CHANGED)
    return try_again(l, o);
  if (seen == WATCH_SILENT)
    log_warn("%s: %s has given no sign of life for %.3g s: its lock is taken over; should it come back, it ends",
             l->path, o->text, journal_owner_lease());
  l->unsure = seen == WATCH_SILENT;
  *gone = true;
  return OK;
}

/* The system's lock is ours, or there is none. */
static enum err judge(struct journal_lock *l, bool locked, bool *won) {
  struct journal_owner first, o;
  char *file = NULL;
  enum err e = find_owner(l, &first, &o, &file);
  bool gone = e == OK && journal_owner_life(&o, locked) != LIFE_UNKNOWN;
  if (e == OK && !gone)
    e = watch_owner(l, file, &o, locked, &gone);
  if (e == OK && gone)
    e = follow(l, &first, &o, won);
  free(file);
  return e;
}

static bool is_in_place(int fd, const char *path) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static enum err wait_for_holder(struct journal_lock *l) {
  struct journal_owner o;
  bool there;
  TRY(journal_owner_read(l->path, &o, &there));
  return there && journal_owner_life(&o, false) == LIFE_UNKNOWN ? refuse(l, &o) : try_again(l, &o);
}

static enum err try_once(struct journal_lock *l, bool *won) {
  int fd = open(l->path, O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    TRY(link_mine(l, l->path, won));
    return *won && l->unsure ? put_in_place(l) : OK;
  }
  if (fd < 0)
    return cannot("open the lock", l->path);
  enum file_locked got = file_try_lock(fd, false);
  enum err e = OK;
  if (got == FILE_LOCK_FAILED)
    e = cannot("lock", l->path);
  else if (got == FILE_LOCK_BUSY)
    e = wait_for_holder(l);
  else if (is_in_place(fd, l->path))
    e = judge(l, got == FILE_LOCKED, won);
  close(fd);
  return e;
}

/* Our record, and the system's lock on it, before anybody can find it. */
static enum err prepare(struct journal_lock *l) {
  l->fd = open(l->mine, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (l->fd < 0)
    return cannot("create the lock", l->mine);
  if (file_try_lock(l->fd, false) == FILE_LOCK_FAILED)
    return cannot("lock", l->mine);
  return journal_owner_write(&l->self, l->fd, l->mine);
}

/* A second look, after a moment where somebody else may believe the same. */
static enum err confirm(struct journal_lock *l) {
  if (l->unsure)
    clock_sleep(2 * journal_owner_pause());
  return journal_lock_check(l);
}

enum err journal_lock_take(struct journal_lock **out, const char *journal) {
  struct journal_lock *l = MEM_NEW(struct journal_lock);
  char *folder = path_folder(journal);
  struct strbuf mine = STRBUF_INIT;
  l->journal = mem_strdup(journal);
  l->path = path_join(folder, "journal.lock");
  l->fd = -1;
  free(folder);
  journal_owner_self(&l->self);
  strbuf_printf(&mine, "%s.%s.tmp", l->path, l->self.token);
  l->mine = strbuf_detach(&mine);
  enum err e = prepare(l);
  for (bool won = false; e == OK && !won;)
    e = try_once(l, &won);
  if (l->fd >= 0)
    unlink(l->mine);
  if (e == OK)
    e = start_beating(l);
  if (e == OK)
    e = confirm(l);
  if (e != OK)
    journal_lock_release(l);
  *out = e == OK ? l : NULL;
  TRY(e);
  return OK;
}

/* ---- having it ---- */

enum err journal_lock_check(struct journal_lock *l) {
  struct journal_owner now;
  bool there;
  TRY(journal_owner_read(l->path, &now, &there));
  if (there && names_us(l, &now) && !journal_lock_is_lost(l))
    return OK;
  atomic_store(&l->lost, true);
  if (!there)
    return FAIL(ERR_BUSY, "%s is gone: who removed it? Nothing more is written without it; start again", l->path);
  return FAIL(
      ERR_BUSY,
      "%s was taken over by %s while this process was stopped or cut off from the disk: nothing more is written "
      "here",
      l->path, *now.text ? now.text : "a process that has ended since");
}

bool journal_lock_is_lost(const struct journal_lock *l) {
  return atomic_load(&l->lost);
}

const char *journal_lock_owner(const struct journal_lock *l) {
  return l->self.text;
}

/* Who had it is of no interest to whoever finds the file later. Only our own record is touched, wherever it is now. */
void journal_lock_release(struct journal_lock *l) {
  if (!l)
    return;
  stop_beating(l);
  if (l->fd >= 0 && ftruncate(l->fd, 0) != 0)
    log_debug("%s: the lock file could not be emptied", l->path);
  file_unlock(l->fd);
  free(l->journal);
  free(l->path);
  free(l->mine);
  free(l);
}

/* ---- looking at it ---- */

double journal_lock_lease(void) {
  return journal_owner_lease();
}

static void describe(const struct journal_owner *o, struct journal_look *out) {
  char age[32];
  double seconds = journal_owner_age(o);
  clock_duration(seconds, age);
  snprintf(out->text, sizeof out->text, "%s%s%s%s", o->text, isnan(seconds) ? "" : ", heartbeat ",
           isnan(seconds) ? "" : age, isnan(seconds) ? "" : " ago");
}

/* Not with the system's lock in hand: a run that starts now must get it. */
static enum file_locked try_shared(int fd) {
  enum file_locked got = file_try_lock(fd, true);
  close(fd);
  return got;
}

static enum err look(const char *path, enum file_locked got, double patience, struct journal_look *out) {
  static const enum journal_holder holders[] = {[WATCH_MOVED] = HOLDER_ALIVE,
                                                [WATCH_CHANGED] = HOLDER_ALIVE,
                                                [WATCH_DEAD] = HOLDER_DEAD,
                                                [WATCH_SILENT] = HOLDER_SILENT};
  const bool locked = got == FILE_LOCKED;
  struct journal_owner o;
  enum journal_watch seen;
  bool there;
  TRY(journal_owner_read(path, &o, &there));
  enum journal_life life = there ? journal_owner_life(&o, locked) : LIFE_NONE;
  out->holder = life == LIFE_NONE ? HOLDER_NONE : life == LIFE_DEAD ? HOLDER_DEAD : HOLDER_ALIVE;
  if (got != FILE_LOCK_BUSY && life == LIFE_UNKNOWN) {
    TRY(journal_owner_watch(path, &o, locked, patience, &seen));
    out->holder = holders[seen];
    TRY(journal_owner_read(path, &o, &there));
  }
  describe(&o, out);
  if (out->holder == HOLDER_SILENT && isnan(journal_owner_age(&o)))
    snprintf(out->text, sizeof out->text, "%s, no heartbeat for %.3g s", o.text, patience);
  return OK;
}

enum err journal_lock_look(const char *journal, double patience, struct journal_look *out) {
  *out = (struct journal_look){.holder = HOLDER_NONE};
  char *folder = path_folder(journal), *path = path_join(folder, "journal.lock");
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  enum err e = fd >= 0           ? look(path, try_shared(fd), patience, out)
               : errno == ENOENT ? OK
                                 : cannot("open the lock", path);
  free(path);
  free(folder);
  return e;
}
