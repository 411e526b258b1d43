# One static library a layer. coxswain_layer(name SOURCES ... USES ...) : USES are lower layers and dependencies.
add_library(coxswain_flags INTERFACE)
target_compile_options(
  coxswain_flags
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wcast-qual
            -Wdouble-promotion -Wformat=2 $<$<BOOL:${COXSWAIN_WERROR}>:-Werror>
            $<$<BOOL:${COXSWAIN_SANITIZE}>:-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined>)
target_link_options(coxswain_flags INTERFACE $<$<BOOL:${COXSWAIN_SANITIZE}>:-fsanitize=address,undefined>)
if(COXSWAIN_FUZZ)
  target_compile_options(coxswain_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_compile_definitions(coxswain_flags INTERFACE _GNU_SOURCE COXSWAIN_VERSION="${PROJECT_VERSION}")
target_include_directories(coxswain_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)

function(coxswain_layer name)
  cmake_parse_arguments(L "" "" "SOURCES;USES" ${ARGN})
  if(L_SOURCES)
    add_library(cox_${name} STATIC ${L_SOURCES})
    target_link_libraries(cox_${name} PUBLIC coxswain_flags ${L_USES})
  else()
    add_library(cox_${name} INTERFACE)
    target_link_libraries(cox_${name} INTERFACE coxswain_flags ${L_USES})
  endif()
endfunction()
