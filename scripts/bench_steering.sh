#!/usr/bin/env bash
# How many trials a second steering gets done: one-step trials of a test function, every decision on disk before it is
# sent. Alone, with 2 ranks and with 64 ranks on the cores there are. Trials a second of the study itself, and with the
# start of its processes. Then what steering itself can do: stints a second with 27,648 simulated workers that answer at
# once (coxswain simulate).
#
#   scripts/bench_steering.sh [TRIALS]     default 5000
#
# Builds the program in build/; COXSWAIN_BUILD names another folder, TMPDIR the disk to write to.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
-h | --help) show_help && exit 0 ;;
esac
trials=${1:-5000}
folder=${COXSWAIN_BUILD:-build}
say "build: coxswain in $folder/"
build "$folder" coxswain -DCMAKE_BUILD_TYPE=Release
program=$(realpath "$folder/coxswain")
place=$(mktemp -d "${TMPDIR:-/tmp}/coxswain-bench.XXXXXX")
trap 'rm -rf "$place"' EXIT
cd "$place"

cat >sphere.cfg <<'EOF'
evaluator = "function";
study = { name = "sphere"; metric = "value"; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
EOF

seconds_now() { date +%s.%N; }

# figure NAME COMMAND...: runs a study of its own and prints a line.
figure() {
  local name=$1 begin end inside
  shift
  begin=$(seconds_now)
  "$@" run sphere.cfg --out "$name" --quiet --set study.trials="$trials" >"$name.log" 2>&1 || {
    cat "$name.log"
    die "$name failed"
  }
  end=$(seconds_now)
  inside=$("$program" status "$name" --json | sed -n 's/^  "seconds": \([0-9.]*\),*$/\1/p')
  awk -v name="$name" -v n="$trials" -v all="$end" -v begin="$begin" -v inside="$inside" -v size="$(wc -c <"$name/journal.log")" \
    'BEGIN { printf "%-18s %8.0f trials/s in the study   %8.0f trials/s with its start   %4.0f bytes of journal a trial\n",
             name, n / inside, n / (all - begin), size / n }'
}

say "$trials trials on $(cores) cores, journal in $place"
figure alone "$program"
if command -v mpirun >/dev/null; then
  figure 2-ranks mpirun -n 2 --oversubscribe --bind-to none "$program"
  figure 64-ranks mpirun -n 64 --oversubscribe --bind-to none "$program"
fi
"$program" simulate sphere.cfg --workers 27648 --trial-time 0 --set study.trials=$((20 * trials))
