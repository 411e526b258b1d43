/* --set key=value over the tree of a study file, and the short forms of the group space. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/settings_store.h"

/* The value under a key of its own, one level down: depth = 3 becomes depth = { value = 3; }. */
static void wrap(struct node *n, const char *key) {
  struct node inner = *n, group = {.kind = NODE_GROUP, .name = n->name, .line = n->line};
  group.file = mem_strdup(n->file);
  inner.name = mem_strdup(key);
  *node_add(&group) = inner;
  *n = group;
}

void space_short_forms(struct node *root) {
  for (size_t i = 0; i < root->n; i++) {
    struct node *space = &root->children[i];
    if (space->kind != NODE_GROUP || strcmp(space->name, "space") != 0)
      continue;
    for (size_t j = 0; j < space->n; j++)
      if (space->children[j].kind == NODE_SCALAR)
        wrap(&space->children[j], "value");
      else if (space->children[j].kind == NODE_LIST)
        wrap(&space->children[j], "choices");
  }
}

static struct node *child_or_new(struct node *group, const char *name, size_t length) {
  for (size_t i = 0; i < group->n; i++) {
    const char *have = group->children[i].name;
    if (have && strlen(have) == length && strncmp(have, name, length) == 0)
      return &group->children[i];
  }
  struct node *fresh = node_add(group);
  fresh->name = mem_alloc(length + 1);
  memcpy(fresh->name, name, length);
  return fresh;
}

/* Puts `value` (taken over) where `key` says; groups on the way are made, and what stood there goes. */
static void put(struct node *root, const char *key, struct node *value) {
  struct node *at = root;
  for (;;) {
    size_t n = strcspn(key, ".");
    if (at->kind != NODE_GROUP) { /* the file has a value where a group belongs */
      struct node group = {.kind = NODE_GROUP, .name = mem_strdup(at->name), .file = mem_strdup(value->file)};
      node_free(at);
      *at = group;
    }
    at = child_or_new(at, key, n);
    if (key[n] == '\0')
      break;
    if (!at->file) { /* new */
      at->kind = NODE_GROUP;
      at->file = mem_strdup(value->file);
    }
    key += n + 1;
  }
  value->name = mem_strdup(at->name);
  node_free(at);
  *at = *value;
}

static void mark(struct node *n, const char *label) {
  free(n->file);
  n->file = mem_strdup(label);
  n->line = 0;
  for (size_t i = 0; i < n->n; i++)
    mark(&n->children[i], label);
}

static bool parse_value(const char *text, const char *label, struct node *out, struct complaints *c) {
  struct complaints inner;
  complaints_init(&inner);
  struct node root;
  struct strbuf line = STRBUF_INIT;
  strbuf_printf(&line, "value = %s;", text);
  bool good = tree_read_text(line.text, "value", &root, &inner) == OK && root.n == 1;
  if (good) {
    *out = root.children[0];
    free(out->name);
    out->name = NULL;
    root.n = 0;
  } else {
    const char *why =
        inner.n && strstr(inner.lines[0], ": ") ? strstr(inner.lines[0], ": ") + 2 : "more than one value";
    complain(c, label, 0, "cannot read the value: %s", why);
  }
  node_free(&root);
  strbuf_free(&line);
  complaints_free(&inner);
  return good;
}

static void words_to_node(const struct setting *row, const char *text, struct node *out) {
  size_t n;
  bool list;
  struct value *values = values_from_words(row, text, &n, &list);
  *out = (struct node){.kind = list ? NODE_LIST : NODE_SCALAR};
  if (!list)
    out->value = values[0];
  for (size_t i = 0; list && i < n; i++)
    node_add(out)->value = values[i];
  free(values);
}

/* Words are what people type and shells leave; the rest needs the parser: groups, lists in lists, escapes. */
static bool needs_parser(const char *text) {
  if (*text == '{' || *text == '"')
    return true;
  if (*text != '(' && *text != '[')
    return false;
  size_t quotes = 0;
  for (const char *p = text; *p; p++)
    quotes += *p == '"';
  return strpbrk(text + 1, "{([") || quotes % 2 || (quotes && strchr(text, '\\'));
}

static void apply(struct node *root, const char *key, const char *text, const char *label, struct complaints *c) {
  struct node value;
  if (*text == '\0') {
    complain(c, label, 0, "no value after =; an empty text is written '\"\"'");
    return;
  }
  if (!needs_parser(text))
    words_to_node(settings_row(key), text, &value);
  else if (!parse_value(text, label, &value, c))
    return;
  mark(&value, label);
  put(root, key, &value);
}

static bool key_well_formed(const char *key) {
  return *key && *key != '.' && key[strlen(key) - 1] != '.' && !strstr(key, "..") && !strpbrk(key, " \t\"'");
}

void override_apply(struct node *root, const char *text, struct complaints *c) {
  struct strbuf label = STRBUF_INIT;
  strbuf_printf(&label, "--set %.120s%s", text, strlen(text) > 120 ? "..." : "");
  const char *equals = strchr(text, '=');
  char *key = mem_alloc(strlen(text) + 1);
  if (equals) {
    size_t n = (size_t)(equals - text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
      n--;
    memcpy(key, text, n);
  }
  if (!equals)
    complain(c, label.text, 0, "write --set key=value, for example --set study.trials=20");
  else if (!key_well_formed(key))
    complain(c, label.text, 0, "'%s' is not a key; one is written group.name, for example study.trials", key);
  else
    apply(root, key, equals + 1 + strspn(equals + 1, " \t"), label.text, c);
  free(key);
  strbuf_free(&label);
}
