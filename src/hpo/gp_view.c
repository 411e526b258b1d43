/* Conditions: K. Swersky, D. Duvenaud, J. Snoek, F. Hutter, M. A. Osborne, "Raiders of the lost architecture: kernels
 * for Bayesian optimization in conditional parameter spaces", arXiv 1409.4011, with an arc of one radian. */
#include "hpo/gp_view.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define MOST_CELLS 4096 /* finer grids are continuous to a model */

static void axis_open(struct gp_axis *a, const struct dimension *d, size_t feature) {
  uint64_t cells = dimension_cells(d);
  a->category = d->kind == DIM_CATEGORICAL;
  a->conditional = d->n_conditions > 0;
  a->feature = feature;
  a->features = a->category ? (size_t)cells : a->conditional ? 2 : 1;
  if (cells > MOST_CELLS && !a->category)
    return;
  a->cells = (size_t)cells;
  a->centres = MEM_NEW_ARRAY(double, a->cells + 1);
  for (size_t i = 0; i < a->cells; i++)
    a->centres[i] = dimension_cell_centre(d, i);
}

void gp_view_open(struct gp_view *v, const struct space *space) {
  *v = (struct gp_view){.space = space, .d = space->n_coordinates, .scales = space->n_coordinates + 1, .finite = true};
  v->axes = MEM_NEW_ARRAY(struct gp_axis, v->d + 1);
  for (size_t i = 0; i < space->n; i++)
    if (space->dims[i].kind != DIM_FIXED) {
      struct gp_axis *a = &v->axes[space->dims[i].coordinate];
      axis_open(a, &space->dims[i], v->p);
      v->p += a->features;
      v->conditional |= a->conditional;
      v->finite &= a->cells > 0;
    }
  v->p++; /* fidelity */
  v->scale_of = MEM_NEW_ARRAY(size_t, v->p);
  for (size_t j = 0; j < v->d; j++)
    for (size_t k = 0; k < v->axes[j].features; k++)
      v->scale_of[v->axes[j].feature + k] = j;
  v->scale_of[v->p - 1] = v->d;
}

void gp_view_close(struct gp_view *v) {
  for (size_t j = 0; j < v->d; j++)
    free(v->axes[j].centres);
  free(v->axes);
  free(v->scale_of);
}

void gp_view_active(const struct gp_view *v, const double *u, bool *active) {
  if (v->conditional)
    space_active_coordinates(v->space, u, active);
  else
    memset(active, true, v->d * sizeof *active);
}

size_t gp_axis_cell(const struct gp_axis *a, double u) {
  size_t low = 0, high = a->cells; /* the first centre at or above u is in [low, high] */
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (a->centres[middle] < u)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == a->cells)
    return a->cells - 1;
  return low > 0 && u - a->centres[low - 1] < a->centres[low] - u ? low - 1 : low;
}

double gp_axis_snap(const struct gp_axis *a, double u) {
  return a->cells ? a->centres[gp_axis_cell(a, u)] : u;
}

void gp_view_snap(const struct gp_view *v, double *u) {
  for (size_t j = 0; j < v->d; j++)
    u[j] = gp_axis_snap(&v->axes[j], u[j]);
}

void gp_view_features(const struct gp_view *v, const double *u, const bool *active, double fidelity, double *z) {
  memset(z, 0, v->p * sizeof *z);
  for (size_t j = 0; j < v->d; j++) {
    const struct gp_axis *a = &v->axes[j];
    if (!active[j])
      continue;
    if (a->category)
      z[a->feature + gp_axis_cell(a, u[j])] = sqrt(0.5);
    else if (a->conditional) {
      z[a->feature] = cos(u[j]);
      z[a->feature + 1] = sin(u[j]);
    } else
      z[a->feature] = u[j];
  }
  z[v->p - 1] = fidelity;
}

void gp_view_pull_back(const struct gp_view *v, const double *u, const bool *active, const double *by_z, double *by_u) {
  for (size_t j = 0; j < v->d; j++) {
    const struct gp_axis *a = &v->axes[j];
    if (a->category || !active[j])
      by_u[j] = 0;
    else if (a->conditional)
      by_u[j] = by_z[a->feature + 1] * cos(u[j]) - by_z[a->feature] * sin(u[j]);
    else
      by_u[j] = by_z[a->feature];
  }
}
