/* Programs that keep no checkpoint (schedule.pause = false). A stint ends when the program has said the value of its
 * last step; the program runs on to the end of the trial, aside, with its share of the machine, and the trial's next
 * stint takes it up again. What it says meanwhile stays in its file, so that a trial has the values that its stints
 * paid for, as one that pauses. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "run/evaluate_command.h"

bool command_may_pass(const struct command_run *c, const struct seat *s) {
  return c->runs_on && s->work.to < c->steps && !s->broken_off;
}

void command_pass(struct command_run *c, struct seat *s) {
  s->step = s->work.to;
  command_say(c, s, WORK_REACHED, (double)NAN);
  s->phase = PASSED;
}

void command_set_aside(struct command_run *c, struct seat *s) {
  MEM_GROW(c->waiting, c->n_waiting, &c->cap_waiting);
  c->waiting[c->n_waiting++] = *s;
  *s = SEAT_NONE;
}

static struct seat *find(struct command_run *c, int64_t trial) {
  for (size_t i = 0; i < c->n_waiting; i++)
    if (c->waiting[i].work.trial == trial)
      return &c->waiting[i];
  return NULL;
}

static void remove_waiting(struct command_run *c, struct seat *s) {
  *s = c->waiting[--c->n_waiting];
}

static void stop(struct command_run *c, struct seat *s) {
  command_clear_seat(c, s);
  remove_waiting(c, s);
}

bool command_take_up(struct command_run *c, struct seat *s, const struct work *w) {
  struct seat *there = find(c, w->trial);
  if (!there)
    return false;
  if (there->taken != w->from) { /* another worker has been at it since */
    stop(c, there);
    return false;
  }
  *s = *there;
  remove_waiting(c, there);
  s->work.to = w->to;
  s->phase = RUNNING;
  return true;
}

void command_watch_waiting(struct command_run *c) {
  for (size_t i = 0; i < c->n_waiting; i++)
    if (!command_has_ended(c, &c->waiting[i]))
      command_watch(c, &c->waiting[i]);
}

void command_forget(struct evaluator *e, int64_t trial) {
  struct command_run *c = e->context;
  for (size_t i = c->n_waiting; i-- > 0;)
    if (trial < 0 || c->waiting[i].work.trial == trial)
      stop(c, &c->waiting[i]);
}
