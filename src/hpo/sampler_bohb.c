/* The model of BOHB (Falkner, Klein and Hutter 2018, "BOHB: robust and efficient hyperparameter optimization at scale",
 * arXiv 1807.01774, section 3.2 and appendix A): a Parzen estimator of what is known at the largest budget that d + 2
 * trials came to, the best 15 % of them good, a third of the points without the model. */
#include "hpo/sampler.h"
#include "hpo/tpe.h"

static enum err open_bohb(struct sampler *s, const struct settings *conf) {
  (void)conf;
  struct tpe_options o = tpe_defaults();
  int64_t d = (int64_t)s->space->n_coordinates;
  o.startup = d + 2;
  o.least = d + 1;
  o.good = d + 1 > 1000 ? d + 1 : 1000;
  o.gamma = 0.15;
  o.candidates = 64;
  o.weights = TPE_EQUAL;
  o.random = 1.0 / 3;
  o.wider = 3;
  o.narrowest = 1e-3;
  o.by_budget = true;
  s->context = tpe_new(s->space, s->key, &o);
  return OK;
}

static enum err ask_bohb(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                         enum ask *answer) {
  tpe_ask(s->context, h, index, rng, u);
  *answer = ASK_POINT;
  return OK;
}

static void close_bohb(struct sampler *s) {
  tpe_free(s->context);
}

const struct sampler_ops sampler_bohb = {
    .name = "bohb", .uses_history = true, .open = open_bohb, .ask = ask_bohb, .close = close_bohb};
