/* Writing nested groups line by line; for the settings_*.c only. */
#ifndef COXSWAIN_CONF_SETTINGS_PAGE_H
#define COXSWAIN_CONF_SETTINGS_PAGE_H

#include <stdbool.h>

#include "base/strbuf.h"

struct page {
  struct strbuf *out;
  char open[256]; /* the group that is open, "" at the top */
  int depth;
  bool airy; /* a blank line before each inner group */
};

void page_go(struct page *p, const char *group, size_t length);
void page_go_to_group_of(struct page *p, const char *key);
void page_line(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
