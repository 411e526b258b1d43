/* Expected improvement, in the logarithm. */
#ifndef COXSWAIN_HPO_GP_IMPROVE_H
#define COXSWAIN_HPO_GP_IMPROVE_H

/* log E[max(best - y, 0)] for y normal; finite however far `mean` is above `best`. by_mean and by_deviation: the
 * derivatives, or NULL. deviation > 0. */
double gp_log_improvement(double best, double mean, double deviation, double *by_mean, double *by_deviation);

#endif
