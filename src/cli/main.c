#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "conf/complaints.h"

#define COMMAND_ENTRY(name, help) {#name, help, cmd_##name},
static const struct command commands[] = {COMMAND_LIST(COMMAND_ENTRY)};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *out) {
  fprintf(out, "coxswain %s: hyperparameter search and network training on HPC\n\n", COXSWAIN_VERSION);
  fprintf(out, "  coxswain COMMAND [OPTIONS] ...           coxswain COMMAND --help says more\n");
  fprintf(out, "  mpirun -n 4 coxswain run STUDY.cfg       the same with four ranks\n\n");
  for (size_t i = 0; i < N_COMMANDS; i++)
    fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
  fprintf(
      out,
      "\nExit codes: 0 done, 2 bad configuration or input, 3 too many trials failed, 70 a bug, 74 the disk failed or "
      "the study is damaged,\n"
      "75 more to do: submit again.\n");
}

static int unknown_command(const char *name) {
  const char *names[N_COMMANDS];
  for (size_t i = 0; i < N_COMMANDS; i++)
    names[i] = commands[i].name;
  const char *near = nearest_word(name, names, N_COMMANDS);
  fprintf(stderr, "coxswain: unknown command '%s'", name);
  if (near)
    fprintf(stderr, "; did you mean %s?", near);
  fprintf(stderr, "\nTry coxswain --help\n");
  return err_exit_code(ERR_INPUT);
}

static int finish(enum err e) {
  if (e == OK)
    return 0;
  if (e == ERR_STOPPED)
    log_info("%s", err_text());
  else
    fprintf(stderr, "coxswain: %s\n", err_text());
  if (e == ERR_BUG || e == ERR_COMM)
    fprintf(stderr, "%s", err_backtrace());
  return err_exit_code(e);
}

int main(int argc, char **argv) {
  if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
    usage(argc < 2 ? stderr : stdout);
    return argc < 2 ? err_exit_code(ERR_INPUT) : 0;
  }
  if (!strcmp(argv[1], "--version")) {
    printf("coxswain %s\n", COXSWAIN_VERSION);
    return 0;
  }
  for (size_t i = 0; i < N_COMMANDS; i++)
    if (!strcmp(argv[1], commands[i].name))
      return finish(commands[i].run(argc - 1, argv + 1));
  return unknown_command(argv[1]);
}
