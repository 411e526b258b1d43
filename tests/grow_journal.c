/* grow_journal FOLDER N: adds N finished trials to the study in FOLDER, as a run would have written them: a point of
 * its space, a stint to step 3 with a report each step, two metrics, provenance, a final value. For
 * scripts/bench_journal.sh and tests that need a long journal; the study's evaluator must be one of 3 steps. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "hpo/propose.h"
#include "run/folder.h"

enum { STEPS = 3, TRIALS_A_GROUP = 500 };

struct growth {
  struct journal *journal;
  const struct space *space;
  struct rng rng;
  int64_t next_stint;
};

static enum err add(void *growth, const struct op *op) {
  journal_add(((struct growth *)growth)->journal, op);
  return OK;
}

static enum err ignore(void *context, const struct op *op) {
  (void)context, (void)op;
  return OK;
}

static enum err add_point(struct growth *g, int64_t number) {
  double *u = MEM_NEW_ARRAY(double, g->space->n_coordinates + 1);
  struct params point;
  params_init(&point);
  for (size_t i = 0; i < g->space->n_coordinates; i++)
    u[i] = rng_uniform(&g->rng);
  space_decode(g->space, u, &point);
  enum err e = propose_trial(g->space, &point, number, number, journal_length(g->journal), false, add, g);
  params_free(&point);
  free(u);
  return e;
}

static void add_attribute(struct growth *g, int64_t number, const char *key, const char *json) {
  struct op op = op_of(OP_TRIAL_ATTR, number);
  op.name = key;
  op.json = json;
  journal_add(g->journal, &op);
}

static void add_result(struct growth *g, int64_t number, double value) {
  char text[200];
  snprintf(text, sizeof text, "%.17g", value);
  add_attribute(g, number, "val_loss", text);
  snprintf(text, sizeof text, "%.17g", 1 - value / 2);
  add_attribute(g, number, "val_accuracy", text);
  snprintf(text, sizeof text,
           "{\"host\":\"node%04d\",\"device\":\"cpu, AVX-512, 1 thread\",\"rank\":%d,\"version\":\"%s\"}",
           (int)(number % 64), (int)(number % 256), COXSWAIN_VERSION);
  add_attribute(g, number, "provenance", text);
}

static enum err add_trial(struct growth *g, int64_t number) {
  struct op stint = op_of(OP_STINT, number), report = op_of(OP_REPORT, number), end = op_of(OP_END, number),
            state = op_of(OP_STATE, number);
  TRY(add_point(g, number));
  stint.stint = (struct stint){
      .id = g->next_stint, .order = g->next_stint, .to = STEPS, .worker = (int)(number % 256), .team = 1};
  g->next_stint++;
  journal_add(g->journal, &stint);
  for (report.step = 1; report.step <= STEPS; report.step++) {
    report.value = rng_uniform(&g->rng);
    journal_add(g->journal, &report);
  }
  add_result(g, number, report.value);
  end.stint = stint.stint;
  end.stint.end = STINT_finished;
  end.step = STEPS;
  end.seconds = 10 * report.value;
  journal_add(g->journal, &end);
  state.state = TRIAL_COMPLETE;
  state.value = report.value;
  state.time = propose_time();
  journal_add(g->journal, &state);
  return number % TRIALS_A_GROUP == 0 ? journal_commit(g->journal) : OK;
}

static enum err grow(const char *folder, int64_t n) {
  struct folder f;
  TRY(folder_open(&f, folder));
  struct growth g = {.space = &f.space, .rng = rng_of(rng_key("growth", f.study.n)), .next_stint = f.study.next_stint};
  char *path = path_join(folder, "journal.log");
  enum err e = journal_open(&g.journal, path, ignore, NULL);
  int64_t first = (int64_t)f.study.n;
  for (int64_t i = first; e == OK && i < first + n; i++)
    e = add_trial(&g, i);
  if (e == OK)
    e = journal_commit(g.journal);
  journal_close(g.journal);
  free(path);
  folder_close(&f);
  return e;
}

int main(int argc, char **argv) {
  if (argc != 3 || atoll(argv[2]) <= 0) {
    fprintf(stderr, "usage: grow_journal FOLDER TRIALS\n");
    return 2;
  }
  enum err e = grow(argv[1], atoll(argv[2]));
  if (e != OK)
    fprintf(stderr, "grow_journal: %s\n", err_text());
  return err_exit_code(e);
}
