/* The table for people: configs/reference.cfg and --help. */
#include <string.h>

#include "base/mem.h"
#include "conf/settings_page.h"
#include "conf/settings_store.h"

enum { PAGE_WIDTH = 100, HELP_COLUMN = 26 };

/* `text` broken at spaces, each line after `indent` spaces and `mark` ("# " or ""). */
static void put_wrapped(struct strbuf *out, int indent, const char *mark, const char *text) {
  size_t room = (size_t)(PAGE_WIDTH - indent) - strlen(mark);
  while (*text) {
    size_t n = strlen(text);
    if (n > room)
      for (n = room; n > 0 && text[n] != ' ';)
        n--;
    if (n == 0)
      n = strcspn(text, " ");
    strbuf_printf(out, "%*s%s%.*s\n", indent, "", mark, (int)n, text);
    text += n;
    text += strspn(text, " ");
  }
}

static const char *type_word(enum setting_type type) {
  switch (type) {
  case SETTING_BOOL:
    return "true or false";
  case SETTING_INT:
    return "whole number";
  case SETTING_FLOAT:
    return "number";
  case SETTING_SECONDS:
    return "time";
  case SETTING_TEXT:
    return "text";
  case SETTING_CHOICE:
    return "one of these words";
  case SETTING_ANY:
    break;
  }
  return "number, text, true or false";
}

/* "whole number >= 1 | epochs | or "@name" | identity" */
static void put_type(const struct setting *row, struct strbuf *out) {
  struct strbuf range = STRBUF_INIT;
  bool number_or_word = row->type == SETTING_ANY && row->choices;
  value_range_text(row, &range);
  strbuf_printf(out, "%s%s%s%s", number_or_word ? "number" : type_word(row->type), range.len ? " " : "", range.text,
                number_or_word ? " or one of these words" : "");
  strbuf_free(&range);
  if (*row->unit)
    strbuf_printf(out, " | %s", row->unit);
  if (row->flags & LIST)
    strbuf_puts(out, row->flags & EITHER ? " | one or a list ( )" : " | list ( )");
  if (row->flags & REF)
    strbuf_puts(out, " | or \"@name\"");
  strbuf_puts(out, row->class == IDENTITY ? " | identity" : " | free");
}

/* The default as a user would write it: 1e-8, not 1e-08. */
static void put_fallback(const struct setting *row, struct strbuf *out) {
  struct value *values;
  size_t n;
  bool list;
  entry_fallback(row, &values, &n, &list);
  if (n > 0 && values[0].kind == VALUE_TEXT)
    values_write(values, n, list, out);
  else
    strbuf_puts(out, row->fallback);
  struct entry all = {.values = values, .n = n};
  entry_free(&all);
}

static void put_choices(const struct setting *row, int indent, const char *mark, struct strbuf *out) {
  size_t widest = 0;
  for (const struct list_word *w = row->choices; w && w->name; w++)
    if (strlen(w->name) > widest)
      widest = strlen(w->name);
  for (const struct list_word *w = row->choices; w && w->name; w++)
    strbuf_printf(out, "%*s%s  %-*s  %s\n", indent, "", mark, (int)widest, w->name, w->help);
}

static void put_row(struct page *p, const struct setting *row) {
  struct strbuf type = STRBUF_INIT, fallback = STRBUF_INIT;
  const char *star = strchr(row->key, '*');
  int indent = 2 * p->depth;
  put_type(row, &type);
  if (row->fallback)
    put_fallback(row, &fallback);
  strbuf_putc(p->out, '\n');
  if (star) {
    const char *inner = strchr(star + 1, '*'); /* of when.* and tag.*.* */
    int length = (int)(inner ? (size_t)(inner - star - 1) : strlen(star + 1));
    page_line(p, "# NAME%.*s%s%s%s", length, star + 1, inner ? "OTHER" : "", fallback.len ? " = " : "", fallback.text);
  }
  put_wrapped(p->out, indent, star ? "#   " : "# ", row->help);
  put_wrapped(p->out, indent, star ? "#   " : "# ", type.text);
  put_choices(row, indent, star ? "#   " : "# ", p->out);
  if (!star && row->fallback)
    page_line(p, "%s = %s;", key_last(row->key), fallback.text);
  else if (!star)
    page_line(p, "# %s = ...;", key_last(row->key));
  strbuf_free(&type);
  strbuf_free(&fallback);
}

static const char preface[] =
    "# Every setting of a study file with its default. A study file holds only what differs from this page.\n"
    "# Written by `coxswain reference`; do not edit.\n"
    "#\n"
    "#   name = value;             a number, a text in \"quotes\", true or false\n"
    "#   name = (1, 2.5, \"x\");     a list; [1, 2] will do where all values are of one type\n"
    "#   name = { ... };           a group\n"
    "#   name = \"90s\";             a time: a number of seconds, or \"90s\", \"30m\", \"2h\", \"1d\", \"1h30m\", "
    "\"HH:MM:SS\"\n"
    "#   name = \"@lr\";             the hyperparameter lr of the group space, filled in for each trial\n"
    "#   @include \"other.cfg\"      another file put in here; its path starts from this file's folder\n"
    "#   # or //                   a comment up to the end of the line\n"
    "#\n"
    "# On the command line: coxswain run study.cfg --set train.epochs=5 --set 'model.hidden=(32, 16)'\n"
    "#\n"
    "# identity: part of what the study is; a study goes on only with the same value.\n"
    "# free:     may change from one run of a study to the next.\n";

static const char *group_end(const char *key) {
  return key + strcspn(key, ".");
}

static void put_heading(struct page *p, const struct setting_group *group) {
  static const char rule[] = "----------------------------------------------------------------------------------------";
  page_go(p, "", 0);
  strbuf_printf(p->out, "\n# %s\n# %s\n", rule, group->name);
  put_wrapped(p->out, 0, "# ", group->help);
  for (const char *line = group->example; line && *line; line += strcspn(line, "\n") + 1)
    strbuf_printf(p->out, "#%s%.*s\n", *line == '\n' ? "" : "   ", (int)strcspn(line, "\n"), line);
}

void settings_write_reference(struct strbuf *out) {
  struct page p = {.out = out, .airy = true};
  size_t n_rows, n_groups;
  const struct setting *rows = settings_table(&n_rows);
  const struct setting_group *groups = settings_groups(&n_groups);
  strbuf_puts(out, preface);
  for (size_t g = 0; g < n_groups; g++) {
    put_heading(&p, &groups[g]);
    for (size_t i = 0; i < n_rows; i++) {
      size_t length = (size_t)(group_end(rows[i].key) - rows[i].key);
      if (strlen(groups[g].name) != length || strncmp(groups[g].name, rows[i].key, length) != 0)
        continue;
      const char *star = strchr(rows[i].key, '*');
      if (star)
        page_go(&p, rows[i].key, (size_t)(star - rows[i].key) - 1);
      else
        page_go_to_group_of(&p, rows[i].key);
      put_row(&p, &rows[i]);
    }
  }
  page_go(&p, "", 0);
}

static bool in_group(const char *key, const char *group) {
  size_t n = group ? strlen(group) : 0;
  return n == 0 || (strncmp(key, group, n) == 0 && (key[n] == '\0' || key[n] == '.'));
}

void settings_write_help(struct strbuf *out, const char *group) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++) {
    if (!in_group(rows[i].key, group))
      continue;
    struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "%-*s ", HELP_COLUMN - 1, rows[i].key);
    put_type(&rows[i], &text);
    if (rows[i].fallback)
      strbuf_puts(&text, " | default ");
    if (rows[i].fallback)
      put_fallback(&rows[i], &text);
    strbuf_printf(out, "%s\n", text.text);
    put_wrapped(out, HELP_COLUMN, "", rows[i].help);
    put_choices(&rows[i], HELP_COLUMN, "", out);
    strbuf_free(&text);
  }
}
