#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/command.h"
#include "cli/options.h"
#include "conf/settings.h"

static void usage(void) {
  printf("usage: coxswain reference [GROUP | KEY]\n\n"
         "Prints every setting with type, range, default and meaning, as a study file that may be edited:\n\n"
         "  coxswain reference > reference.cfg\n"
         "  coxswain reference schedule         one group, briefly\n"
         "  coxswain reference train.plateau\n"
         "  coxswain reference train.lr         one setting\n\n"
         "  -h, --help\n");
}

static enum err unknown(const char *word) {
  size_t n_rows, n_groups, n = 0;
  const struct setting *rows = settings_table(&n_rows);
  const struct setting_group *groups = settings_groups(&n_groups);
  const char **words = MEM_NEW_ARRAY(const char *, n_rows + n_groups);
  for (size_t i = 0; i < n_groups; i++)
    words[n++] = groups[i].name;
  for (size_t i = 0; i < n_rows; i++)
    words[n++] = rows[i].key;
  const char *near = nearest_word(word, words, n);
  free(words);
  return FAIL(ERR_INPUT, "reference: no setting or group %s%s%s%s", word, near ? "; did you mean " : "",
              near ? near : "; see coxswain reference", near ? "?" : "");
}

enum err cmd_reference(int argc, char **argv) {
  static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  struct strbuf page = STRBUF_INIT;
  opterr = 0;
  int c = getopt_long(argc, argv, ":h", options, NULL);
  if (c == 'h') {
    usage();
    return OK;
  }
  if (c != -1)
    return options_fault("reference", argv, options);
  if (optind + 1 < argc)
    return FAIL(ERR_INPUT, "reference: give one group or setting: coxswain reference train.lr");
  const char *word = optind < argc ? argv[optind] : NULL;
  if (word)
    settings_write_help(&page, word);
  else
    settings_write_reference(&page);
  enum err e = page.len ? OK : unknown(word);
  fputs(page.text, stdout);
  strbuf_free(&page);
  return e;
}
