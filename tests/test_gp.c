/* The Gaussian process against formulas that anyone can read, and the sampler on what it must survive. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "hpo/gp_improve.h"
#include "hpo/gp_kernel.h"
#include "hpo/gp_model.h"
#include "hpo/gp_warp.h"
#include "hpo/lbfgs.h"
#include "hpo/linalg.h"
#include "testing.h"

/* ---- L-BFGS ---- */

static double rosenbrock(size_t n, const double *x, double *g) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    g[i] = 0;
  for (size_t i = 0; i + 1 < n; i++) {
    double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
    sum += 100 * a * a + b * b;
    g[i] += -400 * a * x[i] - 2 * b;
    g[i + 1] += 200 * a;
  }
  return sum;
}

static int minimise(size_t n, double low, double high, double from, double *x) {
  double lows[8], highs[8], g[8], value;
  int evaluations = 0;
  for (size_t i = 0; i < n; i++) {
    lows[i] = low;
    highs[i] = high;
    x[i] = from;
  }
  struct lbfgs *s = lbfgs_open(n, lows, highs, x, 0.5, 1e-8);
  do {
    for (size_t i = 0; i < n; i++)
      CHECK(lbfgs_point(s)[i] >= low && lbfgs_point(s)[i] <= high);
    value = rosenbrock(n, lbfgs_point(s), g);
    evaluations++;
  } while (lbfgs_tell(s, value, g) && evaluations < 1000);
  value = lbfgs_best(s, x);
  CHECK(value == rosenbrock(n, x, g));
  lbfgs_free(s);
  return evaluations;
}

static void test_lbfgs_finds_minima(void) {
  double x[8];
  CHECK(minimise(8, -5, 5, -1, x) < 200);
  for (size_t i = 0; i < 8; i++)
    CHECK_NEAR(x[i], 1, 1e-6);
  minimise(2, -5, 0.5, -2, x); /* the minimum along the bound: x = 1/2, y = 1/4 */
  CHECK_NEAR(x[0], 0.5, 1e-7);
  CHECK_NEAR(x[1], 0.25, 1e-6);
  minimise(3, 2, 2, 7, x); /* a box of one point */
  CHECK(x[0] == 2 && x[1] == 2 && x[2] == 2);
}

/* 1 / x - log(1 - x), with a NaN beyond 1 and infinity at 0: both are steps too far. */
static void test_lbfgs_turns_back(void) {
  double low = 0, high = 100, x = 0.9, g;
  struct lbfgs *s = lbfgs_open(1, &low, &high, &x, 50, 1e-9);
  double value;
  int left = 200;
  do {
    double at = *lbfgs_point(s);
    value = 1 / at - log(1 - at);
    g = -1 / (at * at) + 1 / (1 - at);
  } while (lbfgs_tell(s, value, &g) && --left > 0);
  lbfgs_best(s, &x);
  CHECK_NEAR(x, (sqrt(5) - 1) / 2, 1e-7); /* x^2 = 1 - x */
  lbfgs_free(s);
}

/* ---- kernel and improvement ---- */

static void test_matern(void) {
  double squared[300], k[300], slope[300], in_place[300];
  for (size_t i = 0; i < 300; i++)
    in_place[i] = squared[i] = i == 0 ? 0 : i == 1 ? -1e-17 : 1e-8 * pow(1.1, (double)i);
  gp_matern(300, squared, k, slope);
  gp_matern(300, in_place, in_place, NULL);
  for (size_t i = 0; i < 300; i++) {
    double r = sqrt(5 * fmax(squared[i], 0)), e = exp(-r);
    CHECK(fabs(k[i] - (1 + r + r * r / 3) * e) <= 4e-16 * (1 + r) * (1 + r) * e + 1e-300);
    CHECK(fabs(slope[i] + 5.0 / 6 * (1 + r) * e) <= 4e-16 * (1 + r) * (1 + r) * e + 1e-300);
    CHECK(k[i] == in_place[i]);
  }
}

/* By the trapezoidal rule over the part of the normal distribution below `best`. */
static double improvement_by_hand(double best, double mean, double deviation) {
  double sum = 0, step = 1e-4;
  for (int i = 0; i < 200000; i++) {
    double gain = i * step * deviation, t = (best - gain - mean) / deviation;
    sum += gain * exp(-0.5 * t * t) / sqrt(2 * M_PI) * step;
  }
  return sum;
}

static void test_log_improvement(void) {
  for (double mean = -3; mean < 6; mean += 0.7) {
    double sum = log(improvement_by_hand(0.3, mean, 0.8));
    CHECK_NEAR(gp_log_improvement(0.3, mean, 0.8, NULL, NULL), sum, 2e-6);
  }
  for (double u = 10; u < 1e8; u *= 10) { /* the leading terms of the asymptotic series */
    double series = -0.5 * u * u - 0.5 * log(2 * M_PI) - 2 * log(u) + log1p(-3 / (u * u) + 15 / (u * u * u * u));
    CHECK_NEAR(gp_log_improvement(-u, 0, 1, NULL, NULL), series, 150 / pow(u, 6) + 1e-15 * u * u);
  }
  CHECK(isfinite(gp_log_improvement(-1e3, 1e3, 1e-12, NULL, NULL)));
}

static void test_log_improvement_gradient(void) {
  for (double best = 2; best > -1e5; best = best > -3.2 ? best - 0.17 : 1.9 * best) {
    double by_mean, by_deviation, e = 1e-5 * fmax(1, fabs(best)), unused;
    gp_log_improvement(best, 0, 1, &by_mean, &by_deviation);
    double mean = (gp_log_improvement(best, e, 1, NULL, NULL) - gp_log_improvement(best, -e, 1, NULL, NULL)) / (2 * e);
    double deviation =
        (gp_log_improvement(best, 0, 1 + 1e-5, &unused, NULL) - gp_log_improvement(best, 0, 1 - 1e-5, NULL, NULL)) /
        2e-5;
    CHECK_NEAR(by_mean, mean, 1e-6 * fabs(mean));
    CHECK_NEAR(by_deviation, deviation, 1e-6 * fabs(deviation));
  }
}

/* ---- the process ---- */

enum { D = 3, P = D + 1, N = 25, THETA = P + 2 };

struct example {
  struct gp_axis axes[D];
  size_t scale_of[P];
  struct gp_view view;
  double z[N * P], y[N];
  struct gp_data data;
  double theta[THETA];
};

static void example_init(struct example *e) {
  struct rng r = rng_of(rng_key("gp", 1));
  *e = (struct example){.theta = {-0.5, 0.3, 0.8, 0.2, 0.4, -3}};
  for (size_t k = 0; k < P; k++)
    e->scale_of[k] = k;
  for (size_t j = 0; j < D; j++)
    e->axes[j] = (struct gp_axis){.feature = j, .features = 1};
  e->view = (struct gp_view){.d = D, .axes = e->axes, .p = P, .scales = P, .scale_of = e->scale_of};
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < P; k++)
      e->z[i * P + k] = k < D ? rng_uniform(&r) : 1;
    e->y[i] = sin(5 * e->z[i * P]) + e->z[i * P + 1] + 0.1 * rng_normal(&r);
  }
  e->data = (struct gp_data){N, e->z, e->y};
}

static double covariance(const struct example *e, const double *a, const double *b) {
  double squared = 0;
  for (size_t k = 0; k < P; k++)
    squared += pow((a[k] - b[k]) / exp(e->theta[k]), 2);
  double r = sqrt(5 * squared);
  return exp(e->theta[P]) * (1 + r + r * r / 3) * exp(-r);
}

/* Solves A x = b by Gauss's elimination without any art; A is spoilt. Gives log |A|. */
static double eliminate(double a[N][N], double *b) {
  double log_determinant = 0;
  for (size_t k = 0; k < N; k++) {
    log_determinant += log(a[k][k]);
    for (size_t i = k + 1; i < N; i++) {
      double f = a[i][k] / a[k][k];
      for (size_t j = k; j < N; j++)
        a[i][j] -= f * a[k][j];
      b[i] -= f * b[k];
    }
  }
  for (size_t i = N; i-- > 0;) {
    for (size_t j = i + 1; j < N; j++)
      b[i] -= a[i][j] * b[j];
    b[i] /= a[i][i];
  }
  return log_determinant;
}

/* With the unknown mean as what it is: a constant with a covariance of 1 between all. */
static double naive_solve(const struct example *e, double *x) {
  double a[N][N];
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++)
      a[i][j] = 1 + covariance(e, &e->z[i * P], &e->z[j * P]) + (i == j ? exp(e->theta[P + 1]) : 0);
  return eliminate(a, x);
}

static void test_posterior(void) {
  struct example e;
  struct gp g;
  double z[2 * P] = {0.3, 0.4, 0.5, 1, 0.9, 0.8, 0.7, 1}, mean[2], deviation[2], x[N], k[N], *room;
  example_init(&e);
  gp_open(&g, &e.view, e.theta, &e.data, 0);
  room = MEM_NEW_ARRAY(double, gp_predict_room(&g, 2));
  gp_predict(&g, 2, z, mean, deviation, NULL, room);
  for (size_t q = 0; q < 2; q++) {
    double expected = 0, known = 0, simple = 0, a[N][N];
    for (size_t i = 0; i < N; i++)
      k[i] = covariance(&e, &z[q * P], &e.z[i * P]);
    memcpy(x, e.y, sizeof x);
    naive_solve(&e, x);
    for (size_t i = 0; i < N; i++)
      expected += (1 + k[i]) * x[i];
    CHECK_NEAR(mean[q], expected, 1e-9);
    for (size_t i = 0; i < N; i++) /* the variance is that around the mean that was found */
      for (size_t j = 0; j < N; j++)
        a[i][j] = covariance(&e, &e.z[i * P], &e.z[j * P]) + (i == j ? exp(e.theta[P + 1]) : 0);
    memcpy(x, k, sizeof x);
    eliminate(a, x);
    for (size_t i = 0; i < N; i++)
      known += k[i] * x[i];
    simple = exp(e.theta[P]);
    CHECK_NEAR(deviation[q], sqrt(simple - known), 1e-9);
  }
  free(room);
  gp_close(&g);
}

static void test_posterior_gradient(void) {
  struct example e;
  struct gp g;
  double z[2 * P] = {0.3, 0.4, 0.5, 1, 0.9, 0.8, 0.7, 1}, running[P] = {0.5, 0.5, 0.5, 1};
  double mean[2], deviation[2], by_z[4 * P], unused[4 * P];
  example_init(&e);
  gp_open(&g, &e.view, e.theta, &e.data, 1);
  gp_believe(&g, 1, running);
  double *room = MEM_NEW_ARRAY(double, gp_predict_room(&g, 2));
  gp_predict(&g, 2, z, mean, deviation, by_z, room);
  for (size_t k = 0; k < 2 * P; k++) {
    double m[2][2], s[2][2], at = z[k], h = 1e-5;
    for (int side = 0; side < 2; side++) {
      z[k] = at + (side ? h : -h);
      gp_predict(&g, 2, z, m[side], s[side], k % 2 ? unused : NULL, room);
    }
    z[k] = at;
    CHECK_NEAR(by_z[k], (m[1][k / P] - m[0][k / P]) / (2 * h), 1e-6);
    CHECK_NEAR(by_z[2 * P + k], (s[1][k / P] - s[0][k / P]) / (2 * h), 1e-6);
  }
  free(room);
  gp_close(&g);
}

/* A running trial changes no mean, and makes the belief around it as sure as a value there would. */
static void test_running_trials(void) {
  struct example e;
  struct gp believing, g, all;
  double z[2 * P] = {0.52, 0.5, 0.5, 1, 0.1, 0.2, 0.9, 1}, mean[3][2], deviation[3][2];
  example_init(&e);
  double *room = MEM_NEW_ARRAY(double, 4096);
  e.data.n = N - 2; /* the last two are running */
  gp_open(&believing, &e.view, e.theta, &e.data, 2);
  gp_open(&g, &e.view, e.theta, &e.data, 0);
  e.data.n = N;
  gp_open(&all, &e.view, e.theta, &e.data, 0);
  gp_believe(&believing, 2, &e.z[(N - 2) * P]);
  gp_predict(&believing, 2, z, mean[0], deviation[0], NULL, room);
  gp_predict(&g, 2, z, mean[1], deviation[1], NULL, room);
  gp_predict(&all, 2, z, mean[2], deviation[2], NULL, room);
  for (size_t i = 0; i < 2; i++) {
    CHECK_NEAR(mean[0][i], mean[1][i], 1e-12);
    CHECK_NEAR(deviation[0][i], deviation[2][i], 1e-12);
    CHECK(deviation[0][i] < deviation[1][i]);
  }
  gp_forget(&believing);
  gp_predict(&believing, 2, z, mean[2], deviation[2], NULL, room);
  CHECK(memcmp(deviation[1], deviation[2], sizeof deviation[1]) == 0);
  gp_close(&believing);
  gp_close(&g);
  gp_close(&all);
  free(room);
}

static void test_fit_objective(void) {
  struct example e;
  double gradient[THETA], unused[THETA], x[N], change = 0, determinant = 0, fit = 0, other[THETA];
  example_init(&e);
  double *room = MEM_NEW_ARRAY(double, gp_fit_room(&e.view, N));
  double value = gp_fit_objective(&e.view, &e.data, e.theta, gradient, room);
  for (size_t i = 0; i < THETA; i++) {
    double at = e.theta[i], h = 1e-5, f[2];
    for (int side = 0; side < 2; side++) {
      e.theta[i] = at + (side ? h : -h);
      f[side] = gp_fit_objective(&e.view, &e.data, e.theta, unused, room);
    }
    e.theta[i] = at;
    CHECK_NEAR(gradient[i], (f[1] - f[0]) / (2 * h), 1e-5);
  }
  /* A change of noise changes the likelihood as it does by hand; the mean is at its best there, not averaged over. */
  for (int side = 0; side < 2; side++) {
    e.theta[THETA - 1] = side ? -2 : -3;
    memcpy(x, e.y, sizeof x);
    double one[N], a[N][N];
    naive_solve(&e, x);
    fit = determinant = 0;
    for (size_t i = 0; i < N; i++) {
      fit += x[i] * e.y[i];
      one[i] = 0;
      for (size_t j = 0; j < N; j++)
        a[i][j] = covariance(&e, &e.z[i * P], &e.z[j * P]) + (i == j ? exp(e.theta[THETA - 1]) : 0);
    }
    determinant = eliminate(a, one);
    double noise = exp(e.theta[THETA - 1]);
    change += (side ? 1 : -1) * (0.5 * fit + 0.5 * determinant + 30 * noise - 0.1 * log(noise));
  }
  memcpy(other, e.theta, sizeof other);
  CHECK_NEAR(gp_fit_objective(&e.view, &e.data, other, unused, room) - value, change, 1e-9);
  free(room);
}

static void test_fit_finds_what_matters(void) {
  struct example e;
  double gradient[THETA], theta[THETA];
  example_init(&e);
  gp_fit(&e.view, &e.data, 200, theta);
  double *room = MEM_NEW_ARRAY(double, gp_fit_room(&e.view, N));
  double value = gp_fit_objective(&e.view, &e.data, theta, gradient, room);
  CHECK(value <= gp_fit_objective(&e.view, &e.data, e.theta, gradient, room));
  gp_fit_objective(&e.view, &e.data, theta, gradient, room);
  for (size_t i = 0; i < THETA; i++)
    CHECK(fabs(gradient[i]) < 1e-2 || theta[i] <= log(1.01e-6));
  CHECK(theta[0] < theta[1] && theta[1] < theta[2]); /* the sine, the line, and what says nothing */
  free(room);
}

/* ---- warping ---- */

static void test_warp(void) {
  double y[] = {5, 1, (double)NAN, 3, 1e300, 2, (double)INFINITY, 2, 1e9, 4};
  double moments[2] = {0, 0};
  gp_warp(10, y);
  for (size_t i = 0; i < 10; i++)
    CHECK(isfinite(y[i]) && fabs(y[i]) < 4);
  CHECK(y[1] < y[5] && y[5] == y[7] && y[7] < y[3] && y[3] < y[9] && y[9] < y[0] && y[0] < y[8] && y[8] < y[4]);
  CHECK(y[2] == y[4] && y[6] == y[4]); /* failed, and infinite: as bad as the worst */
  for (size_t i = 0; i < 10; i++)
    if (i != 2 && i != 6) {
      moments[0] += y[i] / 8;
      moments[1] += y[i] * y[i] / 8;
    }
  CHECK_NEAR(moments[0], 0, 1e-12);
  CHECK_NEAR(moments[1], 1, 1e-12);

  double same[] = {7, 7, 7}, failed[] = {(double)NAN, (double)NAN}, one[] = {-1e-300};
  gp_warp(3, same);
  gp_warp(2, failed);
  gp_warp(1, one);
  CHECK(same[0] == 0 && same[2] == 0 && failed[0] == 0 && failed[1] == 0 && one[0] == 0);
}

int main(void) {
  linalg_use_one_thread();
  return TEST_MAIN("gp", {"L-BFGS finds minima, inside and on bounds", test_lbfgs_finds_minima},
                   {"L-BFGS turns back where nothing is", test_lbfgs_turns_back}, {"Matern 5/2", test_matern},
                   {"log improvement", test_log_improvement},
                   {"log improvement, gradient", test_log_improvement_gradient}, {"posterior", test_posterior},
                   {"posterior, gradient", test_posterior_gradient}, {"running trials", test_running_trials},
                   {"fit, objective and gradient", test_fit_objective},
                   {"fit finds what matters", test_fit_finds_what_matters}, {"warping", test_warp});
}
