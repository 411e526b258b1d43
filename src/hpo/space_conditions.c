/* Conditions: which hyperparameters are there only when others have certain values. */
#include <stdlib.h>

#include "base/mem.h"
#include "hpo/space_read.h"

/* Counting goes through all combinations of the named values of a family (space_grid.c). */
#define MOST_COMBINATIONS 1e6

char *space_value_text(const struct value *v) {
  struct strbuf b = STRBUF_INIT;
  if (v->kind == VALUE_TEXT)
    strbuf_put_json_string(&b, v->as.text);
  else if (v->kind == VALUE_BOOL)
    strbuf_puts(&b, v->as.b ? "true" : "false");
  else if (v->kind == VALUE_INT)
    strbuf_printf(&b, "%lld", (long long)v->as.i);
  else
    strbuf_put_double(&b, v->as.f);
  return strbuf_detach(&b);
}

struct place {
  const char *file;
  int line;
};

static struct place place_of(const struct settings *conf, const char *key) {
  struct place p = {NULL, 0};
  p.line = settings_line(conf, key, &p.file);
  return p;
}

static const char *nearest_dimension(const struct space *s, const char *name) {
  const char **names = MEM_NEW_ARRAY(const char *, s->n + 1);
  for (size_t i = 0; i < s->n; i++)
    names[i] = s->dims[i].name;
  const char *near = nearest_word(name, names, s->n);
  free(names);
  return near;
}

static const char *nearest_choice(const struct dimension *d, const char *word) {
  const char **words = MEM_NEW_ARRAY(const char *, d->n_choices + 1);
  size_t n = 0;
  for (size_t i = 0; i < d->n_choices; i++)
    if (d->choices[i].kind == VALUE_TEXT)
      words[n++] = d->choices[i].as.text;
  const char *near = nearest_word(word, words, n);
  free(words);
  return near;
}

static void refuse_condition_value(const struct dimension *d, const struct dimension *parent, const struct value *v,
                                   struct place at, struct complaints *c) {
  char *text = space_value_text(v);
  const char *near = v->kind == VALUE_TEXT ? nearest_choice(parent, v->as.text) : NULL;
  complain(c, at.file, at.line, "space.%s: when.%s = %s is a value that %s never has%s%s%s", d->name, parent->name,
           text, parent->name, near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  free(text);
}

/* The values are kept as the parent has them (0.1 + 0.2 is its 0.3), so that comparing is
 * enough later. */
static void read_condition_values(struct space *s, size_t child, size_t parent, const struct value *values, size_t n,
                                  struct place at, struct complaints *c) {
  struct dimension *d = &s->dims[child], *p = &s->dims[parent];
  struct condition condition = {.parent = parent, .values = MEM_NEW_ARRAY(struct value, n + 1)};
  for (size_t i = 0; i < n; i++) {
    uint64_t cell;
    if (!dimension_cell_of(p, &values[i], &cell)) {
      refuse_condition_value(d, p, &values[i], at, c);
      continue;
    }
    struct value own = dimension_value(p, dimension_cell_centre(p, cell));
    condition.values[condition.n++] = value_copy(&own);
  }
  if (n == 0)
    complain(c, at.file, at.line, "space.%s: when.%s is empty: name the values of %s at which %s is there", d->name,
             p->name, p->name, d->name);
  d->conditions = mem_realloc(d->conditions, (d->n_conditions + 1) * sizeof *d->conditions);
  d->conditions[d->n_conditions++] = condition;
  p->decides = true;
}

static void read_condition(struct space *s, size_t child, const char *parent_name, const struct settings *conf,
                           const bool *sound, struct complaints *c) {
  const char *name = s->dims[child].name;
  struct strbuf key = STRBUF_INIT;
  strbuf_printf(&key, "space.%s.when.%s", name, parent_name);
  struct place at = place_of(conf, key.text);
  size_t n = 0;
  const struct value *values = settings_list(conf, key.text, &n);
  strbuf_free(&key);

  const struct dimension *parent = space_dimension(s, parent_name);
  if (!parent) {
    const char *near = nearest_dimension(s, parent_name);
    complain(c, at.file, at.line, "space.%s: when.%s names no hyperparameter of the space%s%s%s", name, parent_name,
             near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
  } else if (parent == &s->dims[child])
    complain(c, at.file, at.line, "space.%s: when.%s: it cannot depend on itself", name, parent_name);
  else if (sound[parent - s->dims] && dimension_cells(parent) == 0)
    complain(c, at.file, at.line,
             "space.%s: when.%s: %s is continuous and never has exactly that value: give it a step", name, parent_name,
             parent_name);
  else if (sound[parent - s->dims])
    read_condition_values(s, child, (size_t)(parent - s->dims), values, n, at, c);
}

static bool parents_placed(const struct dimension *d, const bool *placed) {
  for (size_t i = 0; i < d->n_conditions; i++)
    if (!placed[d->conditions[i].parent])
      return false;
  return true;
}

/* Follows unplaced parents until one comes twice, and says so: "a -> b -> a". */
static void complain_circle(const struct space *s, size_t start, const bool *placed, const struct settings *conf,
                            struct complaints *c) {
  size_t *path = MEM_NEW_ARRAY(size_t, s->n + 1), n = 0, first = 0;
  for (size_t at = start;; n++) {
    for (first = 0; first < n && path[first] != at; first++)
      continue;
    path[n] = at;
    if (first < n)
      break;
    const struct dimension *d = &s->dims[at];
    for (size_t i = 0; i < d->n_conditions; i++)
      if (!placed[d->conditions[i].parent])
        at = d->conditions[i].parent;
  }
  struct strbuf circle = STRBUF_INIT, key = STRBUF_INIT;
  for (size_t i = first; i <= n; i++)
    strbuf_printf(&circle, "%s%s", i > first ? " -> " : "", s->dims[path[i]].name);
  const char *name = s->dims[path[first]].name;
  strbuf_printf(&key, "space.%s.when.%s", name, s->dims[path[first + 1]].name);
  struct place at = place_of(conf, key.text);
  complain(c, at.file, at.line, "space.%s: its conditions go round in a circle: %s", name, circle.text);
  strbuf_free(&circle);
  strbuf_free(&key);
  free(path);
}

static void drop_conditions(struct dimension *d) {
  for (size_t i = 0; i < d->n_conditions; i++) {
    for (size_t k = 0; k < d->conditions[i].n; k++)
      value_free(&d->conditions[i].values[k]);
    free(d->conditions[i].values);
  }
  free(d->conditions);
  d->conditions = NULL;
  d->n_conditions = 0;
}

/* The order written, except that parents come first. */
static void put_in_order(struct space *s, const struct settings *conf, struct complaints *c) {
  bool *placed = MEM_NEW_ARRAY(bool, s->n + 1);
  s->order = MEM_NEW_ARRAY(size_t, s->n + 1);
  for (size_t at = 0; at < s->n; at++) {
    size_t i = 0, first = SIZE_MAX;
    for (; i < s->n && (placed[i] || !parents_placed(&s->dims[i], placed)); i++)
      if (!placed[i] && first == SIZE_MAX)
        first = i;
    if (i == s->n) {
      complain_circle(s, first, placed, conf, c);
      for (size_t k = 0; k < s->n; k++)
        if (!placed[k])
          drop_conditions(&s->dims[k]);
      i = first;
    }
    placed[i] = true;
    s->order[at] = i;
  }
  free(placed);
}

static void find_families(struct space *s) {
  for (size_t i = 0; i < s->n; i++)
    s->dims[i].family = i;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < s->n; i++)
      for (size_t k = 0; k < s->dims[i].n_conditions; k++) {
        size_t *a = &s->dims[i].family, *b = &s->dims[s->dims[i].conditions[k].parent].family;
        if (*a == *b)
          continue;
        *a = *b = *a < *b ? *a : *b;
        changed = true;
      }
  }
}

static size_t values_named(const struct space *s, size_t parent) {
  size_t n = 0;
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < s->dims[i].n_conditions; k++)
      if (s->dims[i].conditions[k].parent == parent)
        n += s->dims[i].conditions[k].n;
  uint64_t cells = dimension_cells(&s->dims[parent]);
  return n < cells ? n + 1 : (size_t)cells;
}

static void check_combinations(const struct space *s, struct complaints *c) {
  for (size_t family = 0; family < s->n; family++) {
    double ways = 1;
    for (size_t i = 0; i < s->n; i++)
      if (s->dims[i].family == family && s->dims[i].decides)
        ways *= (double)values_named(s, i);
    if (ways > MOST_COMBINATIONS)
      complain(c, NULL, 0,
               "space.%s: it and what depends on it have conditions that combine in %.3g ways, more than %g",
               s->dims[family].name, ways, MOST_COMBINATIONS);
  }
}

void space_read_conditions(struct space *s, const struct settings *conf, const bool *sound, struct complaints *c) {
  for (size_t i = 0; i < s->n; i++) {
    char *group = space_key(s->dims[i].name, "when");
    size_t n = 0;
    const char **parents = settings_names(conf, group, &n);
    for (size_t k = 0; k < n; k++)
      read_condition(s, i, parents[k], conf, sound, c);
    free(parents);
    free(group);
  }
  put_in_order(s, conf, c);
  find_families(s);
  check_combinations(s, c);
}
