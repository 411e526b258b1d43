/* One coordinate of the cube as the Parzen estimator sees it: what kind of kernel it takes, the mass that a kernel has
 * on a cell, and how a number is drawn from a kernel.
 *
 * smooth    a normal distribution cut to [0, 1] (floats). Numbers on a grid of more than AXIS_TABLE cells too: a cell's
 *           spread, width^2 / 12, is added to the variance where a candidate lies in it (Sheppard's correction).
 * grid      cells of equal width: the normal distribution integrated over each cell
 * log_grid  the same over cells of any width (whole numbers in the logarithm)
 * category  the kernel of Aitchison and Aitken, Biometrika 63 (1976) 413: 1 - b on its own category, b / (k - 1) on
 * each of the k - 1 others */
#ifndef COXSWAIN_HPO_TPE_AXIS_H
#define COXSWAIN_HPO_TPE_AXIS_H

#include "base/rng.h"
#include "hpo/space.h"

#define AXIS_TABLE 32

enum axis_kind { AXIS_SMOOTH, AXIS_GRID, AXIS_LOG_GRID, AXIS_CATEGORY };

struct axis {
  const struct dimension *dim; /* borrowed */
  enum axis_kind kind;
  size_t cells;     /* 0: continuous */
  size_t column;    /* among the smooth ones, or among the others */
  size_t row;       /* where its log masses begin among those of a candidate */
  bool alone;       /* its density is asked for apart from the other axes: it is not always there, or each axis is */
  double *edges;    /* grids: (cells + 1); owned */
  double *uniform;  /* grids and categories: (cells) log of the share of each cell; owned */
  double *prior;    /* likewise: (cells) log of the mass of the prior */
  double prior_log; /* smooth: log of the prior's constant */
};

/* A kernel's widths and what follows from them, for one axis. */
struct axis_kernel {
  double width;               /* standard deviation; categories: b */
  double precision, constant; /* smooth: 1 / (2 width^2), log of 1 / (sqrt(2 pi) width) */
  double *table; /* grid: log of the mass k cells away (cells), then log of the mass inside [0, 1] (cells); log_grid:
                    (cells, cells) log masses; category: log of the mass on the same and on another one; owned */
};

void axis_init(struct axis *a, const struct dimension *d);
void axis_free(struct axis *a);
size_t axis_cell(const struct axis *a, double u); /* not for continuous ones */
double axis_centre(const struct axis *a, size_t cell);
double axis_cell_width(const struct axis *a, double u); /* of the cell of u; 0 for continuous ones */

void axis_kernel_set(const struct axis *a, struct axis_kernel *k, double width);
/* log of the masses that kernels sitting on each cell have on cell `at`: row (cells + 1), whose last is that of a
 * kernel that sits nowhere (uniform). */
void axis_kernel_row(const struct axis *a, const struct axis_kernel *k, size_t at, double *row);
/* log of the mass that the normal distribution at `centre` has inside [0, 1] */
double axis_inside(double centre, double width);
double axis_prior(const struct axis *a, double u); /* log density, or log mass of its cell */

/* A number near `centre` (a cell's centre for grids and categories); again a cell's centre. */
double axis_draw(const struct axis *a, double centre, double width, struct rng *rng);
double axis_draw_prior(const struct axis *a, struct rng *rng);
double axis_draw_uniform(const struct axis *a, struct rng *rng);

#endif
