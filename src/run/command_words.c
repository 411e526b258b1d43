#include "run/command_words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void word_put_value(struct strbuf *out, const struct value *v) {
  switch (v->kind) {
  case VALUE_FLOAT:
    strbuf_put_double(out, v->as.f);
    return;
  case VALUE_INT:
    strbuf_printf(out, "%" PRId64, v->as.i);
    return;
  case VALUE_BOOL:
    strbuf_puts(out, v->as.b ? "true" : "false");
    return;
  case VALUE_TEXT:
    strbuf_puts(out, v->as.text);
    return;
  case VALUE_NONE:
    return;
  }
}

static size_t name_length(const char *text) {
  size_t n = 0;
  while (isalnum((unsigned char)text[n]) || (text[n] && strchr("._-", text[n])))
    n++;
  return n;
}

const char *word_next_place(const char *at, char name[65]) {
  for (const char *open = strchr(at, '{'); open; open = strchr(open + 1, '{')) {
    size_t n = name_length(open + 1);
    if (n == 0 || n > 64 || open[1 + n] != '}')
      continue;
    snprintf(name, 65, "%.*s", (int)n, open + 1);
    return open;
  }
  return NULL;
}

static const char *place_of(const struct places *p, const char *name) {
#define X(place, help)           \
  if (strcmp(name, #place) == 0) \
    return p->place;
  PLACE_LIST(X)
#undef X
  return NULL;
}

bool word_is_place(const char *name) {
  static const struct places any = {"", "", "", "", "", ""};
  return place_of(&any, name) != NULL;
}

bool word_fill(const char *word, const struct places *places, const struct params *params, struct strbuf *out) {
  char name[65];
  const char *at = word;
  for (const char *place; (place = word_next_place(at, name)); at = place + strlen(name) + 2) {
    strbuf_add(out, at, (size_t)(place - at));
    const char *text = place_of(places, name);
    const struct value *v = text ? NULL : params_get(params, name);
    if (text)
      strbuf_puts(out, text);
    else if (v)
      word_put_value(out, v);
    else
      return false;
  }
  strbuf_puts(out, at);
  return true;
}
