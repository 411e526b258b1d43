/* The text of a study file with its @include files put in, and where each of its lines came from.
 *
 * It goes before libconfig because that reads 3000000000 as -1294967296 without a word, ends the program when an
 * @include names a folder, and says "syntax error" at the last line for a brace left open at the first. */
#ifndef COXSWAIN_CONF_SOURCE_H
#define COXSWAIN_CONF_SOURCE_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "conf/complaints.h"

struct source_place {
  size_t file; /* index into files */
  int line;
};

struct source {
  struct strbuf text; /* ready for libconfig */
  char **files;       /* names, owned */
  size_t n_files, cap_files;
  struct source_place *lines; /* one for each line of `text` */
  size_t n_lines, cap_lines;
};

/* False if the text cannot be parsed; the reasons are complaints. Caller frees with source_free in either case. */
bool source_read_file(struct source *s, const char *path, struct complaints *c);
bool source_read_text(struct source *s, const char *text, size_t length, const char *name, struct complaints *c);
void source_free(struct source *s);
/* Where line `line` (from 1) of the text came from. */
const char *source_place(const struct source *s, unsigned line, int *original);
/* That line without spaces around it and without its comment, shortened to 60 characters. Caller frees. */
char *source_line(const struct source *s, unsigned line);

#endif
