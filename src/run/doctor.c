/* The examination as a whole, and the small parts of it: lock, inbox, folders of programs, what was left behind. */
#include "run/doctor.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/doctor_parts.h"

/* ---- the report ---- */

static __attribute__((format(printf, 1, 0))) json_t *text_of(const char *format, va_list args) {
  struct strbuf text = STRBUF_INIT;
  strbuf_vprintf(&text, format, args);
  json_t *json = json_string(text.text);
  strbuf_free(&text);
  return json ? json : json_string("(bytes that are no text)");
}

void doctor_problem(struct doctor *d, enum doctor_kind kind, const char *cure, const char *format, ...) {
  static const char *const words[] = {"note", "damaged", "mended"};
  va_list args;
  va_start(args, format);
  json_t *what = text_of(format, args);
  va_end(args);
  d->damaged += kind == DOCTOR_DAMAGED;
  json_array_append_new(d->problems,
                        json_pack("{s:s, s:o, s:s}", "kind", words[kind], "what", what, "cure", cure ? cure : ""));
}

struct json_t *doctor_section(struct doctor *d, const char *name, const char *format, ...) {
  va_list args;
  va_start(args, format);
  json_t *section = json_pack("{s:o}", "summary", text_of(format, args));
  va_end(args);
  json_object_set_new(d->sections, name, section);
  return section;
}

/* ---- files ---- */

bool doctor_mends(const struct doctor *d) {
  return d->lock != NULL;
}

char *doctor_path(const struct doctor *d, const char *part, const char *name) {
  char *folder = path_join(d->folder, part), *path = path_join(folder, name);
  free(folder);
  return path;
}

enum err doctor_set_aside(struct doctor *d, const char *part, const char *name) {
  char *from = doctor_path(d, part, name), *inner = doctor_path(d, part, "damaged"), *to = path_join(inner, name);
  enum err e = file_make_folders(inner);
  if (e == OK)
    e = file_rename(from, to);
  free(from);
  free(inner);
  free(to);
  return e;
}

/* ---- the lock ---- */

static enum err read_lock(struct doctor *d) {
  static const char *const states[] = {
      [HOLDER_NONE] = "free", [HOLDER_DEAD] = "dead", [HOLDER_SILENT] = "silent", [HOLDER_ALIVE] = "alive"};
  struct journal_look look;
  TRY(journal_lock_look(d->journal, fmin(5, journal_lock_lease()), &look));
  d->alive = look.holder == HOLDER_ALIVE;
  bool mend = d->options.mend || d->options.cut_at_damage;
  if (mend && d->alive)
    return FAIL(ERR_BUSY, "%s is being written by %s: nothing can be mended under it: wait for it to end, or stop it",
                d->journal, look.text);
  json_t *section = doctor_section(d, "lock", "%s%s", look.text[0] ? look.text : "nobody writes",
                                   look.holder == HOLDER_DEAD    ? ": dead"
                                   : look.holder == HOLDER_ALIVE ? ": alive"
                                                                 : "");
  json_object_set_new(section, "holder", json_string(states[look.holder]));
  json_object_set_new(section, "who", json_string(look.text));
  if (mend)
    TRY(journal_lock_take(&d->lock, d->journal));
  if (look.holder == HOLDER_DEAD || look.holder == HOLDER_SILENT)
    doctor_problem(d, mend ? DOCTOR_MENDED : DOCTOR_NOTE, "the next run takes it over by itself, and so does --mend",
                   "journal.lock names an owner that is %s: %s",
                   look.holder == HOLDER_DEAD ? "dead" : "silent (or on a host that cannot reach this disk)",
                   look.text);
  return OK;
}

/* ---- what programs keep ---- */

static enum err count_names(const struct doctor *d, const char *part, const char *suffix, size_t *n) {
  char *folder = path_join(d->folder, part), **names = NULL;
  *n = 0;
  enum err e = file_exists(folder) ? file_list(folder, suffix, &names, n) : OK;
  file_list_free(names, *n);
  free(folder);
  return e;
}

static enum err read_trial_folders(struct doctor *d) {
  size_t n;
  TRY(count_names(d, "trials", "", &n));
  if (n || d->keeps_states)
    json_object_set_new(doctor_section(d, "trials", "%zu folders of programs", n), "folders",
                        json_integer((json_int_t)n));
  return OK;
}

/* ---- the inbox ---- */

static void read_request(struct doctor *d, const char *name, json_t *list) {
  char *path = doctor_path(d, "inbox", name);
  json_t *request = NULL;
  json_array_append_new(list, json_string(name));
  if (json_read_file(path, &request) != OK && file_exists(path)) /* it may have been taken just now */
    doctor_problem(d, DOCTOR_NOTE, "the next run refuses it and removes it", "%s", err_text());
  err_clear();
  json_decref(request);
  free(path);
}

static enum err read_inbox(struct doctor *d) {
  char *folder = path_join(d->folder, "inbox"), **names = NULL;
  size_t n = 0;
  enum err e = file_exists(folder) ? file_list(folder, ".json", &names, &n) : OK;
  if (e == OK) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
      read_request(d, names[i], list);
    json_object_set_new(doctor_section(d, "inbox", n ? "%zu requests wait for the next run" : "nothing waits", n),
                        "requests", list);
  }
  file_list_free(names, n);
  free(folder);
  return e;
}

/* ---- what was left behind ---- */

static bool is_left_over(const char *name) {
  size_t n = strlen(name);
  return (n > 4 && strcmp(name + n - 4, ".tmp") == 0) ||
         strncmp(name, "journal.lock.after-", strlen("journal.lock.after-")) == 0;
}

static enum err clear_folder(struct doctor *d, const char *part) {
  char *folder = path_join(d->folder, part), **names = NULL;
  size_t n = 0;
  enum err e = file_exists(folder) ? file_list(folder, "", &names, &n) : OK;
  for (size_t i = 0; i < n && e == OK; i++) {
    if (!is_left_over(names[i]))
      continue;
    char *path = path_join(folder, names[i]);
    if (doctor_mends(d))
      e = file_remove(path);
    doctor_problem(d, doctor_mends(d) ? DOCTOR_MENDED : DOCTOR_NOTE, "nobody needs it: --mend removes it",
                   "%s was left half written", path);
    free(path);
  }
  file_list_free(names, n);
  free(folder);
  return e;
}

static enum err read_left_overs(struct doctor *d) {
  static const char *const parts[] = {".", "packs", "best", "inbox"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts && !d->alive; i++)
    TRY(clear_folder(d, parts[i]));
  return OK;
}

static enum err read_kept_aside(struct doctor *d) {
  char **names;
  size_t n;
  json_t *list = json_array();
  TRY(file_list(d->folder, "", &names, &n));
  for (size_t i = 0; i < n; i++)
    if (strncmp(names[i], "journal.log.", strlen("journal.log.")) == 0)
      json_array_append_new(list, json_string(names[i]));
  file_list_free(names, n);
  size_t kept = json_array_size(list);
  if (!kept)
    json_decref(list);
  else
    json_object_set_new(doctor_section(d, "aside", "%zu files with pieces of the journal that were cut off: %s%s", kept,
                                       json_string_value(json_array_get(list, 0)), kept > 1 ? " ..." : ""),
                        "files", list);
  return OK;
}

/* ---- the whole ---- */

static enum err examine(struct doctor *d) {
  TRY(read_lock(d));
  TRY(doctor_read_journal(d));
  TRY(doctor_read_settings(d));
  TRY(doctor_read_packs(d));
  TRY(doctor_read_best(d));
  TRY(read_trial_folders(d));
  TRY(read_inbox(d));
  TRY(read_left_overs(d));
  journal_lock_release(d->lock);
  bool mends = d->lock != NULL;
  d->lock = NULL;
  if (mends)
    TRY(doctor_cut_tail(d));
  return read_kept_aside(d);
}

enum err doctor_examine(const char *folder, const struct doctor_options *o, struct json_t **report, size_t *damaged) {
  struct doctor d = {.folder = folder, .options = *o, .journal = path_join(folder, "journal.log")};
  study_init(&d.study, NULL);
  d.sections = json_object();
  d.problems = json_array();
  d.report = json_pack("{s:s, s:o, s:o}", "folder", folder, "sections", d.sections, "problems", d.problems);
  enum err e =
      file_exists(d.journal) ? examine(&d) : FAIL(ERR_INPUT, "%s is no study folder: it has no journal.log", folder);
  journal_lock_release(d.lock);
  *damaged = d.damaged;
  *report = e == OK ? json_incref(d.report) : NULL;
  json_decref(d.report);
  doctor_free_packs(&d);
  study_free(&d.study);
  space_free(&d.space);
  settings_free(d.conf);
  free(d.journal);
  TRY(e);
  return OK;
}
