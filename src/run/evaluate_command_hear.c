/* What a program prints: values on the way, and its last word. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "run/evaluate_command.h"

#define READ_AT_ONCE (4u << 20) /* bytes of one program's output before the next has its turn */

struct listener {
  struct command_run *c;
  struct seat *s;
  bool replay; /* what it printed in earlier stints */
};

static void hear_value(struct listener *l, const struct said *said) {
  struct seat *s = l->s;
  if (!isfinite(said->value)) {
    char why[160];
    snprintf(why, sizeof why, "%.64s is %g at step %" PRId64, l->c->name.metric, said->value, said->step);
    if (!l->replay)
      command_break_off(s, l->c->grace, why);
    return;
  }
  if (said->step <= s->step || said->step > s->work.to) /* said before, or more than was asked for */
    return;
  s->step = said->step;
  command_say(l->c, s, WORK_REPORT, said->value);
}

/* A program that runs on has come to the end of its stint: what it says from now on is for the next one. */
static bool is_for_later(const struct listener *l, const struct said *said) {
  return !l->replay && command_may_pass(l->c, l->s) && said->has_value && said->step > l->s->work.to;
}

static void keep_word(struct seat *s, struct said *said) {
  said_free(&s->last);
  s->last = *said;
  s->has_last = true;
}

/* False: the line is for the next stint. */
static bool take_said(struct listener *l, struct said *said) {
  struct seat *s = l->s;
  if (is_for_later(l, said)) {
    command_pass(l->c, s);
    said_free(said);
    return false;
  }
  if (said->has_value && said->step > 0 && !s->broken_off)
    hear_value(l, said);
  bool arrived = said->has_value && isfinite(said->value) && said->step >= s->work.to;
  if (!l->replay || arrived) /* an earlier stint's word counts where it had come as far as this one is to */
    keep_word(s, said);
  else
    said_free(said);
  if (!l->replay && arrived && command_may_pass(l->c, s))
    command_pass(l->c, s);
  return true;
}

static bool hear_line(void *context, const char *line, size_t n) {
  struct listener *l = context;
  struct seat *s = l->s;
  struct said said;
  const char *why;
  if (s->phase == PASSED)
    return false;
  said_init(&said);
  if (said_read(&said, line, n, &l->c->name, &why))
    return take_said(l, &said);
  if (why && !l->replay)
    snprintf(s->bad_line, sizeof s->bad_line, "%s", why);
  said_free(&said);
  return true;
}

void command_hear(struct command_run *c, struct seat *s, bool last) {
  struct listener l = {c, s, false};
  while (tail_read(&s->out, READ_AT_ONCE, last, hear_line, &l) && last)
    ;
}

enum err command_replay(struct command_run *c, struct seat *s) {
  struct listener l = {c, s, true};
  TRY(tail_open(&s->out, s->files.out, false));
  while (tail_read(&s->out, READ_AT_ONCE, true, hear_line, &l))
    ;
  tail_close(&s->out);
  return OK;
}
