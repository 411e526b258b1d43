#include "hpo/propose.h"

#include <time.h>

#include "base/strbuf.h"

double propose_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static enum err propose_param(const struct space *space, int64_t number, const struct param *p, journal_visit take,
                              void *context) {
  const struct dimension *d = space_dimension(space, p->name);
  if (!d)
    return FAIL(ERR_BUG, "trial %lld: %s is not in the space", (long long)number, p->name);
  struct strbuf distribution = STRBUF_INIT;
  dimension_optuna_json(d, &distribution);
  struct op op = op_of(OP_PARAM, number);
  op.name = p->name;
  op.json = distribution.text;
  op.value = dimension_internal(d, &p->value);
  enum err e = take(context, &op);
  strbuf_free(&distribution);
  return e;
}

static enum err propose(const struct space *space, const struct params *point, const struct op *origin, int64_t number,
                        int64_t key, int64_t asked_at, bool enqueued, journal_visit take, void *context) {
  struct op create = op_of(OP_CREATE_TRIAL, number);
  create.time = propose_time();
  TRY(take(context, &create));
  for (size_t i = 0; i < point->n; i++)
    TRY(propose_param(space, number, &point->items[i], take, context));
  if (origin)
    TRY(take(context, origin));
  struct op asked = op_of(OP_ASKED, number);
  asked.asked_at = asked_at;
  asked.enqueued = enqueued;
  asked.key = key;
  return take(context, &asked);
}

enum err propose_trial(const struct space *space, const struct params *point, int64_t number, int64_t key,
                       int64_t asked_at, bool enqueued, journal_visit take, void *context) {
  return propose(space, point, NULL, number, key, asked_at, enqueued, take, context);
}

enum err propose_derived(const struct space *space, const struct params *point, const struct op *origin, int64_t key,
                         int64_t asked_at, journal_visit take, void *context) {
  return propose(space, point, origin, origin->trial, key, asked_at, false, take, context);
}
