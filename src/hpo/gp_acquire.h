/* Where the expected improvement is largest. */
#ifndef COXSWAIN_HPO_GP_ACQUIRE_H
#define COXSWAIN_HPO_GP_ACQUIRE_H

#include "base/rng.h"
#include "hpo/gp_model.h"

struct gp_acquire {
  const struct gp_view *view;
  const struct gp *gp;
  double fidelity;  /* of what is asked for */
  double best;      /* improvement is over this */
  size_t n_centres; /* good points, the best first, to look around: (n_centres, d) */
  const double *centres;
  size_t n_seen; /* points not to propose again: (n_seen, d) */
  const double *seen;
  size_t candidates, starts;
};

/* Fills u (d). */
void gp_acquire(const struct gp_acquire *a, struct rng *rng, double *u);

#endif
