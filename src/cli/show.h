/* Small things the commands share that print what is in a study folder. */
#ifndef COXSWAIN_CLI_SHOW_H
#define COXSWAIN_CLI_SHOW_H

#include <stdio.h>

#include "report/report.h"
#include "run/folder.h"

struct json_t;

struct report_study show_study(const struct folder *f); /* borrows from f */
void show_json(struct json_t *json);                    /* to standard output, indented; takes it over */
/* To a file, or to standard output if path is NULL or "-". */
enum err show_text(const char *path, const struct strbuf *text);
enum err show_json_to(const char *path, struct json_t *json); /* takes it over */
/* The same for what comes in pieces (report_take): show_take after show_open, then show_end with how it went so far. */
struct show {
  const char *path;
  char *unfinished; /* NULL: standard output */
  FILE *file;
};
enum err show_open(struct show *s, const char *path);
enum err show_take(void *show, struct strbuf *text);
enum err show_end(struct show *s, enum err e);
/* A whole number from the command line: ERR_INPUT names option and text. */
enum err show_count(const char *option, const char *text, int64_t lowest, int64_t *out);

#endif
