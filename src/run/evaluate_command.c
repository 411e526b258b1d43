/* The evaluator `command`: a stint is a program that is told how far to go (COXSWAIN_UNTIL), prints values as it goes,
 * keeps its own checkpoints in the trial's folder and exits.
 *
 * What it prints stays in the trial's folder over all its stints, and is read again when a trial is taken up, so that
 * no value is lost with the process that should have passed it on. */
#include "run/evaluate_command.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/stop.h"

#define LOOK_EVERY 0.05 /* seconds: files do not say when they grow */

static int64_t command_steps(const struct settings *conf) {
  return settings_int(conf, "command.steps");
}

static void describe(struct command_run *c, const struct settings *conf) {
  size_t n;
  const struct value *words = settings_list(conf, "command.argv", &n);
  int gpus = (int)settings_int(conf, "command.gpus"), cores = (int)settings_int(conf, "command.cpus");
  int length = snprintf(c->description, sizeof c->description, "command %.60s", n ? path_name(words[0].as.text) : "");
  if (gpus)
    length += snprintf(c->description + length, sizeof c->description - (size_t)length, ", %d GPU%s each", gpus,
                       gpus == 1 ? "" : "s");
  if (cores)
    snprintf(c->description + length, sizeof c->description - (size_t)length, ", %d core%s each", cores,
             cores == 1 ? "" : "s");
}

static enum err command_open(struct evaluator *e) {
  const struct settings *conf = e->options.conf;
  struct neighbours host = e->options.host;
  struct resources resources;
  struct launcher *own = NULL;
  host.size = host.size ? host.size : 1;
  TRY(resources_open(&resources, conf, &host, e->options.slots));
  enum err started = e->options.launcher ? OK : launcher_start(&own);
  if (started != OK) {
    resources_free(&resources);
    TRY(started);
  }
  struct command_run *c = MEM_NEW(struct command_run);
  c->own_launcher = own;
  c->launcher = own ? own : e->options.launcher;
  c->resources = resources;
  c->name = command_value_name(&e->options);
  c->steps = command_steps(conf);
  c->timeout = settings_double(conf, "command.timeout");
  c->runs_on = !settings_bool(conf, "schedule.pause");
  c->silence = settings_double(conf, "command.silence");
  c->grace = settings_double(conf, "command.grace");
  c->most_output = settings_int(conf, "command.output") * 1000000;
  c->seats = MEM_NEW_ARRAY(struct seat, e->options.slots);
  for (size_t i = 0; i < e->options.slots; i++)
    c->seats[i] = SEAT_NONE;
  describe(c, conf);
  e->context = c;
  return OK;
}

/* ---- running ---- */

static bool still_leaves(const struct command_run *c, int64_t trial) {
  for (size_t i = 0; i < c->n_leavers; i++)
    if (c->leavers[i].trial == trial)
      return true;
  return false;
}

/* A program of this trial that has its grace time may still write, and one of another may still have its GPU. */
static bool may_start(struct command_run *c, struct seat *s) {
  if (still_leaves(c, s->work.trial))
    return false;
  if (s->share < 0)
    s->share = resources_take(&c->resources);
  return s->share >= 0;
}

static enum err start(struct evaluator *e, struct seat *s) {
  struct command_run *c = e->context;
  TRY(tail_open(&s->out, s->files.out, true));
  s->begun = s->last_told = clock_seconds();
  TRY(command_start(&e->options, c->launcher, &s->files, &s->work, &c->resources.shares[s->share], &s->payload));
  s->phase = RUNNING;
  return OK;
}

static bool is_end(const struct payload_news *news) {
  return news->event != PAYLOAD_SILENT && news->event != PAYLOAD_RUNS;
}

bool command_has_ended(struct command_run *c, struct seat *s) {
  if (is_end(&s->end))
    return true;
  struct payload_news news = payload_listen(&s->payload);
  if (!is_end(&news))
    return false;
  s->end = news;
  resources_give_back(&c->resources, s->share);
  s->share = -1;
  return true;
}

static enum err attend(struct evaluator *e, struct seat *s) {
  struct command_run *c = e->context;
  if (s->phase == WAITING && s->step >= s->work.to && command_may_pass(c, s))
    command_pass(c, s); /* it said so in an earlier run, and nobody passed it on */
  if (s->phase == WAITING && may_start(c, s))
    return start(e, s);
  if (s->phase == IN_DOUBT && clock_seconds() > s->doubt_until)
    command_end(c, s);
  if (s->phase != RUNNING)
    return OK;
  if (s->out.fd < 0)
    TRY(tail_open(&s->out, s->files.out, false)); /* the program has made it by now */
  bool ended = command_has_ended(c, s);
  command_hear(c, s, ended);
  if (s->phase == RUNNING && ended)
    command_end(c, s);
  else if (s->phase == RUNNING)
    command_watch(c, s);
  return OK;
}

static void attend_leavers(struct command_run *c) {
  for (size_t i = c->n_leavers; i-- > 0;) {
    struct payload_news news = payload_listen(&c->leavers[i].payload);
    if (!is_end(&news))
      continue;
    resources_give_back(&c->resources, c->leavers[i].share);
    c->leavers[i] = c->leavers[--c->n_leavers];
  }
}

/* Until a program ends, the launcher dies, or it is time to look at files again. */
static void wait_for_news(struct evaluator *e, double seconds) {
  struct command_run *c = e->context;
  size_t n = 0, most = e->options.slots + c->n_waiting + c->n_leavers + 1;
  if (most > c->cap_polls) {
    c->polls = mem_realloc(c->polls, most * sizeof *c->polls);
    c->cap_polls = most;
  }
  c->polls[n++] = (struct pollfd){.fd = launcher_descriptor(c->launcher), .events = POLLIN};
  for (size_t i = 0; i < e->options.slots; i++) /* poll passes over those of -1 */
    c->polls[n++] = (struct pollfd){.fd = c->seats[i].payload.line, .events = POLLIN};
  for (size_t i = 0; i < c->n_waiting; i++)
    c->polls[n++] = (struct pollfd){.fd = c->waiting[i].payload.line, .events = POLLIN};
  for (size_t i = 0; i < c->n_leavers; i++)
    c->polls[n++] = (struct pollfd){.fd = c->leavers[i].payload.line, .events = POLLIN};
  poll(c->polls, n, (int)ceil(1e3 * fmax(seconds, 0)));
}

static enum err command_advance(struct evaluator *e, double seconds) {
  struct command_run *c = e->context;
  double end = clock_seconds() + seconds;
  for (;;) {
    TRY(launcher_check(c->launcher));
    progress_made("watching programs"); /* what they do with their time is command.timeout's to judge */
    attend_leavers(c);
    command_watch_waiting(c);
    for (size_t i = 0; i < e->options.slots; i++)
      TRY(attend(e, &c->seats[i]));
    double now = clock_seconds();
    if (c->first < c->n || now >= end || stop_requested() != STOP_NONE)
      return OK;
    wait_for_news(e, fmin(end - now, LOOK_EVERY));
  }
}

/* ---- seats ---- */

void command_clear_seat(struct command_run *c, struct seat *s) {
  if (s->payload.line >= 0) {
    payload_terminate(&s->payload, c->grace);
    MEM_GROW(c->leavers, c->n_leavers, &c->cap_leavers);
    c->leavers[c->n_leavers++] = (struct leaver){s->payload, s->work.trial, s->share};
  } else
    resources_give_back(&c->resources, s->share);
  params_free(&s->work.params);
  trial_files_close(&s->files);
  tail_close(&s->out);
  said_free(&s->last);
  *s = SEAT_NONE;
}

static enum err take_seat(struct evaluator *e, size_t slot, const struct work *w) {
  struct command_run *c = e->context;
  struct seat *s = &c->seats[slot];
  params_init(&s->work.params);
  params_copy(&s->work.params, &w->params);
  said_init(&s->last);
  s->step = s->taken = w->from;
  s->last_told = clock_seconds();
  if (w->inherits)
    TRY(command_inherit(e->options.folder, w));
  TRY(trial_files_open(&s->files, e->options.folder, w->trial, &w->params));
  s->phase = WAITING;
  return command_replay(c, s);
}

static enum err command_admit(struct evaluator *e, size_t slot, const struct work *w, const struct state *start_state) {
  struct command_run *c = e->context;
  if (slot >= e->options.slots || c->seats[slot].phase != FREE_SEAT)
    return FAIL(ERR_BUG, "slot %zu of %zu is not free for trial %lld", slot, e->options.slots, (long long)w->trial);
  TRY(evaluator_check_work(w, c->steps, start_state));
  if (command_take_up(c, &c->seats[slot], w))
    return OK;
  c->seats[slot].work = *w;
  enum err code = take_seat(e, slot, w);
  if (code != OK)
    command_clear_seat(c, &c->seats[slot]);
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
  if (s->phase == PASSED && s->taken == s->work.to && (s->payload.line >= 0 || is_end(&s->end)))
    command_set_aside(c, s);
  else
    command_clear_seat(c, s);
}

static const char *command_describe(const struct evaluator *e) {
  return ((const struct command_run *)e->context)->description;
}

/* A program of one step has nothing to go on from, nor has one that is said to keep no checkpoint; others lose what
 * they did since their last. */
static enum stint_cut command_cut(const struct settings *conf) {
  bool checkpoints = command_steps(conf) > 1 && settings_bool(conf, "schedule.pause");
  return checkpoints ? CUT_BETWEEN_STEPS : CUT_LOSES_ALL;
}

/* Programs have their grace time to write a checkpoint; a second signal cuts it short. Then the keepers' lines close,
 * and whatever is left is killed. */
static void command_close(struct evaluator *e) {
  struct command_run *c = e->context;
  for (size_t i = 0; i < e->options.slots; i++)
    command_evict(e, i);
  command_forget(e, -1);
  for (double end = clock_seconds() + c->grace + 1; c->n_leavers && clock_seconds() < end; attend_leavers(c)) {
    if (stop_requested() == STOP_NOW)
      break;
    wait_for_news(e, LOOK_EVERY);
  }
  for (size_t i = 0; i < c->n_leavers; i++)
    payload_drop(&c->leavers[i].payload);
  launcher_free(c->own_launcher);
  resources_free(&c->resources);
  free(c->seats);
  free(c->waiting);
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
    .set_aside = command_keep_aside,
    .forget = command_forget,
    .describe = command_describe,
    .cut = command_cut,
    .keeps_states = true,
    .close = command_close,
};
