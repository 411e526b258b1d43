#define KERNEL_TABLE backend_cpu_generic
#define KERNEL_CLASS "portable"
#include "nn/backend_cpu_kernels.h"
