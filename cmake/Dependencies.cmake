# What Coxswain stands on. Each library is an imported target. Everything that is missing is named at once, with its
# Debian package; scripts/setup.sh installs these.
include(CheckSymbolExists)
find_package(PkgConfig QUIET)

set(missing "")
macro(coxswain_needs found what debian)
  if(NOT ${found})
    string(APPEND missing "\n  ${what} (Debian: ${debian})")
  endif()
endmacro()

# A library with a pkg-config file, or else (some module systems have none) with a header and a library on the paths.
function(coxswain_find_library target module header library)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(${target} QUIET IMPORTED_TARGET GLOBAL ${module})
  endif()
  if(NOT TARGET PkgConfig::${target})
    find_path(${target}_HEADER_DIR ${header})
    find_library(${target}_FILE ${library})
    if(${target}_HEADER_DIR AND ${target}_FILE)
      add_library(PkgConfig::${target} INTERFACE IMPORTED GLOBAL)
      target_include_directories(PkgConfig::${target} SYSTEM INTERFACE ${${target}_HEADER_DIR})
      target_link_libraries(PkgConfig::${target} INTERFACE ${${target}_FILE})
    endif()
  endif()
  if(TARGET PkgConfig::${target})
    set(${target}_HERE TRUE PARENT_SCOPE)
  endif()
endfunction()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads QUIET)
coxswain_needs(Threads_FOUND "POSIX threads" libc6-dev)
find_package(ZLIB QUIET)
coxswain_needs(ZLIB_FOUND "zlib" zlib1g-dev)
coxswain_find_library(CONFIG libconfig libconfig.h config)
coxswain_needs(CONFIG_HERE "libconfig" libconfig-dev)
coxswain_find_library(JANSSON jansson jansson.h jansson)
coxswain_needs(JANSSON_HERE "jansson" libjansson-dev)

# A version older than 3.1 says so; wrappers that hide their version are taken at their word.
find_package(MPI QUIET COMPONENTS C)
if(MPI_C_FOUND AND MPI_C_VERSION AND MPI_C_VERSION VERSION_LESS 3.1)
  set(MPI_C_FOUND FALSE)
endif()
coxswain_needs(MPI_C_FOUND "MPI 3.1 or newer with mpicc" "libopenmpi-dev openmpi-bin")

# The serial library is the one we want: files are written by one process each. A cluster often has the parallel one
# only; it serves as well, but its headers include mpi.h.
set(HDF5_PREFER_PARALLEL FALSE)
find_package(HDF5 QUIET COMPONENTS C)
if(HDF5_FOUND AND HDF5_VERSION VERSION_LESS 1.10)
  message(STATUS "HDF5 ${HDF5_VERSION} is too old")
  set(HDF5_FOUND FALSE)
endif()
coxswain_needs(HDF5_FOUND "HDF5 1.10 or newer for C" libhdf5-dev)
add_library(dep_hdf5 INTERFACE)
if(HDF5_FOUND)
  target_include_directories(dep_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
  target_link_libraries(dep_hdf5 INTERFACE ${HDF5_C_LIBRARIES})
  target_compile_definitions(dep_hdf5 INTERFACE ${HDF5_C_DEFINITIONS})
  if(HDF5_IS_PARALLEL AND MPI_C_FOUND)
    target_link_libraries(dep_hdf5 INTERFACE MPI::MPI_C)
  endif()
endif()

include(Blas)
coxswain_needs(COXSWAIN_BLAS "a BLAS with cblas.h, OpenBLAS for speed" libopenblas-dev)

if(missing)
  message(FATAL_ERROR "Missing:${missing}\n"
                      "scripts/setup.sh installs them, or says how. Libraries in folders of their own: load their modules, "
                      "or give -DCMAKE_PREFIX_PATH=\"/folder/one;/folder/two\".")
endif()

find_path(CUNIT_INCLUDE_DIR CUnit/CUnit.h)
find_library(CUNIT_LIBRARY cunit)
if(CUNIT_INCLUDE_DIR AND CUNIT_LIBRARY)
  set(CUNIT_FOUND ON)
  add_library(dep_cunit INTERFACE)
  target_include_directories(dep_cunit SYSTEM INTERFACE ${CUNIT_INCLUDE_DIR})
  target_link_libraries(dep_cunit INTERFACE ${CUNIT_LIBRARY})
endif()
