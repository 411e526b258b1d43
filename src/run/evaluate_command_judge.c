/* How a program ended, and what that makes of its trial. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "run/evaluate_command.h"
#include "run/launcher_lease.h"

#define LARGEST_RESULT (16 << 20) /* bytes of result.json */
#define DOUBT 2.0                 /* seconds: see is_doubtful */

struct outcome *command_say(struct command_run *c, struct seat *s, enum outcome_kind kind, double value) {
  double now = clock_seconds();
  MEM_GROW(c->outcomes, c->n, &c->cap);
  struct outcome *o = &c->outcomes[c->n++];
  *o = (struct outcome){
      .slot = (size_t)(s - c->seats), .kind = kind, .step = s->step, .value = value, .seconds = now - s->last_told};
  params_init(&o->metrics);
  s->last_told = now;
  return o;
}

static void fail(struct command_run *c, struct seat *s, const char *why) {
  struct outcome *o = command_say(c, s, WORK_FAILED, (double)NAN);
  snprintf(o->reason, sizeof o->reason, "%s", why);
  make_printable(o->reason);
  s->phase = TOLD;
}

/* As fail, with the last lines of what the program has said of it. */
static void fail_with_last_words(struct command_run *c, struct seat *s, const char *why) {
  char reason[sizeof((struct outcome *)0)->reason], words[160];
  last_words(s->files.err, words, sizeof words);
  snprintf(reason, sizeof reason, "%.*s%s%s", *words ? 90 : (int)sizeof reason - 1, why, *words ? ": " : "", words);
  fail(c, s, reason);
}

static void tell_end(struct command_run *c, struct seat *s, const struct said *said) {
  bool finished = said->done || s->work.to == c->steps || c->runs_on; /* it was told to go to the end */
  int64_t reached = said->done && said->step > 0 && said->step <= s->work.to ? said->step : s->work.to;
  if (reached > s->step) { /* a program that only prints its result */
    s->step = reached;
    command_say(c, s, WORK_REPORT, said->value);
  }
  struct outcome *o = command_say(c, s, finished ? WORK_FINISHED : WORK_REACHED, said->value);
  params_copy(&o->metrics, &said->metrics);
  s->phase = TOLD;
}

/* ---- how it ended ---- */

/* A file counts more than lines; one that is there and cannot be read is not passed over. */
static bool read_result_file(struct command_run *c, struct seat *s) {
  struct strbuf text = STRBUF_INIT;
  struct said said;
  const char *why = NULL;
  said_init(&said);
  bool good = file_size(s->files.result) <= LARGEST_RESULT && file_read(s->files.result, &text) == OK;
  good = good && said_read(&said, text.text, text.len, &c->name, &why);
  strbuf_free(&text);
  err_clear();
  if (good) {
    said_free(&s->last);
    s->last = said;
    s->has_last = true;
    return true;
  }
  char reason[160];
  snprintf(reason, sizeof reason, "result.json: %s", why ? why : "it has neither the metric nor a status");
  said_free(&said);
  fail_with_last_words(c, s, reason);
  return false;
}

static void describe_signal(const struct payload_news *news, char *out, size_t size) {
  int number = WTERMSIG(news->number);
  int n = snprintf(out, size, "killed by signal %d (%s)", number, strsignal(number));
  if (number == SIGKILL && n > 0 && (size_t)n < size)
    snprintf(out + n, size - (size_t)n, ", perhaps for want of memory: its largest process had %.0f MB",
             (double)news->peak / 1e6);
}

/* Why it is no result; "" if it is one. */
static void find_fault(struct command_run *c, const struct seat *s, char *out, size_t size) {
  const struct said *l = &s->last;
  *out = 0;
  if (s->has_last && l->failed)
    snprintf(out, size, "status %s%s%s", l->status, *l->message ? ": " : "", l->message);
  else if (!s->has_last || !l->has_value)
    snprintf(out, size, "it ended without a result: no JSON line with \"%.40s\"%s%s%s", c->name.metric,
             *s->bad_line ? " (one was printed, but " : "", s->bad_line, *s->bad_line ? ")" : "");
  else if (!isfinite(l->value))
    snprintf(out, size, "%.64s is %g", c->name.metric, l->value);
  else if (l->step > 0 && l->step < s->work.to && !l->done)
    snprintf(out, size,
             "it ended after step %" PRId64 ", but was to go to %" PRId64
             " (steps count from 1; an early stop says \"done\": true)",
             l->step, s->work.to);
}

static void judge(struct command_run *c, struct seat *s, const struct payload_news *news) {
  char fault[224] = "";
  if (s->broken_off)
    snprintf(fault, sizeof fault, "%s", s->why);
  else if (WIFSIGNALED(news->number))
    describe_signal(news, fault, sizeof fault);
  else if (WEXITSTATUS(news->number) != 0)
    snprintf(fault, sizeof fault, "exit code %d%s%s", WEXITSTATUS(news->number),
             s->has_last && *s->last.message ? ": " : "", s->has_last ? s->last.message : "");
  else {
    if (file_exists(s->files.result) && !read_result_file(c, s))
      return;
    find_fault(c, s, fault, sizeof fault);
  }
  if (*fault && !s->broken_off && stop_requested() != STOP_NONE)
    s->phase = TOLD; /* asked to leave, like all of the job: the trial is interrupted and says nothing */
  else if (*fault)
    fail_with_last_words(c, s, fault);
  else
    tell_end(c, s, &s->last);
}

/* Schedulers send these to all processes of a job. */
static bool is_outside_signal(int status) {
  static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGURG, SIGXCPU};
  int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128; /* 143: what a shell makes of it */
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    if (number == signals[i])
      return true;
  return false;
}

/* The program may have ended of a signal to the whole job a moment before this process has noticed its own; then the
 * trial was interrupted and has not failed. */
static bool is_doubtful(const struct seat *s, const struct payload_news *news) {
  bool short_of_end = s->has_last && s->last.step > 0 && s->last.step < s->work.to && !s->last.done;
  return !s->broken_off && (is_outside_signal(news->number) || (news->number == 0 && short_of_end));
}

static void conclude(struct command_run *c, struct seat *s) {
  const struct payload_news *news = &s->end;
  if (s->phase == RUNNING && is_doubtful(s, news)) {
    s->phase = IN_DOUBT;
    s->doubt_until = clock_seconds() + DOUBT;
    return;
  }
  if (news->left_behind)
    log_warn("trial %" PRId64 ": %d process%s outlived the program and %s killed", s->work.trial, news->left_behind,
             news->left_behind == 1 ? "" : "es", news->left_behind == 1 ? "was" : "were");
  judge(c, s, news);
}

void command_end(struct command_run *c, struct seat *s) {
  char why[200], holder[120];
  switch (s->end.event) {
  case PAYLOAD_REFUSED:
    snprintf(why, sizeof why, "the program cannot be started: %s", strerror(s->end.number));
    fail(c, s, why);
    break;
  case PAYLOAD_STUCK:
    fail_with_last_words(c, s, "it does not die of SIGKILL: it waits for a disk or a device");
    break;
  case PAYLOAD_TAKEN:
    fail(c, s, "it was stopped: another process claimed its folder");
    break;
  case PAYLOAD_BUSY:
    lease_holder(s->files.lease, holder, sizeof holder);
    snprintf(why, sizeof why, "it was not started: a program that does not end has its folder (%s)", holder);
    fail(c, s, why);
    break;
  case PAYLOAD_LATE:
    fail(c, s, "it was not started: its trial was handed out again meanwhile");
    break;
  case PAYLOAD_LOST:
    fail_with_last_words(c, s, "the process that watches it was killed");
    break;
  default:
    conclude(c, s);
  }
  command_cut_output(c, s);
}
