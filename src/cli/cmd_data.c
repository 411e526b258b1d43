#include <stdio.h>

#include "base/strbuf.h"
#include "cli/command.h"
#include "cli/options.h"
#include "nn/data.h"

static void usage(void) {
  printf("usage: coxswain data FILE...\n\n"
         "Shows what is in HDF5 files: datasets with shapes and types; and where the file is in a format that can be "
         "trained on,\n"
         "its classes with counts and its variables with missing values and ranges.\n\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain data higgs.h5\n"
         "  coxswain init higgs.h5 > study.cfg     a first study of it\n");
}

static enum err show(const char *path) {
  struct strbuf text = STRBUF_INIT;
  enum err e = data_describe_file(path, &text);
  if (e == OK)
    fputs(text.text, stdout);
  strbuf_free(&text);
  return e;
}

enum err cmd_data(int argc, char **argv) {
  static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
    if (c != 'h')
      return options_fault("data", argv, options);
    usage();
    return OK;
  }
  if (optind == argc)
    return FAIL(ERR_INPUT, "data: give a file: coxswain data FILE.h5");
  for (int i = optind; i < argc; i++) {
    if (i > optind)
      putchar('\n');
    TRY(show(argv[i]));
  }
  return OK;
}
