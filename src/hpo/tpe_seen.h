/* The points that a study has tried, of a space of finitely many, by a hash of their cells. */
#ifndef COXSWAIN_HPO_TPE_SEEN_H
#define COXSWAIN_HPO_TPE_SEEN_H

#include "hpo/tpe_components.h"

struct seen_points {
  bool finite;
  uint64_t *slots; /* (cap) open addressing; 0: free; owned */
  size_t n, cap;
};

void seen_points_init(struct seen_points *s, double points);
void seen_points_free(struct seen_points *s);
uint64_t seen_points_hash(const struct axes *a, const double *u, const bool *active); /* active: NULL for all */
void seen_points_add(struct seen_points *s, uint64_t hash);
bool seen_points_has(const struct seen_points *s, uint64_t hash);

#endif
