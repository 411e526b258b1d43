/* study.cfg: can it be read, and does it say what the journal says? The journal has every setting too, so it can be
 * written anew from there. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "run/doctor_parts.h"
#include "run/evaluator.h"

static enum err read_file(struct doctor *d, const char *path) {
  struct strbuf text = STRBUF_INIT;
  struct complaints c;
  complaints_init(&c);
  enum err e = file_read(path, &text);
  if (e == OK) {
    settings_read_text(&d->conf, text.text, path, NULL, 0, &c);
    if (d->conf)
      space_from_settings(&d->space, d->conf, &c);
    e = strlen(text.text) == text.len ? complaints_verdict(&c)
                                      : FAIL(ERR_DAMAGED, "%s holds bytes that are no text", path);
  }
  complaints_free(&c);
  strbuf_free(&text);
  return e;
}

static void forget(struct doctor *d) {
  settings_free(d->conf);
  space_free(&d->space);
  d->conf = NULL;
  d->space = (struct space){0};
}

static json_t *recorded(const struct doctor *d, const char *key) {
  const char *text = study_attribute(&d->study, key);
  return text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

/* Does it say another study than the journal? */
static size_t differences(const struct doctor *d, struct strbuf *out) {
  json_t *identity = recorded(d, "coxswain:identity");
  size_t n = identity ? settings_difference(d->conf, IDENTITY, identity, out) : 0;
  json_decref(identity);
  return n;
}

/* ---- from the journal ---- */

static void put_value(const json_t *value, struct strbuf *out) {
  if (!json_is_array(value)) {
    char *text = json_text(value);
    strbuf_puts(out, text);
    free(text);
    return;
  }
  strbuf_putc(out, '(');
  for (size_t i = 0; i < json_array_size(value); i++) {
    strbuf_puts(out, i ? ", " : "");
    put_value(json_array_get(value, i), out);
  }
  strbuf_putc(out, ')');
}

struct lines {
  char **items;
  size_t n, cap;
};

/* As for --set; what has its default value is not given. */
static void add_lines(json_t *settings, const struct settings *defaults, enum setting_class class,
                      struct lines *lines) {
  json_t *usual = settings_to_json(defaults, class), *value;
  const char *key;
  json_object_foreach(settings, key, value) {
    struct strbuf line = STRBUF_INIT;
    if (json_is_null(value) || json_equal(value, json_object_get(usual, key)))
      continue;
    strbuf_printf(&line, "%s=", key);
    put_value(value, &line);
    MEM_GROW(lines->items, lines->n, &lines->cap);
    lines->items[lines->n++] = strbuf_detach(&line);
  }
  json_decref(usual);
}

static enum err write_file(const struct doctor *d, const char *path) {
  json_t *file = recorded(d, "coxswain:study_file");
  const char *from = json_string_value(file);
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text, "# Effective settings of this study, from %s. Paths are relative to that file.\n",
                from ? from : "?");
  settings_write(d->conf, &text);
  enum err e = file_write_atomic(path, text.text, text.len);
  strbuf_free(&text);
  json_decref(file);
  return e;
}

/* *done: the settings are in d->conf, and are exactly those that were recorded. */
static void settings_from_journal(struct doctor *d, bool *done) {
  json_t *identity = recorded(d, "coxswain:identity"), *rest = recorded(d, "coxswain:settings");
  struct lines lines = {0};
  struct complaints c;
  struct strbuf text = STRBUF_INIT;
  struct settings *defaults = NULL;
  complaints_init(&c);
  settings_read_text(&defaults, "", "defaults", NULL, 0, &c);
  add_lines(identity, defaults, IDENTITY, &lines);
  add_lines(rest, defaults, FREE, &lines);
  settings_free(defaults);
  complaints_free(&c);
  complaints_init(&c);
  settings_read_text(&d->conf, "", "journal.log", (const char *const *)lines.items, lines.n, &c);
  if (d->conf)
    space_from_settings(&d->space, d->conf, &c);
  *done = identity && rest && d->conf && c.n == 0 && settings_difference(d->conf, IDENTITY, identity, &text) == 0 &&
          settings_difference(d->conf, FREE, rest, &text) == 0;
  if (!*done)
    forget(d);
  err_clear();
  strbuf_free(&text);
  complaints_free(&c);
  file_list_free(lines.items, lines.n);
  json_decref(identity);
  json_decref(rest);
}

/* ---- the section ---- */

static enum err write_anew(struct doctor *d, const char *path, const char *why) {
  bool known = false;
  forget(d);
  settings_from_journal(d, &known);
  if (known && doctor_mends(d))
    TRY(write_file(d, path));
  doctor_problem(
      d, known && doctor_mends(d) ? DOCTOR_MENDED : DOCTOR_DAMAGED,
      known ? "the journal has all of it: --mend writes it anew, and so does `coxswain run` with the original file"
            : "`coxswain run` with the original study file and --out writes it anew",
      "%s", why);
  doctor_section(d, "settings", "study.cfg %s", known && doctor_mends(d) ? "is written anew" : "is damaged");
  return OK;
}

enum err doctor_read_settings(struct doctor *d) {
  char *path = path_join(d->folder, "study.cfg");
  struct strbuf why = STRBUF_INIT;
  enum err e = read_file(d, path);
  if (e != OK)
    strbuf_puts(&why, err_text());
  err_clear();
  struct strbuf lines = STRBUF_INIT;
  if (e == OK && differences(d, &lines))
    strbuf_printf(&why, "%s does not say what the journal says:\n%s", path, lines.text);
  if (why.len)
    e = write_anew(d, path, why.text);
  else
    doctor_section(d, "settings", "study.cfg says what the journal says");
  if (d->conf) {
    const struct evaluator_ops *ops = evaluator_ops_of(settings_text(d->conf, "evaluator"));
    d->keeps_states = ops && ops->keeps_states;
  }
  strbuf_free(&lines);
  strbuf_free(&why);
  free(path);
  return e;
}
