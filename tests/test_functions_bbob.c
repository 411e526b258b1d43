/* The BBOB functions against published values. */
#include "run/functions_bbob.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "testing.h"

/* Two points that the reference values are of, beside the origin. */
static void probe(double *x, size_t n, int which) {
  for (size_t k = 0; k < n; k++)
    x[k] = which == 1 ? -4 + 8 * ((double)k + 0.5) / (double)n
                      : (k % 2 ? 1 : -1) * (0.25 + 3 * (double)(k + 1) / (double)n);
}

static void check_close(const char *what, int64_t f, int64_t instance, size_t n, double is, double should) {
  bool close = fabs(is - should) <= 1e-8 * fmax(1, fabs(should));
  CHECK(close);
  if (!close)
    printf("\n  f%lld, instance %lld, %zu-D, %s: %.17g instead of %.17g\n", (long long)f, (long long)instance, n, what,
           is, should);
}

/* Minimum and value at the second probe of instance 2 in 5-D. */
static const double known[BBOB_FUNCTIONS][2] = {
    {394.48, 444.14477648},         {-92.09, 10070171.061575262},   {77.66, 180.07564817550963},
    {77.66, 485.6444651718988},     {655.99, 713.353642434221},     {31.37, 25451.199821360733},
    {35.35, 598.7007797710644},     {-1000.0, 81278.20961519638},   {47.51, 51630.658988654664},
    {59.13, 347505.96294143645},    {-22.55, 240951.72857802326},   {-254.82, 33917442.84620661},
    {-51.71, 1695.858390715978},    {-179.54, -161.80533172983448}, {70.03, 331.5282021037091},
    {-355.22, -307.90735732294905}, {18.81, 25.400971567988737},    {18.81, 52.034059103805944},
    {71.69, 82.8502762113229},      {1000.0, 18973.34702280362},    {-1.6, 59.69444645736231},
    {1000.0, 1073.7124872531253},   {0.01, 8.929224120433446},      {93.3, 208.83082015421115},
};

static void test_known_values(void) {
  double x[5];
  probe(x, 5, 2);
  for (int64_t f = 1; f <= BBOB_FUNCTIONS; f++) {
    struct bbob *b = bbob_open(f, 2, 5);
    check_close("minimum", f, 2, 5, bbob_minimum(b), known[f - 1][0]);
    check_close("probe 2", f, 2, 5, bbob_at(b, x), known[f - 1][1]);
    bbob_close(b);
  }
}

/* f,instance,n,minimum,origin,probe 1,probe 2,best point with spaces between */
static void check_line(char *line) {
  double field[7], x[BBOB_MOST_DIMENSIONS] = {0};
  char *at = line;
  for (size_t i = 0; i < 7; i++, at++)
    field[i] = strtod(at, &at);
  int64_t f = (int64_t)field[0], instance = (int64_t)field[1];
  size_t n = (size_t)field[2];
  struct bbob *b = bbob_open(f, instance, n);
  check_close("minimum", f, instance, n, bbob_minimum(b), field[3]);
  check_close("origin", f, instance, n, bbob_at(b, x), field[4]);
  for (int which = 1; which <= 2; which++) {
    probe(x, n, which);
    check_close(which == 1 ? "probe 1" : "probe 2", f, instance, n, bbob_at(b, x), field[4 + which]);
  }
  for (size_t k = 0; k < n; k++)
    check_close("best point", f, instance, n, bbob_best(b)[k], strtod(at, &at));
  bbob_close(b);
}

static void test_reference_values(void) {
  const char *path = test_shared_file("data/bbob/bbob_reference_values.csv");
  FILE *file = path ? fopen(path, "r") : NULL;
  char line[4096];
  size_t n = 0;
  if (!file)
    return;
  REQUIRE(fgets(line, sizeof line, file) != NULL); /* the header */
  for (; fgets(line, sizeof line, file); n++)
    check_line(line);
  CHECK(n == 288);
  fclose(file);
}

static void test_nothing_is_below_the_minimum(void) {
  struct rng rng = rng_of(rng_key("bbob", 1));
  for (int64_t f = 1; f <= BBOB_FUNCTIONS; f++)
    for (int64_t instance = 1; instance <= 20; instance++) {
      size_t n = 2 + (size_t)instance;
      double x[BBOB_MOST_DIMENSIONS];
      struct bbob *b = bbob_open(f, instance, n);
      check_close("at the best point", f, instance, n, bbob_at(b, bbob_best(b)), bbob_minimum(b));
      for (int i = 0; i < 20; i++) {
        for (size_t k = 0; k < n; k++)
          x[k] = i % 2 ? 10 * rng_uniform(&rng) - 5 : bbob_best(b)[k] + 0.01 * rng_normal(&rng);
        CHECK(bbob_at(b, x) > bbob_minimum(b) - 1e-9);
      }
      bbob_close(b);
    }
}

int main(void) {
  return TEST_MAIN("functions_bbob", {"known values", test_known_values}, {"reference values", test_reference_values},
                   {"nothing is below the minimum", test_nothing_is_below_the_minimum});
}
