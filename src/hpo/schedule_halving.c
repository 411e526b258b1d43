/* halving: asynchronous successive halving, one bracket (schedule_brackets.h). */
#include "hpo/schedule_brackets.h"

static enum err halving_open(struct schedule *s, const struct settings *conf) {
  return brackets_open(s, conf, false);
}

const struct schedule_ops schedule_halving = {.name = "halving",
                                              .open = halving_open,
                                              .tell = brackets_tell,
                                              .next = brackets_next,
                                              .goes_on = brackets_go_on,
                                              .close = brackets_close};
