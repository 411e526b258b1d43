/* Limits: a program that says nothing for too long, takes too long or writes too much is broken off. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "run/evaluate_command.h"

void command_break_off(struct seat *s, double grace, const char *why) {
  if (s->broken_off)
    return;
  s->broken_off = true;
  snprintf(s->why, sizeof s->why, "%s", why);
  payload_terminate(&s->payload, grace);
}

static void watch_size(struct command_run *c, struct seat *s, int64_t size, const char *name) {
  if (size <= c->most_output)
    return;
  char why[120];
  snprintf(why, sizeof why, "it wrote more than command.output = %" PRId64 " MB to %s", c->most_output / 1000000, name);
  command_break_off(s, 0, why);
}

/* Progress is what it says: a program that is there and says nothing may wait for ever. */
static void watch_silence(struct command_run *c, struct seat *s, int64_t written) {
  double now = clock_seconds();
  if (written != s->written || s->heard < s->begun) {
    s->written = written;
    s->heard = now;
  }
  if (c->silence <= 0 || now - s->heard <= c->silence)
    return;
  char why[120];
  snprintf(why, sizeof why, "it said nothing for command.silence = %g s", c->silence);
  command_break_off(s, c->grace, why);
}

void command_watch(struct command_run *c, struct seat *s) {
  if (s->payload.leader == 0) { /* it waits for another one to let go of its folder */
    s->begun = clock_seconds();
    return;
  }
  int64_t out = file_size(s->files.out), err = file_size(s->files.err);
  watch_size(c, s, out, "stdout");
  watch_size(c, s, err, "stderr");
  watch_silence(c, s, out + err);
  if (c->timeout > 0 && clock_seconds() - s->begun > c->timeout) {
    char why[120];
    snprintf(why, sizeof why, "it was not done after command.timeout = %g s", c->timeout);
    command_break_off(s, c->grace, why);
  }
}

static void cut(const struct command_run *c, const char *path) {
  if (file_size(path) > c->most_output && truncate(path, (off_t)c->most_output) != 0)
    log_warn("%s is too large and cannot be cut", path);
}

void command_cut_output(const struct command_run *c, const struct seat *s) {
  cut(c, s->files.out);
  cut(c, s->files.err);
}
