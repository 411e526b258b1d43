#include <stdio.h>

#include "base/file.h"
#include "base/strbuf.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "nn/data.h"

static void usage(void) {
  printf("usage: coxswain init DATA.h5 [-o STUDY.cfg]\n\n"
         "Writes a first study file for a data file: complete, ready to run, with comments where to change it.\n\n"
         "  -o, --output FILE  where to; standard output if not given. A file that is there is left alone\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain init higgs.h5 > study.cfg\n"
         "  coxswain check study.cfg\n"
         "  mpirun -n 2 coxswain run study.cfg\n");
}

enum err cmd_init(int argc, char **argv) {
  static const struct option options[] = {
      {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  const char *output = NULL;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c != 'o')
      return options_fault("init", argv, options);
    output = optarg;
  }
  if (optind + 1 != argc)
    return FAIL(ERR_INPUT, "init: give one data file: coxswain init DATA.h5 > study.cfg");
  if (output && file_exists(output))
    return FAIL(ERR_INPUT, "init: %s is there already: choose another name, or remove it", output);
  struct strbuf text = STRBUF_INIT;
  enum err e = data_suggest_study(argv[optind], &text);
  if (e == OK)
    e = show_text(output, &text);
  strbuf_free(&text);
  return e;
}
