/* How a point of the unit cube looks to a Gaussian process: features in which squared Euclidean distance is what a
 * kernel should see, and one length scale for each coordinate.
 *
 *   float, integer, step     u itself: one feature
 *   category                 one-hot / sqrt(2): the squared distance of different categories is 1 (Hamming)
 *   with a condition         (cos u, sin u), or (0, 0) while it is not there: as far from every value as the ends of
 *                            its range are from each other, so a value that means nothing says nothing
 *   fidelity                 the last feature: how far a trial has come, 1 = to the end
 */
#ifndef COXSWAIN_HPO_GP_VIEW_H
#define COXSWAIN_HPO_GP_VIEW_H

#include "hpo/space.h"

struct gp_axis {
  bool category, conditional;
  size_t cells;    /* distinct values; 0: continuous, or so fine that it may as well be */
  double *centres; /* (cells) their u, ascending */
  size_t feature;  /* the first one */
  size_t features; /* how many */
};

struct gp_view {
  const struct space *space;
  size_t d; /* coordinates */
  struct gp_axis *axes;
  size_t p;         /* features, fidelity included */
  size_t scales;    /* length scales: d + 1 for fidelity */
  size_t *scale_of; /* (p) */
  bool conditional, finite /* every axis has cells */;
};

void gp_view_open(struct gp_view *v, const struct space *space);
void gp_view_close(struct gp_view *v);
/* Which coordinates are there at u (d): all but for conditions. */
void gp_view_active(const struct gp_view *v, const double *u, bool *active);
void gp_view_features(const struct gp_view *v, const double *u, const bool *active, double fidelity, double *z);
/* The gradient by u (d) from the one by z (p); 0 along categories and what is not there. */
void gp_view_pull_back(const struct gp_view *v, const double *u, const bool *active, const double *by_z, double *by_u);
/* The centre of the cell that u is in; u itself on continuous axes. */
double gp_axis_snap(const struct gp_axis *a, double u);
size_t gp_axis_cell(const struct gp_axis *a, double u);
void gp_view_snap(const struct gp_view *v, double *u);

#endif
