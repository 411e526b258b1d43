/* The table of settings as users and as the sources see it. */
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/settings.h"
#include "testing.h"

static void test_rows_are_sound(void) {
  size_t n;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++) {
    const struct setting *row = &rows[i];
    size_t length = strlen(row->help);
    bool good = settings_row(row->key) == row; /* no key twice, none hidden behind a star */
    good &= length > 0 && row->help[length - 1] == '.';
    good &= (row->type == SETTING_CHOICE) <= (row->choices != NULL);
    good &= !(row->flags & EITHER) || (row->flags & LIST);
    good &= row->low <= row->high && row->unit != NULL;
    good &= !row->choices || row->type == SETTING_CHOICE || row->type == SETTING_ANY;
    if (!good)
      printf("\nrow %s\n", row->key);
    CHECK(good);
  }
}

static void test_groups_are_sound(void) {
  size_t n_groups, n, found = 0;
  const struct setting_group *groups = settings_groups(&n_groups);
  const struct setting *rows = settings_table(&n);
  for (size_t g = 0; g < n_groups; g++)
    for (size_t i = 0; i < n; i++) {
      size_t length = strlen(groups[g].name);
      found += strncmp(rows[i].key, groups[g].name, length) == 0 &&
               (rows[i].key[length] == '.' || rows[i].key[length] == '\0');
    }
  CHECK(found == n); /* each row is in one group */
}

static struct settings *read_clean(const char *text) {
  struct complaints c;
  struct settings *s;
  complaints_init(&c);
  settings_read_text(&s, text, "page.cfg", NULL, 0, &c);
  for (size_t i = 0; i < c.n; i++)
    printf("\n%s\n", c.lines[i]);
  CHECK(c.n == 0);
  complaints_free(&c);
  REQUIRE(s != NULL);
  return s;
}

/* What reference.cfg shows must work. */
static void test_examples(void) {
  size_t n;
  const struct setting_group *groups = settings_groups(&n);
  for (size_t i = 0; i < n; i++)
    if (groups[i].example)
      settings_free(read_clean(groups[i].example));
}

static void test_reference_reads_back(void) {
  struct strbuf page = STRBUF_INIT;
  settings_write_reference(&page);
  struct settings *from_page = read_clean(page.text), *plain = read_clean("");
  for (int class = IDENTITY; class <= FREE; class ++) {
    json_t *a = settings_to_json(from_page, (enum setting_class) class);
    json_t *b = settings_to_json(plain, (enum setting_class) class);
    CHECK(json_equal(a, b));
    json_decref(a);
    json_decref(b);
  }
  size_t n;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++)
    CHECK(test_text_contains(page.text, rows[i].unit));
  settings_free(from_page);
  settings_free(plain);
  strbuf_free(&page);
}

static void test_reference_is_committed(void) {
  const char *path = test_source_file("configs/reference.cfg");
  struct strbuf page = STRBUF_INIT, file = STRBUF_INIT;
  REQUIRE(path != NULL);
  REQUIRE(file_read(path, &file) == OK);
  settings_write_reference(&page);
  bool same = strcmp(page.text, file.text) == 0;
  if (!same) {
    file_write_atomic("reference.cfg", page.text, page.len);
    printf("\n%s is not what the table says; the page as it should be is in tests/reference.cfg of the build folder\n",
           path);
  }
  CHECK(same);
  strbuf_free(&page);
  strbuf_free(&file);
}

static void test_help(void) {
  struct strbuf all = STRBUF_INIT, group = STRBUF_INIT;
  settings_write_help(&all, NULL);
  settings_write_help(&group, "schedule");
  CHECK(test_text_contains(all.text, group.text));
  CHECK(test_text_contains(group.text, "schedule.eta ") && !test_text_contains(group.text, "train."));
  size_t n;
  const struct setting *rows = settings_table(&n);
  for (size_t i = 0; i < n; i++)
    CHECK(test_text_contains(all.text, rows[i].key));
  strbuf_free(&all);
  strbuf_free(&group);
}

/* Which types of rows a function reads; 0 for any. */
static unsigned types_of(const char *function) {
  static const struct {
    const char *name;
    unsigned types;
  } readers[] = {{"bool", 1U << SETTING_BOOL},
                 {"int", 1U << SETTING_INT},
                 {"double", 1U << SETTING_FLOAT | 1U << SETTING_SECONDS},
                 {"text", 1U << SETTING_TEXT | 1U << SETTING_CHOICE},
                 {"choice", 1U << SETTING_CHOICE}};
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if (strcmp(readers[i].name, function) == 0)
      return readers[i].types;
  return 0;
}

/* Every settings_READER(x, "key") of a source file; returns how many. */
static size_t check_calls(const char *path, const char *text) {
  size_t n = 0;
  for (const char *p = text; (p = strstr(p, "settings_")) != NULL; p++) {
    char function[16], key[128];
    int length = 0;
    if (sscanf(p, "settings_%15[a-z_](%*[^,();], \"%127[^\"]\"%n", function, key, &length) != 2 || length == 0)
      continue;
    static const char *const readers[] = {"bool", "int",   "double",  "text", "choice",
                                          "list", "given", "is_list", "line"};
    bool reader = false;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
      reader |= strcmp(readers[i], function) == 0;
    if (!reader)
      continue;
    const struct setting *row = settings_row(key);
    unsigned types = types_of(function);
    bool good = row && (types == 0 || types & 1U << row->type);
    if (!good)
      printf("\n%s: settings_%s(..., \"%s\"): %s\n", path, function, key, row ? "wrong type" : "no such setting");
    CHECK(good);
    n++;
  }
  return n;
}

static void test_keys_in_the_sources(void) {
  const char *folder = test_source_file("src");
  glob_t found;
  char pattern[1100];
  size_t calls = 0;
  REQUIRE(folder != NULL);
  snprintf(pattern, sizeof pattern, "%s/*/*.c", folder);
  REQUIRE(glob(pattern, 0, NULL, &found) == 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    struct strbuf text = STRBUF_INIT;
    REQUIRE(file_read(found.gl_pathv[i], &text) == OK);
    calls += check_calls(found.gl_pathv[i], text.text);
    strbuf_free(&text);
  }
  CHECK(calls > 30); /* the pattern does find them */
  globfree(&found);
}

int main(void) {
  return TEST_MAIN("settings_table", {"rows", test_rows_are_sound}, {"groups", test_groups_are_sound},
                   {"examples", test_examples}, {"reference.cfg reads back", test_reference_reads_back},
                   {"reference.cfg is the table's", test_reference_is_committed}, {"help", test_help},
                   {"keys in the sources", test_keys_in_the_sources});
}
