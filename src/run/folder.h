/* A study folder, opened to be read: by status, best, export, predict and others, also while the study runs. */
#ifndef COXSWAIN_RUN_FOLDER_H
#define COXSWAIN_RUN_FOLDER_H

#include "hpo/journal.h"
#include "hpo/study.h"

struct folder {
  char *path;
  struct settings *conf; /* effective settings; paths in them are relative to the original study file */
  struct space space;
  struct study study;
  int64_t lines; /* of the journal */
  char *runner;  /* who holds the lock ("host n1, process 17"), NULL if nobody runs it */
};

/* ERR_INPUT if this is no study folder. */
enum err folder_open(struct folder *f, const char *path);
void folder_close(struct folder *f);
/* The effective settings of a study folder as text and the study file they came from, to which paths in them are
 * relative. Caller frees both. */
enum err folder_settings(const char *path, char **text, char **study_file);
/* Who runs the study in this folder: text to be freed, NULL: nobody. */
char *folder_runner(const char *path);
/* Is it done, and why? NULL while there is more to do. Points into the study. */
const char *folder_done(const struct folder *f);
/* How the last run left it, if it could say so: "signal", "walltime", "stop", "error", with quotes. NULL: it runs now,
 * is complete, or the last run died. */
const char *folder_left(const struct folder *f);
/* The trial of that number: ERR_INPUT names the range. */
enum err folder_trial(const struct folder *f, int64_t number, const struct trial **t);

#endif
