#include "run/simulate.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/run.h"
#include "run/simulate_world.h"

/* ---- the disk ---- */

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median of appending a group of a usual size and bringing it to disk, as journal_commit does. */
static enum err measure_disk(const char *folder, double *seconds) {
  enum { TIMES = 21, GROUP = 8192 };
  double took[TIMES];
  char group[GROUP];
  char *path = path_join(folder, ".coxswain-disk-XXXXXX");
  int fd = mkstemp(path);
  enum err e = fd >= 0 ? OK
                       : FAIL(ERR_IO,
                              "%s: no file can be written there to measure the disk: name another folder (--disk) or "
                              "say what it takes (--fsync)",
                              folder);
  memset(group, 'x', sizeof group);
  for (int i = 0; i < TIMES && e == OK; i++) {
    double begun = clock_seconds();
    e = file_write_all(fd, group, sizeof group, path);
    if (e == OK && fdatasync(fd) != 0)
      e = FAIL(ERR_IO, "%s: fdatasync failed", path);
    took[i] = clock_seconds() - begun;
  }
  if (fd >= 0) {
    close(fd);
    unlink(path);
  }
  free(path);
  TRY(e);
  qsort(took, TIMES, sizeof *took, compare);
  *seconds = took[TIMES / 2];
  return OK;
}

/* ---- the study as it is simulated ---- */

struct changes {
  char **items;
  size_t n, cap;
};

static void change(struct changes *c, const char *key, const char *value) {
  struct strbuf text = STRBUF_INIT;
  strbuf_printf(&text, "%s=%s", key, value);
  MEM_GROW(c->items, c->n, &c->cap);
  c->items[c->n++] = strbuf_detach(&text);
}

static void changes_free(struct changes *c) {
  for (size_t i = 0; i < c->n; i++)
    free(c->items[i]);
  free(c->items);
}

static enum err stand_in(const struct simulate_options *o, const struct settings *conf, struct changes *c) {
  const char *evaluator = settings_text(conf, "evaluator");
  const struct evaluator_ops *ops = evaluator_ops_of(evaluator);
  char steps[32];
  if (o->table || o->function) {
    snprintf(steps, sizeof steps, "%lld", (long long)ops->steps(conf));
    change(c, "evaluator", "function");
    change(c, "function.name", o->table ? "table" : o->function);
    change(c, "function.steps", steps);
    change(c, "study.metric", "value");
    change(c, "study.direction", run_maximizes(conf) ? "maximize" : "minimize");
    if (o->table)
      change(c, "function.file", o->table);
    return OK;
  }
  return !strcmp(evaluator, "function")
             ? OK
             : FAIL(ERR_INPUT,
                    "evaluator = %s: a simulation does not train; say where values come from: --function curve (or "
                    "another test function), or --table FILE.csv",
                    evaluator);
}

/* What is different: where values come from, and everything that only means something on a real machine. */
static enum err collect_changes(const struct simulate_options *o, struct changes *c, char **name, int64_t *slots) {
  struct complaints complaints;
  struct settings *conf = NULL;
  complaints_init(&complaints);
  settings_read(&conf, o->study_file, o->overrides, o->n_overrides, &complaints);
  enum err e = complaints_verdict(&complaints);
  complaints_free(&complaints);
  for (size_t i = 0; i < o->n_overrides && e == OK; i++) {
    MEM_GROW(c->items, c->n, &c->cap);
    c->items[c->n++] = mem_strdup(o->overrides[i]);
  }
  if (e == OK)
    e = stand_in(o, conf, c);
  if (e == OK) {
    change(c, "run.steer", "dedicated");
    change(c, "run.ranks_per_trial", "1");
    change(c, "run.walltime", "0");
    change(c, "run.poll", "0");
    change(c, "run.keep", "0"); /* there are no weights */
    *name = run_study_name(conf, o->study_file);
    *slots = settings_int(conf, "run.slots");
    bool timed = o->trial.kind != DURATION_NONE || o->step.kind != DURATION_NONE;
    if (!timed && !(settings_double(conf, "function.seconds") > 0))
      e = FAIL(ERR_INPUT, "how long does a trial take? --trial-time lognormal:60,0.5, or --step-time constant:0.2");
  }
  settings_free(conf);
  return e;
}

/* In memory where that is to be had: the disk is charged for, not used. */
static enum err make_place(const struct simulate_options *o, char **folder) {
  const char *tmp = getenv("TMPDIR");
  if (o->keep) {
    *folder = mem_strdup(o->keep);
    return OK;
  }
  char *path = path_join(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : tmp ? tmp : "/tmp", "coxswain-simulate.XXXXXX");
  if (!mkdtemp(path)) {
    enum err e = FAIL(ERR_IO, "%s: no folder can be made for the journal: use --keep DIR", path);
    free(path);
    return e;
  }
  *folder = path;
  return OK;
}

static enum err run_world(const struct simulate_options *o, const struct changes *c, const char *folder,
                          struct simulate_result *r, int64_t slots) {
  struct world *w = MEM_NEW(struct world);
  struct wire *wire;
  bool abandon;
  struct run_options run = {.study_file = o->study_file,
                            .out = folder,
                            .overrides = (const char *const *)c->items,
                            .n_overrides = c->n,
                            .quiet = true};
  world_init(w, o, r, slots);
  wire_simulate(&wire, (int)o->workers + 1, &world_ends, w);
  enum err e = run_study(wire, &run, &abandon);
  r->study_seconds = w->now - w->zero;
  r->verdict = e;
  if (e == OK && w->at.begun != w->at.ended)
    e = FAIL(ERR_BUG, "%lld stints began, and %lld ended", (long long)w->at.begun, (long long)w->at.ended);
  wire_close(wire, false);
  world_free(w);
  free(w);
  return e == ERR_STOPPED || e == ERR_TRIALS ? OK : e;
}

enum err simulate(const struct simulate_options *o, struct simulate_result *r) {
  struct changes c = {0};
  char *name = NULL, *folder = NULL;
  int64_t slots = 1;
  double begun = clock_seconds();
  *r = (struct simulate_result){.workers = o->workers, .latency = o->latency, .message = o->message};
  enum err e = collect_changes(o, &c, &name, &slots);
  r->fsync = o->fsync;
  if (e == OK && o->fsync < 0 && !o->ideal)
    e = measure_disk(o->disk ? o->disk : ".", &r->fsync);
  if (o->ideal)
    r->fsync = r->latency = r->message = 0;
  r->slots = slots * o->workers;
  if (e == OK) {
    snprintf(r->study, sizeof r->study, "%s", name);
    e = make_place(o, &folder);
  }
  if (e == OK)
    e = run_world(o, &c, folder, r, slots);
  if (folder && !o->keep) {
    struct strbuf why = STRBUF_INIT;
    strbuf_puts(&why, err_text());
    if (file_remove_tree(folder) != OK)
      err_clear();
    if (e != OK)
      e = FAIL(e, "%s", why.text);
    strbuf_free(&why);
  }
  r->real_seconds = clock_seconds() - begun;
  changes_free(&c);
  free(name);
  free(folder);
  return e;
}

void simulate_free(struct simulate_result *r) {
  free(r->best);
}
