/* Metrics of an order: areas and rejections. Exact, by sorting; rows of equal score always go together. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/metric.h"

struct ranked {
  uint64_t key; /* grows with the score */
  size_t row;
};

/* The bits of a double as an integer of the same order: negative numbers run backwards, so all their bits turn over.
 * Adding 0 makes -0 and 0 the same. */
static uint64_t order_key(double x) {
  union {
    double x;
    uint64_t bits;
  } u = {.x = x + 0.0};
  return u.bits >> 63 ? ~u.bits : u.bits | UINT64_C(1) << 63;
}

#define DIGIT_BITS 11
#define DIGITS 6 /* 6 * 11 >= 64 */
#define BUCKETS (1u << DIGIT_BITS)

static size_t digit(uint64_t key, int d) {
  return (size_t)(key >> (d * DIGIT_BITS)) & (BUCKETS - 1);
}

/* One pass of a radix sort: stable, so the passes from the lowest digit up sort the whole key. False if all rows have
 * the same digit and nothing moved. */
static bool sort_by_digit(const struct ranked *from, struct ranked *to, size_t n, int d) {
  size_t start[BUCKETS + 1] = {0};
  for (size_t i = 0; i < n; i++)
    start[digit(from[i].key, d) + 1]++;
  if (start[digit(from[0].key, d) + 1] == n)
    return false;
  for (size_t b = 0; b < BUCKETS; b++)
    start[b + 1] += start[b];
  for (size_t i = 0; i < n; i++)
    to[start[digit(from[i].key, d)]++] = from[i];
  return true;
}

/* Rows by ascending score, ties in the order of the rows. Caller frees. */
static struct ranked *rank_rows(const double *score, size_t n) {
  struct ranked *a = mem_alloc((n + 1) * sizeof *a), *b = mem_alloc((n + 1) * sizeof *b);
  for (size_t i = 0; i < n; i++)
    a[i] = (struct ranked){order_key(score[i]), i};
  for (int d = 0; n > 0 && d < DIGITS; d++)
    if (sort_by_digit(a, b, n, d)) {
      struct ranked *swap = a;
      a = b;
      b = swap;
    }
  free(b);
  return a;
}

/* The probability that a positive scores above a negative (Mann and Whitney), ties counting half. */
double metric_auc(const double *score, const unsigned char *positive, const float *weight, size_t n) {
  struct ranked *rank = rank_rows(score, n);
  double above = 0, total[2] = {0, 0}; /* [1] positives */
  for (size_t i = 0; i < n;) {
    double tied[2] = {0, 0};
    uint64_t key = rank[i].key;
    for (; i < n && rank[i].key == key; i++)
      tied[positive[rank[i].row] ? 1 : 0] += weight ? (double)weight[rank[i].row] : 1;
    above += tied[1] * (total[0] + tied[0] / 2);
    total[0] += tied[0];
    total[1] += tied[1];
  }
  free(rank);
  return total[0] > 0 && total[1] > 0 ? above / (total[0] * total[1]) : (double)NAN;
}

static void note_rejections(const double *passed, const double *total, const size_t *count, size_t n_classes,
                            double *rejection) {
  for (size_t k = 0; k < n_classes; k++)
    if (!(total[k] > 0))
      rejection[k] = (double)NAN;
    else
      rejection[k] = passed[k] > 0 ? total[k] / passed[k] : (double)count[k];
}

/* Goes down from the highest score; the cut of an efficiency is where so much of the signal has passed. */
void metric_rejections(const double *d, const int32_t *label, const float *weight, size_t n, size_t n_classes,
                       size_t signal, const double *points, size_t n_points, double *rejection) {
  double *total = mem_alloc(n_classes * sizeof *total), *passed = mem_alloc(n_classes * sizeof *passed);
  size_t *count = mem_alloc(n_classes * sizeof *count), point = 0;
  struct ranked *rank = rank_rows(d, n);
  for (size_t i = 0; i < n; i++) {
    double w = weight ? (double)weight[i] : 1;
    total[label[i]] += w;
    count[label[i]] += w > 0 || w < 0;
  }
  for (size_t left = n; left > 0 && point < n_points && total[signal] > 0;) {
    uint64_t key = rank[left - 1].key;
    for (; left > 0 && rank[left - 1].key == key; left--) {
      size_t row = rank[left - 1].row;
      passed[label[row]] += weight ? (double)weight[row] : 1;
    }
    for (; point < n_points && (100 * passed[signal] >= points[point] * total[signal] || left == 0); point++)
      note_rejections(passed, total, count, n_classes, rejection + point * n_classes);
  }
  for (size_t i = point * n_classes; i < n_points * n_classes; i++)
    rejection[i] = (double)NAN;
  free(rank);
  free(total);
  free(passed);
  free(count);
}
