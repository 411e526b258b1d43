#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "conf/complaints.h"

enum err options_fault(const char *command, char **argv, const struct option *options) {
  const char *words[64], *given = argv[optind - 1];
  size_t n = 0, length = strcspn(given, "=");
  char name[64];
  if (optopt) /* a short option, or a known one with its value missing or too much */
    snprintf(name, sizeof name, "-%c", optopt < 128 ? optopt : '?');
  else
    snprintf(name, sizeof name, "%.*s", (int)(length < 60 ? length : 60), given);
  for (const struct option *o = options; o->name && n < 64; o++) {
    words[n++] = o->name;
    if (optopt && o->val == optopt)
      return FAIL(ERR_INPUT, "%s: --%s %s: see coxswain %s --help", command, o->name,
                  o->has_arg == no_argument ? "takes no value" : "needs a value", command);
  }
  const char *near = optopt ? NULL : nearest_word(name + strspn(name, "-"), words, n);
  return FAIL(ERR_INPUT, "%s: unknown option %s%s%s: see coxswain %s --help", command, name,
              near ? ", did you mean --" : "", near ? near : "", command);
}

enum err options_output(const char *command, const char *path) {
  char *folder = path ? path_folder(path) : NULL;
  enum err e = !folder || file_exists(folder)
                   ? OK
                   : FAIL(ERR_INPUT, "%s: %s cannot be written: there is no folder %s", command, path, folder);
  free(folder);
  return e;
}

void options_list(char *text, char ***items, size_t *n) {
  size_t cap = 0;
  *items = NULL;
  *n = 0;
  for (char *piece = text; piece;) {
    char *comma = strchr(piece, ',');
    if (comma)
      *comma = '\0';
    MEM_GROW(*items, *n, &cap);
    (*items)[(*n)++] = piece;
    piece = comma ? comma + 1 : NULL;
  }
}

void options_progress(double share, size_t rows) {
  if (isatty(STDERR_FILENO))
    fprintf(stderr, "\r%3.0f %%  %zu rows", 100 * (share < 1 ? share : 1), rows);
}

void options_progress_end(void) {
  if (isatty(STDERR_FILENO))
    fprintf(stderr, "\r\033[K");
}
