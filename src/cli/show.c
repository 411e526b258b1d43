#include "cli/show.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

struct report_study show_study(const struct folder *f) {
  return (struct report_study){.study = &f->study,
                               .conf = f->conf,
                               .folder = f->path,
                               .runner = f->runner,
                               .done = folder_done(f),
                               .left = folder_left(f)};
}

void show_json(struct json_t *json) {
  json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
  putchar('\n');
  json_decref(json);
}

enum err show_text(const char *path, const struct strbuf *text) {
  if (path && strcmp(path, "-"))
    return file_write_atomic(path, text->text, text->len);
  fwrite(text->text, 1, text->len, stdout);
  return OK;
}

enum err show_json_to(const char *path, struct json_t *json) {
  if (!path || !strcmp(path, "-")) {
    show_json(json);
    return OK;
  }
  enum err e = json_write_file(path, json);
  json_decref(json);
  return e;
}

enum err show_count(const char *option, const char *text, int64_t lowest, int64_t *out) {
  char *end;
  errno = 0;
  long long x = strtoll(text, &end, 10);
  if (end == text || *end || errno || x < lowest)
    return FAIL(ERR_INPUT, "%s %s: give a whole number from %lld", option, text, (long long)lowest);
  *out = x;
  return OK;
}
