#define KERNEL_TABLE backend_cpu_avx2
#define KERNEL_CLASS "AVX2"
#include "nn/backend_cpu_kernels.h"
