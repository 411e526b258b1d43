/* The loops of the CPU backend. This file is compiled once for each kernel class (backend_cpu_generic.c, _avx2.c,
 * _avx512.c) with that class's instructions, so that one binary runs on every machine of a cluster and uses what each
 * has. The including file defines KERNEL_TABLE, the name of the struct it fills, and KERNEL_CLASS, its name for people.
 *
 * Loops over rows are plain scalar code that compilers vectorise; where floats are summed, the order is spelled out in
 * 16 lanes, since a compiler may not reorder sums. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/backend.h"
#include "nn/backend_cpu.h"
#include "nn/backend_cpu_math.h"

/* No iteration reads what another one writes, also where two pointers are the same panel. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif

#define LANES 16
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef double wide_lanes __attribute__((vector_size(8 * LANES)));

static inline float *line_of(const struct panel *p, size_t unit) {
  return p->x + unit * p->pitch;
}

/* ---- activations ---- */

#define SELU_SCALE 1.05070098f /* Klambauer et al., arXiv:1706.02515 */
#define SELU_ALPHA 1.67326324f

/* X(name, y of z, dy/dz of z (pre-activation) and y). "z < 0 ? 0 : z" lets NaN through; max(0, z) would hide it. */
/* clang-format off */
#define ACTIVATION_CODE(X)                                                                             \
  X(relu, z < 0.0f ? 0.0f : z, y > 0.0f ? 1.0f : 0.0f)                                                 \
  X(leaky_relu, z < 0.0f ? 0.01f * z : z, y > 0.0f ? 1.0f : 0.01f)                                     \
  X(elu, z > 0.0f ? z : math_expm1(z), y > 0.0f ? 1.0f : y + 1.0f)                                     \
  X(selu, SELU_SCALE *(z > 0.0f ? z : SELU_ALPHA * math_expm1(z)),                                     \
    y > 0.0f ? SELU_SCALE : y + SELU_SCALE * SELU_ALPHA)                                               \
  X(tanh, math_tanh(z), 1.0f - y * y)                                                                  \
  X(sigmoid, math_sigmoid(z), y *(1.0f - y))                                                           \
  X(swish, z *math_sigmoid(z), math_sigmoid(z) * (1.0f + z * (1.0f - math_sigmoid(z))))                \
  X(gelu, z *math_normal_cdf(z), math_normal_cdf(z) + z * math_normal_pdf(z))                          \
  X(linear, z, 1.0f)
/* clang-format on */

#define ACTIVATE_LINE(name, of_z, slope)                                                                               \
  static void name##_line(size_t n, const float *x, float scale, float shift, float *out) {                            \
    INDEPENDENT for (size_t i = 0; i < n; i++) {                                                                       \
      float z = x[i] * scale + shift;                                                                                  \
      out[i] = of_z;                                                                                                   \
    }                                                                                                                  \
  }                                                                                                                    \
  static void name##_back_line(size_t n, const float *x, float scale, float shift, const float *value, float *delta) { \
    INDEPENDENT for (size_t i = 0; i < n; i++) {                                                                       \
      const float z = x[i] * scale + shift, y = value[i];                                                              \
      (void)z;                                                                                                         \
      (void)y;                                                                                                         \
      delta[i] *= (slope);                                                                                             \
    }                                                                                                                  \
  }
ACTIVATION_CODE(ACTIVATE_LINE)
#undef ACTIVATE_LINE

typedef void activate_line(size_t n, const float *x, float scale, float shift, float *out);
typedef void activate_back_line(size_t n, const float *x, float scale, float shift, const float *value, float *delta);

static void activate(enum activation a, const struct panel *x, struct affine f, const struct panel *y) {
#define LINE(name, of_z, slope) [ACTIVATION_##name] = name##_line,
  static activate_line *const line[] = {ACTIVATION_CODE(LINE)};
#undef LINE
  for (size_t u = 0; u < x->units; u++)
    line[a](x->rows, line_of(x, u), f.scale ? f.scale[u] : 1.0f, f.shift ? f.shift[u] : 0.0f, line_of(y, u));
}

static void activate_back(enum activation a, const struct panel *x, struct affine f, const struct panel *y,
                          const struct panel *delta) {
#define LINE(name, of_z, slope) [ACTIVATION_##name] = name##_back_line,
  static activate_back_line *const line[] = {ACTIVATION_CODE(LINE)};
#undef LINE
  if (a == ACTIVATION_linear)
    return;
  for (size_t u = 0; u < delta->units; u++)
    line[a](delta->rows, line_of(x, u), f.scale ? f.scale[u] : 1.0f, f.shift ? f.shift[u] : 0.0f, line_of(y, u),
            line_of(delta, u));
}

/* ---- sums over rows ---- */

static inline float lanes_total(const lanes *s) {
  float total = 0;
  for (int i = 0; i < LANES; i++)
    total += (*s)[i];
  return total;
}

static inline float line_sum(size_t n, const float *x) {
  lanes s = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    s += *(const lanes *)(x + i);
  float total = lanes_total(&s);
  for (; i < n; i++)
    total += x[i];
  return total;
}

static void line_sums(const struct panel *p, bool add, float *out) {
  for (size_t u = 0; u < p->units; u++) {
    float sum = line_sum(p->rows, line_of(p, u));
    out[u] = add ? out[u] + sum : sum;
  }
}

static double sum_squares(size_t n, const float *x) {
  wide_lanes s = {0};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    wide_lanes v = __builtin_convertvector(*(const lanes *)(x + i), wide_lanes);
    s += v * v;
  }
  double total = 0;
  for (int k = 0; k < LANES; k++)
    total += s[k];
  for (; i < n; i++)
    total += (double)x[i] * (double)x[i];
  return total;
}

/* ---- batch norm ---- */

/* Around the piece's own mean, so that float accumulators lose nothing to a mean far from 0; what is handed on is about
 * 0 in double, where pieces, threads and ranks just add. */
static void norm_sums(const struct panel *p, double *sums) {
  for (size_t u = 0; u < p->units; u++) {
    const float *x = line_of(p, u);
    size_t n = p->rows, i = 0;
    float mean = line_sum(n, x) / (float)n;
    lanes first = {0}, second = {0};
    for (; i + LANES <= n; i += LANES) {
      lanes d = *(const lanes *)(x + i) - mean;
      first += d;
      second += d * d;
    }
    double s = (double)lanes_total(&first), s2 = (double)lanes_total(&second), m = (double)mean;
    for (; i < n; i++) {
      double d = (double)(x[i] - mean);
      s += d;
      s2 += d * d;
    }
    sums[2 * u] += s + (double)n * m;
    sums[2 * u + 1] += s2 + 2 * m * s + (double)n * m * m;
  }
}

static void norm_back_sums(const struct panel *p, const float *mean, const struct panel *delta, double *sums) {
  for (size_t u = 0; u < p->units; u++) {
    const float *x = line_of(p, u), *d = line_of(delta, u);
    size_t n = p->rows, i = 0;
    lanes plain = {0}, moment = {0};
    for (; i + LANES <= n; i += LANES) {
      lanes dv = *(const lanes *)(d + i);
      plain += dv;
      moment += dv * (*(const lanes *)(x + i) - mean[u]);
    }
    double s = (double)lanes_total(&plain), sx = (double)lanes_total(&moment);
    for (; i < n; i++) {
      s += (double)d[i];
      sx += (double)(d[i] * (x[i] - mean[u]));
    }
    sums[2 * u] += s;
    sums[2 * u + 1] += sx;
  }
}

static void norm_back(const struct panel *p, const float *a, const float *b, const float *c,
                      const struct panel *delta) {
  for (size_t u = 0; u < p->units; u++) {
    const float *x = line_of(p, u), au = a[u], bu = b[u], cu = c[u];
    float *d = line_of(delta, u);
    INDEPENDENT for (size_t i = 0; i < p->rows; i++) d[i] = au * d[i] + bu * x[i] + cu;
  }
}

/* ---- dropout ---- */

#define DROPOUT_ROWS 64

/* rng_block (base/rng.c) for DROPOUT_ROWS rows at once: Philox4x32-10, Salmon et al. 2011. */
static void dropout_words(struct rng_key key, uint64_t step, uint32_t first_row, uint32_t group,
                          uint32_t words[4][DROPOUT_ROWS]) {
  INDEPENDENT for (uint32_t r = 0; r < DROPOUT_ROWS; r++) {
    uint32_t x0 = (uint32_t)step, x1 = (uint32_t)(step >> 32), x2 = group, x3 = first_row + r;
    uint32_t k0 = key.k[0], k1 = key.k[1];
    for (int round = 0; round < 10; round++) {
      uint64_t p0 = (uint64_t)0xD2511F53u * x0, p1 = (uint64_t)0xCD9E8D57u * x2;
      x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
      x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
      x1 = (uint32_t)p1;
      x3 = (uint32_t)p0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    words[0][r] = x0;
    words[1][r] = x1;
    words[2][r] = x2;
    words[3][r] = x3;
  }
}

static void dropout(struct rng_key key, uint64_t step, size_t first_row, double p, const struct panel *x,
                    const struct panel *y) {
  const uint32_t below = (uint32_t)(p * 4294967296.0);
  const float scale = (float)(1.0 / (1.0 - p));
  uint32_t words[4][DROPOUT_ROWS];
  for (size_t group = 0; 4 * group < x->units; group++)
    for (size_t row = 0; row < x->rows; row += DROPOUT_ROWS) {
      size_t n = x->rows - row < DROPOUT_ROWS ? x->rows - row : DROPOUT_ROWS;
      dropout_words(key, step, (uint32_t)(first_row + row), (uint32_t)group, words);
      for (size_t k = 0; k < 4 && 4 * group + k < x->units; k++) {
        const float *in = line_of(x, 4 * group + k) + row;
        float *out = line_of(y, 4 * group + k) + row;
        const uint32_t *word = words[k];
        INDEPENDENT for (size_t i = 0; i < n; i++) out[i] = word[i] < below ? 0.0f : in[i] * scale;
      }
    }
}

/* ---- losses ---- */

static inline float row_weight(const struct truth *t, size_t row) {
  float w = t->weight ? t->weight[row] : 1.0f;
  return t->class_weight && t->label ? w * t->class_weight[t->label[row]] : w;
}

#define LOSS_ROWS 64

/* -ln softmax(z)[label] = ln sum_k exp(z_k - max) + max - z_label; its gradient is softmax(z) - 1[label]. */
static void softmax_rows(const struct panel *logits, size_t first, size_t n, const struct truth *t,
                         const struct panel *delta, struct loss_sums *sums) {
  float top[LOSS_ROWS], total[LOSS_ROWS], weight[LOSS_ROWS], share[LOSS_ROWS];
  const int32_t *label = t->label + first;
  memcpy(top, line_of(logits, 0) + first, n * sizeof *top);
  memset(total, 0, sizeof total);
  for (size_t k = 1; k < logits->units; k++) {
    const float *z = line_of(logits, k) + first;
    INDEPENDENT for (size_t i = 0; i < n; i++) top[i] = z[i] < top[i] ? top[i] : z[i];
  }
  for (size_t k = 0; k < logits->units; k++) {
    const float *z = line_of(logits, k) + first;
    float *d = line_of(delta, k) + first;
    INDEPENDENT for (size_t i = 0; i < n; i++) {
      d[i] = math_exp(z[i] - top[i]);
      total[i] += d[i];
    }
  }
  for (size_t i = 0; i < n; i++) {
    float w = weight[i] = row_weight(t, first + i);
    share[i] = w / total[i];
    double l = log((double)total[i]) + (double)top[i] - (double)line_of(logits, (size_t)label[i])[first + i];
    sums->loss += (double)w * l;
    sums->weight += (double)w;
  }
  for (size_t k = 0; k < logits->units; k++) {
    float *d = line_of(delta, k) + first;
    const int32_t class = (int32_t)k;
    INDEPENDENT for (size_t i = 0; i < n; i++) d[i] = d[i] * share[i] - (label[i] == class ? weight[i] : 0.0f);
  }
}

static void softmax_loss(const struct panel *logits, const struct truth *t, const struct panel *delta,
                         struct loss_sums *sums) {
  for (size_t first = 0; first < logits->rows; first += LOSS_ROWS) {
    size_t n = logits->rows - first < LOSS_ROWS ? logits->rows - first : LOSS_ROWS;
    softmax_rows(logits, first, n, t, delta, sums);
  }
}

/* max(z, 0) - z y + ln(1 + exp(-|z|)), the form that never overflows; y is the label, 0 or 1. */
static void sigmoid_loss(const struct panel *logits, const struct truth *t, const struct panel *delta,
                         struct loss_sums *sums) {
  for (size_t i = 0; i < logits->rows; i++) {
    float z = logits->x[i], y = (float)t->label[i], w = row_weight(t, i);
    double l = (double)(z > 0.0f ? z : 0.0f) - (double)(z * y) + log1p(exp(-fabs((double)z)));
    delta->x[i] = w * (math_sigmoid(z) - y);
    sums->loss += (double)w * (isnan(z) ? (double)z : l);
    sums->weight += (double)w;
  }
}

static void value_loss(enum loss kind, const struct panel *logits, const struct truth *t, const struct panel *delta,
                       struct loss_sums *sums) {
  for (size_t i = 0; i < logits->rows; i++) {
    float d = logits->x[i] - t->target[i], w = row_weight(t, i);
    float sign = d > 0.0f ? 1.0f : d < 0.0f ? -1.0f : 0.0f;
    delta->x[i] = kind == LOSS_mse ? 2.0f * w * d : w * sign;
    sums->loss += (double)w * (kind == LOSS_mse ? (double)d * (double)d : fabs((double)d));
    sums->weight += (double)w;
  }
}

static void loss(enum loss kind, const struct panel *logits, const struct truth *t, const struct panel *delta,
                 struct loss_sums *sums) {
  if (kind == LOSS_softmax)
    softmax_loss(logits, t, delta, sums);
  else if (kind == LOSS_sigmoid)
    sigmoid_loss(logits, t, delta, sums);
  else
    value_loss(kind, logits, t, delta, sums);
}

/* ---- flat buffers ---- */

static void add(size_t n, const float *restrict x, float *restrict y) {
  for (size_t i = 0; i < n; i++)
    y[i] += x[i];
}

/* Sutskever et al., ICML 2013, in the form of torch.optim.SGD: m = momentum m + g. */
static void sgd(const struct optim_step *s, size_t n, const float *restrict g, float *restrict w, float *restrict m) {
  const float lr = (float)s->lr, scale = (float)s->gradient_scale, decay = (float)s->weight_decay;
  const float momentum = (float)s->momentum;
  if (momentum == 0.0f)
    for (size_t i = 0; i < n; i++)
      w[i] -= lr * (g[i] * scale + decay * w[i]);
  else if (s->nesterov)
    for (size_t i = 0; i < n; i++) {
      float d = g[i] * scale + decay * w[i];
      m[i] = momentum * m[i] + d;
      w[i] -= lr * (d + momentum * m[i]);
    }
  else
    for (size_t i = 0; i < n; i++) {
      m[i] = momentum * m[i] + (g[i] * scale + decay * w[i]);
      w[i] -= lr * m[i];
    }
}

/* Kingma and Ba, arXiv:1412.6980, algorithm 1; decoupled decay: Loshchilov and Hutter, arXiv:1711.05101, algorithm 2.
 * The powers of beta are in double, as PyTorch takes them. */
static void adam(const struct optim_step *s, size_t n, const float *restrict g, float *restrict w, float *restrict m,
                 float *restrict v) {
  double bias1 = 1 - pow(s->beta1, (double)s->step), bias2 = 1 - pow(s->beta2, (double)s->step);
  const float rate = (float)(s->lr / bias1), inverse_root = (float)(1 / sqrt(bias2));
  const float scale = (float)s->gradient_scale, eps = (float)s->epsilon;
  const float l2 = s->decoupled ? 0.0f : (float)s->weight_decay;
  const float keep = s->decoupled ? (float)(1 - s->lr * s->weight_decay) : 1.0f;
  const float new1 = (float)(1 - s->beta1), old2 = (float)s->beta2, new2 = (float)(1 - s->beta2);
  for (size_t i = 0; i < n; i++) {
    float d = g[i] * scale + l2 * w[i];
    m[i] += new1 * (d - m[i]);
    v[i] = old2 * v[i] + new2 * (d * d);
    w[i] = keep * w[i] - rate * m[i] / (sqrtf(v[i]) * inverse_root + eps);
  }
}

/* Hinton, Coursera lecture 6e (2012), in the form of torch.optim.RMSprop. */
static void rmsprop(const struct optim_step *s, size_t n, const float *restrict g, float *restrict w, float *restrict m,
                    float *restrict v) {
  const float lr = (float)s->lr, scale = (float)s->gradient_scale, decay = (float)s->weight_decay;
  const float old = (float)s->rho, new = (float)(1 - s->rho), eps = (float)s->epsilon, momentum = (float)s->momentum;
  if (momentum == 0.0f)
    for (size_t i = 0; i < n; i++) {
      float d = g[i] * scale + decay * w[i];
      v[i] = old * v[i] + new *(d * d);
      w[i] -= lr * (d / (sqrtf(v[i]) + eps));
    }
  else
    for (size_t i = 0; i < n; i++) {
      float d = g[i] * scale + decay * w[i];
      v[i] = old * v[i] + new *(d * d);
      m[i] = momentum * m[i] + d / (sqrtf(v[i]) + eps);
      w[i] -= lr * m[i];
    }
}

const struct backend KERNEL_TABLE = {
    .name = "cpu",
    .kernels = KERNEL_CLASS,
    .alloc = mem_alloc_aligned,
    .release = free,
    .upload = cpu_copy,
    .download = cpu_copy,
    .clear = cpu_clear,
    .gemm = cpu_gemm,
    .gather = cpu_gather,
    .panel_rows = cpu_panel_rows,
    .activate = activate,
    .activate_back = activate_back,
    .line_sums = line_sums,
    .dropout = dropout,
    .norm_sums = norm_sums,
    .norm_back_sums = norm_back_sums,
    .norm_back = norm_back,
    .loss = loss,
    .add = add,
    .sum_squares = sum_squares,
    .sgd = sgd,
    .adam = adam,
    .rmsprop = rmsprop,
};
