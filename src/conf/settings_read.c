/* From a study file and --set to settings: which row each key belongs to, and whether its value suits. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "conf/settings_store.h"

struct reader {
  struct settings *out;
  struct complaints *c;
};

static void values_free(struct value *values, size_t n) {
  for (size_t i = 0; i < n; i++)
    value_free(&values[i]);
  free(values);
}

void entry_free(struct entry *e) {
  values_free(e->values, e->n);
  free(e->key);
  free(e->parts);
  free(e->file);
}

void entry_fallback(const struct setting *row, struct value **values, size_t *n, bool *list) {
  *values = NULL;
  *n = 0;
  *list = false;
  if (!row->fallback)
    return;
  *values = values_from_words(row, row->fallback, n, list);
  struct strbuf why = STRBUF_INIT;
  for (size_t i = 0; i < *n; i++)
    value_fits(row, &(*values)[i], &why); /* a test looks that they all do */
  strbuf_free(&why);
}

static void entry_init(struct entry *e, const struct setting *row, const char *key) {
  *e = (struct entry){.row = row, .key = mem_strdup(key), .parts = mem_strdup(key)};
  for (char *p = e->parts; *p; p++)
    if (*p == '.')
      *p = '\0';
}

static struct settings *settings_of_defaults(const char *folder) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  struct settings *s = MEM_NEW(struct settings);
  s->folder = mem_strdup(folder);
  for (size_t i = 0; i < n; i++) {
    MEM_GROW(s->entries, s->n, &s->cap);
    struct entry *e = &s->entries[s->n++];
    entry_init(e, &rows[i], rows[i].key);
    entry_fallback(&rows[i], &e->values, &e->n, &e->list);
  }
  return s;
}

/* The place for a given value: the row's own, or a new one for a member of an open group. */
static struct entry *entry_for(struct settings *s, const struct setting *row, const char *key) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  struct entry *e = &s->entries[row - rows];
  if (strchr(row->key, '*')) {
    MEM_GROW(s->entries, s->n, &s->cap);
    e = &s->entries[s->n++];
    entry_init(e, row, key);
    return e;
  }
  values_free(e->values, e->n);
  free(e->file);
  e->file = NULL;
  return e;
}

/* One value, made what the row wants; `all` is how the whole setting is shown. */
static bool check_value(struct reader *r, const struct node *n, const char *key, const struct setting *row,
                        struct value *v, const char *all) {
  if (value_is_reference(row, v))
    return true;
  struct strbuf why = STRBUF_INIT, one = STRBUF_INIT;
  bool good = value_fits(row, v, &why);
  value_show(v, &one);
  if (!good && n->kind == NODE_LIST)
    complain(r->c, n->file, n->line, "%s = %s: %s %s", key, all, one.text, why.text);
  else if (!good)
    complain(r->c, n->file, n->line, "%s = %s %s", key, one.text, why.text);
  strbuf_free(&why);
  strbuf_free(&one);
  return good;
}

static struct value *values_of(const struct node *n, size_t *count) {
  bool list = n->kind == NODE_LIST;
  *count = list ? n->n : 1;
  struct value *values = MEM_NEW_ARRAY(struct value, *count ? *count : 1);
  for (size_t i = 0; i < *count; i++)
    values[i] = value_copy(list ? &n->children[i].value : &n->value);
  return values;
}

/* Is the shape - one value, a list, a group - what the row takes? */
static bool check_shape(struct reader *r, const struct node *n, const char *key, const struct setting *row) {
  bool numbers = row->type == SETTING_INT || row->type == SETTING_FLOAT, list = row->flags & LIST;
  size_t before = r->c->n;
  for (size_t i = 0; n->kind == NODE_LIST && i < n->n; i++)
    if (n->children[i].kind != NODE_SCALAR) {
      complain(r->c, n->file, n->line, "%s is a list of values: no list or group can be inside it", key);
      break;
    }
  if ((n->kind == NODE_GROUP || (n->kind == NODE_LIST && !list)) && (row->flags & REF)) /* meant to be searched */
    complain(r->c, n->file, n->line,
             "%s is %s, not a %s; to try several, write space = { x = ...; } and here %s = \"@x\"", key,
             list ? "a list ( )" : "one value", n->kind == NODE_LIST ? "list" : "group { }", key_last(key));
  else if (n->kind == NODE_GROUP)
    complain(r->c, n->file, n->line, "%s is %s, not a group { }", key, list ? "a list ( )" : "one value");
  else if (n->kind == NODE_LIST && !list)
    complain(r->c, n->file, n->line, "%s is one value, not a list", key);
  else if (n->kind == NODE_LIST && n->n == 0 && !numbers)
    complain(r->c, n->file, n->line, "%s is an empty list", key);
  return r->c->n == before;
}

static void read_setting(struct reader *r, const struct node *n, const char *key, const struct setting *row) {
  if (!check_shape(r, n, key, row))
    return;
  size_t count;
  struct value *values = values_of(n, &count);
  struct strbuf all = STRBUF_INIT;
  values_show(values, count, n->kind == NODE_LIST, &all);
  bool good = true;
  for (size_t i = 0; i < count; i++)
    good &= check_value(r, n, key, row, &values[i], all.text);
  strbuf_free(&all);
  if (!good) {
    values_free(values, count);
    return;
  }
  struct entry *e = entry_for(r->out, row, key);
  e->values = values;
  e->n = count;
  e->list = n->kind == NODE_LIST;
  e->given = true;
  e->file = mem_strdup(n->file);
  e->line = n->line;
}

static void read_group(struct reader *r, const struct node *group, const char *prefix);

static void read_below(struct reader *r, const struct node *n, const char *key) {
  struct strbuf inside = STRBUF_INIT;
  key_inside(key, &inside);
  if (n->kind != NODE_GROUP)
    complain(r->c, n->file, n->line, "%s is a group { }, not a value; inside it stands %s", key, inside.text);
  else if (n->n == 0 && key_is_open(key))
    complain(r->c, n->file, n->line, "%s is an empty group; inside it stands %s", key, inside.text);
  else
    read_group(r, n, key);
  strbuf_free(&inside);
}

static void read_node(struct reader *r, const struct node *n, const char *key) {
  const struct setting *row = settings_row(key);
  bool group = key_is_group(key);
  if (!row && !group)
    key_complain_unknown(key, n->file, n->line, r->c);
  else if (key_is_open(key) && !key_name_good(n->name))
    complain(r->c, n->file, n->line,
             "%s: a name is made of letters, digits, _ and -, starts with a letter and has at most %d", key,
             NAME_LONGEST);
  else if (group)
    read_below(r, n, key);
  else
    read_setting(r, n, key, row);
}

static void read_group(struct reader *r, const struct node *group, const char *prefix) {
  for (size_t i = 0; i < group->n; i++) {
    struct strbuf key = STRBUF_INIT;
    strbuf_printf(&key, "%s%s%s", prefix, *prefix ? "." : "", group->children[i].name);
    read_node(r, &group->children[i], key.text);
    strbuf_free(&key);
  }
}

static void from_tree(struct settings **out, struct node *root, enum err parsed, const char *path,
                      const char *const *overrides, size_t n, struct complaints *c) {
  char *folder = path_folder(path);
  struct reader r = {settings_of_defaults(folder), c};
  free(folder);
  space_short_forms(root);
  for (size_t i = 0; i < n; i++)
    override_apply(root, overrides[i], c);
  space_short_forms(root); /* --set space.depth=3 */
  read_group(&r, root, "");
  node_free(root);
  *out = r.out;
  if (parsed != OK) { /* the mistakes in --set are known now; the rest would be guessing */
    settings_free(r.out);
    *out = NULL;
  }
}

void settings_read(struct settings **out, const char *path, const char *const *overrides, size_t n,
                   struct complaints *c) {
  struct node root;
  enum err parsed = tree_read_file(path, &root, c);
  from_tree(out, &root, parsed, path, overrides, n, c);
}

void settings_read_text(struct settings **out, const char *text, const char *name, const char *const *overrides,
                        size_t n, struct complaints *c) {
  struct node root;
  enum err parsed = tree_read_text(text, name, &root, c);
  from_tree(out, &root, parsed, name, overrides, n, c);
}
