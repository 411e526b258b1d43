/* coxswain set: free settings of a study change while it runs, or while nobody runs it.
 *
 * What changed is journaled as on a resume (coxswain:settings), and study.cfg in the folder follows. So that a later
 * `coxswain run scan.cfg` does not undo it, the journal also has what the study file said at that time (coxswain:set):
 * as long as the file says the same, the setting holds; once the file is changed, the file does. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/display.h"
#include "run/steer.h"

/* What a running rank 0 goes by from the next turn on. Workers have settings of their own, with which they began. */
static const char *const at_once[] = {"study",        "sampler",  "schedule",      "run.keep",
                                      "run.walltime", "run.poll", "run.in_flight", "run.attempts"};

static bool key_is_under(const char *key, const char *group) {
  size_t n = strlen(group);
  return !strncmp(key, group, n) && strchr(".= \t", key[n]); /* also the end of the text */
}

static bool takes_effect_at_once(const char *key) {
  for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++)
    if (key_is_under(key, at_once[i]))
      return !key_is_under(key, "schedule.pause");
  return false;
}

/* ---- from texts to settings ---- */

/* Each mistake as "study.trals=5: unknown setting; did you mean study.trials?" */
static enum err refuse_mistakes(const struct complaints *c) {
  static const char option[] = "--set ";
  struct strbuf text = STRBUF_INIT;
  for (size_t i = 0; i < c->n; i++) {
    bool labelled = !strncmp(c->lines[i], option, sizeof option - 1);
    strbuf_printf(&text, "%s%s", i ? "\n" : "", c->lines[i] + (labelled ? sizeof option - 1 : 0));
  }
  enum err e = FAIL(ERR_INPUT, "%s", text.text);
  strbuf_free(&text);
  return e;
}

static enum err changed_settings(const struct steer *s, const struct settings *from, const char *const *texts, size_t n,
                                 struct settings **out) {
  struct strbuf text = STRBUF_INIT;
  struct complaints c;
  complaints_init(&c);
  *out = NULL;
  settings_write(from, &text);
  settings_read_text(out, text.text, "study.cfg", texts, n, &c);
  if (*out) {
    settings_stand_for(*out, s->study_file);
    evaluator_check_schedule(s->evaluator, *out, &c);
  }
  enum err e = c.n ? refuse_mistakes(&c) : OK;
  strbuf_free(&text);
  complaints_free(&c);
  if (e != OK) {
    settings_free(*out);
    *out = NULL;
  }
  return e;
}

static enum err refuse_identity(const struct settings *now, const struct settings *fresh) {
  struct strbuf text = STRBUF_INIT;
  json_t *recorded = settings_to_json(now, IDENTITY);
  size_t n = settings_difference(fresh, IDENTITY, recorded, &text);
  json_decref(recorded);
  enum err e = n ? FAIL(ERR_INPUT,
                        "%sThat is what the study is, and what its trials were made with, so it stays. For a study "
                        "with other such settings choose another --out",
                        text.text)
                 : OK;
  strbuf_free(&text);
  return e;
}

/* ---- into the running study ---- */

static bool differs(const json_t *before, const json_t *now, const char *key) {
  const json_t *a = json_object_get(before, key), *b = json_object_get(now, key);
  return a != b && !(a && b && json_equal(a, b));
}

static bool search_differs(const json_t *before, json_t *now) {
  const char *key;
  json_t *value;
  json_object_foreach(now, key, value) {
    bool search = key_is_under(key, "study") || key_is_under(key, "sampler") || key_is_under(key, "schedule");
    if (search && differs(before, now, key))
      return true;
  }
  return false;
}

/* Samplers and schedules are folds over the study: new ones know at once what the old ones knew. */
static enum err renew_search(struct steer *s, const struct settings *fresh) {
  struct sampler sampler;
  struct schedule schedule;
  TRY(sampler_open(&sampler, sampler_chosen(fresh), &s->space, s->sampler.key, fresh));
  enum err e = schedule_open(&schedule, settings_text(fresh, "schedule.name"), s->schedule.steps, fresh);
  if (e != OK) {
    sampler_close(&sampler);
    return e;
  }
  sampler_close(&s->sampler);
  schedule_close(&s->schedule);
  s->sampler = sampler;
  s->schedule = schedule;
  steer_tell_schedule(s);
  s->exhausted = false;
  s->limit = HALT_NONE; /* it is looked at again in the next turn */
  return OK;
}

/* Takes over `fresh` and goes by it. */
static enum err adopt(struct steer *s, struct settings *fresh) {
  json_t *before = settings_to_json(s->conf, FREE), *now = settings_to_json(fresh, FREE);
  bool timer = differs(before, now, "run.walltime") || differs(before, now, "run.poll");
  enum err e = search_differs(before, now) ? renew_search(s, fresh) : OK;
  json_decref(before);
  json_decref(now);
  if (e != OK) {
    settings_free(fresh);
    return e;
  }
  settings_free(s->conf);
  s->conf = fresh;
  if (timer && s->walltime) {
    walltime_close(s->walltime);
    s->walltime = walltime_open(settings_double(fresh, "run.walltime"), s->started, settings_double(fresh, "run.poll"));
  }
  steer_change_keep(s, (size_t)settings_int(fresh, "run.keep"));
  display_plan(s->display);
  return OK;
}

static enum err adopt_texts(struct steer *s, const char *const *texts, size_t n) {
  struct settings *fresh;
  TRY(changed_settings(s, s->conf, texts, n, &fresh));
  return adopt(s, fresh);
}

/* Those of the texts that a running study can go by from now on. */
static enum err adopt_what_can_be(struct steer *s, const char *const *texts, size_t n) {
  const char **some = MEM_NEW_ARRAY(const char *, n + 1);
  size_t n_some = 0;
  for (size_t i = 0; i < n; i++)
    if (takes_effect_at_once(texts[i]))
      some[n_some++] = texts[i];
  enum err e = adopt_texts(s, some, n_some);
  free(some);
  return e;
}

/* ---- on record ---- */

static json_t *parsed_attribute(const struct steer *s, const char *key) {
  const char *text = study_attribute(&s->study, key);
  json_t *json = text ? json_loads(text, 0, NULL) : NULL;
  return json_is_object(json) ? json : (json_decref(json), json_object());
}

static enum err record(struct steer *s, const char *key, json_t *json) {
  char *text = json_text(json);
  enum err e = steer_attribute(s, -1, true, key, text);
  free(text);
  return e;
}

static json_t *or_null(const json_t *json) {
  return json ? json_deep_copy(json) : json_null();
}

static const char *text_of_key(const char *key, const char *const *texts, size_t n) {
  for (size_t i = n; i-- > 0;) { /* of several the last one holds */
    size_t length = strcspn(texts[i], "= \t");
    if (!strncmp(key, texts[i], length) && (key[length] == '\0' || key[length] == '.'))
      return texts[i];
  }
  return "";
}

/* {key: {"text": "study.trials=200", "value": 200, "file": what the study file says}} */
static void note_set(json_t *set, const char *key, const char *text, const json_t *was, const json_t *now) {
  const json_t *known = json_object_get(set, key), *file = known ? json_object_get(known, "file") : was;
  json_t *entry = json_pack("{s:s, s:o, s:o}", "text", text, "value", or_null(now), "file", or_null(file));
  bool back = json_equal(json_object_get(entry, "value"), json_object_get(entry, "file"));
  if (back)
    json_object_del(set, key);
  else
    json_object_set(set, key, entry);
  json_decref(entry);
}

/* What changes, as a list of {key, was, now, at_once}; and coxswain:set with it. */
static json_t *list_changes(const struct steer *s, const json_t *before, json_t *now, const char *const *texts,
                            size_t n, json_t *set) {
  json_t *live = settings_to_json(s->conf, FREE), *list = json_array(), *value;
  const char *key;
  json_object_foreach(now, key, value) {
    if (!differs(before, now, key))
      continue;
    const json_t *was = json_object_get(before, key);
    note_set(set, key, text_of_key(key, texts, n), was, value);
    json_array_append_new(list, json_pack("{s:s, s:o, s:O, s:b}", "key", key, "was", or_null(was), "now", value,
                                          "at_once", (int)!differs(live, now, key)));
  }
  json_decref(live);
  return list;
}

/* A complete study whose limits were moved has more to do. */
static enum err reopen(struct steer *s, bool search_renewed) {
  const char *done = study_attribute(&s->study, "coxswain:done");
  bool was_done = done && strcmp(done, "\"\"") != 0, given = study_attribute(&s->study, "coxswain:points") != NULL;
  bool tried_all = was_done && !strcmp(done, "\"" STEER_EXHAUSTED "\"") && !search_renewed;
  bool more = (int64_t)s->study.n < settings_int(s->conf, "study.trials") && steer_limit(s) == HALT_NONE;
  return was_done && more && !given && !tried_all ? steer_attribute(s, -1, true, "coxswain:done", "\"\"") : OK;
}

static bool touches_sampler(const json_t *changes) {
  for (size_t i = 0; i < json_array_size(changes); i++) {
    const char *key = json_string_value(json_object_get(json_array_get(changes, i), "key"));
    if (key_is_under(key, "sampler"))
      return true;
  }
  return false;
}

static enum err record_changes(struct steer *s, const json_t *before, const struct settings *fresh,
                               const char *const *texts, size_t n, json_t **changes) {
  struct strbuf text = STRBUF_INIT;
  json_t *now = settings_to_json(fresh, FREE), *set = parsed_attribute(s, "coxswain:set");
  enum err e = OK;
  *changes = list_changes(s, before, now, texts, n, set);
  if (settings_difference(fresh, FREE, before, &text)) {
    log_info("settings that were changed (coxswain set):\n%.*s", (int)text.len - 1,
             text.text); /* without the last \n */
    TRY_GOTO(e, end, record(s, "coxswain:settings", now));
    TRY_GOTO(e, end, record(s, "coxswain:set", set));
    TRY_GOTO(e, end, reopen(s, touches_sampler(*changes)));
    TRY_GOTO(e, end, journal_commit(s->journal)); /* before study.cfg: the journal is what counts */
    TRY_GOTO(e, end, steer_write_settings(s, fresh));
  }
end:
  json_decref(now);
  json_decref(set);
  strbuf_free(&text);
  return e;
}

/* ---- the request ---- */

static enum err refuse_these(const json_t *before, const struct settings *fresh) {
  static const char *const reasons[][2] = {
      {"run.out", "the study is in its folder: move that, and give --out"},
  };
  json_t *now = settings_to_json(fresh, FREE);
  enum err e = OK;
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons && e == OK; i++)
    if (differs(before, now, reasons[i][0]))
      e = FAIL(ERR_INPUT, "%s: %s", reasons[i][0], reasons[i][1]);
  json_decref(now);
  return e;
}

/* What a sampler or schedule cannot go by is refused like any other mistake. */
static enum err as_refusal(enum err e) {
  return e == ERR_CONFIG ? ERR_INPUT : e;
}

/* The settings that the next start is to have are all of them; this run may go on without some. */
static enum err set(struct steer *s, const char *const *texts, size_t n, json_t **changes) {
  const struct settings *from = s->next_conf ? s->next_conf : s->conf;
  struct settings *fresh;
  json_t *before = settings_to_json(from, FREE);
  enum err e = changed_settings(s, from, texts, n, &fresh);
  if (e == OK)
    e = refuse_identity(from, fresh);
  if (e == OK)
    e = refuse_these(before, fresh);
  if (e == OK)
    e = as_refusal(s->options->offline ? adopt_texts(s, texts, n) : adopt_what_can_be(s, texts, n));
  if (e == OK)
    e = record_changes(s, before, fresh, texts, n, changes);
  json_decref(before);
  if (e != OK) {
    settings_free(fresh);
    return e;
  }
  settings_free(s->next_conf);
  s->next_conf = fresh;
  return OK;
}

enum err steer_set(struct steer *s, const struct json_t *list, const char *name, struct json_t **changes) {
  size_t n = json_array_size(list);
  const char **texts = MEM_NEW_ARRAY(const char *, n + 1);
  enum err e = n ? OK : FAIL(ERR_INPUT, "%s: no list of settings", name);
  for (size_t i = 0; i < n && e == OK; i++) {
    texts[i] = json_string_value(json_array_get(list, i));
    if (!texts[i])
      e = FAIL(ERR_INPUT, "%s: setting %zu is no text", name, i);
  }
  if (e == OK)
    e = set(s, texts, n, changes);
  free(texts);
  return e;
}

/* ---- at the next start ---- */

/* Which of the settings that were set still hold: those whose place in the study file says what it said then. The file
 * that was changed since has the last word; such entries go. */
static bool choose_standing(json_t *set, const json_t *now, const char **texts, size_t *n) {
  const char *key;
  json_t *entry;
  void *next;
  bool dropped = false;
  json_object_foreach_safe(set, next, key, entry) {
    json_t *here = or_null(json_object_get(now, key));
    bool as_set = json_equal(here, json_object_get(entry, "value"));
    bool as_then = json_equal(here, json_object_get(entry, "file"));
    json_decref(here);
    const char *text = json_string_value(json_object_get(entry, "text"));
    if (as_then && text)
      texts[(*n)++] = text;
    else if (!as_set) {
      json_object_del(set, key);
      dropped = true;
    }
  }
  return dropped;
}

enum err steer_recall_set(struct steer *s) {
  json_t *set = parsed_attribute(s, "coxswain:set"), *now = settings_to_json(s->conf, FREE);
  const char **texts = MEM_NEW_ARRAY(const char *, json_object_size(set) + 1);
  struct strbuf text = STRBUF_INIT;
  size_t n = 0;
  enum err e = OK;
  if (choose_standing(set, now, texts, &n))
    TRY_GOTO(e, end, record(s, "coxswain:set", set));
  if (n == 0)
    goto end;
  TRY_GOTO(e, end, as_refusal(adopt_texts(s, texts, n)));
  steer_note_settings(s);
  if (settings_difference(s->conf, FREE, now, &text))
    log_info("other than in %s, by coxswain set (\"in the study\" is what the file says):\n%.*s", s->study_file,
             (int)text.len - 1, text.text);
end:
  if (e == ERR_INPUT) { /* a setting that this version of the program does not take any more */
    log_warn("what coxswain set has changed is left out: %s", err_text());
    err_clear();
    e = OK;
  }
  strbuf_free(&text);
  free(texts);
  json_decref(set);
  json_decref(now);
  return e;
}
