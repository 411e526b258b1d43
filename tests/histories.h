/* Random studies for tests: what a run might journal, event by event, with everything that can happen to a trial. */
#ifndef COXSWAIN_TESTS_HISTORIES_H
#define COXSWAIN_TESTS_HISTORIES_H

#include "base/rng.h"
#include "hpo/journal.h"
#include "hpo/study.h"

typedef enum err (*history_emit)(void *context, const struct op *op);

struct historian {
  struct rng rng;
  struct study study; /* what has been emitted, folded */
  history_emit emit;
  void *context;
  int64_t last_step; /* of a trial: 9 */
  int64_t order;
  int64_t chunks; /* of points of another study */
  bool derived;   /* some trials come from others */
  bool strict;    /* nothing is said of a trial that is over, and a step done again comes out the same */
};

void historian_init(struct historian *h, uint64_t seed, bool maximize, const struct space *space, history_emit emit,
                    void *context);
void historian_free(struct historian *h);
/* One thing happens: a trial is made, reports, ends its stint, goes on, is saved, annotated, given up. */
enum err historian_step(struct historian *h);
/* Every trial that is not over becomes complete, pruned or failed. */
enum err historian_finish(struct historian *h);

/* The space of these studies, as the group of a study file. */
extern const char historian_space[];

/* All a study knows, bit by bit, as text: equal dumps, equal studies. */
void study_dump(const struct study *s, struct strbuf *out);

#endif
