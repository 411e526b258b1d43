/* Minimises a smooth function in a box, by limited-memory BFGS with projected steps. It never calls: the caller
 * evaluates where lbfgs_point says and hands in the result, so many searches can go side by side and share their
 * evaluations. Deterministic.
 *
 *     struct lbfgs *s = lbfgs_open(n, low, high, x, 0.5, 1e-5);
 *     do value = f(lbfgs_point(s), gradient); while (lbfgs_tell(s, value, gradient));
 */
#ifndef COXSWAIN_HPO_LBFGS_H
#define COXSWAIN_HPO_LBFGS_H

#include <stdbool.h>
#include <stddef.h>

struct lbfgs;

/* From x (n), clipped to [low, high] (n each, copied). The first step is at most `first` long in each coordinate. It
 * ends where no coordinate of the projected gradient is above `tolerance`, or no step helps. */
struct lbfgs *lbfgs_open(size_t n, const double *low, const double *high, const double *x, double first,
                         double tolerance);
void lbfgs_free(struct lbfgs *s);
const double *lbfgs_point(const struct lbfgs *s); /* where to evaluate next */
/* The value there (NaN and infinity are steps too far) and its gradient (n). False: it has ended. */
bool lbfgs_tell(struct lbfgs *s, double value, const double *gradient);
double lbfgs_best(const struct lbfgs *s, double *x); /* the lowest value so far, and where (n); infinity before any */

#endif
