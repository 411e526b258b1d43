#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "nn/generate.h"

static const struct list_word generators[] = {LIST_WORDS(GENERATE_LIST)};
static const struct list_word formats[] = {LIST_WORDS(FORMAT_LIST)};

static void usage(void) {
  printf("usage: coxswain generate KIND -n ROWS -o FILE.h5\n\n"
         "Writes a synthetic data sample, with the exact probability of every class beside (dataset posterior).\n\n");
  for (size_t i = 0; i < sizeof generators / sizeof *generators; i++)
    printf("  %-18s %s\n", generators[i].name, generators[i].help);
  printf("\n  -n, --rows N       how many\n"
         "  -o, --output FILE  where to\n"
         "  -f, --format NAME  tdd (a compound dataset jets; the default) or array (inputs, labels)\n"
         "      --seed N       another seed, another sample (default 1); the first rows do not depend on the number of "
         "rows\n"
         "      --shares A,B,C shares of light, c and b jets (default: equal)\n"
         "  -h, --help\n\n"
         "examples:\n"
         "  coxswain generate jets -n 1000000 -o train.h5\n"
         "  coxswain generate jets -n 100000 --seed 2 --shares 0.9,0.05,0.05 -o test.h5\n");
}

static enum err find_word(const char *what, const char *word, const struct list_word *list, size_t n, size_t *out) {
  for (*out = 0; *out < n; ++*out)
    if (strcmp(list[*out].name, word) == 0)
      return OK;
  return FAIL(ERR_INPUT, "generate: there is no %s %s: see coxswain generate --help", what, word);
}

static enum err read_shares(char *text, struct generate_options *o) {
  char **items;
  size_t n;
  enum err e = OK;
  options_list(text, &items, &n);
  for (size_t i = 0; e == OK && i < n; i++) {
    char *end;
    double share = strtod(items[i], &end);
    if (end == items[i] || *end || i >= 8)
      e = FAIL(ERR_INPUT, "generate: --shares: '%s' is not a share: give numbers like 0.5,0.3,0.2", items[i]);
    else
      o->shares[o->n_shares++] = share;
  }
  free(items);
  return e;
}

static void progress(size_t done, size_t all) {
  options_progress((double)done / (double)all, done);
}

struct request {
  struct generate_options o;
  const char *output;
  bool help;
};

static enum err read_option(struct request *r, int c) {
  int64_t number = 0;
  size_t word = 0;
  switch (c) {
  case 'n':
    TRY(show_count("generate: --rows", optarg, 1, &number));
    r->o.rows = (size_t)number;
    return OK;
  case 'd':
    TRY(show_count("generate: --seed", optarg, 0, &number));
    r->o.seed = (uint64_t)number;
    return OK;
  case 'f':
    TRY(find_word("format", optarg, formats, sizeof formats / sizeof *formats, &word));
    r->o.format = (enum data_format)word;
    return OK;
  case 'r':
    return read_shares(optarg, &r->o);
  case 'o':
    r->output = optarg;
    return OK;
  default:
    r->help = true;
    return OK;
  }
}

static enum err read_options(struct request *r, int argc, char **argv) {
  static const struct option options[] = {{"rows", required_argument, NULL, 'n'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"format", required_argument, NULL, 'f'},
                                          {"seed", required_argument, NULL, 'd'},
                                          {"shares", required_argument, NULL, 'r'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  opterr = 0;
  for (int c; !r->help && (c = getopt_long(argc, argv, ":n:o:f:h", options, NULL)) != -1;) {
    if (c == '?' || c == ':')
      return options_fault("generate", argv, options);
    TRY(read_option(r, c));
  }
  if (r->help)
    return OK;
  if (optind + 1 != argc || !r->output || r->o.rows == 0)
    return FAIL(ERR_INPUT, "generate: say what, how many and where to: coxswain generate jets -n 100000 -o jets.h5");
  size_t which = 0;
  TRY(find_word("sample", argv[optind], generators, sizeof generators / sizeof *generators, &which));
  r->o.which = (enum data_generate)which;
  return OK;
}

enum err cmd_generate(int argc, char **argv) {
  struct request r = {.o = {.seed = 1, .format = FORMAT_tdd}};
  TRY(read_options(&r, argc, argv));
  if (r.help) {
    usage();
    return OK;
  }
  double start = clock_seconds();
  TRY(options_output("generate", r.output));
  enum err e = generate_file(r.output, &r.o, progress);
  options_progress_end();
  TRY(e);
  printf("%s: %zu synthetic %s as %s, %.1f MB, %.1f s\n", r.output, r.o.rows, generators[r.o.which].name,
         formats[r.o.format].name, (double)file_size(r.output) / 1e6, clock_seconds() - start);
  return OK;
}
