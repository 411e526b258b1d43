/* Small files beside the data: lists of variable names, scale dictionaries. */
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "nn/data_plan.h"

struct names {
  char **items;
  size_t n, cap;
};

static void names_free(struct names *names) {
  for (size_t i = 0; i < names->n; i++)
    free(names->items[i]);
  free(names->items);
}

/* Without spaces around it, quotes, and a comment behind it. */
static char *trimmed(const char *line, size_t length) {
  const char *comment = memchr(line, '#', length);
  if (comment)
    length = (size_t)(comment - line);
  while (length && isspace((unsigned char)line[length - 1]))
    length--;
  while (length && isspace((unsigned char)*line))
    line++, length--;
  if (length >= 2 && (*line == '"' || *line == '\'') && line[length - 1] == *line)
    line++, length -= 2;
  char *text = mem_alloc(length + 1);
  memcpy(text, line, length);
  return text;
}

/* In YAML only "- name" counts: keys such as custom_defaults_vars are no inputs. */
static void collect_names(const char *text, bool yaml, struct names *names) {
  while (*text) {
    size_t length = strcspn(text, "\n");
    const char *line = text + strspn(text, " \t");
    size_t left = length > (size_t)(line - text) ? length - (size_t)(line - text) : 0;
    bool item = left >= 2 && line[0] == '-' && line[1] == ' ';
    char *name = item ? trimmed(line + 2, left - 2) : trimmed(line, left);
    if (*name && (item || !yaml)) {
      MEM_GROW(names->items, names->n, &names->cap);
      names->items[names->n++] = name;
    } else
      free(name);
    text += length + (text[length] == '\n');
  }
}

static bool has_yaml_items(const char *text) {
  for (const char *line = text; *line;) {
    const char *start = line + strspn(line, " \t");
    if (start[0] == '-' && start[1] == ' ')
      return true;
    const char *end = strchr(line, '\n');
    if (!end)
      return false;
    line = end + 1;
  }
  return false;
}

enum err data_read_names(const char *path, char ***names, size_t *n) {
  *names = NULL;
  *n = 0;
  struct strbuf text = STRBUF_INIT;
  TRY(file_read(path, &text));
  struct names list = {NULL, 0, 0};
  collect_names(text.text, has_yaml_items(text.text), &list);
  strbuf_free(&text);
  enum err e = OK;
  if (list.n == 0)
    e = FAIL(ERR_INPUT, "%s holds no names: write one a line", path);
  for (size_t i = 0; e == OK && i < list.n; i++)
    for (size_t j = 0; e == OK && j < i; j++)
      if (strcmp(list.items[i], list.items[j]) == 0)
        e = FAIL(ERR_INPUT, "%s: %s stands twice", path, list.items[i]);
  if (e != OK) {
    names_free(&list);
    return e;
  }
  *names = list.items;
  *n = list.n;
  return OK;
}

struct entries {
  struct scale_entry *items;
  size_t n, cap;
};

static enum err add_entry(struct entries *list, const json_t *json, const char *path) {
  const char *name = json_string_value(json_object_get(json, "name"));
  const json_t *shift = json_object_get(json, "shift"), *scale = json_object_get(json, "scale");
  const json_t *fallback = json_object_get(json, "default");
  if (!name)
    return FAIL(ERR_INPUT, "%s: entry %zu has no name", path, list->n + 1);
  if (!json_is_number(shift) || !json_is_number(scale))
    return FAIL(ERR_INPUT, "%s: %s: shift and scale must be numbers", path, name);
  if (!(json_number_value(scale) > 0))
    return FAIL(ERR_INPUT, "%s: %s: scale = %g must be above 0", path, name, json_number_value(scale));
  MEM_GROW(list->items, list->n, &list->cap);
  list->items[list->n++] = (struct scale_entry){mem_strdup(name), json_number_value(shift), json_number_value(scale),
                                                json_is_number(fallback) ? json_number_value(fallback) : (double)NAN};
  return OK;
}

static enum err add_entries(struct entries *list, const json_t *array, const char *path) {
  size_t i;
  const json_t *item;
  json_array_foreach(array, i, item) TRY(add_entry(list, item, path));
  return OK;
}

enum err data_read_scales(const char *path, struct scale_entry **entries, size_t *n) {
  struct entries list = {NULL, 0, 0};
  json_t *json;
  *entries = NULL;
  *n = 0;
  TRY(json_read_file(path, &json));
  enum err e = OK;
  const char *key;
  json_t *value;
  if (json_is_array(json))
    e = add_entries(&list, json, path);
  else
    json_object_foreach(json, key, value) if (e == OK && json_is_array(value)) e = add_entries(&list, value, path);
  json_decref(json);
  if (e == OK && list.n == 0)
    e = FAIL(ERR_INPUT, "%s holds no scales: it must be {\"jets\": [{\"name\": ..., \"shift\": ..., \"scale\": ...}]}",
             path);
  *entries = list.items; /* the plan frees them, complete or not */
  *n = list.n;
  return e;
}

const struct scale_entry *data_find_scale(const struct scale_entry *entries, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(entries[i].name, name) == 0)
      return &entries[i];
  return NULL;
}
