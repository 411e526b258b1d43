#!/usr/bin/env bash
# Sets up, builds and runs all tests: one command.
#
#   scripts/test.sh [ctest options]             in build/, with warnings as errors
#   scripts/test.sh --sanitize [ctest options]  in build-sanitize/, the unit tests and those of bad input, under the
#                                               address and undefined-behaviour sanitizers
#   scripts/test.sh --clang [ctest options]     in build-clang/, the unit tests, compiled with clang
#
# For example: scripts/test.sh -R journal -V. COXSWAIN_JOBS sets how many compile and run at once (default: all cores).
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

folder=build
options=(-DCMAKE_BUILD_TYPE=Release -DCOXSWAIN_WERROR=ON -DCOXSWAIN_TESTS=ON -DCOXSWAIN_SANITIZE=OFF)
select=()
case ${1:-} in
-h | --help) show_help && exit 0 ;;
--sanitize)
  shift
  folder=build-sanitize
  # -O1 keeps the stack traces readable and the run bearable.
  options=(-DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O1 -g" -DCOXSWAIN_WERROR=ON -DCOXSWAIN_TESTS=ON -DCOXSWAIN_SANITIZE=ON)
  select=(--label-regex '^(unit|input)$')
  ;;
--clang)
  shift
  command -v clang >/dev/null || die "clang is missing: scripts/setup.sh --lint"
  folder=build-clang
  options+=(-DCMAKE_C_COMPILER=clang)
  select=(--label-regex '^unit$')
  ;;
esac

scripts/setup.sh --tests
say "build: into $folder/ (output in $folder/build.log)"
build "$folder" all "${options[@]}"
say "tests: $folder/"
cd "$folder"
ctest --output-on-failure --no-tests=error --no-label-summary --parallel "${COXSWAIN_JOBS:-$(cores)}" ${select[@]+"${select[@]}"} "$@"
