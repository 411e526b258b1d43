/* write_bad_settings FOLDER: a study file for every way in which each row of the settings table can be written wrongly,
 * with what is to be said about it in its first line, "# expect: ". bad_settings.sh hands them to the program. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "conf/settings.h"

static const char *folder;
static int written;

/* `key` is written with its groups; the last word stands alone in line 3, with `value` (NULL: the whole line is given).
 */
static void write_case(const char *key, const char *line, const char *expect) {
  struct strbuf text = STRBUF_INIT, name = STRBUF_INIT;
  strbuf_printf(&text, "# expect: %s\n", expect);
  int depth = 0;
  for (const char *dot; (dot = strchr(key, '.')); key = dot + 1, depth++)
    strbuf_printf(&text, "%.*s = { ", (int)(dot - key), key);
  strbuf_printf(&text, "\n%s\n", line);
  for (; depth > 0; depth--)
    strbuf_puts(&text, "}; ");
  strbuf_putc(&text, '\n');
  strbuf_printf(&name, "%s/%04d.cfg", folder, written++);
  if (file_write_atomic(name.text, text.text, text.len) != OK) {
    fprintf(stderr, "%s\n", err_text());
    exit(1);
  }
  strbuf_free(&name);
  strbuf_free(&text);
}

static const char *last_word(const char *key) {
  const char *dot = strrchr(key, '.');
  return dot ? dot + 1 : key;
}

static void bad_value(const char *key, const char *value) {
  char line[600], expect[300];
  snprintf(line, sizeof line, "%s = %s;", last_word(key), value);
  snprintf(expect, sizeof expect, ":3: %s", key);
  write_case(key, line, expect);
}

static void bad_number(const struct setting *row, const char *key) {
  char value[64];
  if (row->low < row->high && row->low > -1e300) {
    snprintf(value, sizeof value, "%.10g", row->low - (row->type == SETTING_INT ? 1 : 0.5 + fabs(row->low)));
    bad_value(key, value);
  }
  if (row->low < row->high && row->high < 1e15) {
    snprintf(value, sizeof value, "%.17g", row->type == SETTING_INT ? row->high + 1 : row->high * 2 + 1);
    bad_value(key, value);
  }
  bad_value(key, "1e999");
  bad_value(key, "true");
  if (row->type == SETTING_INT)
    bad_value(key, "1.5");
}

/* What no row takes, and what this one does not take. */
static void bad_values(const struct setting *row, const char *key) {
  bool number = row->type == SETTING_INT || row->type == SETTING_FLOAT || row->type == SETTING_SECONDS;
  bad_value(key, "{ a = 1; }");
  if (!(row->flags & LIST))
    bad_value(key, "(1, \"two\")");
  if (!(row->flags & REF))
    bad_value(key, "\"@nobody\"");
  else
    bad_value(key, "\"@no body\"");
  if (number)
    bad_number(row, key);
  if (number || row->type == SETTING_BOOL || row->type == SETTING_CHOICE)
    bad_value(key, "\"nonsense\"");
  if (row->type == SETTING_BOOL || row->type == SETTING_CHOICE)
    bad_value(key, "7");
  if (row->type == SETTING_TEXT || row->type == SETTING_CHOICE)
    bad_value(key, "0.25");
  if (row->type == SETTING_TEXT)
    bad_value(key, "\"\xff\"");
}

static void bad_key(const char *key) {
  char line[600], expect[300];
  const char *word = last_word(key);
  snprintf(line, sizeof line, "%sx = 1;", word);
  snprintf(expect, sizeof expect, ":3: %sx", key);
  write_case(key, line, expect);
  snprintf(line, sizeof line, "%s = 1; %s = 1;", word, word);
  snprintf(expect, sizeof expect, ":3: ");
  write_case(key, line, expect);
}

int main(int argc, char **argv) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  if (argc != 2)
    return 2;
  folder = argv[1];
  for (size_t i = 0; i < n; i++) {
    char key[200];
    snprintf(key, sizeof key, "%s", rows[i].key);
    for (char *star; (star = strchr(key, '*'));)
      *star = 'x';
    bad_values(&rows[i], key);
    if (!strchr(rows[i].key, '*')) /* in an open group any name will do */
      bad_key(key);
  }
  printf("%d study files\n", written);
  return 0;
}
