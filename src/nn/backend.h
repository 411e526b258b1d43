/* Backends: who multiplies the numbers. Layers, losses and optimizers are written once over these primitives; a backend
 * fills the struct. A NULL primitive means "not here": the net that needs it is refused when it is built.
 *
 * Between layers numbers lie in panels: one line of floats a unit, the rows of a piece side by side in it,
 * x[unit * pitch + row]. Whatever the width of a layer (57, 12, 6), vector instructions then run along the rows and are
 * full, and a bias is one number a line. Input rows and weights are plain row-major matrices: x (rows, width),
 * W (out, in).
 *
 * Every primitive gives the same bits for the same arguments on one kernel class; none keeps state, and different
 * threads may call them at once on different memory. */
#ifndef COXSWAIN_NN_BACKEND_H
#define COXSWAIN_NN_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "nn/spec.h"

struct panel {
  float *x;
  size_t units, rows, pitch; /* rows <= pitch */
};

/* What a dense layer or a batch norm leaves for the activation behind it to do, in the same pass over memory:
 * z = scale[unit] x + shift[unit]. scale NULL: all 1; shift NULL: all 0. */
struct affine {
  const float *scale, *shift;
};

/* Numbers of one step of an optimizer, as PyTorch writes them. gradient_scale multiplies the raw gradient first (one
 * over the weight sum of the batch, times what clipping asks for). */
struct optim_step {
  double lr, gradient_scale, weight_decay;
  double momentum, beta1, beta2, rho, epsilon;
  bool nesterov, decoupled;
  int64_t step; /* from 1 */
};

/* The rows of a piece as a loss sees them; each array may be NULL where the loss has no use for it. */
struct truth {
  const int32_t *label;      /* (rows) */
  const float *target;       /* (rows) */
  const float *weight;       /* (rows); NULL: all 1 */
  const float *class_weight; /* (classes); NULL: all 1 */
};

struct loss_sums {
  double loss, weight; /* sum of w l and of w */
};

struct backend {
  const char *name;    /* "cpu" */
  const char *kernels; /* the class whose bits agree: "AVX-512" */

  /* Memory of the device, zeroed, on 64-byte boundaries; and the way in and out. */
  void *(*alloc)(size_t bytes);
  void (*release)(void *p);
  void (*upload)(void *device, const void *host, size_t bytes);
  void (*download)(void *host, const void *device, size_t bytes);
  void (*clear)(void *p, size_t bytes);

  /* c (m, n) = op(a) op(b), + c if add. Row-major with leading dimensions; op transposes if its flag is set. */
  void (*gemm)(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
               bool add, float *c, size_t ldc);

  /* out (n, width): the rows x[pick[i]]. */
  void (*gather)(size_t n, size_t width, const float *x, const uint64_t *pick, float *out);
  /* out (rows, units) row-major: the panel turned round. */
  void (*panel_rows)(const struct panel *p, float *out);

  /* y = act(z), z = affine(x). y may be x. */
  void (*activate)(enum activation a, const struct panel *x, struct affine f, const struct panel *y);
  /* delta <- delta act'(z): delta is dL/dy before, dL/dz after. Of x and y only what the activation needs is read. */
  void (*activate_back)(enum activation a, const struct panel *x, struct affine f, const struct panel *y,
                        const struct panel *delta);
  /* out[unit] = sum over rows, + out if add. */
  void (*line_sums)(const struct panel *p, bool add, float *out);

  /* y = x / (1 - p) where kept, else 0. Row r of the batch and unit u are kept by word u % 4 of
   * rng_block(key, step, r << 32 | u / 4) >= p 2^32; the same call on delta is the way back. y may be x. */
  void (*dropout)(struct rng_key key, uint64_t step, size_t first_row, double p, const struct panel *x,
                  const struct panel *y);

  /* Batch norm (Ioffe and Szegedy, arXiv:1502.03167). sums (2 units): of x and of x^2, + what is there. */
  void (*norm_sums)(const struct panel *x, double *sums);
  /* sums (2 units): of delta and of delta (x - mean), + what is there. */
  void (*norm_back_sums)(const struct panel *x, const float *mean, const struct panel *delta, double *sums);
  /* delta <- a delta + b x + c, by unit. */
  void (*norm_back)(const struct panel *x, const float *a, const float *b, const float *c, const struct panel *delta);

  /* Loss of each row and dL/dlogits (not divided by the weight sum); logits and delta (outputs, rows). */
  void (*loss)(enum loss kind, const struct panel *logits, const struct truth *t, const struct panel *delta,
               struct loss_sums *sums);

  /* Flat buffers. */
  void (*add)(size_t n, const float *x, float *y); /* y += x */
  double (*sum_squares)(size_t n, const float *x); /* in double */
  void (*sgd)(const struct optim_step *s, size_t n, const float *g, float *w, float *m);
  void (*adam)(const struct optim_step *s, size_t n, const float *g, float *w, float *m, float *v);
  void (*rmsprop)(const struct optim_step *s, size_t n, const float *g, float *w, float *m, float *v);
};

/* What the backward pass of an activation reads besides delta. */
enum activation_needs { NEEDS_NOTHING, NEEDS_SIGN /* of y */, NEEDS_OUTPUT, NEEDS_INPUT /* x and the affine */ };
enum activation_needs activation_needs(enum activation a);

/* The backend of that name on this machine, with its best kernels. ERR_DEVICE if it cannot be used, with the reason. */
enum err backend_find(const char *name, const struct backend **out);
/* ERR_DEVICE naming the first primitive that is missing. */
enum err backend_complete(const struct backend *b);
/* Name and version of the matrix library, "OpenBLAS 0.3.21 SkylakeX"; static string per thread. */
const char *backend_cpu_blas(void);

#define BACKEND_DECLARE(name, help) enum err backend_##name(const struct backend **out);
BACKEND_LIST(BACKEND_DECLARE)
#undef BACKEND_DECLARE

#endif
