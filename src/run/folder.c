#include "run/folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "hpo/journal_lock.h"
#include "hpo/snapshot.h"

static enum err read_settings(struct folder *f, const char *text, const char *study_file) {
  struct complaints c;
  char *copy = path_join(f->path, "study.cfg");
  complaints_init(&c);
  settings_read_text(&f->conf, text, copy, NULL, 0, &c);
  free(copy);
  if (f->conf) {
    settings_stand_for(f->conf, study_file);
    space_from_settings(&f->space, f->conf, &c);
  }
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  return e;
}

char *folder_runner(const char *path) {
  char *journal = path_join(path, "journal.log");
  struct journal_look look;
  enum err e = journal_lock_look(journal, fmin(3, journal_lock_lease()), &look); /* a run on another host is watched */
  err_clear();
  free(journal);
  return e == OK && (look.holder == HOLDER_ALIVE || look.holder == HOLDER_SILENT) ? mem_strdup(look.text) : NULL;
}

/* Stops the reading of a journal as soon as the wanted attribute has come by. */
struct search {
  const char *key;
  char *text;
};

static enum err look_for(void *context, const struct op *op) {
  struct search *search = context;
  if (op->kind == OP_STUDY_ATTR && !strcmp(op->name, search->key)) {
    json_t *json = json_loads(op->json, JSON_DECODE_ANY, NULL);
    search->text = mem_strdup(json_string_value(json));
    json_decref(json);
    return ERR_STOPPED;
  }
  return OK;
}

enum err folder_settings(const char *path, char **text, char **study_file) {
  struct strbuf bytes = STRBUF_INIT;
  struct search search = {.key = "coxswain:study_file"};
  char *cfg = path_join(path, "study.cfg"), *journal = path_join(path, "journal.log");
  enum err e = file_exists(journal) ? OK : FAIL(ERR_INPUT, "%s is no study folder: it has no journal.log", path);
  if (e == OK)
    e = file_read(cfg, &bytes);
  if (e == OK)
    e = journal_read(journal, look_for, &search, NULL);
  if (search.text) {
    err_clear();
    e = OK;
  } else if (e == OK)
    e = FAIL(ERR_DAMAGED, "%s: the journal does not say which study file it is of", journal);
  free(cfg);
  free(journal);
  if (e != OK)
    strbuf_free(&bytes);
  *text = e == OK ? strbuf_detach(&bytes) : NULL;
  *study_file = search.text;
  return e;
}

enum err folder_open(struct folder *f, const char *path) {
  *f = (struct folder){.path = mem_strdup(path)};
  char *text = NULL, *study_file = NULL, *journal = path_join(path, "journal.log");
  study_init(&f->study, NULL);
  enum err e = folder_settings(path, &text, &study_file);
  if (e == OK)
    e = read_settings(f, text, study_file);
  if (e == OK) {
    study_init(&f->study, &f->space);
    e = journal_read_on(journal, snapshot_begin_study, study_visit, &f->study, &f->lines);
  }
  if (e == OK)
    f->runner = folder_runner(path);
  else
    folder_close(f);
  free(text);
  free(study_file);
  free(journal);
  return e;
}

void folder_close(struct folder *f) {
  study_free(&f->study);
  space_free(&f->space);
  settings_free(f->conf);
  free(f->runner);
  free(f->path);
  *f = (struct folder){0};
}

/* A study's attribute as JSON text; NULL if it is not there or is an empty text. */
static const char *word_of(const struct folder *f, const char *key) {
  const char *word = study_attribute(&f->study, key);
  return word && strcmp(word, "\"\"") ? word : NULL;
}

const char *folder_done(const struct folder *f) {
  return word_of(f, "coxswain:done");
}

const char *folder_left(const struct folder *f) {
  return f->runner ? NULL : word_of(f, "coxswain:left");
}

enum err folder_trial(const struct folder *f, int64_t number, const struct trial **t) {
  if (number < 0 || (size_t)number >= f->study.n)
    return FAIL(ERR_INPUT, "%s: there is no trial %lld: it has %zu, numbered from 0", f->path, (long long)number,
                f->study.n);
  *t = &f->study.trials[number];
  return OK;
}
