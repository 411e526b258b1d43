/* A model file: one trained network with all that is needed to apply it: a pack (store/pack.h) of one trial whose state
 * also holds the texts params.json, study.cfg, study_file and data.json (how the inputs were prepared). */
#ifndef COXSWAIN_RUN_MODEL_FILE_H
#define COXSWAIN_RUN_MODEL_FILE_H

#include "base/params.h"
#include "base/state.h"

struct model_origin {
  const char *study;      /* name */
  const char *study_file; /* original study file, to which paths in the settings are relative */
  const char *folder;     /* study folder, with study.cfg and data.json */
  int64_t trial, step;
  const struct params *params;
};

/* Adds the texts to `state` and writes it. */
enum err model_file_write(const char *path, const struct model_origin *o, struct state *state);
/* *trial may be NULL. The state holds the texts as arrays; see state_text. */
enum err model_file_read(const char *path, struct state *state, int64_t *trial);

#endif
