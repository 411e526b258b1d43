/* The explore step of population based training (Jaderberg et al. 2017, "Population based training of neural networks",
 * arXiv 1711.09846, sections 3.2 and 4): the point of a trial that goes on from another one's state. */
#ifndef COXSWAIN_HPO_EXPLORE_H
#define COXSWAIN_HPO_EXPLORE_H

#include "base/rng.h"
#include "hpo/space.h"

/* May this hyperparameter change while a trial trains? Those of schedule.perturb; if that is not given, all that no
 * setting uses which holds for the whole of a training (the widths of a network, its optimizer). */
bool explore_changes(const struct settings *conf, const char *name);
/* What is wrong with schedule.perturb, or with doing without it: complaints. */
void explore_check(const struct settings *conf, const struct space *space, struct complaints *c);
/* "changes: lr, dropout; stays: width (model.hidden)", for people. */
void explore_describe(const struct settings *conf, const struct space *space, struct strbuf *out);

/* The parent's point, changed: each number of the dimensions that may change times 1.2 or 0.8, or with probability
 * `resample` a value drawn anew; categories stay or are drawn anew. Numbers that may be 0 or negative are shifted by a
 * tenth of their range instead. changes: one for each dimension. p: initialised, replaced; a point of the space. */
enum err explore_point(const struct space *space, const bool *changes, double resample, const struct params *parent,
                       struct rng *rng, struct params *p);

#endif
