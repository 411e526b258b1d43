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

static void hear_line(void *context, const char *line, size_t n) {
  struct listener *l = context;
  struct seat *s = l->s;
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
