#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
#include "hpo/propose.h"
#include "run/folder.h"
#include "run/model_file.h"
#include "store/pack.h"

static void usage(void) {
  printf("usage: coxswain merge OUT DIR ...\n\n"
         "Joins studies of the same identity, as coxswain run --points leaves them, to one: every trial with its "
         "point, values,\n"
         "metrics and, where they were kept, weights, in the order of the numbers that coxswain split gave them. A "
         "point that\n"
         "is in two of them is refused, and so is a folder OUT that is there already.\n\n"
         "example:\n"
         "  coxswain merge scan scan01 scan02 ... scan10\n");
}

/* One trial of one part. */
struct origin {
  const struct folder *from;
  const struct trial *t;
};

struct merge {
  const char *out; /* a folder beside the one that is asked for, which takes its name when everything is in it */
  struct folder *parts;
  size_t n_parts;
  struct origin *trials; /* by key */
  size_t n;
  struct journal *journal;
};

/* ---- what goes together ---- */

static enum err same_identity(const struct merge *m) {
  static const char *const keys[] = {"coxswain:identity", "coxswain:content"};
  for (size_t i = 1; i < m->n_parts; i++)
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
      const char *a = study_attribute(&m->parts[0].study, keys[k]), *b = study_attribute(&m->parts[i].study, keys[k]);
      if (!a || !b || strcmp(a, b) || strcmp(m->parts[0].study.name, m->parts[i].study.name))
        return FAIL(ERR_INPUT, "merge: %s and %s are not of the same study: their %s differ", m->parts[0].path,
                    m->parts[i].path, k ? "data" : "settings");
    }
  return OK;
}

static int by_key(const void *a, const void *b) {
  const struct origin *x = a, *y = b;
  return x->t->key < y->t->key ? -1 : x->t->key > y->t->key;
}

static int by_hash(const void *a, const void *b) {
  uint64_t x = params_hash(&(*(const struct trial *const *)a)->params),
           y = params_hash(&(*(const struct trial *const *)b)->params);
  return x < y ? -1 : x > y;
}

static enum err no_point_twice(const struct merge *m) {
  const struct trial **t = MEM_NEW_ARRAY(const struct trial *, m->n + 1);
  enum err e = OK;
  for (size_t i = 0; i < m->n; i++)
    t[i] = m->trials[i].t;
  qsort(t, m->n, sizeof *t, by_hash);
  for (size_t i = 1; i < m->n && e == OK; i++)
    if (params_equal(&t[i - 1]->params, &t[i]->params)) {
      char *text = params_to_text(&t[i]->params);
      e = FAIL(ERR_INPUT, "merge: the point %s is there twice (numbers %lld and %lld)", text, (long long)t[i - 1]->key,
               (long long)t[i]->key);
      free(text);
    }
  for (size_t i = 1; i < m->n && e == OK; i++)
    if (m->trials[i - 1].t->key == m->trials[i].t->key)
      e = FAIL(ERR_INPUT, "merge: number %lld is in %s and in %s", (long long)m->trials[i].t->key,
               m->trials[i - 1].from->path, m->trials[i].from->path);
  free(t);
  return e;
}

static enum err gather(struct merge *m) {
  size_t cap = 0;
  for (size_t i = 0; i < m->n_parts; i++) {
    if (m->parts[i].runner)
      return FAIL(ERR_BUSY, "merge: %s is running (%s)", m->parts[i].path, m->parts[i].runner);
    for (size_t k = 0; k < m->parts[i].study.n; k++) {
      const struct trial *t = &m->parts[i].study.trials[k];
      if (!trial_is_over(t))
        return FAIL(ERR_INPUT, "merge: %s is not complete: trial %zu is %s", m->parts[i].path, k,
                    trial_state_name(t->state));
      if (trial_is_derived(t))
        return FAIL(ERR_INPUT,
                    "merge: trial %zu of %s comes from another one (pbt, study.confirm): such studies are whole", k,
                    m->parts[i].path);
      MEM_GROW(m->trials, m->n, &cap);
      m->trials[m->n++] = (struct origin){&m->parts[i], t};
    }
  }
  qsort(m->trials, m->n, sizeof *m->trials, by_key);
  return no_point_twice(m);
}

/* ---- writing ---- */

static enum err add(void *journal, const struct op *op) {
  journal_add(journal, op);
  return OK;
}

static enum err add_study(struct merge *m) {
  const struct study *s = &m->parts[0].study;
  struct op create = op_of(OP_CREATE_STUDY, 0);
  create.name = s->name;
  create.maximize = s->maximize;
  journal_add(m->journal, &create);
  for (size_t i = 0; i < s->n_attributes; i++) {
    const struct attribute *a = &s->attributes[i];
    if (!strncmp(a->key, "coxswain:inbox", 14) || !strcmp(a->key, "coxswain:writer"))
      continue;
    struct op op = op_of(OP_STUDY_ATTR, 0);
    op.name = a->key;
    op.json = a->json;
    op.system = a->system;
    journal_add(m->journal, &op);
  }
  return journal_commit(m->journal);
}

/* The weights of a trial, under its new number, if its part kept them. */
static enum err copy_weights(const struct merge *m, const struct origin *o, int64_t number) {
  struct state state;
  int64_t step;
  char name[300];
  state_init(&state);
  snprintf(name, sizeof name, "packs/%s", o->t->saved[0].pack ? o->t->saved[0].pack : "");
  char *source = path_join(o->from->path, name), *target = NULL;
  enum err e = OK;
  if (!o->t->saved[0].pack || !file_exists(source))
    goto end;
  TRY_GOTO(e, end, pack_read(source, o->t->number, &state, &step));
  snprintf(name, sizeof name, "packs/merged-%06lld.h5", (long long)number);
  target = path_join(m->out, name);
  struct pack_item item = {.trial = number, .step = step, .state = &state};
  TRY_GOTO(e, end, pack_write(target, m->parts[0].study.name, 0, &item, 1));
  struct op op = op_of(OP_SAVED, number);
  op.name = path_name(target);
  op.step = step;
  journal_add(m->journal, &op);
end:
  state_free(&state);
  free(source);
  free(target);
  return e;
}

static enum err add_trial(const struct merge *m, const struct origin *o, int64_t number) {
  const struct trial *t = o->t;
  TRY(propose_trial(&o->from->space, &t->params, number, t->key, t->asked_at, t->enqueued, add, m->journal));
  for (size_t i = 0; i < t->n_reports; i++) {
    struct op op = op_of(OP_REPORT, number);
    op.step = t->reports[i].step;
    op.value = t->reports[i].value;
    journal_add(m->journal, &op);
  }
  for (size_t i = 0; i < t->n_attributes; i++) {
    struct op op = op_of(OP_TRIAL_ATTR, number);
    op.name = t->attributes[i].key;
    op.json = t->attributes[i].json;
    op.system = t->attributes[i].system;
    journal_add(m->journal, &op);
  }
  if (t->stints) {
    struct op op = op_of(OP_STINT, number);
    op.stint = (struct stint){
        .id = number, .order = number, .to = t->stint.to, .worker = t->stint.worker, .team = t->stint.team};
    journal_add(m->journal, &op);
    op = op_of(OP_END, number);
    op.stint.id = number;
    op.stint.end = t->stint.end;
    op.step = t->step;
    op.seconds = t->seconds;
    op.reason = t->reason;
    journal_add(m->journal, &op);
  }
  TRY(copy_weights(m, o, number));
  struct op state = op_of(OP_STATE, number);
  state.state = t->state;
  state.value = t->value;
  state.time = t->ended;
  journal_add(m->journal, &state);
  return journal_commit(m->journal);
}

static enum err copy_file(const struct merge *m, const char *name) {
  struct strbuf text = STRBUF_INIT;
  char *from = path_join(m->parts[0].path, name), *to = path_join(m->out, name);
  enum err e = OK;
  if (file_exists(from))
    e = file_read(from, &text);
  if (e == OK && text.len)
    e = file_write_atomic(to, text.text, text.len);
  strbuf_free(&text);
  free(from);
  free(to);
  return e;
}

static enum err make_out(const struct merge *m) {
  static const char *const folders[] = {"packs", "best", "logs", "inbox"};
  if (file_exists(m->out))
    return FAIL(ERR_INPUT, "merge: %s is there already, from a merge that was killed or still runs: remove it", m->out);
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    char *path = path_join(m->out, folders[i]);
    enum err e = file_make_folders(path);
    free(path);
    TRY(e);
  }
  TRY(copy_file(m, "study.cfg"));
  return copy_file(m, "data.json");
}

static enum err nothing(void *context, const struct op *op) {
  (void)context, (void)op;
  return OK;
}

static enum err write_study(struct merge *m) {
  char *path = path_join(m->out, "journal.log");
  enum err e = journal_open(&m->journal, path, nothing, NULL);
  free(path);
  TRY(e);
  TRY(add_study(m));
  for (size_t i = 0; i < m->n; i++)
    TRY(add_trial(m, &m->trials[i], (int64_t)i));
  return OK;
}

/* ---- best/ ---- */

static enum err write_model(const struct folder *f, const char *study_file, const struct trial *t) {
  char name[300];
  struct state state;
  int64_t step;
  state_init(&state);
  snprintf(name, sizeof name, "packs/%s", t->saved[0].pack);
  char *pack = path_join(f->path, name);
  snprintf(name, sizeof name, "best/trial-%06lld.h5", (long long)t->number);
  char *model = path_join(f->path, name);
  enum err e = pack_read(pack, t->number, &state, &step);
  struct model_origin origin = {.study = f->study.name,
                                .study_file = study_file,
                                .folder = f->path,
                                .trial = t->number,
                                .step = step,
                                .params = &t->params};
  if (e == OK)
    e = model_file_write(model, &origin, &state);
  state_free(&state);
  free(pack);
  free(model);
  return e;
}

/* As at the end of a run: the networks of the best trials, for predict. */
static enum err write_best(const struct merge *m) {
  struct folder f;
  char *settings = NULL, *study_file = NULL;
  TRY(folder_open(&f, m->out));
  enum err e = folder_settings(m->out, &settings, &study_file);
  size_t keep = (size_t)settings_int(f.conf, "run.keep"), *index = MEM_NEW_ARRAY(size_t, m->n + 1);
  size_t n = study_best(&f.study, keep < m->n ? keep : m->n, index);
  for (size_t i = 0; i < n && e == OK; i++)
    if (f.study.trials[index[i]].saved[0].pack)
      e = write_model(&f, study_file, &f.study.trials[index[i]]);
  free(index);
  free(settings);
  free(study_file);
  folder_close(&f);
  return e;
}

/* All of it or nothing: half a merged study would look like a whole one. */
static enum err join(struct merge *m) {
  TRY(same_identity(m));
  TRY(gather(m));
  TRY(make_out(m));
  enum err e = write_study(m);
  if (e == OK)
    e = write_best(m);
  journal_close(m->journal);
  m->journal = NULL;
  return e;
}

static enum err join_to(struct merge *m, const char *target) {
  char *parent = path_folder(target);
  struct strbuf unfinished = STRBUF_INIT;
  strbuf_printf(&unfinished, "%s.merging", target);
  m->out = unfinished.text;
  enum err e = file_exists(target) ? FAIL(ERR_INPUT, "merge: %s is there already: give a new folder", target) : OK;
  bool ours = e == OK && !file_exists(m->out);
  if (e == OK)
    e = join(m);
  if (e == OK)
    e = file_rename(m->out, target);
  if (e == OK)
    e = file_sync_folder(parent);
  else if (ours)
    (void)file_remove_tree(m->out);
  strbuf_free(&unfinished);
  free(parent);
  return e;
}

enum err cmd_merge(int argc, char **argv) {
  if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
    usage();
    return OK;
  }
  if (argc < 3)
    return FAIL(ERR_INPUT, "merge: give a new folder and the folders to join: coxswain merge OUT DIR ...");
  struct merge m = {.parts = MEM_NEW_ARRAY(struct folder, argc)};
  enum err e = OK;
  for (int i = 2; i < argc && e == OK; i++) {
    e = folder_open(&m.parts[m.n_parts], argv[i]);
    m.n_parts += e == OK;
  }
  if (e == OK)
    e = join_to(&m, argv[1]);
  if (e == OK)
    printf("%s: %zu trials of %zu studies\n", argv[1], m.n, m.n_parts);
  for (size_t i = 0; i < m.n_parts; i++)
    folder_close(&m.parts[i]);
  free(m.parts);
  free(m.trials);
  return e;
}
