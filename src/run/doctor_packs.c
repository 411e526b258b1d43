/* Saved states: which packs are good, who needs them, and what each trial would go on from. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "run/doctor_parts.h"
#include "store/pack.h"

/* ---- the packs that are there ---- */

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct doctor_pack *)a)->name, ((const struct doctor_pack *)b)->name);
}

static struct doctor_pack *find_pack(const struct doctor *d, const char *name) {
  struct doctor_pack key = {.name = (char *)(uintptr_t)name};
  return d->n_packs ? bsearch(&key, d->packs, d->n_packs, sizeof key, by_name) : NULL;
}

/* A pack of a newer version is none of ours to judge. */
static enum err report_bad_pack(struct doctor *d, const char *part, const char *name, enum err how) {
  struct strbuf why = STRBUF_INIT;
  const char *text = err_text(), *advice = strstr(text, ": take the generation before it");
  strbuf_add(&why, text, advice ? (size_t)(advice - text) : strlen(text));
  err_clear();
  bool moved = how == ERR_DAMAGED && doctor_mends(d);
  enum err e = moved ? doctor_set_aside(d, part, name) : OK;
  if (e == OK)
    doctor_problem(d, moved ? DOCTOR_MENDED : DOCTOR_DAMAGED,
                   how != ERR_DAMAGED ? "" : "--mend moves it to a folder `damaged` beside it", "%s", why.text);
  strbuf_free(&why);
  return e;
}

static enum err read_pack(struct doctor *d, const char *name, json_t *list) {
  char *path = doctor_path(d, "packs", name);
  struct doctor_pack p = {.name = mem_strdup(name)};
  int64_t generation = -1;
  enum err how = pack_list(path, &p.trials, &p.steps, &p.n), e = OK;
  p.good = how == OK && pack_generation(path, &generation) == OK;
  json_t *trials = json_array();
  for (size_t i = 0; i < p.n; i++)
    json_array_append_new(trials, json_integer((json_int_t)p.trials[i]));
  json_array_append_new(list, json_pack("{s:s, s:b, s:I, s:o, s:s?}", "name", name, "good", p.good, "generation",
                                        (json_int_t)generation, "trials", trials, "why", p.good ? NULL : err_text()));
  if (!p.good && file_exists(path)) /* a running study removes what it does not need */
    e = report_bad_pack(d, "packs", name, how);
  err_clear();
  MEM_GROW(d->packs, d->n_packs, &d->cap_packs);
  d->packs[d->n_packs++] = p;
  free(path);
  return e;
}

void doctor_free_packs(struct doctor *d) {
  for (size_t i = 0; i < d->n_packs; i++) {
    free(d->packs[i].name);
    free(d->packs[i].trials);
    free(d->packs[i].steps);
  }
  free(d->packs);
}

/* ---- what a trial goes on from ---- */

static bool holds(const struct doctor_pack *p, int64_t trial) {
  for (size_t i = 0; p && p->good && i < p->n; i++)
    if (p->trials[i] == trial)
      return true;
  return false;
}

/* Where its newest state is that can be read: 0 or 1, 2: nowhere. Marks the packs on the way as needed. */
static int newest_state(const struct doctor *d, const struct trial *t) {
  int found = 2;
  for (int k = 0; k < 2; k++) {
    struct doctor_pack *p = t->saved[k].pack ? find_pack(d, t->saved[k].pack) : NULL;
    if (p)
      p->needed = true;
    if (found == 2 && holds(p, t->number))
      found = k;
  }
  return found;
}

/* What others may start from, as long as the study goes on. */
static void mark_shared(const struct doctor *d, const struct trial *t) {
  for (size_t i = 0; i < t->n_marks; i++) {
    struct doctor_pack *p = study_mark(&d->study, t, t->marks[i].step) ? find_pack(d, t->marks[i].pack) : NULL;
    if (p)
      p->needed = true;
  }
}

/* A paused trial may be one that will not go on: the run lets its states go. */
static void report_fallback(struct doctor *d, const struct trial *t, int found) {
  const char *newest = t->saved[0].pack;
  bool gone = newest && !find_pack(d, newest);
  if (!newest || found == 0 || d->alive || (gone && trial_is_paused(t) && t->stint.end == STINT_reached))
    return;
  char from[300] = "the start";
  if (found == 1)
    snprintf(from, sizeof from, "step %lld in packs/%s", (long long)t->saved[1].step, t->saved[1].pack);
  doctor_problem(d, DOCTOR_NOTE, "nothing: what it trains again comes to the same values",
                 "trial %lld goes on from %s: its newest state, in packs/%s, %s", (long long)t->number, from, newest,
                 gone ? "is not there" : "cannot be read");
}

static void plan_resume(struct doctor *d, const struct trial *t, json_t *list) {
  char from[400] = "the start";
  int found = newest_state(d, t);
  int64_t step = 0;
  if (d->keeps_states) {
    snprintf(from, sizeof from, "trials/trial-%06lld", (long long)t->number);
    char *path = path_join(d->folder, from);
    if (!file_exists(path))
      snprintf(from, sizeof from, "the start");
    free(path);
    step = t->step;
  } else {
    if (found < 2) {
      snprintf(from, sizeof from, "packs/%s", t->saved[found].pack);
      step = t->saved[found].step;
    } else if (t->parent >= 0) {
      snprintf(from, sizeof from, "packs/%s (trial %lld)", t->start.pack, (long long)t->parent);
      step = t->start.step;
    }
    report_fallback(d, t, found);
  }
  json_array_append_new(list, json_pack("{s:I, s:s, s:I, s:s?}", "trial", (json_int_t)t->number, "from", from, "step",
                                        (json_int_t)step, "instead_of",
                                        found > 0 && !d->keeps_states ? t->saved[0].pack : NULL));
}

/* ---- weights of the best ---- */

static bool in_best(const struct doctor *d, int64_t trial) {
  char name[64];
  snprintf(name, sizeof name, "trial-%06lld.h5", (long long)trial);
  char *path = doctor_path(d, "best", name);
  bool there = file_exists(path);
  free(path);
  return there;
}

static size_t mark_best(struct doctor *d) {
  size_t keep = d->conf ? (size_t)settings_int(d->conf, "run.keep") : 1, lost = 0;
  size_t *index = MEM_NEW_ARRAY(size_t, keep + 1), n = study_best(&d->study, keep, index);
  for (size_t i = 0; i < n; i++) {
    const struct trial *t = &d->study.trials[index[i]];
    bool saved = t->saved[0].pack && newest_state(d, t) < 2;
    lost += t->saved[0].pack && !saved && !in_best(d, t->number) && !d->keeps_states;
  }
  free(index);
  return lost;
}

/* ---- the sections ---- */

static void put_section(struct doctor *d, json_t *list, size_t lost) {
  size_t bad = 0, needless = 0;
  for (size_t i = 0; i < d->n_packs; i++) {
    json_object_set_new(json_array_get(list, i), "needed", json_boolean(d->packs[i].needed));
    bad += !d->packs[i].good;
    needless += d->packs[i].good && !d->packs[i].needed;
  }
  json_t *section = doctor_section(d, "packs", "%zu: %zu good and needed, %zu needed by no trial any more, %zu damaged",
                                   d->n_packs, d->n_packs - bad - needless, needless, bad);
  json_object_set_new(section, "packs", list);
  if (lost)
    doctor_problem(d, DOCTOR_NOTE, "coxswain train DIR --trial N makes them again, to the same bits",
                   "of %zu of the best trials no weights are kept", lost);
}

enum err doctor_read_packs(struct doctor *d) {
  char *folder = path_join(d->folder, "packs"), **names = NULL;
  size_t n = 0;
  json_t *list = json_array(), *resume = json_array();
  enum err e = file_exists(folder) ? file_list(folder, ".h5", &names, &n) : OK;
  for (size_t i = 0; i < n && e == OK; i++)
    e = read_pack(d, names[i], list);
  const char *done = study_attribute(&d->study, "coxswain:done");
  for (size_t i = 0; i < d->study.n && (!done || strcmp(done, "\"\"") == 0); i++)
    mark_shared(d, &d->study.trials[i]);
  for (size_t i = 0; i < d->study.n && e == OK; i++)
    if (!trial_is_over(&d->study.trials[i]))
      plan_resume(d, &d->study.trials[i], resume);
  json_object_set_new(d->report, "resume", resume);
  put_section(d, list, mark_best(d));
  file_list_free(names, n);
  free(folder);
  return e;
}

enum err doctor_read_best(struct doctor *d) {
  char *folder = path_join(d->folder, "best"), **names = NULL;
  size_t n = 0, bad = 0;
  enum err e = file_exists(folder) ? file_list(folder, ".h5", &names, &n) : OK;
  for (size_t i = 0; i < n && e == OK; i++) {
    char *path = path_join(folder, names[i]);
    enum err how = pack_check(path);
    bool there = how != OK && file_exists(path);
    bad += there;
    if (there)
      e = report_bad_pack(d, "best", names[i], how);
    err_clear();
    free(path);
  }
  json_t *section =
      doctor_section(d, "best", bad ? "weights of %zu trials, %zu of them damaged" : "weights of %zu trials", n, bad);
  json_object_set_new(section, "files", json_integer((json_int_t)n));
  file_list_free(names, n);
  free(folder);
  return e;
}
