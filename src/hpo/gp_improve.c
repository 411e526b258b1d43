/* S. Ament, S. Daulton, D. Eriksson, M. Balandat, E. Bakshy, "Unexpected improvements to expected improvement for
 * Bayesian optimization", NeurIPS 2023, arXiv 2310.20708. */
#include "hpo/gp_improve.h"

#include <math.h>
#include <stddef.h>

#define LOG_ROOT_2_PI 0.91893853320467274178

/* log h(u) and d log h / du for h(u) = phi(u) + u Phi(u) (equation 9 there). Far below 0, h is the small difference of
 * two numbers, phi(u) (1 - x R(x)) with x = -u and Mills' ratio R = 1 / (x + C), C = 1 / (x + 2 / (x + 3 / ...))
 * (Laplace; the erfcx branch of the paper). Then 1 - x R = C / (x + C), where nothing cancels, and the derivative is
 * Phi / h = 1 / C. */
static double log_h(double u, double *slope) {
  if (u > -3) {
    double density = exp(-0.5 * u * u - LOG_ROOT_2_PI), below = 0.5 * erfc(-u * M_SQRT1_2), h = density + u * below;
    *slope = below / h;
    return log(h);
  }
  double x = -u, c = x;
  for (int k = 40; k >= 2; k--)
    c = x + k / c;
  c = 1 / c;
  *slope = 1 / c;
  return -0.5 * u * u - LOG_ROOT_2_PI + log(c / (x + c));
}

double gp_log_improvement(double best, double mean, double deviation, double *by_mean, double *by_deviation) {
  double u = (best - mean) / deviation, slope, value = log_h(u, &slope);
  if (by_mean)
    *by_mean = -slope / deviation;
  if (by_deviation)
    *by_deviation = (1 - u * slope) / deviation;
  return log(deviation) + value;
}
