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

/* A file appears when it is whole. */
enum err show_open(struct show *s, const char *path) {
  *s = (struct show){.path = path, .file = stdout};
  if (!path || !strcmp(path, "-"))
    return OK;
  struct strbuf name = STRBUF_INIT;
  strbuf_printf(&name, "%s.tmp", path);
  s->unfinished = strbuf_detach(&name);
  s->file = fopen(s->unfinished, "w");
  if (s->file)
    return OK;
  enum err e = FAIL(ERR_IO, "%s: cannot be written: %s: is the folder there, and yours?", path, strerror(errno));
  free(s->unfinished);
  return e;
}

enum err show_take(void *show, struct strbuf *text) {
  struct show *s = show;
  bool good = fwrite(text->text, 1, text->len, s->file) == text->len;
  strbuf_clear(text);
  return good ? OK
              : FAIL(ERR_IO, "%s: cannot be written: %s: is the disk full?",
                     s->unfinished ? s->path : "standard output", strerror(errno));
}

enum err show_end(struct show *s, enum err e) {
  if (!s->unfinished)
    return e;
  bool whole = fclose(s->file) == 0;
  if (e == OK && !whole)
    e = FAIL(ERR_IO, "%s: cannot be written: %s: is the disk full?", s->path, strerror(errno));
  if (e == OK)
    e = file_rename(s->unfinished, s->path);
  if (e != OK)
    remove(s->unfinished);
  free(s->unfinished);
  return e;
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
