#define KERNEL_TABLE backend_cpu_avx512
#define KERNEL_CLASS "AVX-512"
#include "nn/backend_cpu_kernels.h"
