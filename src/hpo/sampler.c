/* The registry of samplers, and how a point that was seen before is avoided. */
#include "hpo/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define TRIES 64
#define LARGEST_COUNT 9007199254740992.0 /* 2^53: larger counts of points are rounded */

static const struct sampler_ops *sampler_ops_of(const char *name) {
#define SAMPLER_ENTRY(name, help) &sampler_##name,
  static const struct sampler_ops *const all[] = {SAMPLER_LIST(SAMPLER_ENTRY)};
#undef SAMPLER_ENTRY
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i]->name, name) == 0)
      return all[i];
  return NULL;
}

const char *sampler_chosen(const struct settings *conf) {
  bool of_schedule = !settings_given(conf, "sampler.name") && !strcmp(settings_text(conf, "schedule.name"), "bohb");
  return of_schedule ? "bohb" : settings_text(conf, "sampler.name");
}

enum err sampler_open(struct sampler *s, const char *name, const struct space *space, struct rng_key study_key,
                      const struct settings *conf) {
  *s = (struct sampler){.ops = sampler_ops_of(name), .space = space, .key = study_key};
  if (!s->ops)
    return FAIL(ERR_CONFIG, "sampler.name = %s: there is no such sampler", name);
  s->points = space_cardinality(space);
  if (s->ops->open)
    TRY(s->ops->open(s, conf));
  return OK;
}

void sampler_close(struct sampler *s) {
  if (s->ops && s->ops->close)
    s->ops->close(s);
  *s = (struct sampler){0};
}

/* The first point of the sampler's own list that is not seen yet. */
static enum err ask_next_of_list(struct sampler *s, const struct study *study, struct rng *rng, double *u,
                                 struct params *point, enum ask *answer) {
  for (;; s->all_seen++) {
    TRY(s->ops->ask(s, &study->history, (int64_t)s->all_seen, rng, u, answer));
    if (*answer != ASK_POINT)
      return OK;
    space_decode(s->space, u, point);
    if (!study_has_seen(study, point))
      return OK;
  }
}

/* All points of the space in a random order that is the same each time. */
static enum ask search_unseen(struct sampler *s, const struct study *study, double *u, struct params *point) {
  struct rng_key order = rng_child(s->key, RNG_ASK, UINT64_MAX);
  uint64_t n = (uint64_t)s->points;
  for (; s->all_seen < n; s->all_seen++) {
    space_nth_point(s->space, rng_permute(order, n, s->all_seen), u);
    space_decode(s->space, u, point);
    if (!study_has_seen(study, point))
      return ASK_POINT;
  }
  return ASK_EXHAUSTED;
}

static enum err ask_sampler(struct sampler *s, const struct study *study, struct rng *rng, double *u,
                            struct params *point, enum ask *answer) {
  if (s->ops->enumerates)
    return ask_next_of_list(s, study, rng, u, point, answer);
  for (int64_t i = 0; i < TRIES; i++) {
    TRY(s->ops->ask(s, &study->history, study->history.asked + i, rng, u, answer));
    if (*answer != ASK_POINT)
      return OK;
    space_decode(s->space, u, point);
    if (!study_has_seen(study, point))
      return OK;
  }
  if (s->points <= LARGEST_COUNT) {
    s->by = s->by == BY_UNKNOWN ? BY_UNKNOWN : BY_random;
    *answer = search_unseen(s, study, u, point);
  }
  return OK; /* with infinitely many points the last one may come again: conditions can leave few values on one side */
}

enum err sampler_ask(struct sampler *s, const struct study *study, int64_t number, struct params *point,
                     enum ask *answer) {
  struct rng rng = rng_of(rng_child(s->key, RNG_ASK, (uint64_t)number));
  s->by = BY_UNKNOWN;
  double *u = MEM_NEW_ARRAY(double, s->space->n_coordinates + 1);
  enum err e = ask_sampler(s, study, &rng, u, point, answer);
  free(u);
  TRY(e);
  return OK;
}
