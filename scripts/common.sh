# shellcheck shell=bash
# What the scripts here share; they source it. After that the working folder is the project's.
set -euo pipefail

called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
SECONDS=0

# Open MPI refuses root unless it is told twice; elsewhere these mean nothing. More ranks than cores, and no rank bound
# to a core that another one uses: without these, -n 2 on a small machine fails or crawls.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

say() { printf '== %s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}
# The comment block below the first line of a script is its help.
show_help() { awk 'NR > 1 && (!/^#/ || /^# shellcheck/) { exit } NR > 1 { sub(/^# ?/, ""); print }' "scripts/$(basename "$0")"; }
# A path that the user typed, seen from the folder where it was typed.
typed_path() { case $1 in /*) echo "$1" ;; *) echo "$called_from/$1" ;; esac; }

cores() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN; }

# quietly LOG COMMAND...: output goes to LOG and is shown only if the command fails.
quietly() {
  local log=$1 code=0
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null || code=$?
  if [ "$code" -ne 0 ]; then
    tail -n 60 "$log" >&2
    printf '%s failed (exit %d); the whole output is in %s\n' "$1" "$code" "$log" >&2
  fi
  return "$code"
}

# build FOLDER TARGET [-DOPTION...]: configures and compiles; the folder keeps the generator it has.
build() {
  local folder=$1 target=$2 generator=()
  shift 2
  if [ ! -f "$folder/CMakeCache.txt" ] && command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  quietly "$folder/configure.log" cmake -S . -B "$folder" ${generator[@]+"${generator[@]}"} "$@"
  quietly "$folder/build.log" cmake --build "$folder" --target "$target" --parallel "${COXSWAIN_JOBS:-$(cores)}"
}
