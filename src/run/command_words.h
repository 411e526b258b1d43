/* The words of a command line with places in them: "{lr}" for a hyperparameter, "{folder}" and others for what each
 * trial has of its own. */
#ifndef COXSWAIN_RUN_COMMAND_WORDS_H
#define COXSWAIN_RUN_COMMAND_WORDS_H

#include <stdbool.h>

#include "base/params.h"
#include "base/strbuf.h"

/* Places that are no hyperparameters. X(name, "what it is") */
#define PLACE_LIST(X)                            \
  X(trial, "number of the trial")                \
  X(folder, "its working folder")                \
  X(checkpoint, "its folder for checkpoints")    \
  X(params, "its file of hyperparameters, JSON") \
  X(until, "step at which to stop")              \
  X(here, "folder of the study file")

struct places {
#define X(name, help) const char *name;
  PLACE_LIST(X)
#undef X
};

/* As a program reads it: 0.1, 3, true, relu. */
void word_put_value(struct strbuf *out, const struct value *v);

/* The next "{name}" at or after `at`: its start, the name into `name`; NULL if there is none. Other braces are text. */
const char *word_next_place(const char *at, char name[65]);
bool word_is_place(const char *name); /* of PLACE_LIST */

/* Fills a word. False: it names a hyperparameter that this point does not have, and is to be left out. */
bool word_fill(const char *word, const struct places *places, const struct params *params, struct strbuf *out);

#endif
