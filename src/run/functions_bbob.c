/* The formulas. Numbers of sections are those of the report. Its i from 1 to D is k from 0 to D-1 here, and what it
 * calls (i-1)/(D-1) is part(b, k). */
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "run/functions_bbob_parts.h"

/* ---- 0.2: what functions are made of ---- */

static double square(double x) {
  return x * x;
}

static double part(const struct bbob *b, size_t k) {
  return (double)k / (double)(b->n - 1);
}

static void shift(const struct bbob *b, const double *x, double *z) {
  for (size_t k = 0; k < b->n; k++)
    z[k] = x[k] - b->best[k];
}

/* Lambda^alpha */
static void stretch(const struct bbob *b, double alpha, double *z) {
  for (size_t k = 0; k < b->n; k++)
    z[k] *= pow(alpha, part(b, k) / 2);
}

/* T_osz */
static double oscillate(double x) {
  if (x == 0)
    return 0;
  double t = log(fabs(x)), c1 = x > 0 ? 10 : 5.5, c2 = x > 0 ? 7.9 : 3.1;
  return copysign(exp(t + 0.049 * (sin(c1 * t) + sin(c2 * t))), x);
}

static void oscillate_all(const struct bbob *b, double *z) {
  for (size_t k = 0; k < b->n; k++)
    z[k] = oscillate(z[k]);
}

/* T_asy^beta */
static void skew(const struct bbob *b, double beta, double *z) {
  for (size_t k = 0; k < b->n; k++)
    if (z[k] > 0)
      z[k] = pow(z[k], 1 + beta * part(b, k) * sqrt(z[k]));
}

/* f_pen */
static double penalty(const struct bbob *b, const double *x) {
  double sum = 0;
  for (size_t k = 0; k < b->n; k++)
    sum += square(fmax(0, fabs(x[k]) - 5));
  return sum;
}

static double squares(const struct bbob *b, const double *z, double condition) {
  double sum = 0;
  for (size_t k = 0; k < b->n; k++)
    sum += pow(condition, part(b, k)) * z[k] * z[k];
  return sum;
}

static double waves(const struct bbob *b, const double *z) {
  double sum = 0;
  for (size_t k = 0; k < b->n; k++)
    sum += cos(2 * PI * z[k]);
  return 10 * ((double)b->n - sum);
}

static double valley(const struct bbob *b, const double *z) { /* Rosenbrock */
  double sum = 0;
  for (size_t k = 0; k + 1 < b->n; k++)
    sum += 100 * square(z[k] * z[k] - z[k + 1]) + square(z[k] - 1);
  return sum;
}

/* ---- 1: separable ---- */

static double sphere(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  return squares(b, z, 1);
}

static double ellipsoid_separable(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  oscillate_all(b, z);
  return squares(b, z, 1e6);
}

static double rastrigin_separable(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  oscillate_all(b, z);
  skew(b, 0.2, z);
  stretch(b, 10, z);
  return waves(b, z) + squares(b, z, 1);
}

static double bueche_rastrigin(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  oscillate_all(b, z);
  for (size_t k = 0; k < b->n; k++)
    z[k] *= (z[k] > 0 && k % 2 == 0 ? 10 : 1) * pow(10, part(b, k) / 2);
  return waves(b, z) + squares(b, z, 1) + 100 * penalty(b, x);
}

static double slope(const struct bbob *b, const double *x) {
  double sum = 0;
  for (size_t k = 0; k < b->n; k++) {
    double s = copysign(pow(10, part(b, k)), b->best[k]), z = b->best[k] * x[k] < 25 ? x[k] : b->best[k];
    sum += 5 * fabs(s) - s * z;
  }
  return sum;
}

/* ---- 2: low or moderate conditioning ---- */

static double attractive_sector(const struct bbob *b, const double *x) {
  vector z;
  double sum = 0;
  shift(b, x, z);
  bbob_rotate(b, b->q, z);
  stretch(b, 10, z);
  bbob_rotate(b, b->r, z);
  for (size_t k = 0; k < b->n; k++)
    sum += square((z[k] * b->best[k] > 0 ? 100 : 1) * z[k]);
  return pow(oscillate(sum), 0.9);
}

static double step_ellipsoid(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  bbob_rotate(b, b->q, z);
  stretch(b, 10, z);
  double first = fabs(z[0]);
  for (size_t k = 0; k < b->n; k++)
    z[k] = fabs(z[k]) > 0.5 ? floor(0.5 + z[k]) : floor(0.5 + 10 * z[k]) / 10;
  bbob_rotate(b, b->r, z);
  return 0.1 * fmax(first / 1e4, squares(b, z, 100)) + penalty(b, x);
}

static double rosenbrock(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  for (size_t k = 0; k < b->n; k++)
    z[k] = bbob_widen(b) * z[k] + 1;
  return valley(b, z);
}

static void rotate_about_half(const struct bbob *b, const double *x, double *z) {
  for (size_t k = 0; k < b->n; k++)
    z[k] = bbob_widen(b) * x[k];
  bbob_rotate(b, b->q, z);
  for (size_t k = 0; k < b->n; k++)
    z[k] += 0.5;
}

static double rosenbrock_rotated(const struct bbob *b, const double *x) {
  vector z;
  rotate_about_half(b, x, z);
  return valley(b, z);
}

/* ---- 3: high conditioning, unimodal ---- */

static double ellipsoid(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  bbob_rotate(b, b->r, z);
  oscillate_all(b, z);
  return squares(b, z, 1e6);
}

static double discus(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  bbob_rotate(b, b->r, z);
  oscillate_all(b, z);
  return 1e6 * z[0] * z[0] + squares(b, z, 1) - z[0] * z[0];
}

static double bent_cigar(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  bbob_rotate(b, b->r, z);
  skew(b, 0.5, z);
  bbob_rotate(b, b->r, z);
  return z[0] * z[0] + 1e6 * (squares(b, z, 1) - z[0] * z[0]);
}

static double sharp_ridge(const struct bbob *b, const double *x) {
  vector z;
  double across = 0;
  shift(b, x, z);
  bbob_rotate(b, b->q, z);
  stretch(b, 10, z);
  bbob_rotate(b, b->r, z);
  for (size_t k = 1; k < b->n; k++)
    across += z[k] * z[k];
  return z[0] * z[0] + 100 * sqrt(across);
}

static double different_powers(const struct bbob *b, const double *x) {
  vector z;
  double sum = 0;
  shift(b, x, z);
  bbob_rotate(b, b->r, z);
  for (size_t k = 0; k < b->n; k++)
    sum += pow(fabs(z[k]), 2 + 4 * part(b, k));
  return sqrt(sum);
}

/* ---- 4: multi-modal with adequate global structure ---- */

static double rastrigin(const struct bbob *b, const double *x) {
  vector z;
  shift(b, x, z);
  bbob_rotate(b, b->r, z);
  oscillate_all(b, z);
  skew(b, 0.2, z);
  bbob_rotate(b, b->q, z);
  stretch(b, 10, z);
  bbob_rotate(b, b->r, z);
  return waves(b, z) + squares(b, z, 1);
}

static double weierstrass(const struct bbob *b, const double *x) {
  vector z;
  double sum = 0, lowest = 0;
  shift(b, x, z);
  bbob_rotate(b, b->r, z);
  oscillate_all(b, z);
  bbob_rotate(b, b->q, z);
  stretch(b, 0.01, z);
  bbob_rotate(b, b->r, z);
  for (int i = 0; i < 12; i++) {
    lowest += pow(0.5, i) * cos(PI * pow(3, i));
    for (size_t k = 0; k < b->n; k++)
      sum += pow(0.5, i) * cos(2 * PI * pow(3, i) * (z[k] + 0.5));
  }
  double n = (double)b->n;
  return 10 * pow(sum / n - lowest, 3) + 10 / n * penalty(b, x);
}

static double schaffer(const struct bbob *b, const double *x, double condition) {
  vector z;
  double sum = 0;
  shift(b, x, z);
  bbob_rotate(b, b->r, z);
  skew(b, 0.5, z);
  bbob_rotate(b, b->q, z);
  stretch(b, condition, z);
  for (size_t k = 0; k + 1 < b->n; k++) {
    double s = sqrt(z[k] * z[k] + z[k + 1] * z[k + 1]);
    sum += sqrt(s) * (1 + square(sin(50 * pow(s, 0.2))));
  }
  return square(sum / (double)(b->n - 1)) + 10 * penalty(b, x);
}

static double schaffer_10(const struct bbob *b, const double *x) {
  return schaffer(b, x, 10);
}

static double schaffer_1000(const struct bbob *b, const double *x) {
  return schaffer(b, x, 1000);
}

static double griewank_rosenbrock(const struct bbob *b, const double *x) {
  vector z;
  double sum = 0;
  rotate_about_half(b, x, z);
  for (size_t k = 0; k + 1 < b->n; k++) {
    double s = 100 * square(z[k] * z[k] - z[k + 1]) + square(z[k] - 1);
    sum += s / 4000 - cos(s);
  }
  return 10 + 10 * sum / (double)(b->n - 1);
}

/* ---- 5: multi-modal with weak global structure ---- */

static double schwefel(const struct bbob *b, const double *x) {
  vector z;
  double sum = 0, outside = 0, before = 0;
  for (size_t k = 0; k < b->n; k++) {
    double mirrored = 2 * copysign(x[k], x[k] * b->best[k]), centre = 2 * fabs(b->best[k]);
    z[k] = mirrored + (k ? 0.25 * (before - centre) : 0);
    before = mirrored;
  }
  for (size_t k = 0; k < b->n; k++) {
    double centre = 2 * fabs(b->best[k]), y = 100 * (pow(10, part(b, k) / 2) * (z[k] - centre) + centre);
    sum += y * sin(sqrt(fabs(y)));
    outside += square(fmax(0, fabs(y / 100) - 5));
  }
  return 4.189828872724339 - sum / (100 * (double)b->n) + 100 * outside;
}

static double gallagher(const struct bbob *b, const double *x) {
  const struct peaks *p = b->peaks;
  vector z;
  double highest = 0;
  for (size_t k = 0; k < b->n; k++)
    z[k] = x[k];
  bbob_rotate(b, b->q, z);
  for (size_t i = 0; i < p->n; i++) {
    double sum = 0;
    for (size_t k = 0; k < b->n; k++)
      sum += p->scale[i][k] * square(z[k] - p->place[i][k]);
    highest = fmax(highest, p->height[i] * exp(-sum / (2 * (double)b->n)));
  }
  return square(oscillate(10 - highest)) + penalty(b, x);
}

static double katsuura(const struct bbob *b, const double *x) {
  vector z;
  double product = 1, n = (double)b->n;
  shift(b, x, z);
  bbob_rotate(b, b->q, z);
  stretch(b, 100, z);
  bbob_rotate(b, b->r, z);
  for (size_t k = 0; k < b->n; k++) {
    double sum = 0;
    for (int j = 1; j <= 32; j++)
      sum += fabs(ldexp(z[k], j) - round(ldexp(z[k], j))) / ldexp(1, j);
    product *= pow(1 + (double)(k + 1) * sum, 10 / pow(n, 1.2));
  }
  return 10 / (n * n) * (product - 1) + penalty(b, x);
}

static double lunacek(const struct bbob *b, const double *x) {
  const double mu0 = 2.5, n = (double)b->n, s = 1 - 1 / (2 * sqrt(n + 20) - 8.2), mu1 = -sqrt((mu0 * mu0 - 1) / s);
  vector z;
  double near = 0, far = 0;
  for (size_t k = 0; k < b->n; k++) {
    double mirrored = 2 * copysign(x[k], x[k] * b->best[k]);
    near += square(mirrored - mu0);
    far += square(mirrored - mu1);
    z[k] = mirrored - mu0;
  }
  bbob_rotate(b, b->q, z);
  stretch(b, 100, z);
  bbob_rotate(b, b->r, z);
  return fmin(near, n + s * far) + waves(b, z) + 1e4 * penalty(b, x);
}

struct bbob *bbob_open(int64_t index, int64_t instance, size_t dimensions) {
  static double (*const all[BBOB_FUNCTIONS])(const struct bbob *, const double *) = {sphere,
                                                                                     ellipsoid_separable,
                                                                                     rastrigin_separable,
                                                                                     bueche_rastrigin,
                                                                                     slope,
                                                                                     attractive_sector,
                                                                                     step_ellipsoid,
                                                                                     rosenbrock,
                                                                                     rosenbrock_rotated,
                                                                                     ellipsoid,
                                                                                     discus,
                                                                                     bent_cigar,
                                                                                     sharp_ridge,
                                                                                     different_powers,
                                                                                     rastrigin,
                                                                                     weierstrass,
                                                                                     schaffer_10,
                                                                                     schaffer_1000,
                                                                                     griewank_rosenbrock,
                                                                                     schwefel,
                                                                                     gallagher,
                                                                                     gallagher,
                                                                                     katsuura,
                                                                                     lunacek};
  struct bbob *b = MEM_NEW(struct bbob);
  int64_t same = index == 4 ? 3 : index == 18 ? 17 : index; /* these two have the numbers of their neighbours */
  b->at = all[index - 1];
  b->n = dimensions;
  bbob_make_instance(b, index, same, instance);
  return b;
}

void bbob_close(struct bbob *b) {
  if (b)
    free(b->peaks);
  free(b);
}

double bbob_at(const struct bbob *b, const double *x) {
  return b->minimum + b->at(b, x);
}

double bbob_minimum(const struct bbob *b) {
  return b->minimum;
}

const double *bbob_best(const struct bbob *b) {
  return b->best;
}
