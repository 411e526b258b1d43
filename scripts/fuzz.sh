#!/usr/bin/env bash
# Feeds every parser with anything (libFuzzer, address and undefined-behaviour sanitizers): needs clang and its runtime,
# which scripts/setup.sh --lint brings.
#
#   scripts/fuzz.sh                    10,000 runs of each target, from tests/data/fuzz, always the same ones
#   scripts/fuzz.sh TARGET [RUNS]      of one (settings, journal, ...), or of all
#   scripts/fuzz.sh TARGET RUNS SEED   another seed; 0: a new one each time
#
# What crashes, hangs (10 s) or eats memory (1 GB) is left in build-fuzz/found/; put it into tests/data/fuzz/TARGET when it
# is mended. What libFuzzer learns about the parsers is kept in build-fuzz/corpus/.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in -h | --help) show_help && exit 0 ;; esac
wanted=${1:-all} runs=${2:-10000} seed=${3:-1}
command -v clang >/dev/null || die "clang is missing: scripts/setup.sh --lint"
say "build: into build-fuzz/ (output in build-fuzz/build.log)"
build build-fuzz fuzzers -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_C_FLAGS_RELWITHDEBINFO=-O2 -g" \
  -DCOXSWAIN_SANITIZE=ON -DCOXSWAIN_FUZZ=ON -DCOXSWAIN_TESTS=ON

fuzz() { # TARGET
  local corpus=build-fuzz/corpus/$1 found=build-fuzz/found log=build-fuzz/found/$1.log
  mkdir -p "$corpus" "$found"
  SECONDS=0
  # a small quarantine and no filling: five times as many runs a second, and what is used after it was freed soon after
  # is found all the same
  if ! ASAN_OPTIONS=quarantine_size_mb=8:max_malloc_fill_size=0:malloc_context_size=5 \
    LSAN_OPTIONS="suppressions=tests/lsan.supp:print_suppressions=0" UBSAN_OPTIONS=print_stacktrace=1 \
    "build-fuzz/tests/fuzz_$1" "$corpus" "tests/data/fuzz/$1" -runs="$runs" -seed="$seed" -timeout=10 -rss_limit_mb=1024 \
    -max_len=4096 -artifact_prefix="$found/$1-" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "fuzz_$1: see $log; the input is one of $found/$1-*"
  fi
  echo "torture: fuzz $1 $runs ok ($SECONDS s)"
}

n=0
for folder in tests/data/fuzz/*/; do
  target=$(basename "$folder")
  [ "$wanted" = all ] || [ "$wanted" = "$target" ] || continue
  fuzz "$target"
  n=$((n + 1))
done
[ $n -gt 0 ] || die "no target $wanted: they are $(cd tests/data/fuzz && echo *)"
