#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/command.h"
#include "cli/options.h"
#include "run/launcher.h"
#include "run/run.h"

static void usage(void) {
  printf("usage: coxswain run STUDY.cfg [options]\n"
         "       mpirun -n N coxswain run STUDY.cfg [options]\n\n"
         "Runs a study, or goes on with it when its folder holds one of the same identity.\n\n"
         "  -o, --out DIR          study folder (default: named after the study)\n"
         "  -s, --set KEY=VALUE    change a setting; may be repeated (coxswain reference lists them)\n"
         "      --fresh            move the old folder aside (DIR.old-N) and start over\n"
         "      --points FILE      run these points (JSON, from coxswain split) instead of asking for new ones\n"
         "      --results FILE     with --points: where their values go (default DIR/results.json)\n"
         "  -q, --quiet            no progress\n"
         "  -h, --help\n\n"
         "Ctrl-C once: checkpoint and leave; the same command goes on. Twice: leave now.\n\n"
         "examples:\n"
         "  coxswain run configs/quickstart.cfg\n"
         "  mpirun -n 8 coxswain run scan.cfg --out /scratch/scan --set study.trials=200\n");
}

static enum err run(int *argc, char ***argv, struct run_options *o) {
  struct wire *wire = NULL;
  bool abandon = true;
  TRY(launcher_start(&o->launcher)); /* before MPI; which studies need it, only rank 0 will know */
  enum err e = wire_open(&wire, argc, argv);
  if (e == OK)
    e = run_study(wire, o, &abandon);
  launcher_free(o->launcher);
  bool rank0 = wire_rank(wire) == 0;
  e = wire_end(wire, abandon, e);
  return rank0 || e != ERR_STOPPED ? e : OK;
}

enum err cmd_run(int argc, char **argv) {
  enum { FRESH = 256, POINTS, RESULTS };
  static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                          {"set", required_argument, NULL, 's'},
                                          {"fresh", no_argument, NULL, FRESH},
                                          {"points", required_argument, NULL, POINTS},
                                          {"results", required_argument, NULL, RESULTS},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  struct run_options o = {0};
  const char **sets = MEM_NEW_ARRAY(const char *, argc);
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, ":o:s:qh", options, NULL)) != -1;) {
    switch (c) {
    case 'o':
      o.out = optarg;
      break;
    case 's':
      sets[o.n_overrides++] = optarg;
      break;
    case FRESH:
      o.fresh = true;
      break;
    case POINTS:
      o.points = optarg;
      break;
    case RESULTS:
      o.results = optarg;
      break;
    case 'q':
      o.quiet = true;
      break;
    case 'h':
      usage();
      free(sets);
      return OK;
    default:
      free(sets);
      return options_fault("run", argv, options);
    }
  }
  o.overrides = sets;
  o.study_file = optind < argc ? argv[optind] : NULL;
  enum err e = o.study_file && optind + 1 == argc ? run(&argc, &argv, &o)
                                                  : FAIL(ERR_INPUT, "run: give one study file: coxswain run STUDY.cfg");
  free(sets);
  return e;
}
