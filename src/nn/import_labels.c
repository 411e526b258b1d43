#include "nn/import_labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "conf/complaints.h"

/* "1.0000e+00" and "1" are the same label. */
static bool whole_number(const char *text, int64_t *value) {
  char *end;
  double x = strtod(text, &end);
  if (end == text || *end || x != floor(x) || fabs(x) > 9e15)
    return false;
  *value = (int64_t)x;
  return true;
}

static char *canonical(const char *text) {
  int64_t value;
  char number[32];
  if (!whole_number(text, &value))
    return mem_strdup(text);
  snprintf(number, sizeof number, "%lld", (long long)value);
  return mem_strdup(number);
}

/* Among the classes the user names, by name or by value. */
static int named_class(const struct import_csv *o, const char *text) {
  int64_t value;
  bool number = whole_number(text, &value);
  for (size_t i = 0; i < o->n_classes; i++)
    if (strcmp(o->classes[i].name, text) == 0 || (number && o->classes[i].has_value && o->classes[i].value == value))
      return (int)i;
  return -1;
}

static enum err fail_no_class(const struct import_csv *o, const char *text, const char *where) {
  struct strbuf list = STRBUF_INIT;
  const char *names[IMPORT_MAX_CLASSES];
  for (size_t i = 0; i < o->n_classes; i++) {
    names[i] = o->classes[i].name;
    strbuf_printf(&list, "%s%s", i ? ", " : "", names[i]);
  }
  const char *near = nearest_word(text, names, o->n_classes);
  enum err e = FAIL(ERR_INPUT, "%s: label '%s' is none of the classes %s%s%s%s", where, text, list.text,
                    near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
  strbuf_free(&list);
  return e;
}

enum err labels_add(struct label_list *l, const char *text, const char *where, int *which) {
  if (*text == '\0')
    return FAIL(ERR_INPUT, "%s: the label is empty: remove the row", where);
  if (l->options->n_classes) {
    *which = named_class(l->options, text);
    if (*which < 0)
      return fail_no_class(l->options, text, where);
    l->counts[*which]++;
    return OK;
  }
  char *label = canonical(text);
  size_t i = 0;
  while (i < l->n && strcmp(l->texts[i], label) != 0)
    i++;
  if (i == IMPORT_MAX_CLASSES) {
    free(label);
    return FAIL(
        ERR_INPUT,
        "%s: more than 64 different labels, now '%s': for a number to predict say --target, or name another column",
        where, text);
  }
  if (i == l->n)
    l->texts[l->n++] = label;
  else
    free(label);
  l->counts[i]++;
  *which = (int)i;
  return OK;
}

static void take_named(struct label_list *l) {
  l->n = l->options->n_classes;
  for (size_t i = 0; i < l->n; i++) {
    l->texts[i] = mem_strdup(l->options->classes[i].name);
    l->values[i] = l->options->classes[i].has_value ? l->options->classes[i].value : (int64_t)i;
  }
}

static void number_by_alphabet(struct label_list *l) {
  for (size_t i = 0; i < l->n; i++) {
    l->values[i] = 0;
    for (size_t j = 0; j < l->n; j++)
      l->values[i] += strcmp(l->texts[j], l->texts[i]) < 0;
  }
}

enum err labels_settle(struct label_list *l, const char *path) {
  bool numbers = true;
  if (l->options->n_classes)
    take_named(l);
  else {
    for (size_t i = 0; i < l->n; i++)
      numbers = whole_number(l->texts[i], &l->values[i]) && numbers;
    if (!numbers)
      number_by_alphabet(l);
  }
  size_t with_rows = 0;
  for (size_t i = 0; i < l->n; i++)
    with_rows += l->counts[i] > 0;
  if (with_rows < 2)
    return FAIL(ERR_INPUT, "%s: column %s holds one label only: there is nothing to tell apart", path,
                l->options->label);
  return OK;
}

/* In the order of their values. */
void labels_summary(const struct label_list *l, struct import_summary *out) {
  bool taken[IMPORT_MAX_CLASSES] = {false};
  for (out->n_classes = 0; out->n_classes < l->n; out->n_classes++) {
    size_t least = IMPORT_MAX_CLASSES;
    for (size_t i = 0; i < l->n; i++)
      if (!taken[i] && (least == IMPORT_MAX_CLASSES || l->values[i] < l->values[least]))
        least = i;
    taken[least] = true;
    out->classes[out->n_classes] = mem_strdup(l->texts[least]);
    out->class_values[out->n_classes] = l->values[least];
    out->class_rows[out->n_classes] = l->counts[least];
  }
}

void labels_free(struct label_list *l) {
  for (size_t i = 0; i < l->n; i++)
    free(l->texts[i]);
  l->n = 0;
}
