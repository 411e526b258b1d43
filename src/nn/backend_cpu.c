/* What the kernel classes of the CPU share: matrix products by BLAS, copies, and the choice of a class. */
#include "nn/backend_cpu.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

void cpu_copy(void *to, const void *from, size_t bytes) {
  if (bytes)
    memcpy(to, from, bytes);
}

void cpu_clear(void *p, size_t bytes) {
  if (bytes)
    memset(p, 0, bytes);
}

void cpu_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              bool add, float *c, size_t ldc) {
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k,
              1.0f, a, (int)lda, b, (int)ldb, add ? 1.0f : 0.0f, c, (int)ldc);
}

/* Shuffled rows come from all over the memory: all of a group are asked for before the first is copied. */
void cpu_gather(size_t n, size_t width, const float *x, const uint64_t *pick, float *out) {
  const size_t group = 16, line = 64 / sizeof(float);
  for (size_t first = 0; first < n; first += group) {
    size_t next = first + group, last = next + group < n ? next + group : n;
    for (size_t i = next; i < last; i++)
      for (size_t j = 0; j < width + line - 1; j += line)
        __builtin_prefetch(x + pick[i] * width + (j < width ? j : width - 1));
    for (size_t i = first; i < next && i < n; i++)
      memcpy(out + i * width, x + pick[i] * width, width * sizeof *out);
  }
}

void cpu_panel_rows(const struct panel *p, float *out) {
  for (size_t u = 0; u < p->units; u++)
    for (size_t r = 0; r < p->rows; r++)
      out[r * p->units + u] = p->x[u * p->pitch + r];
}

/* "OpenBLAS 0.3.21 NO_LAPACKE ..." -> "OpenBLAS 0.3.21", and the core its kernels are for. */
const char *backend_cpu_blas(void) {
#ifdef COXSWAIN_OPENBLAS
  static _Thread_local char text[96];
  char name[32] = "OpenBLAS", version[32] = "";
  sscanf(openblas_get_config(), "%31s %31s", name, version);
  snprintf(text, sizeof text, "%s %s %s", name, version, openblas_get_corename());
  return text;
#else
  return "BLAS";
#endif
}

static const struct backend *best_class(void) {
#ifdef COXSWAIN_KERNELS_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return &backend_cpu_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return &backend_cpu_avx2;
#endif
  return &backend_cpu_generic;
}

/* Threads are ours (net_threads.c): pieces are shared out, so BLAS itself must not start any. */
enum err backend_cpu(const struct backend **out) {
#ifdef COXSWAIN_OPENBLAS
  openblas_set_num_threads(1);
#endif
  *out = best_class();
  return OK;
}
