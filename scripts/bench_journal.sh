#!/usr/bin/env bash
# A study of a million trials: how long it takes to open its journal, cold and with its snapshot, and how much memory.
# Each trial has 6 hyperparameters, a stint, 3 reports, two metrics, provenance and a value: 2.8 kB of journal.
#
#   scripts/bench_journal.sh [TRIALS]     default 1000000, which takes 4 GB of disk and some minutes
#
# Builds the program in build/; COXSWAIN_BUILD names another folder, TMPDIR the disk to write to. Needs GNU time.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
-h | --help) show_help && exit 0 ;;
esac
trials=${1:-1000000}
clock=$(type -P time || true)
[ -x "$clock" ] || die "no GNU time (Debian: apt-get install time)"
folder=${COXSWAIN_BUILD:-build}
say "build: coxswain in $folder/"
build "$folder" coxswain -DCMAKE_BUILD_TYPE=Release
build "$folder" grow_journal -DCMAKE_BUILD_TYPE=Release
program=$(realpath "$folder/coxswain")
grow=$(realpath "$folder/tests/grow_journal")
place=$(mktemp -d "${TMPDIR:-/tmp}/coxswain-bench.XXXXXX")
trap 'rm -rf "$place"' EXIT
cd "$place"

cat >long.cfg <<'EOF'
evaluator = "function";
function = { steps = 3; };
study = { name = "long"; metric = "value"; trials = 15; };
schedule = { name = "halving"; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; width = { low = 16; high = 256; log = true; };
  lr = { low = 1e-5; high = 0.1; log = true; }; optimizer = ("adam", "sgd", "rmsprop"); dropout = { low = 0.0; high = 0.5; }; };
EOF
echo '[{"params": {"x": 0.5, "y": 0.5, "width": 20, "lr": 0.01, "optimizer": "sgd", "dropout": 0.1}, "value": 3.0}]' >told.json

# figure WHAT ARGUMENTS...: a line with seconds, seconds of CPU and memory of the program.
figure() {
  local what=$1
  shift
  "$clock" -o figures -f '%e %U %S %M' "$program" "$@" >said 2>&1 || {
    cat said
    die "$what failed"
  }
  awk -v what="$what" '{ printf "%-44s %6.1f s (%.1f s of CPU), %4.0f MB\n", what, $1, $2 + $3, $4 / 1000 }' figures
}

"$program" run long.cfg --quiet --out long >said 2>&1 || die "the study could not be begun: $(cat said)"
say "$trials trials in $place"
"$grow" long "$trials"
say "journal: $(du -m long/journal.log | cut -f1) MB"
figure "status, cold" status long
figure "opening to write (tell), cold, and snapshot" tell long told.json
[ -f long/journal.snapshot ] && say "snapshot: $(du -m long/journal.snapshot | cut -f1) MB"
sed -i 's/0.5, "y"/0.25, "y"/' told.json
figure "status" status long
figure "opening to write (tell)" tell long told.json
figure "best" best long
figure "export to CSV" export long -o trials.csv
figure "export to JSON" export long --format json -o trials.json
