#include "base/json.h"

#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/strbuf.h"

static enum err parse(const char *text, size_t n, const char *where, json_t **out) {
  json_error_t error;
  *out = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
  if (*out)
    return OK;
  return FAIL(ERR_INPUT, "%s:%d:%d: not valid JSON: %s", where, error.line, error.column, error.text);
}

enum err json_parse(const char *text, const char *where, struct json_t **out) {
  TRY(parse(text, strlen(text), where, out));
  return OK;
}

enum err json_read_file(const char *path, struct json_t **out) {
  struct strbuf text = STRBUF_INIT;
  *out = NULL;
  TRY(file_read(path, &text));
  enum err e = parse(text.text, text.len, path, out);
  strbuf_free(&text);
  TRY(e);
  return OK;
}

/* A writer of our own because jansson's prints 0.1 as 0.10000000000000001. `indent` < 0 writes one line. */
static void put(struct strbuf *b, const json_t *json, int indent);

static void new_line(struct strbuf *b, int indent) {
  if (indent >= 0)
    strbuf_printf(b, "\n%*s", 2 * indent, "");
}

static void put_array(struct strbuf *b, const json_t *json, int indent) {
  size_t n = json_array_size(json);
  int inner = indent >= 0 ? indent + 1 : -1;
  strbuf_putc(b, '[');
  for (size_t i = 0; i < n; i++) {
    if (i)
      strbuf_putc(b, ',');
    new_line(b, inner);
    put(b, json_array_get(json, i), inner);
  }
  if (n)
    new_line(b, indent);
  strbuf_putc(b, ']');
}

static void put_object(struct strbuf *b, const json_t *json, int indent) {
  json_t *source = (json_t *)(uintptr_t)json; /* jansson's iterators take no const; nothing is changed */
  int inner = indent >= 0 ? indent + 1 : -1, count = 0;
  strbuf_putc(b, '{');
  for (void *at = json_object_iter(source); at; at = json_object_iter_next(source, at)) {
    if (count++)
      strbuf_putc(b, ',');
    new_line(b, inner);
    strbuf_put_json_string(b, json_object_iter_key(at));
    strbuf_puts(b, indent >= 0 ? ": " : ":");
    put(b, json_object_iter_value(at), inner);
  }
  if (count)
    new_line(b, indent);
  strbuf_putc(b, '}');
}

static void put(struct strbuf *b, const json_t *json, int indent) {
  switch (json_typeof(json)) {
  case JSON_OBJECT:
    put_object(b, json, indent);
    break;
  case JSON_ARRAY:
    put_array(b, json, indent);
    break;
  case JSON_STRING:
    strbuf_put_json_string(b, json_string_value(json));
    break;
  case JSON_INTEGER:
    strbuf_printf(b, "%lld", (long long)json_integer_value(json));
    break;
  case JSON_REAL:
    strbuf_put_double(b, json_real_value(json));
    break;
  case JSON_TRUE:
    strbuf_puts(b, "true");
    break;
  case JSON_FALSE:
    strbuf_puts(b, "false");
    break;
  case JSON_NULL:
    strbuf_puts(b, "null");
    break;
  }
}

enum err json_write_file(const char *path, const struct json_t *json) {
  struct strbuf text = STRBUF_INIT;
  put(&text, json, 0);
  strbuf_putc(&text, '\n');
  enum err e = file_write_atomic(path, text.text, text.len);
  strbuf_free(&text);
  TRY(e);
  return OK;
}

char *json_text(const struct json_t *json) {
  struct strbuf text = STRBUF_INIT;
  put(&text, json, -1);
  return strbuf_detach(&text);
}
