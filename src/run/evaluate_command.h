/* Parts of the evaluator `command`. */
#ifndef COXSWAIN_RUN_EVALUATE_COMMAND_H
#define COXSWAIN_RUN_EVALUATE_COMMAND_H

#include "run/command_output.h"
#include "run/evaluator.h"
#include "run/launcher.h"

void command_check(const struct evaluator_options *o, struct complaints *c);
struct value_name command_value_name(const struct evaluator_options *o);
/* argv[0] as it is started: relative to the study file if it has a slash. Caller frees. */
char *command_program(const struct settings *conf, const char *word);

/* The files of a trial, DIR/trials/trial-NNNNNN/...; absolute. */
struct trial_files {
  char *folder, *checkpoint, *params, *out, *err, *result;
};
/* Makes the folder and params.json. ERR_INPUT if the folder is that of another point. */
enum err trial_files_open(struct trial_files *f, const char *study_folder, int64_t trial, const struct params *p);
void trial_files_close(struct trial_files *f);

/* The program of a trial, with its words, variables and limits. */
enum err command_start(const struct evaluator_options *o, struct launcher *l, const struct trial_files *f,
                       const struct work *w, struct payload *out);

#endif
