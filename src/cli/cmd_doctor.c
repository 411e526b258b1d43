#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "run/doctor.h"

enum { SHOWN = 12 };

static void usage(void) {
  printf("usage: coxswain doctor DIR [options]\n\n"
         "What is in a study folder, what is damaged and what helps, and what a resume would go on from.\n\n"
         "      --mend            mend what can be mended without losing anything: an unfinished write at the end of\n"
         "                        the journal, damaged packs and weights (moved aside), files left half written, the\n"
         "                        lock of a dead run, study.cfg. Not while the study runs\n"
         "      --cut-at-damage   keep the lines of a damaged journal before the damage and put the rest aside; look\n"
         "                        without this option first: it says how many trials that costs. Mends as well\n"
         "      --json            the whole report as JSON\n"
         "  -h, --help\n\n"
         "Exit code 0: all is well, or was mended; 74: something is damaged.\n\n"
         "examples:\n"
         "  coxswain doctor scan\n"
         "  coxswain doctor scan --mend\n");
}

static void show_sections(const json_t *report) {
  const char *name;
  json_t *section;
  json_object_foreach(json_object_get(report, "sections"), name, section)
      printf("%-9s %s\n", name, json_string_value(json_object_get(section, "summary")));
}

static void show_resume(const json_t *report) {
  const json_t *list = json_object_get(report, "resume");
  size_t n = json_array_size(list);
  for (size_t i = 0; i < n && i < SHOWN; i++) {
    const json_t *one = json_array_get(list, i);
    const char *from = json_string_value(json_object_get(one, "from"));
    const char *lost = json_string_value(json_object_get(one, "instead_of"));
    json_int_t step = json_integer_value(json_object_get(one, "step"));
    printf("%-9s trial %lld from ", i ? "" : "resume", (long long)json_integer_value(json_object_get(one, "trial")));
    if (step)
      printf("step %lld in ", (long long)step);
    printf("%s%s%s\n", from, lost ? ", not packs/" : "", lost ? lost : "");
  }
  if (n > SHOWN)
    printf("%-9s ... and %zu more (--json has them all)\n", "", n - SHOWN);
}

/* A text of several lines stays within its column. */
static void show_indented(const char *label, const char *text) {
  printf("%-9s ", label);
  for (const char *c = text; *c; c++)
    if (*c != '\n')
      putchar(*c);
    else if (c[1])
      printf("\n%-10s", "");
  putchar('\n');
}

/* What is worst comes last, where it is seen. */
static void show_problems(const json_t *report) {
  static const char *const kinds[] = {"note", "mended", "damaged"};
  for (int k = 0; k < 3; k++) {
    int shown = 0;
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(report, "problems"), i, one) {
      const char *kind = json_string_value(json_object_get(one, "kind"));
      const char *cure = json_string_value(json_object_get(one, "cure"));
      if (strcmp(kind, kinds[k]) != 0 || shown++ > SHOWN)
        continue;
      show_indented(kind, shown > SHOWN ? "... and more (--json has them all)"
                                        : json_string_value(json_object_get(one, "what")));
      if (k != 1 && *cure && shown <= SHOWN)
        show_indented("  cure", cure);
    }
  }
}

static enum err examine(const char *folder, const struct doctor_options *o, bool as_json) {
  json_t *report = NULL;
  size_t damaged;
  log_levels(LOG_ERROR, LOG_ERROR); /* the report says it all */
  TRY(doctor_examine(folder, o, &report, &damaged));
  if (as_json) {
    show_json(report);
  } else {
    show_sections(report);
    show_resume(report);
    show_problems(report);
    json_decref(report);
  }
  return damaged ? FAIL(ERR_IO, "%s: %zu thing%s damaged", folder, damaged, damaged == 1 ? " is" : "s are") : OK;
}

enum err cmd_doctor(int argc, char **argv) {
  enum { MEND = 256, CUT, JSON };
  static const struct option options[] = {{"mend", no_argument, NULL, MEND},
                                          {"cut-at-damage", no_argument, NULL, CUT},
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  struct doctor_options o = {0};
  bool json = false;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      return OK;
    }
    if (c == '?' || c == ':')
      return options_fault("doctor", argv, options);
    o.mend = o.mend || c == MEND;
    o.cut_at_damage = o.cut_at_damage || c == CUT;
    json = json || c == JSON;
  }
  if (optind + 1 != argc)
    return FAIL(ERR_INPUT, "doctor: give one study folder: coxswain doctor DIR");
  return examine(argv[optind], &o, json);
}
