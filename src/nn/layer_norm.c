/* Batch normalisation over the whole batch, whatever its pieces (Ioffe and Szegedy, arXiv:1502.03167), with PyTorch's
 * conventions: the biased variance normalises, the unbiased one goes into the running variance, momentum 0.1, eps 1e-5.
 * A batch of one row has no unbiased variance: it leaves the running variance alone. */
#include <math.h>

#include "nn/layer.h"

#define EPSILON 1e-5
#define MOMENTUM 0.1

/* Both are done by the activation behind it and by norm_settle. */
static void norm_forward(const struct layer *l, const struct pass *p) {
  (void)l;
  (void)p;
}

static void norm_backward(const struct layer *l, const struct pass *p) {
  p->net->backend->norm_back(&p->piece->value[l->index], l->norm.scale, l->norm.slope, l->norm.offset,
                             &p->piece->delta);
}

const struct layer_ops layer_norm = {"norm", norm_forward, norm_backward};

void norm_sum(const struct layer *l, const struct pass *p, double *sums) {
  p->net->backend->norm_sums(&p->piece->value[l->index], sums);
}

void norm_sum_back(const struct layer *l, const struct pass *p, double *sums) {
  p->net->backend->norm_back_sums(&p->piece->value[l->index], l->norm.mean, &p->piece->delta, sums);
}

/* gamma, beta and the bias of the dense layer below, side by side on the host. */
static void fetch_weights(const struct layer *l, const struct net *net, const float *weights, float *gamma, float *beta,
                          float *bias) {
  const struct backend *b = net->backend;
  b->download(gamma, weights + l->weight, l->units * sizeof *gamma);
  b->download(beta, weights + l->bias, l->units * sizeof *beta);
  b->download(bias, weights + l->source->bias, l->units * sizeof *bias);
}

void norm_settle(const struct layer *l, const struct net *net, const double *sums, size_t n, const float *weights,
                 float *statistics) {
  size_t units = l->units;
  const struct norm *norm = &l->norm;
  float *mean = norm->host, *scale = mean + units, *shift = scale + units, *bias = shift + units;
  float *running_mean = statistics + l->statistics, *running_variance = running_mean + units;
  fetch_weights(l, net, weights, scale, shift, bias);
  for (size_t u = 0; u < units; u++) {
    double m = sums[2 * u] / (double)n, variance = sums[2 * u + 1] / (double)n - m * m;
    variance = variance < 0 ? 0 : variance;
    double inverse = norm->inverse[u] = 1 / sqrt(variance + EPSILON), a = (double)scale[u] * inverse;
    mean[u] = (float)m;
    scale[u] = (float)a;
    shift[u] = (float)((double)shift[u] - m * a);
    running_mean[u] += (float)(MOMENTUM * (m + (double)bias[u] - (double)running_mean[u]));
    if (n > 1) {
      double unbiased = variance * (double)n / (double)(n - 1);
      running_variance[u] += (float)(MOMENTUM * (unbiased - (double)running_variance[u]));
    }
  }
  net->backend->upload(norm->mean, mean, units * sizeof *mean);
  net->backend->upload(norm->scale, scale, units * sizeof *scale);
  net->backend->upload(norm->shift, shift, units * sizeof *shift);
}

/* With x^ = (x - mean) inverse, D = sum delta, M = sum delta (x - mean) over the batch of n rows:
 * dL/dx = gamma inverse (delta - D / n - x^ inverse M / n), dL/dgamma = inverse M, dL/dbeta = D. */
void norm_settle_back(const struct layer *l, const struct net *net, const double *sums, const double *own, size_t n,
                      float *gradient) {
  size_t units = l->units;
  const struct norm *norm = &l->norm;
  const float *mean = norm->host, *scale = mean + units;
  float *slope = norm->host + 3 * units, *offset = slope + units;
  float *gamma = norm->gradient, *beta = gamma + units;
  for (size_t u = 0; u < units; u++) {
    double inverse = norm->inverse[u], a = (double)scale[u];
    double b = -a * inverse * inverse * sums[2 * u + 1] / (double)n;
    slope[u] = (float)b;
    offset[u] = (float)(-b * (double)mean[u] - a * sums[2 * u] / (double)n);
    gamma[u] = (float)(inverse * own[2 * u + 1]);
    beta[u] = (float)own[2 * u];
  }
  net->backend->upload(norm->slope, slope, units * sizeof *slope);
  net->backend->upload(norm->offset, offset, units * sizeof *offset);
  net->backend->upload(gradient + l->weight, gamma, units * sizeof *gamma);
  net->backend->upload(gradient + l->bias, beta, units * sizeof *beta);
}

void norm_settle_predict(const struct layer *l, const struct net *net, const float *weights, const float *statistics) {
  size_t units = l->units;
  float *scale = l->norm.host + units, *shift = scale + units, *bias = shift + units;
  const float *mean = statistics + l->statistics, *variance = mean + units;
  fetch_weights(l, net, weights, scale, shift, bias);
  for (size_t u = 0; u < units; u++) {
    double a = (double)scale[u] / sqrt((double)variance[u] + EPSILON);
    scale[u] = (float)a;
    shift[u] = (float)((double)shift[u] + ((double)bias[u] - (double)mean[u]) * a);
  }
  net->backend->upload(l->norm.scale, scale, units * sizeof *scale);
  net->backend->upload(l->norm.shift, shift, units * sizeof *shift);
}
