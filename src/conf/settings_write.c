/* Settings as a study file. */
#include <stdio.h>
#include <string.h>

#include "conf/settings_page.h"
#include "conf/settings_store.h"

/* Closes and opens groups until `group` ("train.plateau", "" for the top) is the open one. */
void page_go(struct page *p, const char *group, size_t length) {
  for (;;) {
    size_t open = strlen(p->open);
    bool inside =
        open <= length && strncmp(p->open, group, open) == 0 && (open == 0 || open == length || group[open] == '.');
    if (inside && open == length)
      return;
    if (inside) {
      size_t start = open ? open + 1 : 0;
      const char *dot = memchr(group + start, '.', length - start);
      size_t stop = dot ? (size_t)(dot - group) : length;
      strbuf_puts(p->out, p->airy && p->depth > 0 ? "\n" : "");
      page_line(p, "%.*s = {", (int)(stop - start), group + start);
      snprintf(p->open, sizeof p->open, "%.*s", (int)stop, group);
      p->depth++;
    } else {
      char *dot = strrchr(p->open, '.');
      *(dot ? dot : p->open) = '\0';
      p->depth--;
      page_line(p, "};");
    }
  }
}

void page_go_to_group_of(struct page *p, const char *key) {
  const char *last = key_last(key);
  page_go(p, key, last > key ? (size_t)(last - key) - 1 : 0);
}

void page_line(struct page *p, const char *format, ...) {
  va_list args;
  strbuf_printf(p->out, "%*s", 2 * p->depth, "");
  va_start(args, format);
  strbuf_vprintf(p->out, format, args);
  va_end(args);
  strbuf_putc(p->out, '\n');
}

static void put_entry(struct page *p, const struct entry *e) {
  struct strbuf text = STRBUF_INIT;
  values_write(e->values, e->n, e->list, &text);
  page_go_to_group_of(p, e->key);
  page_line(p, "%s%s = %s;", e->given ? "" : "# ", key_last(e->key), text.text);
  strbuf_free(&text);
}

/* Length of what stands before the star in a row's key: rows of one open group share it. 0 if there is no star. */
static size_t open_prefix(const struct setting *row) {
  const char *star = strchr(row->key, '*');
  return star ? (size_t)(star - row->key) : 0;
}

static bool same_open_group(const struct setting *a, const struct setting *b) {
  size_t n = open_prefix(a);
  return n > 0 && n == open_prefix(b) && strncmp(a->key, b->key, n) == 0;
}

void settings_write(const struct settings *s, struct strbuf *out) {
  struct page p = {.out = out};
  size_t n_rows;
  settings_table(&n_rows);
  strbuf_printf(out, "# The settings of a study, written by coxswain %s. Lines that are commented out are defaults.\n",
                COXSWAIN_VERSION);
  for (size_t i = 0; i < n_rows; i++) {
    const struct entry *e = &s->entries[i];
    if (!open_prefix(e->row) && e->n + e->given > 0)
      put_entry(&p, e);
    if (!open_prefix(e->row) || (i > 0 && same_open_group(e->row, s->entries[i - 1].row)))
      continue;
    for (size_t j = n_rows; j < s->n; j++) /* the whole open group, in the order written */
      if (same_open_group(s->entries[j].row, e->row))
        put_entry(&p, &s->entries[j]);
  }
  page_go(&p, "", 0);
}
