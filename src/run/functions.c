/* The formulas are those of the Virtual Library of Simulation Experiments (S. Surjanovic and D. Bingham, Simon Fraser
 * University), which names the original papers. */
#include "run/functions.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#define PI 3.14159265358979323846

static double sphere(const double *x, size_t n, int64_t step) {
  (void)step;
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += x[i] * x[i];
  return sum;
}

static double rosenbrock(const double *x, size_t n, int64_t step) {
  (void)step;
  double sum = 0;
  if (n == 1)
    return (1 - x[0]) * (1 - x[0]);
  for (size_t i = 0; i + 1 < n; i++) {
    double valley = x[i + 1] - x[i] * x[i], along = 1 - x[i];
    sum += 100 * valley * valley + along * along;
  }
  return sum;
}

static double rastrigin(const double *x, size_t n, int64_t step) {
  (void)step;
  double sum = 10 * (double)n;
  for (size_t i = 0; i < n; i++)
    sum += x[i] * x[i] - 10 * cos(2 * PI * x[i]);
  return sum;
}

static double ackley(const double *x, size_t n, int64_t step) {
  (void)step;
  double squares = 0, waves = 0;
  for (size_t i = 0; i < n; i++) {
    squares += x[i] * x[i];
    waves += cos(2 * PI * x[i]);
  }
  return -20 * exp(-0.2 * sqrt(squares / (double)n)) - exp(waves / (double)n) + 20 + exp(1.0);
}

static double griewank(const double *x, size_t n, int64_t step) {
  (void)step;
  double sum = 0, product = 1;
  for (size_t i = 0; i < n; i++) {
    sum += x[i] * x[i] / 4000;
    product *= cos(x[i] / sqrt((double)i + 1));
  }
  return sum - product + 1;
}

static double levy(const double *x, size_t n, int64_t step) {
  (void)step;
  double first = sin(PI * (1 + (x[0] - 1) / 4)), sum = first * first;
  for (size_t i = 0; i < n; i++) {
    double w = 1 + (x[i] - 1) / 4, wave = i + 1 < n ? sin(PI * w + 1) : 0, last = i + 1 < n ? 0 : sin(2 * PI * w);
    sum += (w - 1) * (w - 1) * (1 + 10 * wave * wave + last * last);
  }
  return sum;
}

static double branin(const double *x, size_t n, int64_t step) {
  (void)n, (void)step;
  double b = 5.1 / (4 * PI * PI), c = 5 / PI, t = 1 / (8 * PI);
  double parabola = x[1] - b * x[0] * x[0] + c * x[0] - 6;
  return parabola * parabola + 10 * (1 - t) * cos(x[0]) + 10;
}

static double hartmann6(const double *x, size_t n, int64_t step) {
  (void)n, (void)step;
  static const double alpha[4] = {1, 1.2, 3, 3.2};
  static const double a[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  static const double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                 {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                 {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                 {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  double sum = 0;
  for (size_t i = 0; i < 4; i++) {
    double distance = 0;
    for (size_t j = 0; j < 6; j++)
      distance += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
    sum -= alpha[i] * exp(-distance);
  }
  return sum;
}

/* A power law down to the sphere's value, as losses fall with training. Its exponent, from 0.1 to 0.9, changes from
 * point to point, so that curves cross and early values mislead. */
static double curve(const double *x, size_t n, int64_t step) {
  double final = sphere(x, n, step), wave = 0;
  for (size_t i = 0; i < n; i++)
    wave += 4 * (double)(i + 1) * x[i];
  return final + (1 + final) * pow((double)step, -0.5 - 0.4 * sin(wave));
}

/* Trials as bad as can be, to see a study outlive them. */
static double deadly(const double *x, size_t n, int64_t step) {
  if (x[0] > 0.9)
    raise(SIGKILL);
  return sphere(x, n, step);
}

static double endless(const double *x, size_t n, int64_t step) {
  for (volatile bool for_ever = x[0] > 0.9; for_ever;)
    ;
  return sphere(x, n, step);
}

/* Gradient descent with noise on a quadratic: minimises (w - 10)^2 / 2 in each of its numbers, with the first argument
 * as the learning rate, ten moves a step. Far away a large rate is good; near the minimum it keeps the noise alive, and
 * the best one falls as one over the number of moves. */
static double descent(const double *x, size_t n, struct rng *rng, double *state) {
  (void)n;
  double loss = 0;
  for (size_t i = 0; i < FUNCTION_STATE; i++) {
    for (int move = 0; move < 10; move++)
      state[i] -= x[0] * (state[i] - 10 + rng_normal(rng));
    loss += (state[i] - 10) * (state[i] - 10) / 2;
  }
  return loss / FUNCTION_STATE;
}

const struct test_function *test_function_of(const char *name) {
  static const struct test_function all[] = {
      {"sphere", 0, sphere, NULL}, {"rosenbrock", 0, rosenbrock, NULL}, {"rastrigin", 0, rastrigin, NULL},
      {"ackley", 0, ackley, NULL}, {"griewank", 0, griewank, NULL},     {"levy", 0, levy, NULL},
      {"branin", 2, branin, NULL}, {"hartmann6", 6, hartmann6, NULL},   {"curve", 0, curve, NULL},
      {"deadly", 0, deadly, NULL}, {"endless", 0, endless, NULL},       {"descent", 0, NULL, descent},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].name, name) == 0)
      return &all[i];
  return NULL;
}
