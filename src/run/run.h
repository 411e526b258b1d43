/* Running a study: the same code for one process and for many ranks. */
#ifndef COXSWAIN_RUN_RUN_H
#define COXSWAIN_RUN_RUN_H

#include <stdbool.h>

#include "conf/settings.h"
#include "par/wire.h"

struct launcher;

struct run_options {
  const char *study_file;       /* or a study folder, to go on with it; only rank 0 reads it */
  const char *out;              /* study folder, NULL: run.out or the study's name */
  const char *const *overrides; /* "key=value" */
  size_t n_overrides;
  bool fresh;                /* move an old folder aside and start over */
  const char *points;        /* JSON file of points to run instead of asking; NULL */
  const char *results;       /* with points: JSON file of their values; NULL: DIR/results.json */
  struct launcher *launcher; /* starts programs (evaluator = command); borrowed */
  bool quiet;                /* no progress */
  bool offline;              /* no training: ask, tell and others; data and evaluator are left alone */
};

/* Why a study is complete, in its journal, when study.failures ended it. */
#define RUN_TOO_MANY_FAILED "too many trials failed"

/* All ranks call it after wire_open. OK when the study is complete, ERR_STOPPED when there is more to do (75),
 * ERR_TRIALS when too many trials failed. *abandon: hand this to wire_close. */
enum err run_study(struct wire *wire, const struct run_options *o, bool *abandon);

/* study.name, or the study file's name without .cfg. Caller frees. */
bool run_maximizes(const struct settings *conf); /* study.direction, or what the metric says */
char *run_study_name(const struct settings *conf, const char *study_file);

#endif
