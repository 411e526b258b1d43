/* Folders in which programs keep their checkpoints (evaluator = command). Those of trials that are over go, but for the
 * best; never before the end is in the journal. What a program printed stays. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/steer.h"

#define AT_ONCE 0.2 /* seconds that the loop may stand for it */

static bool looks_after_them(const struct steer *s) {
  return s->evaluator->keeps_states && strcmp(settings_text(s->conf, "command.checkpoints"), "best") == 0;
}

void steer_note_checkpoint(struct steer *s, int64_t trial) {
  const struct trial *t = &s->study.trials[trial];
  if (!looks_after_them(s) || t->step > t->start.step) /* noted before */
    return;
  MEM_GROW(s->checkpoints, s->n_checkpoints, &s->cap_checkpoints);
  s->checkpoints[s->n_checkpoints++] = trial;
}

/* What earlier runs left. */
enum err steer_list_checkpoints(struct steer *s) {
  char *folder = path_join(s->folder, "trials"), **names = NULL;
  size_t n = 0;
  enum err e = looks_after_them(s) && file_exists(folder) ? file_list(folder, "", &names, &n) : OK;
  for (size_t i = 0; i < n && e == OK; i++) {
    int64_t trial;
    if (sscanf(names[i], "trial-%" SCNd64, &trial) != 1 || trial < 0 || (size_t)trial >= s->study.n)
      continue;
    MEM_GROW(s->checkpoints, s->n_checkpoints, &s->cap_checkpoints);
    s->checkpoints[s->n_checkpoints++] = trial;
  }
  file_list_free(names, n);
  free(folder);
  return e;
}

/* One that a program still writes to comes up again, as one that cannot be removed: neither ends a study. */
static bool remove_checkpoint(const struct steer *s, int64_t trial) {
  char name[64];
  snprintf(name, sizeof name, "trials/trial-%06" PRId64 "/checkpoint", trial);
  char *path = path_join(s->folder, name);
  bool gone = file_remove_tree(path) == OK;
  if (!gone)
    log_info("%s", err_text());
  err_clear();
  free(path);
  return gone;
}

static void remove_aside(const struct steer *s, const struct trial *t, int64_t step) {
  char name[96];
  snprintf(name, sizeof name, "trials/trial-%06" PRId64 "/at-%06" PRId64, t->number, step);
  char *path = path_join(s->folder, name);
  if (file_remove_tree(path) != OK)
    log_info("%s", err_text());
  err_clear();
  free(path);
}

/* What was kept aside for others to start from (population based training), and nobody will any more. */
static void collect_aside(struct steer *s) {
  int64_t oldest = schedule_oldest(&s->schedule, &s->study);
  for (size_t i = 0; i < s->study.n && oldest > s->aside_until; i++) {
    const struct trial *t = &s->study.trials[i];
    for (size_t k = 0; k < t->n_marks && t->marks[k].step < oldest; k++)
      if (t->marks[k].step >= s->aside_until)
        remove_aside(s, t, t->marks[k].step);
  }
  s->aside_until = oldest > s->aside_until ? oldest : s->aside_until;
}

void steer_collect_checkpoints(struct steer *s) {
  double end = steer_now(s) + AT_ONCE;
  if (looks_after_them(s) && schedule_breeds(&s->schedule))
    collect_aside(s);
  size_t kept = 0;
  for (size_t i = 0; i < s->n_checkpoints; i++) {
    int64_t trial = s->checkpoints[i];
    bool needed = !trial_is_over(&s->study.trials[trial]) || steer_is_best(s, trial);
    bool later = !s->leaving && steer_now(s) > end;
    if (needed || later || !remove_checkpoint(s, trial))
      s->checkpoints[kept++] = trial;
  }
  s->n_checkpoints = kept;
}
