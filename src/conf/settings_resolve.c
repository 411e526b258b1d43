/* Hyperparameters put in where "@name" stands. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/settings_store.h"

static const char *name_of(const struct value *reference) {
  return reference->as.text + 1;
}

static void copy_entry(struct entry *dst, const struct entry *src) {
  *dst = *src;
  dst->key = mem_strdup(src->key);
  dst->parts = mem_dup(src->parts, strlen(src->key) + 1);
  dst->file = mem_strdup(src->file);
  dst->values = src->n ? MEM_NEW_ARRAY(struct value, src->n) : NULL;
  for (size_t i = 0; i < src->n; i++)
    dst->values[i] = value_copy(&src->values[i]);
}

static struct settings *copy(const struct settings *s) {
  struct settings *out = MEM_NEW(struct settings);
  out->n = out->cap = s->n;
  out->entries = MEM_NEW_ARRAY(struct entry, s->n);
  for (size_t i = 0; i < s->n; i++)
    copy_entry(&out->entries[i], &s->entries[i]);
  out->folder = mem_strdup(s->folder);
  return out;
}

/* The parameter in `v`, made what the row wants; the message if it does not suit. */
static bool suits(const struct entry *e, const char *name, struct value *v, struct strbuf *message) {
  struct strbuf why = STRBUF_INIT;
  bool good = value_fits(e->row, v, &why);
  if (!good) {
    strbuf_printf(message, "%s = @%s = ", e->key, name);
    value_show(v, message);
    strbuf_printf(message, " %s", why.text);
  }
  strbuf_free(&why);
  return good;
}

static void take_fallback(struct entry *e) {
  for (size_t i = 0; i < e->n; i++)
    value_free(&e->values[i]);
  free(e->values);
  entry_fallback(e->row, &e->values, &e->n, &e->list);
}

/* What an inactive hyperparameter inside a list stands for. */
static struct value missing_in_list(const struct entry *e) {
  struct value *fallback, v = value_int(0);
  struct strbuf why = STRBUF_INIT;
  size_t n;
  bool list;
  if (!value_fits(e->row, &v, &why)) {
    entry_fallback(e->row, &fallback, &n, &list);
    value_free(&v);
    v = value_copy(&fallback[0]);
    for (size_t i = 0; i < n; i++)
      value_free(&fallback[i]);
    free(fallback);
  }
  strbuf_free(&why);
  return v;
}

static enum err resolve_entry(struct entry *e, const struct params *p) {
  for (size_t i = 0; i < e->n; i++) {
    if (!value_is_reference(e->row, &e->values[i]))
      continue;
    const struct value *found = params_get(p, name_of(&e->values[i]));
    if (!found && !e->list) {
      take_fallback(e);
      return OK;
    }
    struct value v = found ? value_copy(found) : missing_in_list(e);
    struct strbuf message = STRBUF_INIT;
    bool good = suits(e, name_of(&e->values[i]), &v, &message);
    enum err err = good ? OK : FAIL(ERR_CONFIG, "%s", message.text);
    strbuf_free(&message);
    value_free(good ? &e->values[i] : &v);
    TRY(err);
    e->values[i] = v;
  }
  return OK;
}

enum err settings_resolve(const struct settings *s, const struct params *p, struct settings **out) {
  enum err e = OK;
  *out = copy(s);
  for (size_t i = 0; e == OK && i < (*out)->n; i++)
    if ((*out)->entries[i].given && ((*out)->entries[i].row->flags & REF))
      e = resolve_entry(&(*out)->entries[i], p);
  if (e != OK) {
    settings_free(*out);
    *out = NULL;
  }
  TRY(e);
  return OK;
}

const char *settings_bound_by(const struct settings *s, const char *name) {
  for (size_t i = 0; i < s->n; i++)
    for (size_t j = 0; j < s->entries[i].n; j++) {
      const struct entry *e = &s->entries[i];
      if (e->row->flags & BINDS && value_is_reference(e->row, &e->values[j]) &&
          strcmp(name_of(&e->values[j]), name) == 0)
        return e->key;
    }
  return NULL;
}

static void check_reference(const struct entry *e, const char *name, const char *const *names, size_t n_names,
                            const struct params *examples, size_t n, struct complaints *c) {
  bool known = false;
  for (size_t i = 0; i < n_names && !known; i++)
    known = strcmp(names[i], name) == 0;
  if (!known) {
    const char *near = nearest_word(name, names, n_names);
    complain(c, e->file, e->line, "%s = '@%s': space has no hyperparameter %s%s%s%s", e->key, name, name,
             near ? "; did you mean @" : "", near ? near : "", near ? "?" : "");
    return;
  }
  struct strbuf message = STRBUF_INIT;
  bool good = true;
  for (size_t i = 0; i < n && good; i++) {
    const struct value *found = params_get(&examples[i], name);
    struct value v = found ? value_copy(found) : (struct value){0};
    good = !found || suits(e, name, &v, &message);
    value_free(&v);
  }
  if (!good)
    complain(c, e->file, e->line, "%s", message.text);
  strbuf_free(&message);
}

void settings_check_references(const struct settings *s, const struct params *examples, size_t n,
                               struct complaints *c) {
  size_t n_names;
  const char **names = settings_names(s, "space", &n_names);
  for (size_t i = 0; i < s->n; i++)
    for (size_t j = 0; j < s->entries[i].n; j++) {
      const struct entry *e = &s->entries[i];
      if (value_is_reference(e->row, &e->values[j]))
        check_reference(e, name_of(&e->values[j]), names, n_names, examples, n, c);
    }
  free(names);
}
