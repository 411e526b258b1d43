/* Reading single settings. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "conf/settings_store.h"

__attribute__((format(printf, 1, 2), noreturn)) static void bug(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("bug: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(70);
}

struct entry *settings_find(const struct settings *s, const char *key) {
  for (size_t i = 0; i < s->n; i++)
    if (strcmp(s->entries[i].key, key) == 0)
      return &s->entries[i];
  const struct setting *row = settings_row(key);
  size_t n;
  return row ? &s->entries[row - settings_table(&n)] : NULL; /* the default of a row with a star */
}

static const struct entry *find(const struct settings *s, const char *key) {
  const struct entry *e = settings_find(s, key);
  if (!e)
    bug("there is no setting %s", key);
  return e;
}

/* The one value of a setting that must have one of those types. */
static const struct value *one(const struct settings *s, const char *key, unsigned types) {
  const struct entry *e = find(s, key);
  if (!(types & 1U << e->row->type))
    bug("setting %s is read as a type that it does not have", key);
  if (e->n != 1)
    bug("setting %s has %zu values where one is read", key, e->n);
  if (value_is_reference(e->row, &e->values[0]))
    bug("setting %s is read before %s has a value", key, e->values[0].as.text);
  return &e->values[0];
}

bool settings_given(const struct settings *s, const char *key) {
  return find(s, key)->given;
}

bool settings_bool(const struct settings *s, const char *key) {
  return one(s, key, 1U << SETTING_BOOL)->as.b;
}

int64_t settings_int(const struct settings *s, const char *key) {
  return one(s, key, 1U << SETTING_INT)->as.i;
}

double settings_double(const struct settings *s, const char *key) {
  double x = 0;
  value_to_double(one(s, key, 1U << SETTING_FLOAT | 1U << SETTING_SECONDS), &x);
  return x;
}

const char *settings_text(const struct settings *s, const char *key) {
  const struct entry *e = find(s, key);
  return e->n == 0 ? "" : one(s, key, 1U << SETTING_TEXT | 1U << SETTING_CHOICE)->as.text;
}

size_t settings_choice(const struct settings *s, const char *key) {
  const char *word = one(s, key, 1U << SETTING_CHOICE)->as.text;
  const struct list_word *choices = find(s, key)->row->choices;
  for (size_t i = 0; choices[i].name; i++)
    if (strcmp(choices[i].name, word) == 0)
      return i;
  bug("setting %s holds %s, which is none of its choices", key, word);
}

const struct value *settings_list(const struct settings *s, const char *key, size_t *n) {
  const struct entry *e = find(s, key);
  for (size_t i = 0; i < e->n; i++)
    if (value_is_reference(e->row, &e->values[i]))
      bug("setting %s is read before %s has a value", key, e->values[i].as.text);
  *n = e->n;
  return e->values;
}

bool settings_is_list(const struct settings *s, const char *key) {
  return find(s, key)->list;
}

int settings_line(const struct settings *s, const char *key, const char **file) {
  const struct entry *e = find(s, key);
  *file = e->file;
  return e->line;
}

const char **settings_names(const struct settings *s, const char *group, size_t *n) {
  const char **names = NULL;
  size_t cap = 0, length = strlen(group);
  *n = 0;
  for (size_t i = 0; i < s->n; i++) {
    const struct entry *e = &s->entries[i];
    if (strchr(e->key, '*') || strncmp(e->key, group, length) != 0 || e->key[length] != '.')
      continue;
    const char *name = e->parts + length + 1; /* ends at the NUL that stands for the next dot */
    bool seen = false;
    for (size_t j = *n; j > 0 && !seen; j--) /* the keys of a group stand together: the last ones first */
      seen = strcmp(names[j - 1], name) == 0;
    if (seen)
      continue;
    MEM_GROW(names, *n, &cap);
    names[(*n)++] = name;
  }
  return names;
}

void settings_stand_for(struct settings *s, const char *study_file) {
  free(s->folder);
  s->folder = path_folder(study_file);
}

char *settings_path(const struct settings *s, const char *path) {
  return strcmp(s->folder, ".") == 0 ? mem_strdup(path) : path_join(s->folder, path);
}

void settings_free(struct settings *s) {
  if (!s)
    return;
  for (size_t i = 0; i < s->n; i++)
    entry_free(&s->entries[i]);
  free(s->entries);
  free(s->folder);
  free(s);
}
