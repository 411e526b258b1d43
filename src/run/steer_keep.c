/* Which states stay: those of trials that may go on, and of the best. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/model_file.h"
#include "run/steer.h"
#include "store/pack.h"

void steer_forget(struct steer *s, int64_t trial) {
  int holder = s->holder[trial];
  if (holder < 0)
    return;
  put_i64(&s->peers[holder].mail, COMMAND_FORGET);
  put_i64(&s->peers[holder].mail, trial);
  s->holder[trial] = -1;
}

/* Keeps `best` sorted; the one that falls off the end, or this one, is forgotten. */
static void keep_best(struct steer *s, const struct trial *t) {
  size_t at = s->n_best;
  while (at > 0 && study_better(&s->study, t->value, s->study.trials[s->best[at - 1]].value))
    at--;
  if (at >= s->keep) {
    steer_forget(s, t->number);
    return;
  }
  if (s->n_best == s->keep)
    steer_forget(s, s->best[--s->n_best]);
  memmove(s->best + at + 1, s->best + at, (s->n_best - at) * sizeof *s->best);
  s->best[at] = t->number;
  s->n_best++;
}

void steer_restore_best(struct steer *s) {
  size_t *index = MEM_NEW_ARRAY(size_t, s->keep + 1);
  s->best = mem_realloc(s->best, (s->keep + 1) * sizeof *s->best);
  s->n_best = study_best(&s->study, s->keep, index);
  for (size_t i = 0; i < s->n_best; i++)
    s->best[i] = (int64_t)index[i];
  free(index);
}

/* Where there is room for more, weights that are gone are made again when the study comes to its end. */
void steer_change_keep(struct steer *s, size_t keep) {
  for (size_t i = keep; i < s->n_best; i++)
    steer_forget(s, s->best[i]);
  bool changed = s->keep != keep && s->best; /* else they are yet to be restored */
  s->keep = keep;
  if (changed)
    steer_restore_best(s);
}

void steer_keep_states(struct steer *s, int64_t trial) {
  const struct trial *t = &s->study.trials[trial];
  if (t->state == TRIAL_COMPLETE)
    keep_best(s, t);
  else if (!schedule_may_promote(&s->schedule, &s->study, t))
    steer_forget(s, trial);
}

bool steer_is_best(const struct steer *s, int64_t trial) {
  for (size_t i = 0; i < s->n_best; i++)
    if (s->best[i] == trial)
      return true;
  return false;
}

static bool needs_state(const struct steer *s, const struct trial *t) {
  if (t->state == TRIAL_COMPLETE)
    return steer_is_best(s, t->number);
  if (trial_is_over(t))
    return false;
  bool cut_short = t->stint.end != STINT_reached; /* also behind its last step, if that is not on record yet */
  return !trial_is_paused(t) || cut_short || schedule_may_promote(&s->schedule, &s->study, t);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One that cannot be removed only takes up space: it is tried again, and the study goes on. */
static bool remove_pack(struct steer *s, const char *name) {
  char relative[300];
  snprintf(relative, sizeof relative, "packs/%s", name);
  char *path = path_join(s->folder, relative);
  bool removed = file_remove(path) == OK;
  if (!removed && !s->told_packs_stay)
    log_warn("packs that are not needed any more stay for now: %s", err_text());
  s->told_packs_stay = s->told_packs_stay || !removed;
  err_clear();
  free(path);
  return removed;
}

/* Before states go that others could start from, the journal has it that they did: who joins a population later does
 * not look for them. */
enum err steer_note_gone(struct steer *s) {
  int64_t oldest = schedule_oldest(&s->schedule, &s->study);
  char text[64];
  oldest = oldest < s->schedule.steps ? oldest : s->schedule.steps;
  bool known = oldest == s->study.gone_step && s->study.gone_trials == (int64_t)s->study.n;
  if (known || oldest < s->study.gone_step || (!schedule_breeds(&s->schedule) && s->study.children == 0))
    return OK;
  snprintf(text, sizeof text, "[%zu, %lld]", s->study.n, (long long)oldest);
  return steer_attribute(s, -1, true, "coxswain:gone", text);
}

struct names {
  char **items;
  size_t n, cap;
};

static void add_name(struct names *names, char *name) {
  MEM_GROW(names->items, names->n, &names->cap);
  names->items[names->n++] = name;
}

void steer_collect_packs(struct steer *s) {
  struct names needed = {0};
  size_t kept = 0;
  const int64_t oldest = schedule_oldest(&s->schedule, &s->study);
  for (size_t i = 0; i < s->study.n; i++) {
    const struct trial *t = &s->study.trials[i];
    bool needs = needs_state(s, t);
    if (!needs && trial_is_paused(t) && i < s->cap_holder)
      steer_forget(s, t->number);
    for (int k = 0; k < 2 && needs; k++)
      if (t->saved[k].pack)
        add_name(&needed, t->saved[k].pack);
    if (needs && t->parent >= 0 && !t->saved[0].pack)
      add_name(&needed, t->start.pack);
    for (size_t k = t->n_marks; k-- > 0 && t->marks[k].step >= oldest;)
      add_name(&needed, t->marks[k].pack);
  }
  if (needed.n)
    qsort(needed.items, needed.n, sizeof *needed.items, compare_names);
  for (size_t i = 0; i < s->n_packs; i++) {
    bool wanted =
        needed.n && bsearch(&s->packs[i], needed.items, needed.n, sizeof *needed.items, compare_names) != NULL;
    bool stays = wanted || !remove_pack(s, s->packs[i]);
    if (stays)
      s->packs[kept++] = s->packs[i];
    else
      free(s->packs[i]);
  }
  s->n_packs = kept;
  free(needed.items);
}

/* ---- best/ ---- */

static enum err read_newest(const struct steer *s, const struct trial *t, struct state *state, int64_t *step) {
  enum err e = FAIL(ERR_INPUT, "trial %lld: no state of it is saved", (long long)t->number);
  for (int k = 0; k < 2 && t->saved[k].pack; k++) {
    char relative[300];
    snprintf(relative, sizeof relative, "packs/%s", t->saved[k].pack);
    char *path = path_join(s->folder, relative);
    err_clear();
    e = pack_read(path, t->number, state, step);
    free(path);
    if (e == OK)
      return OK;
  }
  return e;
}

static enum err write_model(const struct steer *s, const struct trial *t, const char *path) {
  struct state state;
  int64_t step = 0;
  state_init(&state);
  enum err e = read_newest(s, t, &state, &step);
  struct model_origin origin = {.study = s->study.name,
                                .study_file = s->study_file,
                                .folder = s->folder,
                                .trial = t->number,
                                .step = step,
                                .params = &t->params};
  if (e == OK)
    e = model_file_write(path, &origin, &state);
  state_free(&state);
  return e;
}

static enum err clear_old_best(const struct steer *s, const char *folder) {
  char **names;
  size_t n;
  TRY(file_list(folder, ".h5", &names, &n));
  enum err e = OK;
  for (size_t i = 0; i < n && e == OK; i++) {
    long long number;
    if (sscanf(names[i], "trial-%lld.h5", &number) != 1 || steer_is_best(s, number))
      continue;
    char *path = path_join(folder, names[i]);
    e = file_remove(path);
    free(path);
  }
  file_list_free(names, n);
  return e;
}

/* Trained here, and saved nowhere. */
static bool weights_missing(const struct trial *t) {
  bool on_disk = t->saved[0].pack && t->saved[0].step >= t->step;
  return !on_disk && t->stints && t->stint.worker >= 0;
}

enum err steer_write_best(struct steer *s) {
  int missing = 0;
  char *folder = path_join(s->folder, "best");
  enum err e = clear_old_best(s, folder);
  for (size_t i = 0; i < s->n_best && e == OK && !s->evaluator->keeps_states; i++) {
    const struct trial *t = &s->study.trials[s->best[i]];
    char name[64];
    snprintf(name, sizeof name, "trial-%06lld.h5", (long long)t->number);
    char *path = path_join(folder, name);
    missing += weights_missing(t) && !file_exists(path);
    if (t->saved[0].pack && t->saved[0].step >= t->step && !file_exists(path)) {
      e = write_model(s, t, path);
      if (e == ERR_DAMAGED || e == ERR_INPUT) { /* the study stands without it */
        log_warn("best/%s could not be written: %s", name, err_text());
        err_clear();
        e = OK;
      }
    }
    free(path);
  }
  if (missing)
    log_warn("the weights of %d of the best trials could not be saved: the same command trains them again", missing);
  free(folder);
  return e;
}
