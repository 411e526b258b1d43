#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "conf/complaints.h"
#include "conf/settings.h"
#include "run/preflight.h"
#include "run/run.h"

static void usage(void) {
  printf(
      "usage: coxswain preflight [STUDY.cfg | DIR] [options]\n"
      "       mpirun -n N coxswain preflight ...\n\n"
      "What a study would meet here, in seconds and without starting one: ranks and hosts, MPI, cores and what they\n"
      "compute, memory, the study folder (the same everywhere? room, speed, locks), clocks. Each problem comes with\n"
      "its cure; exit code 2 when a study would fail. Start it as you would start the study.\n\n"
      "  -o, --out DIR      the study folder (default: as the study says, or this folder)\n"
      "      --seconds S    how long each rank computes (0.2)\n"
      "      --patience S   how long to wait for a rank (60)\n"
      "      --json         as JSON\n"
      "  -h, --help\n\n"
      "examples:\n"
      "  srun --mpi=pmix coxswain preflight scan.cfg\n"
      "  mpirun -n 8 coxswain preflight --out /scratch/scan\n");
}

/* The study's folder and whether it wants a GPU; what else is wrong with the file `coxswain check` says. */
static enum err read_study(const char *path, struct preflight_options *o, char **folder) {
  struct settings *conf = NULL;
  struct complaints c;
  if (file_is_folder(path)) {
    *folder = mem_strdup(path);
    return OK;
  }
  complaints_init(&c);
  settings_read(&conf, path, NULL, 0, &c);
  enum err e = complaints_verdict(&c);
  complaints_free(&c);
  if (e == OK) {
    const char *out = settings_text(conf, "run.out");
    *folder = *out ? mem_strdup(out) : run_study_name(conf, path);
    o->cuda = !strcmp(settings_text(conf, "run.backend"), "cuda");
  }
  settings_free(conf);
  return e;
}

static enum err show(const struct preflight *p, bool json) {
  struct strbuf text = STRBUF_INIT;
  if (json)
    show_json(preflight_json(p));
  else {
    preflight_text(p, &text);
    fputs(text.text, stdout);
  }
  fflush(stdout);
  strbuf_free(&text);
  return preflight_is_well(p) ? OK : FAIL(ERR_INPUT, "preflight: a study would fail here");
}

static enum err preflight(int *argc, char ***argv, const char *study, struct preflight_options *o, bool json) {
  struct wire *wire = NULL;
  struct preflight p = {0};
  char *folder = NULL;
  bool abandon = true;
  enum err e = wire_open(&wire, argc, argv);
  if (e == OK && study) /* every rank reads it, so that all go home if it is no good */
    e = read_study(study, o, &folder);
  if (!o->folder)
    o->folder = folder ? folder : ".";
  if (e == OK)
    e = preflight_run(wire, o, &p, &abandon);
  if (e == OK && wire_rank(wire) == 0)
    e = show(&p, json);
  preflight_free(&p);
  free(folder);
  return wire_end(wire, abandon, e);
}

/* A positive number of seconds. */
static enum err get_seconds(const char *option, const char *text, double *out) {
  char *end;
  *out = strtod(text, &end);
  return *end || end == text || !(*out > 0 && *out < 1e6)
             ? FAIL(ERR_INPUT, "preflight: %s %s: give a number of seconds above 0", option, text)
             : OK;
}

enum err cmd_preflight(int argc, char **argv) {
  enum { SECONDS = 256, PATIENCE, JSON };
  static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                          {"seconds", required_argument, NULL, SECONDS},
                                          {"patience", required_argument, NULL, PATIENCE},
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  struct preflight_options o = {0};
  bool json = false;
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;) {
    switch (c) {
    case 'o':
      o.folder = optarg;
      break;
    case SECONDS:
      TRY(get_seconds("--seconds", optarg, &o.seconds));
      break;
    case PATIENCE:
      TRY(get_seconds("--patience", optarg, &o.patience));
      break;
    case JSON:
      json = true;
      break;
    case 'h':
      usage();
      return OK;
    default:
      return options_fault("preflight", argv, options);
    }
  }
  if (optind + 1 < argc)
    return FAIL(ERR_INPUT, "preflight: give one study file or folder at most");
  return preflight(&argc, &argv, optind < argc ? argv[optind] : NULL, &o, json);
}
