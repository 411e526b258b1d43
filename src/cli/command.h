/* Subcommands: a file cmd_NAME.c each, registered by one word in COMMAND_LIST (conf/lists.h). argv[0] is the
 * subcommand's name; getopt_long can be used as it is. `--help` prints usage with examples and returns OK. */
#ifndef COXSWAIN_CLI_COMMAND_H
#define COXSWAIN_CLI_COMMAND_H

#include "base/err.h"
#include "conf/lists.h"

struct command {
  const char *name, *help;
  enum err (*run)(int argc, char **argv);
};

#define COMMAND_DECLARE(name, help) enum err cmd_##name(int argc, char **argv);
COMMAND_LIST(COMMAND_DECLARE)
#undef COMMAND_DECLARE

#endif
