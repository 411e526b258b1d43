# The loops of the CPU backend are compiled once for each kernel class; the program takes the best one its machine has.
# So there is no -march=native: one binary runs on a whole cluster. The flags say what the loops rely on: no errno and no
# floating-point traps (comparisons become blends), and multiply-add where the class has it.
include(CheckCCompilerFlag)
set(kernel_flags -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast)
set(kernel_sources backend_cpu_generic.c)
set_source_files_properties(backend_cpu_generic.c PROPERTIES COMPILE_OPTIONS "${kernel_flags}")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  check_c_compiler_flag("-mavx512f -mavx512vl -mavx2 -mfma" COXSWAIN_KERNELS_X86)
endif()
if(COXSWAIN_KERNELS_X86)
  list(APPEND kernel_sources backend_cpu_avx2.c backend_cpu_avx512.c)
  set_source_files_properties(backend_cpu_avx2.c PROPERTIES COMPILE_OPTIONS "${kernel_flags};-mavx2;-mfma")
  set_source_files_properties(
    backend_cpu_avx512.c
    PROPERTIES COMPILE_OPTIONS
               "${kernel_flags};-mavx2;-mfma;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mprefer-vector-width=512")
endif()
