/* exp, tanh, erf and the logistic function in float, written so that compilers vectorise loops over them: no branches,
 * no calls, no tables. NaN in, NaN out. Coefficients are Chebyshev interpolants of the stated function on the stated
 * range (mpmath.chebyfit); the errors against libm are checked by tests/test_net.c. */
#ifndef COXSWAIN_NN_BACKEND_CPU_MATH_H
#define COXSWAIN_NN_BACKEND_CPU_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float math_from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline uint32_t math_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2. Saturates at exp(-87) and exp(88). Adding 1.5 2^23 rounds
 * to the nearest integer and leaves it in the low bits; ln 2 comes in two parts so that n ln 2 is exact enough (Cody
 * and Waite, Software Manual for the Elementary Functions, 1980). */
static inline float math_exp(float x) {
  const float round = 12582912.0f;
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  float shifted = x * 1.44269504f + round;
  float n = shifted - round;
  float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  /* (exp(r) - 1 - r) / r^2 */
  float q = 1.392621347e-3f;
  q = q * r + 8.363202972e-3f;
  q = q * r + 4.166655444e-2f;
  q = q * r + 1.666657685e-1f;
  q = q * r + 0.5f;
  float power = math_from_bits((math_bits(shifted) + 127u) << 23); /* the high bits of 1.5 2^23 are shifted out */
  return (q * r * r + r + 1.0f) * power;
}

/* For x <= 0; near 0 the series that exp is made of, so that nothing cancels. */
static inline float math_expm1(float x) {
  float q = 1.392621347e-3f;
  q = q * x + 8.363202972e-3f;
  q = q * x + 4.166655444e-2f;
  q = q * x + 1.666657685e-1f;
  q = q * x + 0.5f;
  float small = q * x * x + x;
  return x > -0.3465f ? small : math_exp(x) - 1.0f;
}

static inline float math_sigmoid(float x) {
  return 1.0f / (1.0f + math_exp(-x));
}

/* Near 0 the odd series, (tanh(x) / x - 1) / x^2 on [0, 0.625]; beyond, 1 - 2 / (exp(2 |x|) + 1). */
static inline float math_tanh(float x) {
  float size = fabsf(x), z = x * x;
  float p = 2.291809421e-3f;
  p = p * z + -8.343119639e-3f;
  p = p * z + 2.176866633e-2f;
  p = p * z + -5.395922856e-2f;
  p = p * z + 1.333330343e-1f;
  p = p * z + -3.333333317e-1f;
  float small = x + x * z * p;
  float large = copysignf(1.0f - 2.0f / (math_exp(2.0f * size) + 1.0f), x);
  return size < 0.625f ? small : large;
}

/* Near 0 the odd series, erf(x) / x - 1 on [0, 0.93]; beyond, 1 - exp(-t s(t)) with s(t) = -ln(erfc(t)) / t fitted on
 * [0.92, 3.95], where the float result reaches 1. */
static inline float math_erf(float x) {
  float size = fabsf(x), z = x * x;
  float p = -5.968285171e-4f;
  p = p * z + 4.989096142e-3f;
  p = p * z + -2.676412347e-2f;
  p = p * z + 1.128175762e-1f;
  p = p * z + -3.761248937e-1f;
  p = p * z + 1.283791492e-1f;
  float small = x + x * p;
  float t = size > 3.95f ? 3.95f : size;
  float s = -1.006312615e-6f;
  s = s * t + 3.372378760e-5f;
  s = s * t + -4.942116613e-4f;
  s = s * t + 4.286616294e-3f;
  s = s * t + -2.510263829e-2f;
  s = s * t + 1.078099794e-1f;
  s = s * t + 6.341782323e-1f;
  s = s * t + 1.128894702f;
  float large = copysignf(1.0f - math_exp(-t * s), x);
  return size < 0.93f ? small : large;
}

/* The distribution function and density of the normal distribution. */
static inline float math_normal_cdf(float x) {
  return 0.5f + 0.5f * math_erf(x * 0.707106781f);
}
static inline float math_normal_pdf(float x) {
  return 0.398942280f * math_exp(-0.5f * x * x);
}

#endif
