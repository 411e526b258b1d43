#include "run/walltime.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "run/question.h"
#include "run/scheduler.h"

#define PATIENCE 10.0    /* seconds for an answer */
#define AT_THE_START 3.0 /* ... before anything begins */

/* ---- the rule ---- */

double walltime_margin(double given) {
  return fmin(given / 10, 120);
}

static double threshold(const struct time_facts *f) {
  return fmin(f->leaving + walltime_margin(f->given), f->job / 2);
}

bool walltime_must_leave(const struct time_facts *f) {
  return isfinite(f->left) && f->left < threshold(f);
}

bool walltime_fits(const struct time_facts *f, double lost_if_cut) {
  if (!isfinite(f->left) || lost_if_cut <= 0)
    return true;
  double needed = lost_if_cut + threshold(f);
  return f->left >= needed || needed > f->job;
}

/* ---- durations ---- */

void durations_add(struct durations *d, double seconds) {
  d->seconds[d->n++ % DURATIONS_KEPT] = (float)seconds;
}

static int by_length(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

double durations_p95(const struct durations *d) {
  float sorted[DURATIONS_KEPT];
  size_t n = d->n < DURATIONS_KEPT ? d->n : DURATIONS_KEPT;
  if (n == 0)
    return 0;
  memcpy(sorted, d->seconds, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, by_length);
  return (double)sorted[(95 * n + 99) / 100 - 1];
}

/* ---- the time that is left ---- */

struct walltime {
  double limit, since, every;
  const struct scheduler *scheduler; /* NULL: none is asked */
  char job_name[128];
  struct question question;
  double next;  /* question */
  double ends;  /* as the scheduler says, by our clock; INFINITY: no limit, or nobody knows */
  double given; /* what it said first; more if the job was given more */
  double job;
  bool heard, complained;
};

static void hear(struct walltime *w, struct job_time t) {
  char text[32];
  double now = clock_seconds(), before = w->ends - now;
  w->ends = now + t.left;
  w->given = w->heard ? fmax(w->given, t.left) : t.left;
  w->job = fmax(isnan(t.whole) ? 0 : t.whole, w->given);
  clock_duration(t.left, text);
  if (!w->heard && isinf(t.left))
    log_info("walltime: %s sets no limit", w->scheduler->name);
  else if (!w->heard)
    log_info("walltime: %s says %s left", w->scheduler->name, text);
  else if (isinf(t.left) != isinf(before) || fabs(t.left - before) > 90)
    log_info("walltime: %s now says %s left", w->scheduler->name, isinf(t.left) ? "no limit is" : text);
  w->heard = true;
}

/* Said once: what is not there now will hardly be there later, and signals and checkpoints do without it. */
static void complain(struct walltime *w, const char *what) {
  if (!w->complained)
    log_warn("walltime: %s %s: set run.walltime, or make the job send a signal before it ends; without either, a kill "
             "costs what was trained since the last checkpoint",
             w->scheduler->program, what);
  w->complained = true;
}

static void ask(struct walltime *w) {
  const char *argv[8];
  w->next = clock_seconds() + w->every;
  w->scheduler->ask(w->job_name, argv);
  if (!question_ask(&w->question, argv))
    complain(w, "cannot be started, so nobody says how much time is left");
}

static void listen_for_answer(struct walltime *w) {
  struct job_time t;
  switch (question_listen(&w->question, PATIENCE)) {
  case ANSWER_GOOD:
    if (w->scheduler->read(w->question.answer.text, &t))
      hear(w, t);
    else
      complain(w, "does not say how much time is left");
    strbuf_clear(&w->question.answer);
    return;
  case ANSWER_BAD:
    complain(w, "failed when it was asked how much time is left");
    strbuf_clear(&w->question.answer);
    return;
  case ANSWER_NONE:
    if (clock_seconds() >= w->next)
      ask(w);
    return;
  case ANSWER_WAIT:
    return;
  }
}

void walltime_watch(struct walltime *w) {
  if (w->scheduler)
    listen_for_answer(w);
}

/* What is begun before the time is known might not fit into it. */
static void wait_for_first_answer(struct walltime *w) {
  for (double end = clock_seconds() + AT_THE_START; w->scheduler && !w->heard && !w->complained; clock_sleep(0.005)) {
    walltime_watch(w);
    if (clock_seconds() > end || stop_requested() != STOP_NONE)
      return;
  }
}

struct walltime *walltime_open(double limit, double since, double every) {
  struct walltime *w = MEM_NEW(struct walltime);
  struct job_time t;
  char text[32];
  *w = (struct walltime){.limit = limit > 0 ? limit : (double)INFINITY, .since = since, .every = every};
  w->ends = w->given = w->job = (double)INFINITY;
  question_init(&w->question);
  if (limit > 0) {
    clock_duration(limit - (clock_seconds() - since), text);
    log_info("walltime: run.walltime leaves %s", text);
  }
  w->scheduler = every > 0 ? scheduler_here() : NULL;
  if (w->scheduler && !w->scheduler->job(w->job_name, sizeof w->job_name))
    w->scheduler = NULL;
  if (w->scheduler && w->scheduler->guess && w->scheduler->guess(&t))
    hear(w, t);
  wait_for_first_answer(w);
  return w;
}

void walltime_close(struct walltime *w) {
  if (!w)
    return;
  question_drop(&w->question);
  free(w);
}

void walltime_facts(const struct walltime *w, struct time_facts *f) {
  *f = (struct time_facts){.left = (double)INFINITY, .given = (double)INFINITY, .job = (double)INFINITY};
  if (!w)
    return;
  double now = clock_seconds(), own = w->limit - (now - w->since), theirs = w->ends - now;
  f->left = fmin(own, theirs);
  f->given = fmin(w->limit, w->given);
  f->job = fmin(w->limit, w->job);
}
