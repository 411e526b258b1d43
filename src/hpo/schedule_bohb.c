/* bohb: Hyperband's brackets, with points from a model of what the rungs know (sampler_bohb.c) where the study names no
 * sampler of its own. */
#include "hpo/schedule_brackets.h"

static enum err bohb_open(struct schedule *s, const struct settings *conf) {
  return brackets_open(s, conf, true);
}

const struct schedule_ops schedule_bohb = {.name = "bohb",
                                           .open = bohb_open,
                                           .tell = brackets_tell,
                                           .next = brackets_next,
                                           .goes_on = brackets_go_on,
                                           .close = brackets_close};
