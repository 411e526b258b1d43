/* The evaluator `command`: a stint is a program that is told how far to go (COXSWAIN_UNTIL), prints values as it goes,
 * keeps its own checkpoints in the trial's folder and exits.
 *
 * What it prints stays in the trial's folder over all its stints, and is read again when a trial is taken up, so that
 * no value is lost with the process that should have passed it on. */
#include "run/evaluate_command.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
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
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"

#define LOOK_EVERY 0.05           /* seconds: files do not say when they grow */
#define READ_AT_ONCE (4u << 20)   /* bytes of one program's output before the next has its turn */
#define LARGEST_RESULT (16 << 20) /* bytes of result.json */
#define DOUBT 2.0                 /* seconds: see is_doubtful */

enum phase { FREE_SEAT, WAITING, RUNNING, IN_DOUBT, TOLD };

struct seat {
  enum phase phase;
  struct work work; /* params owned */
  struct trial_files files;
  struct payload payload;
  struct tail out;
  int64_t step;            /* the last one with a value */
  int64_t taken;           /* the last one whose report was taken: what the state is of */
  struct said last;        /* its latest word on the value or its status, in this stint */
  bool has_last;           /* ... there is one */
  double begun, last_told; /* seconds of the clock */
  bool broken_off;         /* by us, for `why` */
  char why[192], bad_line[64];
  struct payload_news doubtful;
  double doubt_until;
};

/* A program whose seat was taken from it and that still has its grace time. */
struct leaver {
  struct payload payload;
  int64_t trial;
};

struct command_run {
  struct launcher *launcher, *own_launcher;
  struct value_name name;
  int64_t steps;
  double timeout, grace;
  int64_t most_output; /* bytes */
  struct seat *seats;
  struct leaver *leavers;
  size_t n_leavers, cap_leavers;
  struct outcome *outcomes; /* first .. n wait */
  size_t first, n, cap;
  struct pollfd *polls; /* (slots + leavers + 1) */
  size_t cap_polls;
  char description[128];
};

static int64_t command_steps(const struct settings *conf) {
  return settings_int(conf, "command.steps");
}

static enum err command_open(struct evaluator *e) {
  const struct settings *conf = e->options.conf;
  struct command_run *c = MEM_NEW(struct command_run);
  size_t n;
  const struct value *words = settings_list(conf, "command.argv", &n);
  c->launcher = e->options.launcher;
  enum err started = c->launcher ? OK : launcher_start(&c->own_launcher);
  if (started != OK) {
    free(c);
    TRY(started);
  }
  c->launcher = c->launcher ? c->launcher : c->own_launcher;
  c->name = command_value_name(&e->options);
  c->steps = command_steps(conf);
  c->timeout = settings_double(conf, "command.timeout");
  c->grace = settings_double(conf, "command.grace");
  c->most_output = settings_int(conf, "command.output") * 1000000;
  c->seats = MEM_NEW_ARRAY(struct seat, e->options.slots);
  for (size_t i = 0; i < e->options.slots; i++)
    c->seats[i].payload = PAYLOAD_NONE, c->seats[i].out.fd = -1;
  snprintf(c->description, sizeof c->description, "command %s", n ? path_name(words[0].as.text) : "");
  e->context = c;
  return OK;
}

/* ---- outcomes ---- */

static struct outcome *say(struct command_run *c, size_t slot, enum outcome_kind kind, double value) {
  struct seat *s = &c->seats[slot];
  double now = clock_seconds();
  MEM_GROW(c->outcomes, c->n, &c->cap);
  struct outcome *o = &c->outcomes[c->n++];
  *o = (struct outcome){.slot = slot, .kind = kind, .step = s->step, .value = value, .seconds = now - s->last_told};
  params_init(&o->metrics);
  s->last_told = now;
  return o;
}

static void fail(struct command_run *c, size_t slot, const char *why) {
  struct outcome *o = say(c, slot, WORK_FAILED, (double)NAN);
  snprintf(o->reason, sizeof o->reason, "%s", why);
  make_printable(o->reason);
  c->seats[slot].phase = TOLD;
}

/* As fail, with the last lines of what the program has said of it. */
static void fail_with_last_words(struct command_run *c, size_t slot, const char *why) {
  char reason[sizeof((struct outcome *)0)->reason], words[160];
  last_words(c->seats[slot].files.err, words, sizeof words);
  snprintf(reason, sizeof reason, "%.*s%s%s", *words ? 90 : (int)sizeof reason - 1, why, *words ? ": " : "", words);
  fail(c, slot, reason);
}

static void tell_end(struct command_run *c, size_t slot, const struct said *said) {
  struct seat *s = &c->seats[slot];
  bool finished = said->done || s->work.to == c->steps;
  int64_t reached = said->done && said->step > 0 && said->step <= s->work.to ? said->step : s->work.to;
  if (reached > s->step) { /* a program that only prints its result */
    s->step = reached;
    say(c, slot, WORK_REPORT, said->value);
  }
  struct outcome *o = say(c, slot, finished ? WORK_FINISHED : WORK_REACHED, said->value);
  params_copy(&o->metrics, &said->metrics);
  s->phase = TOLD;
}

/* ---- what it prints ---- */

struct listener {
  struct command_run *c;
  size_t slot;
  bool replay; /* what it printed in earlier stints */
};

static void break_off(struct command_run *c, struct seat *s, double grace, const char *why) {
  if (s->broken_off)
    return;
  s->broken_off = true;
  snprintf(s->why, sizeof s->why, "%s", why);
  payload_terminate(&s->payload, grace);
  (void)c;
}

static void hear_value(struct listener *l, const struct said *said) {
  struct seat *s = &l->c->seats[l->slot];
  if (!isfinite(said->value)) {
    char why[160];
    snprintf(why, sizeof why, "%.64s is %g at step %" PRId64, l->c->name.metric, said->value, said->step);
    if (!l->replay)
      break_off(l->c, s, l->c->grace, why);
    return;
  }
  if (said->step <= s->step || said->step > s->work.to) /* said before, or more than was asked for */
    return;
  s->step = said->step;
  say(l->c, l->slot, WORK_REPORT, said->value);
}

static void hear_line(void *context, const char *line, size_t n) {
  struct listener *l = context;
  struct seat *s = &l->c->seats[l->slot];
  struct said said;
  const char *why;
  said_init(&said);
  if (said_read(&said, line, n, &l->c->name, &why)) {
    if (said.has_value && said.step > 0 && !s->broken_off)
      hear_value(l, &said);
    /* An earlier stint's word counts where it had come as far as this one is to. */
    if (!l->replay || (said.has_value && isfinite(said.value) && said.step >= s->work.to)) {
      said_free(&s->last);
      s->last = said;
      s->has_last = true;
      return;
    }
  } else if (why && !l->replay)
    snprintf(s->bad_line, sizeof s->bad_line, "%s", why);
  said_free(&said);
}

static bool read_output(struct command_run *c, size_t slot, size_t most, bool last) {
  struct listener l = {c, slot, false};
  return tail_read(&c->seats[slot].out, most, last, hear_line, &l);
}

/* ---- how it ended ---- */

/* A file counts more than lines; one that is there and cannot be read is not passed over. */
static bool read_result_file(struct command_run *c, size_t slot) {
  struct seat *s = &c->seats[slot];
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
  fail_with_last_words(c, slot, reason);
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

static void judge(struct command_run *c, size_t slot, const struct payload_news *news) {
  struct seat *s = &c->seats[slot];
  char fault[224] = "";
  if (s->broken_off)
    snprintf(fault, sizeof fault, "%s", s->why);
  else if (WIFSIGNALED(news->number))
    describe_signal(news, fault, sizeof fault);
  else if (WEXITSTATUS(news->number) != 0)
    snprintf(fault, sizeof fault, "exit code %d%s%s", WEXITSTATUS(news->number),
             s->has_last && *s->last.message ? ": " : "", s->has_last ? s->last.message : "");
  else {
    if (file_exists(s->files.result) && !read_result_file(c, slot))
      return;
    find_fault(c, s, fault, sizeof fault);
  }
  if (*fault && !s->broken_off && stop_requested() != STOP_NONE)
    s->phase = TOLD; /* asked to leave, like all of the job: the trial is interrupted and says nothing */
  else if (*fault)
    fail_with_last_words(c, slot, fault);
  else
    tell_end(c, slot, &s->last);
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

static void conclude(struct command_run *c, size_t slot, const struct payload_news *news) {
  struct seat *s = &c->seats[slot];
  while (read_output(c, slot, READ_AT_ONCE, true))
    ;
  if (s->phase == RUNNING && is_doubtful(s, news)) {
    s->phase = IN_DOUBT;
    s->doubtful = *news;
    s->doubt_until = clock_seconds() + DOUBT;
    return;
  }
  if (news->left_behind)
    log_warn("trial %" PRId64 ": %d process%s outlived the program and %s killed", s->work.trial, news->left_behind,
             news->left_behind == 1 ? "" : "es", news->left_behind == 1 ? "was" : "were");
  judge(c, slot, news);
}

/* ---- running ---- */

static bool still_leaves(const struct command_run *c, int64_t trial) {
  for (size_t i = 0; i < c->n_leavers; i++)
    if (c->leavers[i].trial == trial)
      return true;
  return false;
}

static enum err start(struct evaluator *e, size_t slot) {
  struct command_run *c = e->context;
  struct seat *s = &c->seats[slot];
  TRY(tail_open(&s->out, s->files.out, true));
  s->begun = s->last_told = clock_seconds();
  TRY(command_start(&e->options, c->launcher, &s->files, &s->work, &s->payload));
  s->phase = RUNNING;
  return OK;
}

static void watch_output_size(struct command_run *c, struct seat *s, const char *path, const char *name) {
  int64_t size = file_size(path);
  if (size <= c->most_output)
    return;
  char why[120];
  snprintf(why, sizeof why, "it wrote more than command.output = %" PRId64 " MB to %s", c->most_output / 1000000, name);
  break_off(c, s, 0, why);
}

/* What was written until it was dead is cut off. */
static void cut_output(const struct command_run *c, const char *path) {
  if (file_size(path) > c->most_output && truncate(path, (off_t)c->most_output) != 0)
    log_warn("%s is too large and cannot be cut", path);
}

static void watch_limits(struct command_run *c, struct seat *s) {
  watch_output_size(c, s, s->files.out, "stdout");
  watch_output_size(c, s, s->files.err, "stderr");
  if (c->timeout > 0 && clock_seconds() - s->begun > c->timeout) {
    char why[120];
    snprintf(why, sizeof why, "it was not done after command.timeout = %g s", c->timeout);
    break_off(c, s, c->grace, why);
  }
}

static void take_end(struct command_run *c, size_t slot, const struct payload_news *news) {
  struct seat *s = &c->seats[slot];
  char why[160];
  switch (news->event) {
  case PAYLOAD_REFUSED:
    snprintf(why, sizeof why, "the program cannot be started: %s", strerror(news->number));
    fail(c, slot, why);
    break;
  case PAYLOAD_STUCK:
    fail_with_last_words(c, slot, "it does not die of SIGKILL: it waits for a disk or a device");
    break;
  case PAYLOAD_LOST:
    fail_with_last_words(c, slot, "the process that watches it was killed");
    break;
  default:
    conclude(c, slot, news);
  }
  cut_output(c, s->files.out);
  cut_output(c, s->files.err);
}

static enum err attend(struct evaluator *e, size_t slot) {
  struct command_run *c = e->context;
  struct seat *s = &c->seats[slot];
  if (s->phase == WAITING && !still_leaves(c, s->work.trial))
    return start(e, slot);
  if (s->phase == IN_DOUBT && clock_seconds() > s->doubt_until)
    conclude(c, slot, &s->doubtful);
  if (s->phase != RUNNING)
    return OK;
  if (s->out.fd < 0)
    TRY(tail_open(&s->out, s->files.out, false)); /* the program has made it by now */
  struct payload_news news = payload_listen(&s->payload);
  if (news.event == PAYLOAD_SILENT || news.event == PAYLOAD_RUNS) {
    read_output(c, slot, READ_AT_ONCE, false);
    watch_limits(c, s);
    return OK;
  }
  take_end(c, slot, &news);
  return OK;
}

static void attend_leavers(struct command_run *c) {
  for (size_t i = c->n_leavers; i-- > 0;) {
    struct payload_news news = payload_listen(&c->leavers[i].payload);
    if (news.event != PAYLOAD_SILENT && news.event != PAYLOAD_RUNS)
      c->leavers[i] = c->leavers[--c->n_leavers];
  }
}

/* Until a program ends, the launcher dies, or it is time to look at files again. */
static void wait_for_news(struct evaluator *e, double seconds) {
  struct command_run *c = e->context;
  size_t n = 0, most = e->options.slots + c->n_leavers + 1;
  if (most > c->cap_polls) {
    c->polls = mem_realloc(c->polls, most * sizeof *c->polls);
    c->cap_polls = most;
  }
  c->polls[n++] = (struct pollfd){.fd = launcher_descriptor(c->launcher), .events = POLLIN};
  for (size_t i = 0; i < e->options.slots; i++)
    if (c->seats[i].payload.line >= 0)
      c->polls[n++] = (struct pollfd){.fd = c->seats[i].payload.line, .events = POLLIN};
  for (size_t i = 0; i < c->n_leavers; i++)
    c->polls[n++] = (struct pollfd){.fd = c->leavers[i].payload.line, .events = POLLIN};
  poll(c->polls, n, (int)ceil(1e3 * fmax(seconds, 0)));
}

static enum err command_advance(struct evaluator *e, double seconds) {
  struct command_run *c = e->context;
  double end = clock_seconds() + seconds;
  for (;;) {
    TRY(launcher_check(c->launcher));
    attend_leavers(c);
    for (size_t i = 0; i < e->options.slots; i++)
      TRY(attend(e, i));
    double now = clock_seconds();
    if (c->first < c->n || now >= end || stop_requested() != STOP_NONE)
      return OK;
    wait_for_news(e, fmin(end - now, LOOK_EVERY));
  }
}

/* ---- seats ---- */

static void clear_seat(struct seat *s) {
  params_free(&s->work.params);
  trial_files_close(&s->files);
  tail_close(&s->out);
  said_free(&s->last);
  *s = (struct seat){.payload = PAYLOAD_NONE, .out = {.fd = -1}};
}

/* Values that were printed when nobody passed them on. */
static enum err replay(struct command_run *c, size_t slot) {
  struct seat *s = &c->seats[slot];
  struct listener l = {c, slot, true};
  TRY(tail_open(&s->out, s->files.out, false));
  while (tail_read(&s->out, READ_AT_ONCE, true, hear_line, &l))
    ;
  tail_close(&s->out);
  return OK;
}

static enum err take_seat(struct evaluator *e, size_t slot, const struct work *w) {
  struct command_run *c = e->context;
  struct seat *s = &c->seats[slot];
  params_init(&s->work.params);
  params_copy(&s->work.params, &w->params);
  said_init(&s->last);
  s->step = s->taken = w->from;
  s->last_told = clock_seconds();
  TRY(trial_files_open(&s->files, e->options.folder, w->trial, &w->params));
  s->phase = WAITING;
  return replay(c, slot);
}

static enum err command_admit(struct evaluator *e, size_t slot, const struct work *w, const struct state *start_state) {
  struct command_run *c = e->context;
  if (slot >= e->options.slots || c->seats[slot].phase != FREE_SEAT)
    return FAIL(ERR_BUG, "slot %zu of %zu is not free for trial %lld", slot, e->options.slots, (long long)w->trial);
  if (w->from < 0 || w->to < w->from || w->to > c->steps || (w->from > 0 && !start_state))
    return FAIL(ERR_BUG, "trial %lld cannot go from step %lld to %lld of %lld%s", (long long)w->trial,
                (long long)w->from, (long long)w->to, (long long)c->steps, start_state ? "" : " without a state");
  int64_t step = 0;
  if (start_state)
    TRY(state_take_i64(start_state, "step", &step));
  if (step != w->from)
    return FAIL(ERR_DAMAGED, "trial %lld: its state is of step %lld, not %lld", (long long)w->trial, (long long)step,
                (long long)w->from);
  c->seats[slot].work = *w;
  enum err code = take_seat(e, slot, w);
  if (code != OK)
    clear_seat(&c->seats[slot]);
  return code;
}

static bool command_outcome(struct evaluator *e, struct outcome *out) {
  struct command_run *c = e->context;
  if (c->first == c->n)
    return false;
  *out = c->outcomes[c->first++];
  c->seats[out->slot].taken = out->step;
  if (c->first == c->n)
    c->first = c->n = 0;
  return true;
}

/* The program's own checkpoint is the state; this is only how far it has come. */
static enum err command_snapshot(struct evaluator *e, size_t slot, struct state *out) {
  const struct command_run *c = e->context;
  if (c->seats[slot].phase == FREE_SEAT)
    return FAIL(ERR_BUG, "slot %zu is empty", slot);
  state_put_i64(out, "step", c->seats[slot].taken);
  return OK;
}

static void forget_outcomes(struct command_run *c, size_t slot) {
  size_t kept = c->first;
  for (size_t i = c->first; i < c->n; i++)
    if (c->outcomes[i].slot == slot)
      params_free(&c->outcomes[i].metrics);
    else
      c->outcomes[kept++] = c->outcomes[i];
  c->n = kept;
}

static void command_evict(struct evaluator *e, size_t slot) {
  struct command_run *c = e->context;
  struct seat *s = &c->seats[slot];
  forget_outcomes(c, slot);
  if (s->payload.line >= 0) {
    payload_terminate(&s->payload, c->grace);
    MEM_GROW(c->leavers, c->n_leavers, &c->cap_leavers);
    c->leavers[c->n_leavers++] = (struct leaver){s->payload, s->work.trial};
  }
  clear_seat(s);
}

static const char *command_describe(const struct evaluator *e) {
  return ((const struct command_run *)e->context)->description;
}

/* Programs have their grace time to write a checkpoint; a second signal cuts it short. Then the keepers' lines close,
 * and whatever is left is killed. */
static void command_close(struct evaluator *e) {
  struct command_run *c = e->context;
  for (size_t i = 0; i < e->options.slots; i++)
    command_evict(e, i);
  for (double end = clock_seconds() + c->grace + 1; c->n_leavers && clock_seconds() < end; attend_leavers(c)) {
    if (stop_requested() == STOP_NOW)
      break;
    wait_for_news(e, LOOK_EVERY);
  }
  for (size_t i = 0; i < c->n_leavers; i++)
    payload_drop(&c->leavers[i].payload);
  launcher_free(c->own_launcher);
  free(c->seats);
  free(c->leavers);
  free(c->outcomes);
  free(c->polls);
  free(c);
}

const struct evaluator_ops evaluator_command = {
    .name = "command",
    .check = command_check,
    .steps = command_steps,
    .open = command_open,
    .admit = command_admit,
    .advance = command_advance,
    .outcome = command_outcome,
    .snapshot = command_snapshot,
    .evict = command_evict,
    .describe = command_describe,
    .keeps_states = true,
    .close = command_close,
};
