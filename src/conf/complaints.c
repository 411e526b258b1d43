#include "conf/complaints.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

void complaints_init(struct complaints *c) {
  *c = (struct complaints){0};
}

void complaints_free(struct complaints *c) {
  for (size_t i = 0; i < c->n; i++)
    free(c->lines[i]);
  free(c->lines);
  complaints_init(c);
}

void complain(struct complaints *c, const char *file, int line, const char *format, ...) {
  struct strbuf text = STRBUF_INIT;
  if (file && line > 0)
    strbuf_printf(&text, "%s:%d: ", file, line);
  else if (file)
    strbuf_printf(&text, "%s: ", file);
  va_list args;
  va_start(args, format);
  strbuf_vprintf(&text, format, args);
  va_end(args);
  MEM_GROW(c->lines, c->n, &c->cap);
  c->lines[c->n++] = strbuf_detach(&text);
}

enum err complaints_verdict(const struct complaints *c) {
  if (c->n == 0)
    return OK;
  enum { ROOM = 3800 }; /* an error text holds no more than 4 KiB */
  struct strbuf all = STRBUF_INIT;
  size_t i = 0;
  for (; i < c->n && (i == 0 || all.len + strlen(c->lines[i]) < ROOM); i++)
    strbuf_printf(&all, "%s%s", i ? "\n" : "", c->lines[i]);
  if (i < c->n)
    strbuf_printf(&all, "\n... and %zu more", c->n - i);
  enum err e = FAIL(ERR_CONFIG, "%s", all.text);
  strbuf_free(&all);
  return e;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

static bool same_letter(char a, char b) {
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Letters to insert, delete, replace or swap with their neighbour; capitals do not count. (Damerau 1964, in the
 * restricted form that edits no substring twice.) */
static size_t edit_distance(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b), width = m + 1;
  size_t *d = MEM_NEW_ARRAY(size_t, (n + 1) * width);
  for (size_t j = 0; j <= m; j++)
    d[j] = j;
  for (size_t i = 1; i <= n; i++) {
    d[i * width] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t *here = &d[i * width + j];
      *here = smaller(here[-1] + 1, here[-(ptrdiff_t)width] + 1);
      *here = smaller(*here, here[-(ptrdiff_t)width - 1] + !same_letter(a[i - 1], b[j - 1]));
      if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
        *here = smaller(*here, d[(i - 2) * width + j - 2] + 1);
    }
  }
  size_t distance = d[n * width + m];
  free(d);
  return distance;
}

/* "batch_size" is meant to be "batch", "n_trials" is "trials": the longest word that one holds of the other. */
static const char *contained_word(const char *word, const char *const *words, size_t n) {
  const char *best = NULL;
  size_t best_length = 3; /* shorter ones are in everything */
  for (size_t i = 0; i < n; i++) {
    bool within = strstr(word, words[i]) || strstr(words[i], word);
    size_t common = smaller(strlen(word), strlen(words[i]));
    if (within && common > best_length) {
      best = words[i];
      best_length = common;
    }
  }
  return best;
}

const char *nearest_word(const char *word, const char *const *words, size_t n) {
  enum { LONGEST = 200 }; /* nobody means a word that long, and the table of distances is its square */
  size_t length = strlen(word);
  if (length == 0 || length > LONGEST)
    return NULL;
  const char *best = NULL;
  size_t best_distance = length < 5 ? 1 : (length + 1) / 3;
  for (size_t i = 0; i < n; i++) {
    size_t n_letters = strlen(words[i]);
    if (n_letters > LONGEST || n_letters > length + best_distance || length > n_letters + best_distance)
      continue; /* as many letters would have to be inserted or deleted */
    size_t distance = edit_distance(word, words[i]);
    if (distance < best_distance || (distance == best_distance && !best)) {
      best = words[i];
      best_distance = distance;
    }
  }
  return best ? best : contained_word(word, words, n);
}
