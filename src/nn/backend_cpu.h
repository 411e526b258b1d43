/* The CPU backend's classes and what they share. */
#ifndef COXSWAIN_NN_BACKEND_CPU_H
#define COXSWAIN_NN_BACKEND_CPU_H

#include "nn/backend.h"

extern const struct backend backend_cpu_generic;
#ifdef COXSWAIN_KERNELS_X86
extern const struct backend backend_cpu_avx2, backend_cpu_avx512;
#endif

void cpu_copy(void *to, const void *from, size_t bytes);
void cpu_clear(void *p, size_t bytes);
void cpu_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              bool add, float *c, size_t ldc);
void cpu_gather(size_t n, size_t width, const float *x, const uint64_t *pick, float *out);
void cpu_panel_rows(const struct panel *p, float *out);

#endif
