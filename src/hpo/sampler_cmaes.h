/* CMA-ES as a fold over the events of a history. */
#ifndef COXSWAIN_HPO_SAMPLER_CMAES_H
#define COXSWAIN_HPO_SAMPLER_CMAES_H

#include "hpo/sampler.h"

/* Before the first ask of an open sampler: it takes no notice of the first `events` events but for where the best of
 * their points lie, and starts there, as wide as they are apart. */
void cmaes_start_from(struct sampler *s, size_t events);

#endif
