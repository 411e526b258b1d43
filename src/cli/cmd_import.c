#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stop.h"
#include "base/strbuf.h"
#include "cli/command.h"
#include "cli/options.h"
#include "nn/import.h"

static void usage(void) {
  printf(
      "usage: coxswain import IN.csv[.gz] -o OUT.h5 --label COLUMN [OPTIONS]\n"
      "       coxswain import --idx PICTURES LABELS -o OUT.h5 [--idx-test PICTURES LABELS]\n\n"
      "Turns tables and pictures into HDF5 files to train on. A column is given by its name, without a header by its "
      "number\n"
      "from 1. An empty field, nan and NA are missing values.\n\n"
      "  -o, --output FILE        where to\n"
      "  -l, --label COLUMN       what is to be predicted\n"
      "      --classes LIST       b,s or b=0,s=1: names of the classes, and their labels; all there are if not given\n"
      "      --target             the label is a number (regression)\n"
      "      --drop LIST          columns to leave out\n"
      "      --missing VALUE      a value that means missing, a number or a text; may be given more than once\n"
      "      --weights COLUMN     event weights, not an input\n"
      "      --event-number COLUMN  for splitting by data.modulo, not an input\n"
      "      --no-header          the first line is a row\n"
      "      --separator C        instead of the comma; tab for a tabulator\n"
      "      --idx                the files are IDX, as MNIST is\n"
      "      --idx-test PICTURES LABELS  the test pictures, to OUT_test.h5\n"
      "  -h, --help\n\n"
      "examples:\n"
      "  coxswain import magic04.csv.gz -o magic.h5 --label class\n"
      "  coxswain import higgs.csv -o higgs.h5 --label Label --drop EventId --weights Weight --missing -999\n"
      "  coxswain import --idx train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz -o mnist.h5\n");
}

struct request {
  struct import_csv csv;
  struct import_class classes[IMPORT_MAX_CLASSES];
  char **class_texts, **drop;
  const char **missing;
  size_t n_missing, cap_missing;
  const char *labels, *test_images, *test_labels;
  bool idx, help;
};

static enum err read_class(const char *text, struct import_class *out) {
  char *equals = strchr(text, '='), *end;
  *out = (struct import_class){.name = text};
  if (*text == '\0' || equals == text)
    return FAIL(ERR_INPUT, "import: --classes: a class has no name: write b,s or b=0,s=1");
  if (!equals)
    return OK;
  *equals = '\0';
  out->value = strtoll(equals + 1, &end, 10);
  out->has_value = true;
  if (end == equals + 1 || *end)
    return FAIL(ERR_INPUT, "import: --classes: the label of %s, '%s', is not a whole number", text, equals + 1);
  return OK;
}

static enum err check_classes(const struct import_csv *o) {
  if (o->n_classes < 2)
    return FAIL(ERR_INPUT, "import: --classes: one class is nothing to tell apart");
  for (size_t i = 0; i < o->n_classes; i++)
    for (size_t j = 0; j < i; j++) {
      if (strcmp(o->classes[i].name, o->classes[j].name) == 0)
        return FAIL(ERR_INPUT, "import: --classes: %s stands twice", o->classes[i].name);
      if (o->classes[i].has_value != o->classes[j].has_value)
        return FAIL(ERR_INPUT, "import: --classes: give a label to every class or to none");
      if (o->classes[i].has_value && o->classes[i].value == o->classes[j].value)
        return FAIL(ERR_INPUT, "import: --classes: %s and %s have the same label", o->classes[j].name,
                    o->classes[i].name);
    }
  return OK;
}

static enum err read_classes(struct request *r, char *text) {
  free(r->class_texts);
  options_list(text, &r->class_texts, &r->csv.n_classes);
  if (r->csv.n_classes > IMPORT_MAX_CLASSES)
    return FAIL(ERR_INPUT, "import: --classes: %zu classes: at most %d", r->csv.n_classes, IMPORT_MAX_CLASSES);
  for (size_t i = 0; i < r->csv.n_classes; i++)
    TRY(read_class(r->class_texts[i], &r->classes[i]));
  r->csv.classes = r->classes;
  return check_classes(&r->csv);
}

static enum err read_separator(struct request *r, const char *text) {
  r->csv.separator = strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0 ? '\t' : *text;
  if (r->csv.separator == '\0' || (r->csv.separator != '\t' && text[1]) || strchr("\"\r\n", r->csv.separator))
    return FAIL(ERR_INPUT, "import: --separator '%s': give one character, or tab", text);
  return OK;
}

enum {
  OPTION_CLASSES = 256,
  OPTION_TARGET,
  OPTION_DROP,
  OPTION_MISSING,
  OPTION_WEIGHTS,
  OPTION_EVENT,
  OPTION_NO_HEADER,
  OPTION_SEPARATOR,
  OPTION_IDX,
  OPTION_IDX_TEST,
  OPTION_LABELS
};

/* --idx-test has two values; getopt gives the first and the second stands behind it. */
static enum err read_test_files(struct request *r, int argc, char **argv) {
  r->test_images = optarg;
  if (optind >= argc || argv[optind][0] == '-')
    return FAIL(ERR_INPUT, "import: --idx-test needs two files: the pictures and the labels");
  r->test_labels = argv[optind++];
  return OK;
}

static enum err read_option(struct request *r, int c, int argc, char **argv) {
  switch (c) {
  case 'o':
    r->csv.output = optarg;
    return OK;
  case 'l':
    r->csv.label = optarg;
    return OK;
  case OPTION_CLASSES:
    return read_classes(r, optarg);
  case OPTION_TARGET:
    r->csv.regression = true;
    return OK;
  case OPTION_DROP:
    free(r->drop);
    options_list(optarg, &r->drop, &r->csv.n_drop);
    return OK;
  case OPTION_MISSING:
    MEM_GROW(r->missing, r->n_missing, &r->cap_missing);
    r->missing[r->n_missing++] = optarg;
    return OK;
  case OPTION_WEIGHTS:
    r->csv.weights = optarg;
    return OK;
  case OPTION_EVENT:
    r->csv.event_number = optarg;
    return OK;
  case OPTION_NO_HEADER:
    r->csv.no_header = true;
    return OK;
  case OPTION_SEPARATOR:
    return read_separator(r, optarg);
  case OPTION_IDX:
    r->idx = true;
    return OK;
  case OPTION_IDX_TEST:
    r->idx = true;
    return read_test_files(r, argc, argv);
  case OPTION_LABELS:
    r->labels = optarg;
    return OK;
  default:
    r->help = true;
    return OK;
  }
}

static enum err read_options(struct request *r, int argc, char **argv) {
  static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                          {"label", required_argument, NULL, 'l'},
                                          {"classes", required_argument, NULL, OPTION_CLASSES},
                                          {"target", no_argument, NULL, OPTION_TARGET},
                                          {"drop", required_argument, NULL, OPTION_DROP},
                                          {"missing", required_argument, NULL, OPTION_MISSING},
                                          {"weights", required_argument, NULL, OPTION_WEIGHTS},
                                          {"event-number", required_argument, NULL, OPTION_EVENT},
                                          {"no-header", no_argument, NULL, OPTION_NO_HEADER},
                                          {"separator", required_argument, NULL, OPTION_SEPARATOR},
                                          {"idx", no_argument, NULL, OPTION_IDX},
                                          {"idx-test", required_argument, NULL, OPTION_IDX_TEST},
                                          {"labels", required_argument, NULL, OPTION_LABELS},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  opterr = 0;
  for (int c; !r->help && (c = getopt_long(argc, argv, ":o:l:h", options, NULL)) != -1;) {
    if (c == '?' || c == ':')
      return options_fault("import", argv, options);
    TRY(read_option(r, c, argc, argv));
  }
  r->csv.drop = (const char *const *)r->drop;
  r->csv.missing = r->missing;
  r->csv.n_missing = r->n_missing;
  return OK;
}

static void tell(const char *output, const struct import_summary *s) {
  printf("%s: %zu rows of %zu variables", output, s->rows, s->variables);
  if (s->missing)
    printf(", %zu missing values", s->missing);
  for (size_t i = 0; i < s->n_classes; i++)
    printf("%s%s = %lld (%zu)", i ? ", " : "; classes ", s->classes[i], (long long)s->class_values[i],
           s->class_rows[i]);
  printf("\n");
}

static enum err import_pictures(const char *images, const char *labels, const char *output) {
  struct import_summary s;
  enum err e = import_idx_files(images, labels, output, options_progress, &s);
  options_progress_end();
  if (e == OK)
    tell(output, &s);
  import_summary_free(&s);
  return e;
}

/* OUT.h5 -> OUT_test.h5 */
static char *test_name(const char *output) {
  const char *dot = strrchr(output, '.');
  size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - output) : strlen(output);
  struct strbuf name = STRBUF_INIT;
  strbuf_printf(&name, "%.*s_test%s", (int)stem, output, output + stem);
  return strbuf_detach(&name);
}

static enum err import_idx(const struct request *r, int n, char **files) {
  const char *labels = r->labels ? r->labels : n == 2 ? files[1] : NULL;
  if (!labels || n != (r->labels ? 1 : 2))
    return FAIL(ERR_INPUT, "import: give the pictures and the labels: coxswain import --idx PICTURES LABELS -o OUT.h5");
  TRY(import_pictures(files[0], labels, r->csv.output));
  if (!r->test_images)
    return OK;
  char *output = test_name(r->csv.output);
  enum err e = import_pictures(r->test_images, r->test_labels, output);
  free(output);
  return e;
}

static enum err import_table(struct request *r, int n, char **files) {
  if (n != 1)
    return FAIL(ERR_INPUT, "import: give one file: coxswain import IN.csv -o OUT.h5 --label COLUMN");
  if (!r->csv.label)
    return FAIL(ERR_INPUT, "import: say with --label which column is to be predicted");
  if (r->csv.regression && r->csv.n_classes)
    return FAIL(ERR_INPUT, "import: --target and --classes: the label is either a number or a class");
  struct import_summary s;
  r->csv.input = files[0];
  r->csv.progress = options_progress;
  enum err e = import_csv_file(&r->csv, &s);
  options_progress_end();
  if (e == OK)
    tell(r->csv.output, &s);
  import_summary_free(&s);
  return e;
}

static enum err run(struct request *r, int n, char **files) {
  if (n == 0)
    return FAIL(ERR_INPUT, "import: give a file: coxswain import IN.csv -o OUT.h5 --label COLUMN");
  if (!r->csv.output)
    return FAIL(ERR_INPUT, "import: say where to with -o OUT.h5");
  TRY(options_output("import", r->csv.output));
  stop_catch_signals();
  return r->idx || import_is_idx(files[0]) ? import_idx(r, n, files) : import_table(r, n, files);
}

enum err cmd_import(int argc, char **argv) {
  struct request r = {.help = false};
  enum err e = read_options(&r, argc, argv);
  if (e == OK && r.help)
    usage();
  else if (e == OK)
    e = run(&r, argc - optind, argv + optind);
  free(r.class_texts);
  free(r.drop);
  free(r.missing);
  return e;
}
