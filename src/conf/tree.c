#include "conf/tree.h"

#include <ctype.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/source.h"

static struct value scalar_of(const config_setting_t *from) {
  switch (config_setting_type(from)) {
  case CONFIG_TYPE_INT:
    return value_int(config_setting_get_int(from));
  case CONFIG_TYPE_INT64:
    return value_int(config_setting_get_int64(from));
  case CONFIG_TYPE_FLOAT:
    return value_float(config_setting_get_float(from));
  case CONFIG_TYPE_BOOL:
    return value_bool(config_setting_get_bool(from));
  default:
    return value_text(config_setting_get_string(from));
  }
}

static void node_from(struct node *to, const config_setting_t *from, const struct source *source) {
  *to = (struct node){.name = mem_strdup(config_setting_name(from))};
  to->file = mem_strdup(source_place(source, config_setting_source_line(from), &to->line));
  if (!config_setting_is_aggregate(from)) {
    to->value = scalar_of(from);
    return;
  }
  to->kind = config_setting_is_group(from) ? NODE_GROUP : NODE_LIST;
  int n = config_setting_length(from);
  for (int i = 0; i < n; i++)
    node_from(node_add(to), config_setting_get_elem(from, (unsigned)i), source);
}

struct node *node_add(struct node *parent) {
  MEM_GROW(parent->children, parent->n, &parent->cap);
  parent->children[parent->n] = (struct node){0};
  return &parent->children[parent->n++];
}

void node_free(struct node *n) {
  for (size_t i = 0; i < n->n; i++)
    node_free(&n->children[i]);
  free(n->children);
  free(n->name);
  free(n->file);
  value_free(&n->value);
  *n = (struct node){.kind = NODE_GROUP};
}

const struct node *node_child(const struct node *group, const char *name) {
  for (size_t i = 0; i < group->n; i++)
    if (group->children[i].name && strcmp(group->children[i].name, name) == 0)
      return &group->children[i];
  return NULL;
}

static size_t bare_word(const char *text) {
  size_t n = 0;
  while (isalnum((unsigned char)text[n]) || (n > 0 && text[n] && strchr("_./-", text[n])))
    n++;
  bool truth = (n == 4 && strncmp(text, "true", n) == 0) || (n == 5 && strncmp(text, "false", n) == 0);
  return isalpha((unsigned char)text[0]) && !truth ? n : 0;
}

/* The commonest of all slips: name = word. Returns the word's start in the line and its length, or NULL. */
static const char *unquoted_word(const char *line, int *length) {
  bool quoted = false;
  for (; *line; line++) {
    quoted ^= *line == '"';
    const char *word = line + 1 + strspn(line + 1, " \t([");
    *length = quoted || *line != '=' ? 0 : (int)bare_word(word);
    if (*length > 0)
      return word;
  }
  return NULL;
}

static void complain_about_parse(const config_t *conf, const struct source *source, struct complaints *c) {
  unsigned where = (unsigned)config_error_line(conf);
  int line;
  const char *file = source_place(source, where, &line);
  const char *what = config_error_text(conf) ? config_error_text(conf) : "syntax error";
  char *text = source_line(source, where);
  int length = 0;
  const char *word = unquoted_word(text, &length);
  if (strstr(what, "mismatched element type"))
    complain(c, file, line, "[ ] holds values of one type only: use ( ) for a mixed list");
  else if (strstr(what, "duplicate setting"))
    complain(c, file, line, "given a second time in its group: %s", text);
  else if (word)
    complain(c, file, line, "texts stand in quotes: \"%.*s\"", length, word);
  else
    complain(c, file, line, "%s at or before '%s': settings are written name = value, texts in \" \", groups in { }",
             what, text);
  free(text);
}

static enum err parse(struct source *source, bool readable, struct node *root, struct complaints *c) {
  *root = (struct node){.kind = NODE_GROUP};
  if (!readable)
    return ERR_CONFIG;
  config_t conf;
  config_init(&conf);
  bool parsed = config_read_string(&conf, source->text.text) == CONFIG_TRUE;
  if (parsed)
    node_from(root, config_root_setting(&conf), source);
  else
    complain_about_parse(&conf, source, c);
  config_destroy(&conf);
  return parsed ? OK : ERR_CONFIG;
}

enum err tree_read_file(const char *path, struct node *root, struct complaints *c) {
  struct source source;
  enum err e = parse(&source, source_read_file(&source, path, c), root, c);
  source_free(&source);
  return e;
}

enum err tree_read_text(const char *text, const char *name, struct node *root, struct complaints *c) {
  struct source source;
  enum err e = parse(&source, source_read_text(&source, text, strlen(text), name, c), root, c);
  source_free(&source);
  return e;
}
