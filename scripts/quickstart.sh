#!/usr/bin/env bash
# From nothing to a finished hyperparameter scan: sets up, builds, and runs configs/quickstart.cfg under MPI.
#
#   scripts/quickstart.sh [-n RANKS] [--fresh] [options of coxswain run]
#
# Ctrl-C once: the study writes a checkpoint and leaves. Typed again, it goes on where it stopped.
# The study lies in runs/quickstart; --fresh moves it aside and starts over.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

folder=${COXSWAIN_BUILD:-build}
ranks=$(cores)
[ "$ranks" -le 4 ] || ranks=4
[ "$ranks" -ge 2 ] || ranks=2
case ${1:-} in
-h | --help) show_help && exit 0 ;;
-n)
  ranks=${2:?-n needs a number of ranks}
  shift 2
  ;;
esac
out=${COXSWAIN_OUT:-runs/quickstart}

scripts/setup.sh
say "build: into $folder/ (output in $folder/build.log)"
build "$folder" coxswain
coxswain=$folder/coxswain

if [ -f "$out/journal.log" ]; then
  say "run: going on with the study in $out on $ranks ranks; Ctrl-C stops it, the same command goes on"
else
  say "run: a new study in $out on $ranks ranks; Ctrl-C stops it, the same command goes on"
fi
mkdir -p "$(dirname "$out")"
trap : INT # the run below answers Ctrl-C, and its exit code says what became of it
code=0
COXSWAIN=$coxswain jobscripts/local.sh -n "$ranks" configs/quickstart.cfg --out "$out" "$@" || code=$?
case $code in
0) ;;
75)
  say "stopped before the end, all is saved (mpirun complains about any exit code; 75 means more to do): type scripts/quickstart.sh again to go on"
  exit 75
  ;;
*) die "the run ended with code $code; what happened is above and in $out/logs/" ;;
esac

table_of_best() { # the ten best trials, from the CSV of all: number, epochs, value and point
  "$coxswain" export "$out" --format csv | awk -F, '
    NR == 1 { while ($(last + 1) != "val_loss") last++ }
    NR == 1 || $3 != "" {
      row = NR == 1 ? "-1e9" : $3
      for (i = 1; i <= last; i++)
        if (i != 2 && i != 5) row = row sprintf(" %-10s", $i ~ /^[-0-9.e]+$/ ? sprintf("%.5g", $i) : $i == "" ? "-" : $i)
      print row
    }' | sort -g | cut -d' ' -f2- | sed -n 1,11p
}

say "the ten best trials (value: $(sed -n 's/^ *metric *= *"\([^"]*\)".*/\1/p' configs/quickstart.cfg) on jets that training never sees; steps: epochs)"
table_of_best
say "the best point, with every metric on validation and on the untouched test part"
"$coxswain" best "$out"
say "the study"
"$coxswain" status "$out"
cat <<END
== where to look ($((SECONDS / 60)):$(printf %02d $((SECONDS % 60))) from start to end)
  $out/study.cfg      every setting of this study
  $out/journal.log    every decision and result; Optuna opens it too
  $out/best/          the weights of the best trials
  $out/logs/          what happened when
  configs/quickstart.cfg       the study file: copy it and change it; configs/reference.cfg has all settings
END
