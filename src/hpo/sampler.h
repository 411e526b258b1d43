/* Samplers propose points (ask) from history (tell). A sampler is a pure function of (space, history, rng): whatever it
 * caches must be a fold over the history, so that a cold rebuild gives the same bits. */
#ifndef COXSWAIN_HPO_SAMPLER_H
#define COXSWAIN_HPO_SAMPLER_H

#include "base/rng.h"
#include "conf/lists.h"
#include "hpo/study.h"

enum ask { ASK_POINT, ASK_WAIT /* needs more outcomes first */, ASK_EXHAUSTED /* no unseen point is left */ };

struct sampler;

struct sampler_ops {
  const char *name;
  bool uses_history; /* false: the point depends on the trial's place alone */
  bool enumerates;   /* its points come by index, and end: each ask gives the first one not seen yet */
  enum err (*open)(struct sampler *s, const struct settings *conf); /* NULL: nothing to do */
  /* Fills u (n_coordinates). `index`: how many points this study has asked for before; one more for each time the
   * same ask is repeated because its point had been seen. */
  enum err (*ask)(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                  enum ask *answer);
  void (*close)(struct sampler *s); /* NULL: nothing to do */
};

struct sampler {
  const struct sampler_ops *ops;
  const struct space *space;
  struct rng_key key; /* of the study */
  void *context;      /* the sampler's own */
  double points;      /* how many the space has; INFINITY */
  enum by by;         /* who made the point asked for last, if not the sampler of that name: for SAMPLER_ATTRIBUTE */
  uint64_t all_seen;  /* points before this place of the search for unseen ones are seen: only spares looking again */
};

#define SAMPLER_DECLARE(name, help) extern const struct sampler_ops sampler_##name;
SAMPLER_LIST(SAMPLER_DECLARE)
#undef SAMPLER_DECLARE

/* The name of the sampler that a study file means: schedule.name = bohb brings its own, unless sampler.name is given.
 */
const char *sampler_chosen(const struct settings *conf);
enum err sampler_open(struct sampler *s, const char *name, const struct space *space, struct rng_key study_key,
                      const struct settings *conf);
void sampler_close(struct sampler *s);
/* The next point for trial `number`. A point already seen is asked for again (64 times). If the space has finitely many
 * points the unseen ones are then searched in a random order, so none comes twice while unseen ones are left;
 * ASK_EXHAUSTED when all are seen. A sampler serves one study. */
enum err sampler_ask(struct sampler *s, const struct study *study, int64_t number, struct params *point,
                     enum ask *answer);

#endif
