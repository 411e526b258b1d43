/* A study in simulated time: the real steering, with its journal, sampler and schedule, and workers that only pretend.
 *
 * What steering itself does takes the processor time that it takes here; a group commit takes what the disk takes, as
 * measured beforehand; a message takes a while on its way. Workers behave as those of run/worker.c: they train for a
 * quantum at a time, keep a backlog, poll less often the longer nothing comes. */
#ifndef COXSWAIN_RUN_SIMULATE_H
#define COXSWAIN_RUN_SIMULATE_H

#include "base/rng.h"
#include "base/strbuf.h"
#include "conf/settings.h"

/* How long something takes, as a random variable. */
enum duration_kind { DURATION_NONE, DURATION_CONSTANT, DURATION_UNIFORM, DURATION_NORMAL, DURATION_LOGNORMAL };
struct duration_law {
  enum duration_kind kind;
  double a, b; /* seconds. constant: a; uniform: from a to b; normal: mean a, deviation b, nothing below a/100;
                * lognormal: median a, deviation b of the logarithm */
};
/* "lognormal:60,0.5", "constant:10" or "10". ERR_INPUT names what is wrong with it. */
enum err duration_law_read(struct duration_law *law, const char *text, const char *what);
double duration_draw(const struct duration_law *law, struct rng *rng);

struct simulate_options {
  const char *study_file;
  const char *const *overrides; /* "key=value" */
  size_t n_overrides;
  int64_t workers;
  struct duration_law trial, step; /* of a whole trial, all its steps; or of each step. Neither: function.seconds */
  double fail;                     /* probability that a trial fails on its way */
  uint64_t seed;
  double fsync, latency, message; /* seconds; fsync < 0: measured in `disk` */
  bool ideal;                     /* steering, disk and messages take no time */
  const char *disk;               /* a folder on the disk that the journal would be on */
  const char *keep;               /* the study folder, to be looked at later; NULL: removed at the end */
  const char *function, *table;   /* in place of another evaluator; NULL */
};

/* How things stood at one moment. */
struct simulate_mark {
  double time;                     /* seconds since steering began */
  double area;                     /* slot-seconds of training so far */
  double waited;                   /* seconds that slots which had worked waited for their next stint */
  double steering;                 /* seconds of steering's processor time, */
  double disk;                     /* and of its waiting for the disk */
  int64_t begun, ended, gaps;      /* stints; waits */
  int64_t trials, turns, messages; /* new trials begun; of steering */
};

struct simulate_best {
  double time, value;
  int64_t over; /* trials over by then */
};

struct simulate_result {
  int64_t slots, workers;
  double fsync, latency, message;
  double study_seconds;                 /* until steering had ended: what status calls the time of the study */
  double real_seconds;                  /* that the simulation took */
  bool filled;                          /* every slot had work once */
  struct simulate_mark ramp, tail, end; /* every slot has begun; the last new trial has begun; the last stint ended */
  struct simulate_best *best;           /* each better value; owned */
  size_t n_best, cap_best;
  int64_t failed, complete, lost; /* trials; stints that did not come to an end of their own */
  enum err verdict;               /* of the run: OK, ERR_STOPPED, ERR_TRIALS */
  char study[128];
};

enum err simulate(const struct simulate_options *o, struct simulate_result *r);
void simulate_free(struct simulate_result *r);
/* Share of the slots' time in which they trained, between two marks; NaN if no time went by. */
double simulate_utilisation(const struct simulate_result *r, const struct simulate_mark *a,
                            const struct simulate_mark *b);
void simulate_put(const struct simulate_result *r, struct strbuf *out);
struct json_t;
struct json_t *simulate_json(const struct simulate_result *r);

#endif
