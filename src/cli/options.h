/* What the commands share about their command lines. */
#ifndef COXSWAIN_CLI_OPTIONS_H
#define COXSWAIN_CLI_OPTIONS_H

#include <getopt.h>
#include <stddef.h>

#include "base/err.h"

/* getopt_long with its own messages off (set opterr = 0) has met something it does not know, or an option without its
 * value: ERR_INPUT that names it and the nearest option there is. */
enum err options_fault(const char *command, char **argv, const struct option *options);

/* The folder that a file is to be written to must be there: said before the work, not after it. */
enum err options_output(const char *command, const char *path);

/* A comma-separated list: splits `text` in place; *items is an array of pieces for the caller to free. */
void options_list(char *text, char ***items, size_t *n);

/* A line on the terminal that is written over: "41 % 1200000 rows"; nothing if standard error is no terminal. */
void options_progress(double share, size_t rows);
void options_progress_end(void);

#endif
