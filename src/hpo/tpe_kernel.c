#include "hpo/tpe_kernel.h"

#include <math.h>
#include <stdbool.h>

typedef double lanes __attribute__((vector_size(8 * KERNEL_LANES), aligned(8), may_alias));
typedef int64_t whole_lanes __attribute__((vector_size(8 * KERNEL_LANES), aligned(8), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* exp(x) for x <= 0 to 3e-15, by exp(x) = 2^k exp(r) with |r| <= ln(2) / 2 and the Taylor series of exp(r) up to r^12;
 * ln(2) in two parts (Cody and Waite 1980). Below exp(-708) it stays there: nothing beside the 1 that a sum has. */
INLINE void exp_lanes(lanes *x) {
  static const double taylor[] = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
      1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
  const double round = 0x1.8p52; /* its last bits hold a whole number */
  whole_lanes low = *x < -708.0;
  lanes least = (lanes){0} - 708.0;
  lanes y = (lanes)((low & (whole_lanes)least) | (~low & (whole_lanes)*x));
  lanes shifted = y * 1.4426950408889634 + round;
  lanes k = shifted - round;
  lanes r = y - k * 0x1.62e42feep-1 - k * 0x1.a39ef35793c76p-33;
  lanes p = (lanes){0} + taylor[0];
  for (size_t i = 1; i < sizeof taylor / sizeof *taylor; i++)
    p = p * r + taylor[i];
  *x = (lanes)((whole_lanes)p + ((whole_lanes)shifted << 52));
}

/* What the merged axes add to a block, which stays in registers meanwhile. */
INLINE void add_merged(const double *smooth, const struct query *q, lanes sum[4]) {
  for (size_t i = 0; i < q->n_lines; i++) {
    const double *centre = smooth + q->lines[i].column * KERNEL_BLOCK;
    const double slope = q->lines[i].slope;
    for (size_t k = 0; k < 4; k++)
      sum[k] += *(const lanes *)&centre[k * KERNEL_LANES] * slope;
  }
  for (size_t i = 0; i < q->n_merged; i++) {
    const double *centre = smooth + q->merged[i].column * KERNEL_BLOCK;
    const double x = q->merged[i].x, precision = q->merged[i].precision;
    for (size_t k = 0; k < 4; k++) {
      lanes away = *(const lanes *)&centre[k * KERNEL_LANES] - x;
      sum[k] -= away * away * precision;
    }
  }
}

INLINE void add_alone(const struct columns *c, size_t from, const struct query *q, lanes sum[4]) {
  for (size_t i = 0; i < q->n_alone; i++) {
    const struct term t = q->alone[i];
    size_t at = column_place(c->n_smooth, t.column, from);
    for (size_t k = 0; k < 4; k++, at += KERNEL_LANES) {
      lanes away = *(const lanes *)&c->smooth[at] - t.x;
      lanes says = t.constant - away * away * t.precision - *(const lanes *)&c->inside[at];
      sum[k] += *(const lanes *)&c->there[at] * says;
    }
  }
}

/* log densities of a block for one candidate */
INLINE void log_densities(const struct columns *c, size_t from, const struct query *q, double *log_density) {
  lanes sum[4];
  for (size_t k = 0; k < 4; k++)
    sum[k] = *(const lanes *)&c->start[from + k * KERNEL_LANES];
  add_merged(&c->smooth[column_place(c->n_smooth, 0, from)], q, sum);
  add_alone(c, from, q, sum);
  for (size_t k = 0; k < 4; k++)
    *(lanes *)&log_density[k * KERNEL_LANES] = sum[k];
  for (size_t i = 0; i < q->n_lookups; i++) {
    const double *row = q->lookups[i].row;
    const uint32_t *cell = &c->cell[column_place(c->n_cells, q->lookups[i].column, from)];
    for (size_t j = 0; j < KERNEL_BLOCK; j++)
      log_density[j] += row[cell[j]];
  }
}

INLINE void add_chunk(const struct columns *c, size_t from, size_t n, const struct query *q, struct log_sum *sum) {
  double log_density[KERNEL_CHUNK] __attribute__((aligned(64)));
  size_t whole = (n + KERNEL_BLOCK - 1) / KERNEL_BLOCK * KERNEL_BLOCK;
  for (size_t j = 0; j < whole; j += KERNEL_BLOCK)
    log_densities(c, from + j, q, &log_density[j]);
  for (size_t j = n; j < whole; j++)
    log_density[j] = -(double)INFINITY;
  lanes most = (lanes){0} - (double)INFINITY;
  for (size_t j = 0; j < whole; j += KERNEL_LANES) {
    lanes x = *(lanes *)&log_density[j];
    whole_lanes less = most < x;
    most = (lanes)((less & (whole_lanes)x) | (~less & (whole_lanes)most));
  }
  double max = sum->max;
  for (size_t i = 0; i < KERNEL_LANES; i++)
    max = most[i] > max ? most[i] : max;
  if (max == -(double)INFINITY)
    return;
  lanes total = {0};
  for (size_t j = 0; j < whole; j += KERNEL_LANES) {
    lanes x = *(lanes *)&log_density[j] - max;
    exp_lanes(&x);
    total += x;
  }
  double all = ((total[0] + total[4]) + (total[2] + total[6])) + ((total[1] + total[5]) + (total[3] + total[7]));
  sum->scaled = all + (sum->max > -(double)INFINITY ? sum->scaled * exp(sum->max - max) : 0);
  sum->max = max;
}

/* X(name, attribute, can this machine) */
#if defined(__x86_64__)
#define KERNEL_LIST(X)                                                                                              \
  X(add_avx512, __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw"))),                                      \
    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) \
  X(add_avx2, __attribute__((target("avx2"))), __builtin_cpu_supports("avx2"))                                      \
  X(add_portable, , true)
#else
#define KERNEL_LIST(X) X(add_portable, , true)
#endif

#define KERNEL_CODE(name, attribute, can)                                                           \
  attribute static void name(const struct columns *c, size_t from, size_t n, const struct query *q, \
                             struct log_sum *s) {                                                   \
    add_chunk(c, from, n, q, s);                                                                    \
  }
KERNEL_LIST(KERNEL_CODE)
#undef KERNEL_CODE

size_t kernel_all(kernel_add *all[4]) {
  size_t n = 0;
#define KERNEL_TAKE(name, attribute, can) \
  if (can)                                \
    all[n++] = name;
  KERNEL_LIST(KERNEL_TAKE)
#undef KERNEL_TAKE
  return n;
}

kernel_add *kernel_best(void) {
  kernel_add *all[4];
  kernel_all(all);
  return all[0];
}

double log_sum_value(const struct log_sum *s) {
  return s->max + log(s->scaled);
}
