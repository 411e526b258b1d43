#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/show.h"
#include "run/simulate.h"

static void usage(void) {
  printf(
      "usage: coxswain simulate STUDY.cfg --workers N --trial-time LAW [options]\n\n"
      "Runs a study in simulated time: the real steering, journal, sampler and schedule, with N workers that only\n"
      "pretend. Says how busy they would be, what steering costs, and how the best value comes down. Values come from\n"
      "the test function, table or recorded curves of the study (evaluator = function), or from --function, "
      "--table.\n\n"
      "  -w, --workers N        workers (rank 0 steers besides)\n"
      "      --slots K          trials in training at once on each (default run.slots)\n"
      "      --trial-time LAW   seconds of a whole trial: constant:10, uniform:5,15, normal:10,2, lognormal:10,0.5\n"
      "                         (median and deviation of the logarithm); its steps take equal shares\n"
      "      --step-time LAW    seconds of each step instead (default: function.seconds)\n"
      "      --fail P           a trial fails on its way with this probability\n"
      "      --seed N           of durations and failures (default 1); that of the search is study.seed\n"
      "      --time-limit S     end the study after this many simulated seconds (sets study.timeout)\n"
      "      --function NAME    values of this test function, for a study that trains or runs a command\n"
      "      --table FILE       values of this table or these recorded curves (see function.file)\n"
      "      --disk DIR         where a commit of the journal is measured (default: here)\n"
      "      --fsync S          what it takes, instead of measuring it\n"
      "      --latency S        of a message (default 5e-6)\n"
      "      --message S        rank 0's work to send or receive one (default 1e-6)\n"
      "      --ideal            steering, disk and messages take no time\n"
      "      --keep DIR         leave the study folder there\n"
      "  -s, --set KEY=VALUE    change a setting\n"
      "      --json             as JSON\n"
      "  -h, --help\n\n"
      "examples:\n"
      "  coxswain simulate scan.cfg --workers 10000 --trial-time lognormal:60,0.5\n"
      "  coxswain simulate train.cfg --workers 512 --slots 132 --step-time 2.5 --function curve\n");
}

enum choice {
  SLOTS = 256,
  TRIAL,
  STEP,
  FAIL_AT,
  SEED,
  LIMIT,
  FUNCTION,
  TABLE,
  DISK,
  FSYNC,
  LATENCY,
  MESSAGE,
  IDEAL,
  KEEP,
  JSON
};

struct given {
  struct simulate_options o;
  char slots[64], limit[64];
  const char **sets;
  size_t n_sets;
  bool json;
};

static enum err number(const char *text, const char *what, double low, double high, double *out) {
  char *end;
  *out = strtod(text, &end);
  if (end != text && !*end && *out >= low && *out <= high)
    return OK;
  return FAIL(ERR_INPUT, "simulate: %s %s must be a number from %g to %g", what, text, low, high);
}

static enum err take(struct given *g, int c, const char *value) {
  struct simulate_options *o = &g->o;
  double x = 0;
  switch (c) {
  case 'w':
    TRY(number(value, "--workers", 1, 10e6, &x));
    o->workers = (int64_t)x;
    return OK;
  case 's':
    g->sets[g->n_sets++] = value;
    return OK;
  case SLOTS:
    snprintf(g->slots, sizeof g->slots, "run.slots=%.40s", value);
    g->sets[g->n_sets++] = g->slots;
    return OK;
  case TRIAL:
    return duration_law_read(&o->trial, value, "--trial-time");
  case STEP:
    return duration_law_read(&o->step, value, "--step-time");
  case FAIL_AT:
    return number(value, "--fail", 0, 1, &o->fail);
  case SEED:
    TRY(number(value, "--seed", 0, 9e15, &x));
    o->seed = (uint64_t)x;
    return OK;
  case LIMIT:
    snprintf(g->limit, sizeof g->limit, "study.timeout=%.40s", value);
    g->sets[g->n_sets++] = g->limit;
    return OK;
  case FUNCTION:
    o->function = value;
    return OK;
  case TABLE:
    o->table = value;
    return OK;
  case DISK:
    o->disk = value;
    return OK;
  case FSYNC:
    return number(value, "--fsync", 0, 60, &o->fsync);
  case LATENCY:
    return number(value, "--latency", 0, 60, &o->latency);
  case MESSAGE:
    return number(value, "--message", 0, 1, &o->message);
  case IDEAL:
    o->ideal = true;
    return OK;
  case KEEP:
    o->keep = value;
    return OK;
  case JSON:
    g->json = true;
    return OK;
  default:
    return OK;
  }
}

static enum err run(struct given *g) {
  struct simulate_result r;
  struct strbuf text = STRBUF_INIT;
  if (!g->o.workers)
    return FAIL(ERR_INPUT, "simulate: how many workers? --workers 1000");
  log_levels(LOG_ERROR, LOG_INFO);
  enum err e = simulate(&g->o, &r);
  if (e == OK && g->json)
    show_json(simulate_json(&r));
  else if (e == OK) {
    simulate_put(&r, &text);
    fputs(text.text, stdout);
  }
  strbuf_free(&text);
  simulate_free(&r);
  return e;
}

enum err cmd_simulate(int argc, char **argv) {
  static const struct option options[] = {{"workers", required_argument, NULL, 'w'},
                                          {"slots", required_argument, NULL, SLOTS},
                                          {"trial-time", required_argument, NULL, TRIAL},
                                          {"step-time", required_argument, NULL, STEP},
                                          {"fail", required_argument, NULL, FAIL_AT},
                                          {"seed", required_argument, NULL, SEED},
                                          {"time-limit", required_argument, NULL, LIMIT},
                                          {"function", required_argument, NULL, FUNCTION},
                                          {"table", required_argument, NULL, TABLE},
                                          {"disk", required_argument, NULL, DISK},
                                          {"fsync", required_argument, NULL, FSYNC},
                                          {"latency", required_argument, NULL, LATENCY},
                                          {"message", required_argument, NULL, MESSAGE},
                                          {"ideal", no_argument, NULL, IDEAL},
                                          {"keep", required_argument, NULL, KEEP},
                                          {"set", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  struct given g = {.o = {.seed = 1, .fsync = -1, .latency = 5e-6, .message = 1e-6}};
  enum err e = OK;
  g.sets = MEM_NEW_ARRAY(const char *, argc + 1);
  opterr = 0;
  for (int c; e == OK && (c = getopt_long(argc, argv, ":w:s:h", options, NULL)) != -1;) {
    if (c == 'h') {
      usage();
      free(g.sets);
      return OK;
    }
    e = c == '?' || c == ':' ? options_fault("simulate", argv, options) : take(&g, c, optarg);
  }
  if (e == OK && optind + 1 != argc)
    e = FAIL(ERR_INPUT, "simulate: give one study file: coxswain simulate STUDY.cfg");
  g.o.study_file = e == OK ? argv[optind] : NULL;
  g.o.overrides = g.sets;
  g.o.n_overrides = g.n_sets;
  if (e == OK)
    e = run(&g);
  free(g.sets);
  return e;
}
