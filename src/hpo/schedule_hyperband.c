/* hyperband: brackets of successive halving side by side (Li et al. 2018, "Hyperband: a novel bandit-based approach to
 * hyperparameter optimization", JMLR 18). How early a loser shows is not known beforehand; so some trials are halved
 * from the first rung on, others begin with longer ones, and some go to the end in one stint. Asynchronous as in Li et
 * al. 2020: no bracket is ever full, each new trial goes to one of them in Hyperband's proportions. */
#include "hpo/schedule_brackets.h"

static enum err hyperband_open(struct schedule *s, const struct settings *conf) {
  return brackets_open(s, conf, true);
}

const struct schedule_ops schedule_hyperband = {.name = "hyperband",
                                                .open = hyperband_open,
                                                .tell = brackets_tell,
                                                .next = brackets_next,
                                                .goes_on = brackets_go_on,
                                                .close = brackets_close};
