/* The tree-structured Parzen estimator with the settings of a study file. */
#include "hpo/sampler.h"
#include "hpo/tpe.h"

static enum err open_tpe(struct sampler *s, const struct settings *conf) {
  struct tpe_options o = tpe_defaults();
  o.startup = settings_int(conf, "sampler.tpe.startup");
  o.candidates = settings_int(conf, "sampler.tpe.candidates");
  o.gamma = settings_double(conf, "sampler.tpe.gamma");
  o.good = settings_int(conf, "sampler.tpe.good");
  o.weights = (enum tpe_weights)settings_choice(conf, "sampler.tpe.weights");
  o.bandwidth = (enum tpe_bandwidth)settings_choice(conf, "sampler.tpe.bandwidth");
  o.multivariate = settings_bool(conf, "sampler.tpe.multivariate");
  s->context = tpe_new(s->space, s->key, &o);
  return OK;
}

static enum err ask_tpe(struct sampler *s, const struct history *h, int64_t index, struct rng *rng, double *u,
                        enum ask *answer) {
  tpe_ask(s->context, h, index, rng, u);
  *answer = ASK_POINT;
  return OK;
}

static void close_tpe(struct sampler *s) {
  tpe_free(s->context);
}

const struct sampler_ops sampler_tpe = {
    .name = "tpe", .uses_history = true, .open = open_tpe, .ask = ask_tpe, .close = close_tpe};
