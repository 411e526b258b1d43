/* The metrics of one part. Everything is summed in double and in the order of the rows, so the same outputs always give
 * the same bits. */
#include "nn/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/metric_name.h"
#include "nn/spec.h"

/* One part and the outputs for it. */
struct view {
  const struct data *data;
  const char *name; /* of the part */
  size_t n, outputs;
  const float *logits; /* (n, outputs) */
  const int32_t *label;
  const float *target, *weight; /* weight may be NULL */
  enum loss loss;
};

static double weight_of(const struct view *v, size_t row) {
  return v->weight ? (double)v->weight[row] : 1;
}

static void put(const struct view *v, const char *metric, double x, struct params *out) {
  char name[512];
  snprintf(name, sizeof name, "%s_%s", v->name, metric);
  params_set(out, name, value_float(x));
}

/* Logits of all classes. A single output is the log-odds of the second class of two. */
static void class_logits(const struct view *v, size_t row, double z[SPEC_MAX_CLASSES]) {
  const float *logit = v->logits + row * v->outputs;
  if (v->outputs == 1) {
    z[0] = 0;
    z[1] = (double)logit[0];
    return;
  }
  for (size_t k = 0; k < v->outputs; k++)
    z[k] = (double)logit[k];
}

/* ln (e^z_k / sum_{j != left_out} e^z_j), without overflow. With left_out = k these are the log-odds of class k, with
 * left_out = n_classes its log-probability. Only differences of logits enter, so rows that differ by a constant tie. */
static double log_share(const double *z, size_t n_classes, size_t k, size_t left_out) {
  double top = -HUGE_VAL, sum = 0;
  for (size_t j = 0; j < n_classes; j++)
    if (j != left_out && z[j] > top)
      top = z[j];
  for (size_t j = 0; j < n_classes; j++)
    if (j != left_out)
      sum += exp(z[j] - top);
  return (z[k] - top) - log(sum);
}

static size_t most_probable(const double *z, size_t n_classes) {
  size_t best = 0;
  for (size_t k = 1; k < n_classes; k++)
    if (z[k] > z[best])
      best = k;
  return best;
}

static void loss_and_accuracy(const struct view *v, struct params *out) {
  size_t n_classes = v->data->n_classes;
  double z[SPEC_MAX_CLASSES] = {0}, loss = 0, right = 0, total = 0;
  for (size_t i = 0; i < v->n; i++) {
    double w = weight_of(v, i);
    size_t truth = (size_t)v->label[i];
    class_logits(v, i, z);
    loss -= w * log_share(z, n_classes, truth, n_classes);
    right += most_probable(z, n_classes) == truth ? w : 0;
    total += w;
  }
  if (!(total > 0))
    return;
  put(v, "loss", loss / total, out);
  put(v, "accuracy", right / total, out);
}

/* One class against the rest. */
static double area_of_class(const struct view *v, size_t class, double *score, unsigned char *positive) {
  double z[SPEC_MAX_CLASSES] = {0};
  for (size_t i = 0; i < v->n; i++) {
    class_logits(v, i, z);
    positive[i] = (size_t)v->label[i] == class;
    score[i] = log_share(z, v->data->n_classes, class, class);
  }
  return metric_auc(score, positive, v->weight, v->n);
}

static void area(const struct view *v, double *score, struct params *out) {
  unsigned char *positive = mem_alloc(v->n);
  size_t n_classes = v->data->n_classes, n = 0;
  double sum = 0;
  for (size_t k = n_classes == 2 ? 1 : 0; k < n_classes; k++) {
    double a = area_of_class(v, k, score, positive);
    if (isnan(a))
      continue;
    sum += a;
    n++;
  }
  free(positive);
  if (n > 0)
    put(v, "auc", sum / (double)n, out);
}

/* The share of each class in the denominator of D_signal: as given, and what is left of 1 equally over the others. */
static void shares(const struct data *data, size_t signal, const struct params *tag, double *share) {
  double left = 1;
  size_t open = 0;
  for (size_t k = 0; k < data->n_classes; k++) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", data->classes[signal], data->classes[k]);
    share[k] = k == signal ? 0 : params_double(tag, name, -1);
    open += share[k] < 0;
    left -= share[k] < 0 ? 0 : share[k];
  }
  for (size_t k = 0; k < data->n_classes; k++)
    if (share[k] < 0)
      share[k] = (left > 0 ? left : 0) / (double)open;
}

/* D = ln((p_signal + 1e-10) / (sum_k f_k p_k + 1e-10)) */
static void discriminant(const struct view *v, size_t signal, const double *share, double *d) {
  size_t n_classes = v->data->n_classes;
  double z[SPEC_MAX_CLASSES] = {0};
  for (size_t i = 0; i < v->n; i++) {
    class_logits(v, i, z);
    double top = z[most_probable(z, n_classes)], all = 0, rest = 0;
    for (size_t k = 0; k < n_classes; k++) {
      double p = exp(z[k] - top);
      all += p;
      rest += k == signal ? 0 : share[k] * p;
    }
    d[i] = log((exp(z[signal] - top) / all + 1e-10) / (rest / all + 1e-10));
  }
}

#define MAX_POINTS 16

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Working points of a class, "b@77" = 77, ascending. */
static size_t points_of(const char *signal, const struct params *tag, double points[MAX_POINTS]) {
  size_t n = 0, length = strlen(signal);
  for (size_t i = 0; i < tag->n && n < MAX_POINTS; i++) {
    const struct param *p = &tag->items[i];
    if (strncmp(p->name, signal, length) == 0 && p->name[length] == '@' && value_to_double(&p->value, &points[n]))
      n++;
  }
  qsort(points, n, sizeof *points, by_size);
  return n;
}

static void rejections(const struct view *v, size_t signal, const struct params *tag, double *d, struct params *out) {
  const struct data *data = v->data;
  double points[MAX_POINTS], share[SPEC_MAX_CLASSES], rejection[MAX_POINTS * SPEC_MAX_CLASSES];
  size_t n_points = points_of(data->classes[signal], tag, points);
  if (n_points == 0)
    return;
  shares(data, signal, tag, share);
  discriminant(v, signal, share, d);
  metric_rejections(d, v->label, v->weight, v->n, data->n_classes, signal, points, n_points, rejection);
  for (size_t p = 0; p < n_points; p++)
    for (size_t k = 0; k < data->n_classes; k++) {
      char name[256];
      double x = rejection[p * data->n_classes + k];
      snprintf(name, sizeof name, "%s_rej@%s%.10g", data->classes[k], data->classes[signal], points[p]);
      if (k != signal && !isnan(x))
        put(v, name, x, out);
    }
}

static void of_classes(const struct view *v, const struct params *tag, struct params *out) {
  double *score = mem_alloc(v->n * sizeof *score);
  loss_and_accuracy(v, out);
  if (v->data->n_classes > 1)
    area(v, score, out);
  for (size_t k = 0; tag && v->data->n_classes > 1 && k < v->data->n_classes; k++)
    rejections(v, k, tag, score, out);
  free(score);
}

static void of_numbers(const struct view *v, struct params *out) {
  double total = 0, mean = 0, squares = 0, absolute = 0, spread = 0;
  for (size_t i = 0; i < v->n; i++) {
    double w = weight_of(v, i), error = (double)v->logits[i] - (double)v->target[i];
    squares += w * error * error;
    absolute += w * fabs(error);
    mean += w * (double)v->target[i];
    total += w;
  }
  if (!(total > 0))
    return;
  mean /= total;
  for (size_t i = 0; i < v->n; i++) {
    double off = (double)v->target[i] - mean;
    spread += weight_of(v, i) * off * off;
  }
  put(v, "loss", (v->loss == LOSS_mae ? absolute : squares) / total, out);
  put(v, "rmse", sqrt(squares / total), out);
  if (spread > 0)
    put(v, "r2", 1 - squares / spread, out);
}

enum err metric_all(const struct data *data, enum part part, const float *logits, size_t outputs, int loss_kind,
                    const struct params *tag, struct params *out) {
  bool classes = loss_kind == LOSS_softmax || loss_kind == LOSS_sigmoid;
  size_t needed = loss_kind == LOSS_softmax ? data->n_classes : 1;
  if ((size_t)part >= data->n_parts || outputs != needed || classes != (data->n_classes > 0) ||
      (loss_kind == LOSS_sigmoid && data->n_classes != 2) || data->n_classes > SPEC_MAX_CLASSES)
    return FAIL(ERR_BUG, "metrics of part %d of %zu, %zu outputs, loss %d, %zu classes do not go together", (int)part,
                data->n_parts, outputs, loss_kind, data->n_classes);
  size_t first = data->part[part].first;
  struct view v = {.data = data,
                   .name = data->part_name[part],
                   .n = data->part[part].n,
                   .outputs = outputs,
                   .logits = logits,
                   .label = data->label ? data->label + first : NULL,
                   .target = data->target ? data->target + first : NULL,
                   .weight = data->weight ? data->weight + first : NULL,
                   .loss = (enum loss)loss_kind};
  if (classes)
    of_classes(&v, tag, out);
  else
    of_numbers(&v, out);
  return OK;
}
