/* What evaluate_train.c and its checks share. */
#ifndef COXSWAIN_RUN_EVALUATE_TRAIN_H
#define COXSWAIN_RUN_EVALUATE_TRAIN_H

#include "run/evaluator.h"

/* The backend that run.backend means here; NULL if this build has none such. */
const char *train_backend(const struct settings *conf);
/* The folder of prepared data. Caller frees. */
char *train_cache(const struct evaluator_options *o);
/* evaluator_ops.cost */
enum err train_cost(const struct evaluator_options *o, struct strbuf *out, double *seconds_per_step);
/* Complaints about data, metric, tag, references and networks, before anything is trained. */
void train_check(const struct evaluator_options *o, struct complaints *c);

#endif
