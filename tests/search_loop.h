/* A whole search in memory: the real sampler, schedule and study, without a journal, without MPI, in virtual time. */
#ifndef COXSWAIN_TESTS_SEARCH_LOOP_H
#define COXSWAIN_TESTS_SEARCH_LOOP_H

#include "hpo/sampler.h"
#include "hpo/schedule.h"
#include "objective.h"

struct search_options {
  const char *sampler, *schedule;
  int64_t trials; /* no new ones beyond */
  int64_t epochs; /* stop when so many steps are spent; 0: no limit */
  int64_t workers;
  double noise;      /* standard deviation of what is added to what is told */
  double fail;       /* points whose first hyperparameter is in the upper share of this size fail */
  const char **sets; /* "key=value" of a study file */
  size_t n_sets;
  const int64_t *marks; /* ascending: of epochs if there is a limit of them, else of trials that are over */
  size_t n_marks;
};

struct latency {
  double sum, longest; /* seconds */
  int64_t n;
};

struct search_result {
  double *truth; /* (n_marks) of the best point seen until then; owned */
  int64_t trials, epochs, failed;
  struct latency ask, tell;
};

void latency_add(struct latency *l, double seconds);

/* What a search stands on; of use without a loop, too. */
struct search {
  struct settings *conf;
  struct complaints complaints;
  struct space space;
  struct study study;
  struct sampler sampler;
};
enum err search_open(struct search *s, const struct search_options *o, const char *space, int64_t steps, uint64_t seed);
void search_close(struct search *s);
enum err search_apply(void *search, const struct op *op); /* a journal_visit */

enum err search_run(struct objective *objective, const struct search_options *o, uint64_t seed,
                    struct search_result *out);

#endif
