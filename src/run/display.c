#include "run/display.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/confirm.h"
#include "hpo/rehearse.h"
#include "run/steer.h"

struct display {
  struct steer *s;
  bool live;
  int width; /* of the terminal */
  int drawn; /* lines of the block on the screen */
  double last;
  int64_t best; /* trial that was last announced */
  int64_t over_at_start;
  double share_at_start; /* of all steps */
  int64_t steps;         /* that the whole study will take, as the schedule goes; 0: unknown */
};

/* The block is drawn on standard error, where the log goes: a launcher forwards our two outputs separately, and lines
 * would be erased that are not ours. Under mpirun it is a pipe of the launcher: what counts is the launcher's own. */
static bool on_terminal(int *width) {
  struct winsize size = {0};
  int fd = STDERR_FILENO, opened = -1;
  char link[64], target[256] = "";
  if (getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK")) {
    snprintf(link, sizeof link, "/proc/%d/fd/2", (int)getppid());
    if (readlink(link, target, sizeof target - 1) <= 0 || strncmp(target, "/dev/pts/", 9) != 0)
      return false;
    fd = opened = open(target, O_RDONLY | O_NOCTTY);
  } else if (!isatty(fd))
    return false;
  bool known = fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 20;
  *width = known ? size.ws_col - 1 : 79;
  if (opened >= 0)
    close(opened);
  return true;
}

static int64_t over(const struct study *y) {
  return study_over(y);
}

static void erase(struct display *d) {
  if (d->drawn)
    fprintf(stderr, "\033[%dA\033[J", d->drawn);
  d->drawn = 0;
}

static void line(struct display *d, const char *text) {
  fprintf(stderr, "%.*s\n", d->width, text);
  d->drawn++;
}

static double utilisation(const struct steer *s) {
  double worked = 0, wall = 0;
  for (size_t i = 0; i < s->n_peers; i++) {
    worked += s->peers[i].worked;
    wall += s->peers[i].wall;
  }
  return wall > 0 ? worked / wall : 0;
}

/* Out with others, through coxswain ask: they have no worker. */
static int64_t asked_for(const struct study *y) {
  int64_t n = 0;
  for (size_t i = 0; i < y->n && y->out > 0; i++)
    n += trial_is_out(&y->trials[i]) && y->trials[i].stint.worker < 0;
  return n;
}

static void counts_text(const struct steer *s, char *out, size_t n) {
  const struct study *y = &s->study;
  int64_t paused = y->counts[TRIAL_RUNNING] + y->repeats - y->repeats_over - y->out, asked = asked_for(y);
  int64_t wanted = s->fixed_points ? study_proposed(y) : settings_int(s->conf, "study.trials");
  if (schedule_breeds(&s->schedule) && settings_int(s->conf, "schedule.population") < wanted)
    wanted = settings_int(s->conf, "schedule.population");
  int64_t done = over(y) - y->children; /* who gave its place to another is not counted twice */
  int used = done > wanted ? snprintf(out, n, "%lld trials done", (long long)done)
                           : snprintf(out, n, "%lld of %lld trials done", (long long)done, (long long)wanted);
  if (y->out > asked)
    used += snprintf(out + used, n - (size_t)used, ", %lld in training", (long long)(y->out - asked));
  if (asked)
    used += snprintf(out + used, n - (size_t)used, ", %lld asked for", (long long)asked);
  if (paused > 0)
    used += snprintf(out + used, n - (size_t)used, ", %lld waiting", (long long)paused);
  if (y->repeats > 0)
    used += snprintf(out + used, n - (size_t)used, ", confirming %lld of %lld", (long long)y->repeats_over,
                     (long long)confirm_wanted(y, settings_int(s->conf, "study.confirm"),
                                               settings_int(s->conf, "study.confirm_best")));
  if (y->counts[TRIAL_FAIL])
    snprintf(out + used, n - (size_t)used, ", %lld failed", (long long)y->counts[TRIAL_FAIL]);
}

/* A share of steps, not of trials: under halving most trials end early and the last ones late. */
static double share_done(const struct display *d) {
  int64_t done = 0;
  for (size_t i = 0; i < d->s->study.n; i++)
    done += d->s->study.trials[i].step;
  return d->steps > 0 ? fmin(1, (double)done / (double)d->steps) : 0;
}

static void pace_text(const struct display *d, char *out, size_t n) {
  const struct steer *s = d->s;
  char spent[32], left[32] = "";
  double seconds = steer_now(s) - s->started;
  int64_t done = over(&s->study) - d->over_at_start;
  double share = share_done(d), gained = share - d->share_at_start;
  clock_duration(seconds, spent);
  int used = snprintf(out, n, "%s", spent);
  if (done > 0)
    used += snprintf(out + used, n - (size_t)used, ", %.*f trials/min", 60 * (double)done / seconds < 10 ? 1 : 0,
                     60 * (double)done / seconds);
  used += snprintf(out + used, n - (size_t)used, ", workers %.0f %% busy", 100 * utilisation(s));
  if (gained > 0.01 && s->halt == HALT_NONE) {
    clock_duration(seconds / gained * (1 - share), left);
    snprintf(out + used, n - (size_t)used, ", about %s left", left);
  }
}

static void best_text(const struct steer *s, char *out, size_t n) {
  const struct study *y = &s->study;
  if (y->best < 0) {
    snprintf(out, n, "none yet");
    return;
  }
  const struct trial *t = &y->trials[y->best];
  char *point = params_to_text(&t->params);
  snprintf(out, n, "%s %.6g, trial %lld: %s", settings_text(s->conf, "study.metric"), t->value, (long long)t->number,
           point);
  free(point);
}

static void draw(struct display *d) {
  char part[400], text[512];
  counts_text(d->s, part, sizeof part);
  snprintf(text, sizeof text, "  %-8s %s", "trials", part);
  line(d, text);
  best_text(d->s, part, sizeof part);
  snprintf(text, sizeof text, "  %-8s %s", "best", part);
  line(d, text);
  pace_text(d, part, sizeof part);
  snprintf(text, sizeof text, "  %-8s %s", "pace", part);
  line(d, text);
}

static void make_room(void *context, int before) {
  struct display *d = context;
  if (before)
    erase(d);
  else
    draw(d);
}

static int64_t steps_of_all(const struct steer *s) {
  int64_t trials = s->fixed_points ? (int64_t)s->study.n : settings_int(s->conf, "study.trials");
  struct rehearsal r = {0};
  if (trials <= 100000 && rehearse(s->schedule.ops->name, s->schedule.steps, trials, s->conf, &r) != OK)
    err_clear();
  return r.steps;
}

void display_plan(struct display *d) {
  if (!d)
    return;
  int64_t before = d->steps;
  d->steps = steps_of_all(d->s);
  if (d->steps > 0) /* the same steps were done when we began, of another number */
    d->share_at_start *= (double)before / (double)d->steps;
}

struct display *display_new(struct steer *s) {
  struct display *d = MEM_NEW(struct display);
  d->s = s;
  d->steps = steps_of_all(s);
  d->share_at_start = share_done(d);
  d->live = !s->options->quiet && on_terminal(&d->width);
  d->best = s->study.best;
  d->last = steer_now(s);
  d->over_at_start = over(&s->study);
  if (d->live)
    log_set_terminal_hook(make_room, d);
  return d;
}

void display_free(struct display *d) {
  if (d && d->live)
    log_set_terminal_hook(NULL, NULL);
  free(d);
}

static void plain(struct display *d, double now) {
  char counts[200], text[400];
  bool better = d->s->study.best != d->best;
  if ((!better && now - d->last < 30) || now - d->last < 1)
    return;
  counts_text(d->s, counts, sizeof counts);
  best_text(d->s, text, sizeof text);
  log_info("%s; best %s", counts, text);
  d->best = d->s->study.best;
  d->last = now;
}

void display_update(struct display *d) {
  double now = steer_now(d->s);
  if (d->s->options->quiet)
    return;
  if (!d->live) {
    plain(d, now);
    return;
  }
  if (now - d->last < 0.3)
    return;
  d->last = now;
  erase(d);
  draw(d);
}

void display_finish(struct display *d, const char *why) {
  char counts[200], best[400], pace[300];
  if (d->live) {
    erase(d);
    d->live = false;
    log_set_terminal_hook(NULL, NULL);
  }
  counts_text(d->s, counts, sizeof counts);
  best_text(d->s, best, sizeof best);
  pace_text(d, pace, sizeof pace);
  log_info("%s: %s (%s)", why, counts, pace);
  log_info("best: %s", best);
  log_info("study folder: %s (coxswain best %s, coxswain status %s)", d->s->folder, d->s->folder, d->s->folder);
}
