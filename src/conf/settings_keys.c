/* Keys against the table: which row, which group, and what an unknown one may have been meant to be. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/settings_store.h"

enum fit { NO_FIT, SAME, BELOW };

/* Is `pattern` (a row's key, a star fits any one word) the key itself, or does it lie below the key? */
static enum fit key_fit(const char *pattern, const char *key) {
  for (;;) {
    size_t p = strcspn(pattern, "."), k = strcspn(key, ".");
    bool star = p == 1 && *pattern == '*';
    if (k == 0 || (!star && (p != k || strncmp(pattern, key, p) != 0)))
      return NO_FIT;
    pattern += p;
    key += k;
    if (*key == '\0')
      return *pattern == '\0' ? SAME : BELOW;
    if (*pattern == '\0')
      return NO_FIT;
    pattern++;
    key++;
  }
}

const struct setting *settings_row(const char *key) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++)
    if (key_fit(rows[i].key, key) == SAME)
      return &rows[i];
  return NULL;
}

static const struct setting *first_below(const char *group) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++)
    if (key_fit(rows[i].key, group) == BELOW)
      return &rows[i];
  return NULL;
}

bool key_is_group(const char *key) {
  return first_below(key) != NULL;
}

static size_t words_in(const char *key) {
  size_t n = 1;
  for (; *key; key++)
    n += *key == '.';
  return n;
}

/* Start of the word with that index (from 0); the key must have it. */
static const char *word_at(const char *key, size_t index) {
  for (; index > 0; index--)
    key = strchr(key, '.') + 1;
  return key;
}

bool key_is_open(const char *key) {
  size_t n, last = words_in(key) - 1;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++)
    if (key_fit(rows[i].key, key) != NO_FIT && *word_at(rows[i].key, last) == '*')
      return true;
  return false;
}

bool key_name_good(const char *name) {
  size_t n = strlen(name);
  if (n == 0 || n > NAME_LONGEST || !(isalpha((unsigned char)name[0]) || name[0] == '_'))
    return false;
  for (size_t i = 0; i < n; i++)
    if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
      return false;
  return true;
}

const char *key_last(const char *key) {
  const char *dot = strrchr(key, '.');
  return dot ? dot + 1 : key;
}

struct words {
  char **items;
  size_t n, cap;
};

static void words_add(struct words *w, const char *text, size_t length) {
  for (size_t i = 0; i < w->n; i++)
    if (strlen(w->items[i]) == length && strncmp(w->items[i], text, length) == 0)
      return;
  MEM_GROW(w->items, w->n, &w->cap);
  char *copy = mem_alloc(length + 1);
  memcpy(copy, text, length);
  w->items[w->n++] = copy;
}

static void words_free(struct words *w) {
  for (size_t i = 0; i < w->n; i++)
    free(w->items[i]);
  free(w->items);
}

/* The words that may stand after "group."; group "" for the top. */
static void words_below(const char *group, struct words *out) {
  size_t n, index = *group ? words_in(group) : 0;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++)
    if (!*group || key_fit(rows[i].key, group) == BELOW) {
      const char *word = word_at(rows[i].key, index);
      if (*word != '*')
        words_add(out, word, strcspn(word, "."));
    }
}

static void put_words(const struct words *w, struct strbuf *out) {
  for (size_t i = 0; i < w->n; i++)
    strbuf_printf(out, "%s%s", i ? ", " : "", w->items[i]);
}

/* "train.epochs" for a lone "epochs". */
static const char *same_last_word(const char *key) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(key_last(rows[i].key), key_last(key)) == 0 && !strchr(rows[i].key, '*'))
      return rows[i].key;
  return NULL;
}

static const char *nearest_key(const char *key) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  const char **keys = MEM_NEW_ARRAY(const char *, n);
  for (size_t i = 0; i < n; i++)
    keys[i] = rows[i].key;
  const char *near = nearest_word(key, keys, n);
  free(keys);
  return near && !strchr(near, '*') ? near : NULL;
}

/* Nearest among its brothers; else a setting of that name in another group; else the nearest of all; else the brothers.
 */
static void suggest(const char *key, struct strbuf *out) {
  size_t length = (size_t)(key_last(key) - key);
  char *group = mem_strdup(key);
  group[length ? length - 1 : 0] = '\0';
  struct words brothers = {0};
  words_below(group, &brothers);
  const char *near = nearest_word(key_last(key), (const char *const *)brothers.items, brothers.n);
  const char *other = same_last_word(key);
  if (!other && !*group)
    other = nearest_key(key);
  if (near)
    strbuf_printf(out, "; did you mean %s%s%s?", group, *group ? "." : "", near);
  else if (other)
    strbuf_printf(out, "; did you mean %s?", other);
  else {
    strbuf_printf(out, "; %s%s has ", *group ? "" : "a study file", group);
    put_words(&brothers, out);
  }
  words_free(&brothers);
  free(group);
}

void key_inside(const char *group, struct strbuf *out) {
  struct words inner = {0};
  words_below(group, &inner);
  const char *word = word_at(first_below(group)->key, words_in(group));
  if (inner.n > 1)
    put_words(&inner, out);
  else
    strbuf_printf(out, "%s = %s", *word == '*' ? "NAME" : inner.items[0], strchr(word, '.') ? "{ ... }" : "...");
  words_free(&inner);
}

void key_complain_unknown(const char *key, const char *file, int line, struct complaints *c) {
  struct strbuf hint = STRBUF_INIT;
  suggest(key, &hint);
  if (file && strncmp(file, "--set ", 6) == 0) /* its name says the key already */
    complain(c, file, line, "unknown setting%s", hint.text);
  else
    complain(c, file, line, "%s: unknown setting%s", key, hint.text);
  strbuf_free(&hint);
}
