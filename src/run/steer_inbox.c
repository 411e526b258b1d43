/* What other processes want of a study. They never write the journal: they drop an atomic file into DIR/inbox, which is
 * journaled here and then deleted. Without a running rank 0 the same functions are called by the command itself.
 *
 * {"command": "enqueue", "points": [{"lr": 0.001, ...}, ...]}       or {"number": n, "params": {...}} each
 * {"command": "tell", "results": [{"trial": 3, "value": 0.4}, {"params": {...}, "value": 0.4}, {"trial": 4, "failed":
 * "why"}]}
 * {"command": "ask", "n": 4}                                         answered in ID.reply
 * {"command": "cancel", "trials": [3, 4]}
 * {"command": "set", "settings": ["study.trials=200"]}               steer_set.c; answered with what changed
 * {"command": "stop"} */
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
#include "run/steer.h"

/* ---- points ---- */

#define MOST_NUMBER (INT64_C(1) << 53) /* what JSON holds exactly everywhere */

static enum err read_point(struct steer *s, const json_t *json, const char *where, struct params *p, int64_t *key) {
  const json_t *inner = json_object_get(json, "params"), *number = json_object_get(json, "number");
  bool wrapped = json_is_object(inner) && !space_dimension(&s->space, "params");
  *key = wrapped && json_is_integer(number) ? json_integer_value(number) : -1;
  if (wrapped && number && (*key < 0 || *key > MOST_NUMBER))
    return FAIL(ERR_INPUT, "%s: its \"number\" must be a whole number from 0 to 2^53", where);
  TRY(params_from_json(p, wrapped ? inner : json, where));
  double *u = MEM_NEW_ARRAY(double, s->space.n_coordinates + 1);
  enum err e = space_adopt(&s->space, p, u, where);
  free(u);
  return e;
}

static enum err enqueue_point(struct steer *s, const json_t *json, const char *where) {
  struct params p;
  int64_t key, number = -1;
  params_init(&p);
  enum err e = read_point(s, json, where, &p, &key);
  if (e == OK)
    e = steer_new_trial(s, &p, key, true, &number);
  params_free(&p);
  TRY(e);
  queue_add(&s->fresh, number);
  return OK;
}

/* Each point is checked before the first is recorded: all or none. */
static enum err enqueue(struct steer *s, const json_t *points, const char *name) {
  char where[300];
  if (!json_is_array(points))
    return FAIL(ERR_INPUT, "%s: no list of points", name);
  for (int record = 0; record < 2; record++)
    for (size_t i = 0; i < json_array_size(points); i++) {
      const json_t *point = json_array_get(points, i);
      snprintf(where, sizeof where, "%s: point %zu", name, i);
      if (record)
        TRY(enqueue_point(s, point, where));
      else {
        struct params p;
        int64_t key;
        params_init(&p);
        enum err e = read_point(s, point, where, &p, &key);
        params_free(&p);
        TRY(e);
      }
    }
  return OK;
}

/* A run that goes on has its points in the journal; they must be those of the file. */
static enum err check_same_points(struct steer *s, const json_t *points, const char *path) {
  char where[300];
  for (size_t i = 0; i < json_array_size(points); i++) {
    struct params p;
    int64_t key;
    params_init(&p);
    snprintf(where, sizeof where, "%s: point %zu", path, i);
    enum err e = read_point(s, json_array_get(points, i), where, &p, &key);
    if (e == OK && !study_has_seen(&s->study, &p))
      e = FAIL(ERR_CONFIG, "%s is not in %s, which was begun with other points: choose another --out", where,
               s->folder);
    params_free(&p);
    TRY(e);
  }
  return OK;
}

enum err steer_enqueue_file(struct steer *s, const char *path) {
  json_t *json = NULL;
  bool goes_on = s->study.n > 0;
  TRY(json_read_file(path, &json));
  enum err e = goes_on ? check_same_points(s, json, path) : enqueue(s, json, path);
  json_decref(json);
  TRY(e);
  if (goes_on)
    return OK;
  char count[32]; /* what the study ends with, in place of study.trials */
  snprintf(count, sizeof count, "%zu", s->study.n);
  TRY(steer_attribute(s, -1, true, "coxswain:points", count));
  return journal_commit(s->journal);
}

/* ---- tell ---- */

/* The trial that a result is of; *trial = -1: a point that nobody asked for, in p. */
static enum err find_told(struct steer *s, const json_t *result, const char *where, struct params *p, int64_t *key,
                          int64_t *trial) {
  const json_t *number = json_object_get(result, "trial"), *params = json_object_get(result, "params");
  *trial = -1;
  if (json_is_integer(number)) {
    *trial = json_integer_value(number);
    if (*trial >= 0 && (size_t)*trial < s->study.n)
      return OK;
    return FAIL(ERR_INPUT, "%s: there is no trial %lld", where, (long long)*trial);
  }
  if (!json_is_object(params))
    return FAIL(ERR_INPUT, "%s: it needs \"trial\": number or \"params\": {...}", where);
  TRY(read_point(s, result, where, p, key));
  *trial = study_find_open(&s->study, p); /* a point that was asked for and is told by its values */
  return OK;
}

static enum err check_told(const struct steer *s, const json_t *result, const char *where, int64_t number) {
  const json_t *value = json_object_get(result, "value"), *failed = json_object_get(result, "failed");
  const struct trial *t = number >= 0 ? &s->study.trials[number] : NULL;
  if (t && trial_is_over(t))
    return FAIL(ERR_INPUT, "%s: trial %lld is over already (%s)", where, (long long)number, trial_state_name(t->state));
  if (t && trial_is_out(t) && t->stint.worker >= 0)
    return FAIL(ERR_INPUT, "%s: trial %lld is being trained by worker %d", where, (long long)number, t->stint.worker);
  if (!json_is_string(failed) && !(json_is_number(value) && isfinite(json_number_value(value))))
    return FAIL(ERR_INPUT, "%s: it needs \"value\": a number, or \"failed\": \"why\"", where);
  return OK;
}

static enum err close_stint(struct steer *s, const struct trial *t, enum stint_end how, const char *reason) {
  if (!t->stints || t->stint.end != STINT_OPEN)
    return OK;
  return steer_end_stint(s, t, how, t->stint.to, 0, reason);
}

/* A stint that somebody outside does: worker -1; it stays open when a run ends. */
static enum err open_outside(struct steer *s, int64_t number) {
  struct op op = op_of(OP_STINT, number);
  op.stint = (struct stint){.id = s->study.next_stint,
                            .order = -1,
                            .from = s->study.trials[number].step,
                            .to = s->schedule.steps,
                            .worker = -1,
                            .team = 1,
                            .end = STINT_OPEN};
  return steer_record(s, &op);
}

static enum err apply_told(struct steer *s, const json_t *result, int64_t number) {
  const json_t *failed = json_object_get(result, "failed");
  if (!trial_is_out(&s->study.trials[number]))
    TRY(open_outside(s, number));
  const struct trial *t = &s->study.trials[number];
  if (!json_is_string(failed)) {
    TRY(close_stint(s, t, STINT_finished, NULL));
    return steer_end_trial(s, number, TRIAL_COMPLETE, json_number_value(json_object_get(result, "value")));
  }
  char *text = json_text(failed);
  enum err e = steer_attribute(s, number, false, "reason", text);
  free(text);
  TRY(e);
  TRY(close_stint(s, t, STINT_failed, json_string_value(failed)));
  return steer_end_trial(s, number, TRIAL_FAIL, (double)NAN);
}

static enum err tell_one(struct steer *s, const json_t *result, const char *where, bool record) {
  struct params p;
  int64_t key = -1, number = -1;
  params_init(&p);
  enum err e = find_told(s, result, where, &p, &key, &number);
  if (e == OK)
    e = check_told(s, result, where, number);
  if (e == OK && record && number < 0)
    e = steer_new_trial(s, &p, key, true, &number);
  if (e == OK && record)
    e = apply_told(s, result, number);
  params_free(&p);
  return e;
}

/* Each result is checked before the first is recorded. */
static enum err tell(struct steer *s, const json_t *results, const char *name) {
  char where[300];
  if (!json_is_array(results))
    return FAIL(ERR_INPUT, "%s: no list of results", name);
  for (int record = 0; record < 2; record++)
    for (size_t i = 0; i < json_array_size(results); i++) {
      snprintf(where, sizeof where, "%s: result %zu", name, i);
      TRY(tell_one(s, json_array_get(results, i), where, record));
    }
  return OK;
}

/* ---- ask ---- */

static enum err ask_one(struct steer *s, json_t *points, bool *got) {
  int64_t number = -1;
  struct params p;
  enum ask answer;
  params_init(&p);
  enum err e = sampler_ask(&s->sampler, &s->study, (int64_t)s->study.n, &p, &answer);
  *got = e == OK && answer == ASK_POINT;
  s->exhausted = e == OK && answer == ASK_EXHAUSTED;
  if (*got)
    e = steer_new_trial(s, &p, -1, false, &number);
  if (*got && e == OK) {
    e = open_outside(s, number);
    json_t *point = json_pack("{s:I, s:o}", "trial", (json_int_t)number, "params", params_to_json(&p));
    json_array_append_new(points, point);
  }
  params_free(&p);
  return e;
}

enum err steer_ask(struct steer *s, int64_t n, struct json_t **points) {
  json_t *list = json_array();
  bool got = true;
  for (int64_t i = 0; i < n && got && study_proposed(&s->study) < settings_int(s->conf, "study.trials"); i++)
    TRY(ask_one(s, list, &got));
  *points = list;
  return OK;
}

enum err steer_settle(struct steer *s) {
  const char *done = study_attribute(&s->study, "coxswain:done");
  bool was_done = done && strcmp(done, "\"\"") != 0, open = false;
  for (size_t i = 0; i < s->study.n && !open; i++)
    open = !trial_is_over(&s->study.trials[i]);
  bool all = study_proposed(&s->study) >= settings_int(s->conf, "study.trials");
  if (open && was_done)
    return steer_attribute(s, -1, true, "coxswain:done", "\"\"");
  if (open || was_done || !(all || s->exhausted) || steer_best_is_incomplete(s))
    return OK;
  TRY(steer_write_best(s));
  return steer_attribute(s, -1, true, "coxswain:done", all ? "\"all trials are done\"" : "\"" STEER_EXHAUSTED "\"");
}

/* ---- requests ---- */

static enum err cancel(struct steer *s, const json_t *trials, const char *name) {
  for (size_t i = 0; i < json_array_size(trials); i++) {
    int64_t n = json_integer_value(json_array_get(trials, i));
    if (n < 0 || (size_t)n >= s->study.n || !json_is_integer(json_array_get(trials, i)))
      return FAIL(ERR_INPUT, "%s: there is no trial %lld", name, (long long)n);
    const struct trial *t = &s->study.trials[n];
    if (trial_is_over(t))
      return FAIL(ERR_INPUT, "%s: trial %lld is over already (%s)", name, (long long)n, trial_state_name(t->state));
    if (trial_is_out(t) && t->stint.worker >= 0)
      steer_recall(s, n);
    else
      steer_forget(s, n);
    TRY(steer_attribute(s, n, false, "reason", "\"cancelled on request\""));
    TRY(close_stint(s, t, STINT_cancelled, NULL));
    TRY(steer_end_trial(s, n, TRIAL_FAIL, (double)NAN));
  }
  return OK;
}

enum err steer_request(struct steer *s, const struct json_t *request, const char *name, struct json_t **reply) {
  const char *command = json_string_value(json_object_get(request, "command"));
  *reply = NULL;
  if (!command)
    return FAIL(ERR_INPUT, "%s: no \"command\" in it", name);
  if (!strcmp(command, "enqueue"))
    return enqueue(s, json_object_get(request, "points"), name);
  if (!strcmp(command, "tell"))
    return tell(s, json_object_get(request, "results"), name);
  if (!strcmp(command, "ask"))
    return steer_ask(s, json_integer_value(json_object_get(request, "n")), reply);
  if (!strcmp(command, "cancel"))
    return cancel(s, json_object_get(request, "trials"), name);
  if (!strcmp(command, "set"))
    return steer_set(s, json_object_get(request, "settings"), name, reply);
  if (!strcmp(command, "stop")) {
    if (s->halt == HALT_NONE)
      s->halt = HALT_REQUEST;
    return OK;
  }
  return FAIL(ERR_INPUT, "%s: unknown command '%s'", name, command);
}

static enum err answer(const char *path, const json_t *reply, enum err e) {
  char target[4200];
  snprintf(target, sizeof target, "%.*s.reply", (int)(strlen(path) - strlen(".json")), path);
  json_t *json = e == OK ? json_pack("{s:b, s:O?}", "ok", 1, "points", reply)
                         : json_pack("{s:b, s:s}", "ok", 0, "error", err_text());
  enum err code = json_write_file(target, json);
  json_decref(json);
  return code;
}

/* What stands in the inbox, or the inbox itself, cannot be read: said once while it lasts. */
static void pass_over(struct steer *s) {
  if (steer_now(s) >= s->inbox_silent_until)
    log_warn("inbox: %s", err_text());
  s->inbox_silent_until = steer_now(s) + 60;
  err_clear();
}

/* It is in the journal, but whoever took it was killed before it could answer: what it would have said. */
static enum err answer_again(const char *path, const char *recorded) {
  json_t *reply = NULL;
  if (strcmp(recorded, "true") != 0)
    TRY(json_parse(recorded, path, &reply));
  enum err e = answer(path, reply, OK);
  json_decref(reply);
  TRY(e);
  return file_remove(path);
}

/* Journaled before it is answered and deleted, with what it is answered; so whatever is killed when, it is done once.
 */
static enum err take_request(struct steer *s, const char *name, const char *path) {
  char key[300];
  json_t *request = NULL, *reply = NULL;
  snprintf(key, sizeof key, "coxswain:inbox:%s", name);
  const char *recorded = study_attribute(&s->study, key);
  if (recorded)
    return answer_again(path, recorded);
  enum err e = json_read_file(path, &request);
  if (e == ERR_IO) { /* a folder, or not ours to read: no reason to end a study */
    pass_over(s);
    return OK;
  }
  if (e == OK)
    e = steer_request(s, request, name, &reply);
  if (e == ERR_INPUT)
    log_warn("inbox: %s", err_text());
  else if (e == OK) {
    char *text = reply ? json_text(reply) : mem_strdup("true");
    e = steer_attribute(s, -1, true, key, text);
    free(text);
    if (e == OK)
      e = journal_commit(s->journal);
  }
  if (e == OK || e == ERR_INPUT) {
    e = answer(path, reply, e);
    err_clear();
  }
  json_decref(request);
  json_decref(reply);
  TRY(e);
  return file_remove(path);
}

enum err steer_take_inbox(struct steer *s) {
  double now = steer_now(s);
  if (now - s->last_inbox < 0.25)
    return OK;
  s->last_inbox = now;
  char *folder = path_join(s->folder, "inbox"), **names;
  size_t n;
  enum err e = file_list(folder, ".json", &names, &n);
  if (e != OK) {
    pass_over(s);
    e = OK;
  }
  for (size_t i = 0; e == OK && i < n; i++) {
    char *path = path_join(folder, names[i]);
    e = take_request(s, names[i], path);
    free(path);
  }
  file_list_free(names, n);
  free(folder);
  return e;
}
