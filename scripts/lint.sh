#!/usr/bin/env bash
# Looks for mistakes that compilers let pass: clang-tidy over src/, shellcheck over the scripts, the layers.
#
#   scripts/lint.sh            everything
#   scripts/lint.sh FILE.c...  clang-tidy over these files only
#
# .clang-tidy says what is looked for, and why something is not.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
-h | --help) show_help && exit 0 ;;
-*) show_help >&2 && die "unknown option $1" ;;
esac
for program in clang-tidy shellcheck python3; do
  command -v "$program" >/dev/null || die "$program is missing: scripts/setup.sh --tests --lint"
done
failed=0

tidy() { # FILE...: each file by itself, as many at once as there are cores
  local folder=build
  # Any build folder serves: only the compile commands are read.
  if [ ! -f build/compile_commands.json ]; then
    folder=build-lint
    quietly build-lint/configure.log cmake -S . -B build-lint
  fi
  say "lint: clang-tidy over $# files"
  printf '%s\0' "$@" | xargs -0 -n 1 -P "${COXSWAIN_JOBS:-$(cores)}" clang-tidy --quiet -p "$folder" 2>"$folder/tidy.log" || failed=1
}

if [ $# -gt 0 ]; then
  tidy "$@"
else
  say "lint: shellcheck"
  find scripts jobscripts tests .ci -type f \( -name '*.sh' -o -name run \) -print0 | xargs -0 shellcheck -x || failed=1
  say "lint: layers"
  python3 scripts/check_layers.py || failed=1
  mapfile -t files < <(find src -name '*.c' | sort)
  tidy "${files[@]}"
fi
[ $failed -eq 0 ] || die "see above"
say "lint: nothing found"
