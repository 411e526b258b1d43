/* Opening a study: its settings, its folder, its journal, and everything as it was left. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "hpo/explore.h"
#include "nn/metric.h"
#include "run/display.h"
#include "run/folder.h"
#include "run/preflight.h"
#include "run/steer.h"

/* ---- settings and folder ---- */

char *run_study_name(const struct settings *conf, const char *study_file) {
  if (settings_given(conf, "study.name"))
    return mem_strdup(settings_text(conf, "study.name"));
  char *name = mem_strdup(path_name(study_file));
  size_t n = strlen(name);
  if (n > 4 && !strcmp(name + n - 4, ".cfg"))
    name[n - 4] = 0;
  return name;
}

bool run_maximizes(const struct settings *conf) {
  const char *d = settings_text(conf, "study.direction");
  return strcmp(d, "auto") ? !strcmp(d, "maximize") : metric_is_maximized(settings_text(conf, "study.metric"));
}

static void options_of(const struct steer *s, struct evaluator_options *o) {
  *o = (struct evaluator_options){.conf = s->conf,
                                  .space = &s->space,
                                  .folder = s->folder,
                                  .study_name = s->study.name,
                                  .maximize = s->maximize,
                                  .slots = (size_t)settings_int(s->conf, "run.slots")};
}

/* A study folder stands for the study file it came from, with its settings as they were. */
static enum err read_file_or_folder(struct steer *s, struct complaints *c) {
  const struct run_options *o = s->options;
  char *journal = path_join(o->study_file, "journal.log");
  bool is_folder = file_exists(journal);
  free(journal);
  if (!is_folder) {
    char *absolute = realpath(o->study_file, NULL); /* commands on the folder may be given anywhere */
    s->study_file = mem_strdup(absolute ? absolute : o->study_file);
    free(absolute);
    settings_read(&s->conf, o->study_file, o->overrides, o->n_overrides, c);
    return OK;
  }
  char *text = NULL;
  TRY(folder_settings(o->study_file, &text, &s->study_file));
  s->folder = mem_strdup(o->study_file);
  char *copy = path_join(o->study_file, "study.cfg");
  settings_read_text(&s->conf, text, copy, o->overrides, o->n_overrides, c);
  if (s->conf)
    settings_stand_for(s->conf, s->study_file);
  free(copy);
  free(text);
  return OK;
}

void steer_note_settings(struct steer *s) {
  s->ordered = settings_bool(s->conf, "run.ordered");
  s->runs_on = !settings_bool(s->conf, "schedule.pause");
  s->keep = (size_t)settings_int(s->conf, "run.keep");
}

/* Every mistake that can be found without training, all at once. */
static enum err read_settings(struct steer *s) {
  struct complaints c;
  complaints_init(&c);
  enum err e = read_file_or_folder(s, &c);
  if (e == OK && s->conf) {
    space_from_settings(&s->space, s->conf, &c);
    s->evaluator = evaluator_ops_of(settings_text(s->conf, "evaluator"));
    struct evaluator_options o;
    options_of(s, &o);
    if (!c.n && s->evaluator && !s->options->offline)
      evaluator_check(s->evaluator, &o, &c);
  }
  if (e == OK)
    e = complaints_verdict(&c);
  complaints_free(&c);
  TRY(e);
  s->maximize = run_maximizes(s->conf);
  steer_note_settings(s);
  s->fixed_points = s->options->points != NULL;
  return OK;
}

/* Only a study is moved, and not one that somebody runs. */
static enum err move_aside(const char *folder) {
  char target[4096], *journal = path_join(folder, "journal.log"), *runner = folder_runner(folder);
  bool is_study = file_exists(journal);
  enum err e = runner ? FAIL(ERR_BUSY, "--fresh: %s is being written by %s: stop it first (coxswain stop %s)", folder,
                             runner, folder)
                      : OK;
  free(journal);
  free(runner);
  TRY(e);
  if (!is_study)
    return OK;
  for (int n = 1;; n++) {
    snprintf(target, sizeof target, "%s.old-%d", folder, n);
    if (!file_exists(target))
      break;
  }
  TRY(file_rename(folder, target));
  log_info("moved the old study to %s", target);
  return OK;
}

static enum err make_folder(struct steer *s, const char *name) {
  const char *out = s->options->out ? s->options->out : settings_text(s->conf, "run.out");
  if (!s->folder)
    s->folder = mem_strdup(*out ? out : name);
  for (size_t n = strlen(s->folder); n > 1 && s->folder[n - 1] == '/'; n--)
    s->folder[n - 1] = 0;
  if (s->options->fresh)
    TRY(move_aside(s->folder));
  static const char *const parts[] = {"packs", "best", "logs", "inbox"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    char *path = path_join(s->folder, parts[i]);
    enum err e = file_make_folders(path);
    free(path);
    TRY(e);
  }
  return OK;
}

enum err steer_write_settings(const struct steer *s, const struct settings *conf) {
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text, "# Effective settings of this study, from %s. Paths are relative to that file.\n",
                s->study_file);
  settings_write(conf, &text);
  char *path = path_join(s->folder, "study.cfg");
  enum err e = file_write_atomic(path, text.text, text.len);
  free(path);
  strbuf_free(&text);
  return e;
}

/* ---- identity ---- */

static enum err record_json(struct steer *s, const char *key, json_t *json) {
  char *text = json_text(json);
  json_decref(json);
  enum err e = steer_attribute(s, -1, true, key, text);
  free(text);
  return e;
}

static enum err record_text(struct steer *s, const char *key, const char *value) {
  return record_json(s, key, json_string(value));
}

static enum err describe_study(struct steer *s, const char *content) {
  TRY(steer_attribute(s, -1, true, "coxswain:format", "1")); /* until it has what format 2 is for: op.h */
  TRY(record_text(s, "coxswain:version", COXSWAIN_VERSION));
  TRY(record_json(s, "coxswain:identity", settings_to_json(s->conf, IDENTITY)));
  TRY(record_json(s, "coxswain:settings", settings_to_json(s->conf, FREE)));
  TRY(record_text(s, "coxswain:content", content));
  TRY(record_text(s, "coxswain:study_file", s->study_file));
  struct strbuf metric = STRBUF_INIT;
  strbuf_printf(&metric, "[\"%s\"]", settings_text(s->conf, "study.metric"));
  enum err e = steer_attribute(s, -1, true, "study:metric_names", metric.text); /* how Optuna labels its plots */
  strbuf_free(&metric);
  return e;
}

static enum err create_study(struct steer *s, const char *name, const char *content) {
  struct op op = op_of(OP_CREATE_STUDY, 0);
  op.name = name;
  op.maximize = s->maximize;
  TRY(steer_record(s, &op));
  return describe_study(s, content);
}

/* A study that has not begun, because its data were not right for example, takes whatever settings come next. */
static bool has_not_begun(const struct steer *s, const char *name) {
  return s->study.n == 0 && !strcmp(s->study.name, name) && s->study.maximize == s->maximize;
}

static enum err differences(struct steer *s, const char *key, enum setting_class class, struct strbuf *out, size_t *n) {
  const char *recorded = study_attribute(&s->study, key);
  json_t *json = NULL;
  *n = 0;
  if (!recorded)
    return FAIL(ERR_DAMAGED, "%s: the journal has no %s: it is not one of coxswain's", s->folder, key);
  TRY(json_parse(recorded, key, &json));
  *n = settings_difference(s->conf, class, json, out);
  json_decref(json);
  return OK;
}

static enum err check_identity(struct steer *s, const char *content) {
  struct strbuf text = STRBUF_INIT;
  size_t n;
  enum err e = differences(s, "coxswain:identity", IDENTITY, &text, &n);
  char *quoted = NULL;
  if (e == OK && n)
    e = FAIL(ERR_CONFIG,
             "%s holds a study with other settings:\n%sPut them back to go on with it, choose another --out, or use "
             "--fresh to "
             "move it aside and start over",
             s->folder, text.text);
  if (e == OK) {
    json_t *string = json_string(content);
    quoted = json_text(string);
    json_decref(string);
    const char *recorded = study_attribute(&s->study, "coxswain:content");
    bool differs = recorded && !s->options->offline && strcmp(recorded, quoted) != 0;
    if (differs && !strcmp(recorded, "\"\"")) /* the study began with coxswain ask, which looks at no data */
      e = steer_attribute(s, -1, true, "coxswain:content", quoted);
    else if (differs)
      e = FAIL(ERR_CONFIG,
               "%s holds a study on other data (then %.20s..., now %.20s...): the files have changed. Choose another "
               "--out, or "
               "use --fresh to move it aside and start over",
               s->folder, recorded, quoted);
  }
  free(quoted);
  strbuf_free(&text);
  return e;
}

static enum err note_changes(struct steer *s) {
  struct strbuf text = STRBUF_INIT;
  size_t n;
  enum err e = differences(s, "coxswain:settings", FREE, &text, &n);
  if (e == OK && n) {
    log_info("settings that changed since the last run:\n%.*s", (int)text.len - 1, text.text); /* without its last \n */
    e = record_json(s, "coxswain:settings", settings_to_json(s->conf, FREE));
  }
  strbuf_free(&text);
  return e;
}

/* ---- the study as it was left ---- */

/* As steer_record, for what is in the journal already. */
static enum err visit(void *context, const struct op *op) {
  struct steer *s = context;
  TRY(study_apply(&s->study, op));
  if (schedule_hears(&s->study, op))
    schedule_tell(&s->schedule, &s->study, &s->study.trials[op->trial]);
  return OK;
}

/* Stints that were out when the last run ended, however it ended, were interrupted: their workers are gone. */
static enum err end_open_stints(struct steer *s) {
  for (size_t i = 0; i < s->study.n && s->study.out > 0; i++) {
    const struct trial *t = &s->study.trials[i];
    if (!t->stints || t->stint.end != STINT_OPEN || t->stint.worker < 0) /* -1: asked for by somebody outside */
      continue;
    int64_t step = t->saved[0].pack && t->saved[0].step > t->stint.from ? t->saved[0].step : t->stint.from;
    TRY(steer_end_stint(s, t, STINT_interrupted, step, 0, "the run ended"));
  }
  return OK;
}

static int by_order(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  return x[1] < y[1] ? -1 : x[1] > y[1];
}

/* Trials whose stint was cut short go out first, in the order of the decisions; then those that never went out. */
static void gather_unfinished(struct steer *s) {
  int64_t(*pairs)[2] = mem_alloc((s->study.n + 1) * sizeof *pairs);
  size_t n = 0;
  for (size_t i = 0; i < s->study.n; i++) {
    const struct trial *t = &s->study.trials[i];
    if (t->stints && t->stint.order >= s->next_order)
      s->next_order = t->stint.order + 1;
    if (trial_is_over(t))
      continue;
    if (!t->stints) {
      queue_add(&s->fresh, t->number);
    } else if (t->stint.end == STINT_interrupted || t->stint.end == STINT_lost || t->stint.end == STINT_crashed) {
      pairs[n][0] = t->number;
      pairs[n++][1] = t->stint.order;
    }
  }
  qsort(pairs, n, sizeof *pairs, by_order);
  for (size_t i = 0; i < n; i++) {
    queue_add(&s->due, pairs[i][0]);
  }
  free(pairs);
}

/* What a killed writer left half written. */
static enum err remove_unfinished(const char *folder) {
  char **names;
  size_t n;
  TRY(file_list(folder, ".tmp", &names, &n));
  enum err e = OK;
  for (size_t i = 0; i < n && e == OK; i++) {
    char *path = path_join(folder, names[i]);
    e = file_remove(path);
    free(path);
  }
  file_list_free(names, n);
  return e;
}

static enum err list_packs(struct steer *s) {
  char *folder = path_join(s->folder, "packs");
  enum err e = remove_unfinished(folder);
  if (e == OK)
    e = file_list(folder, ".h5", &s->packs, &s->n_packs);
  s->cap_packs = s->n_packs;
  free(folder);
  return e;
}

static void make_holders(struct steer *s) {
  s->cap_holder = s->study.n + 64;
  s->holder = MEM_NEW_ARRAY(int, s->cap_holder);
  for (size_t i = 0; i < s->cap_holder; i++)
    s->holder[i] = -1;
}

/* From here on, no word means that the run died. */
static enum err forget_how_it_left(struct steer *s) {
  const char *left = study_attribute(&s->study, "coxswain:left");
  return left && strcmp(left, "\"\"") != 0 ? steer_attribute(s, -1, true, "coxswain:left", "\"\"") : OK;
}

static enum err open_journal(struct steer *s, const char *name) {
  struct strbuf content = STRBUF_INIT;
  struct evaluator_options o;
  options_of(s, &o);
  enum err e = OK;
  char *path = path_join(s->folder, "journal.log");
  if (s->evaluator->identity && !s->options->offline)
    TRY_GOTO(e, end, s->evaluator->identity(&o, &content));
  TRY_GOTO(e, end, journal_open_on(&s->journal, path, steer_begin, visit, s));
  bool is_new = !s->study.name;
  if (!is_new)
    TRY_GOTO(e, end, steer_recall_set(s));
  if (is_new)
    TRY_GOTO(e, end, create_study(s, name, content.text));
  else if (has_not_begun(s, name))
    TRY_GOTO(e, end, describe_study(s, content.text));
  else {
    TRY_GOTO(e, end, check_identity(s, content.text));
    TRY_GOTO(e, end, note_changes(s));
  }
  if (!is_new && !s->options->offline)
    log_info("going on with %s: %lld trials done, %lld in training", s->folder,
             (long long)(s->study.counts[TRIAL_COMPLETE] + s->study.counts[TRIAL_PRUNED] + s->study.counts[TRIAL_FAIL]),
             (long long)s->study.counts[TRIAL_RUNNING]);
  TRY_GOTO(e, end, end_open_stints(s));
  if (!s->options->offline)
    TRY_GOTO(e, end, forget_how_it_left(s));
  TRY_GOTO(e, end, journal_commit(s->journal));
  steer_snapshot_now(s);
end:
  free(path);
  strbuf_free(&content);
  return e;
}

static enum err open_log(const struct steer *s) {
  char *path = path_join(s->folder, "logs/rank-0000.log");
  enum err e = log_open(path);
  free(path);
  return e;
}

/* Population based training: what may change while a trial trains. */
static void say_what_changes(const struct steer *s) {
  struct strbuf text = STRBUF_INIT;
  if (!schedule_breeds(&s->schedule) || s->options->offline)
    return;
  explore_describe(s->conf, &s->space, &text);
  log_info("%s: %s", s->schedule.ops->name, text.text);
  strbuf_free(&text);
}

enum err steer_open(struct steer *s, struct wire *wire, const struct run_options *o) {
  *s = (struct steer){.options = o, .wire = wire, .best_shown = (double)NAN};
  s->started = steer_now(s);
  s->last_kept = s->last_noted = s->last_loop = s->started;
  TRY(read_settings(s));
  char *name = run_study_name(s->conf, s->study_file);
  int64_t steps = s->evaluator->steps(s->conf);
  struct rng_key key = rng_key(name, (uint64_t)settings_int(s->conf, "study.seed"));
  enum err e = OK;
  TRY_GOTO(e, end, make_folder(s, name));
  TRY_GOTO(e, end, open_log(s));
  if (!o->offline)
    TRY_GOTO(e, end, preflight_short(wire, s->folder));
  study_init(&s->study, &s->space);
  TRY_GOTO(e, end, schedule_open(&s->schedule, settings_text(s->conf, "schedule.name"), steps, s->conf));
  TRY_GOTO(e, end, sampler_open(&s->sampler, sampler_chosen(s->conf), &s->space, key, s->conf));
  TRY_GOTO(e, end, open_journal(s, name));
  TRY_GOTO(e, end, steer_write_settings(s, s->conf));
  gather_unfinished(s);
  make_holders(s);
  steer_restore_best(s);
  TRY_GOTO(e, end, list_packs(s));
  TRY_GOTO(e, end, steer_list_checkpoints(s));
  steer_recall_time(s);
  if (o->points)
    TRY_GOTO(e, end, steer_enqueue_file(s, o->points));
  if (!o->offline)
    s->walltime =
        walltime_open(settings_double(s->conf, "run.walltime"), s->started, settings_double(s->conf, "run.poll"));
  say_what_changes(s);
  s->display = display_new(s);
end:
  free(name);
  return e;
}

void steer_close(struct steer *s) {
  display_free(s->display);
  walltime_close(s->walltime);
  for (size_t i = 0; i < s->n_peers; i++) {
    free(s->peers[i].host);
    free(s->peers[i].device);
    free(s->peers[i].out);
    strbuf_free(&s->peers[i].mail);
  }
  for (size_t i = 0; i < s->n_waiting; i++)
    ending_free(&s->waiting[i].end);
  worker_free(s->own);
  comm_close(s->own_team);
  snapshot_drop(s->snapshot);
  journal_close(s->journal);
  if (s->sampler.ops)
    sampler_close(&s->sampler);
  if (s->schedule.ops)
    schedule_close(&s->schedule);
  study_free(&s->study);
  space_free(&s->space);
  settings_free(s->conf);
  settings_free(s->next_conf);
  file_list_free(s->packs, s->n_packs);
  free(s->peers);
  free(s->holder);
  free(s->best);
  queue_free(&s->due);
  queue_free(&s->fresh);
  free(s->roomy);
  free(s->live);
  free(s->checkpoints);
  free(s->waiting);
  free(s->folder);
  free(s->study_file);
}
