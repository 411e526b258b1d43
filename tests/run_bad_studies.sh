#!/usr/bin/env bash
# Study files with mistakes: `run` and `check` say each of them, with file and line, and end with exit code 2. The
# comments "# expect: " at the head of a file are parts of the messages.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

seen=0
for file in "$tests"/data/settings/bad/*.cfg "$tests"/data/studies/bad/*.cfg; do
  for command in run check; do
    options=()
    [ $command = check ] || options=(--out "$place/study")
    expect 2 timeout 60 "$COXSWAIN" $command "$file" "${options[@]}"
    expected=0
    while IFS= read -r part; do
      says "$part"
      expected=$((expected + 1))
    done < <(sed -n 's/^# expect: //p' "$file" | tr -d '\000')
    [ $expected -gt 0 ] || die "$file does not say what to expect"
    [ ! -e "$place/study" ] || die "$file: a study folder was made before the mistakes were found"
  done
  seen=$((seen + 1))
done
echo "$seen study files"
[ $seen -ge 60 ]

step "--set is checked in the same way"
echo 'evaluator = "function"; space = { x = { low = 0.0; high = 1.0; }; };' >good.cfg
for set in study.trials=0 study.trails=5 'space.x=' nonsense sampler.name=tpee study.trials=1e99 =5 'space.x.low=(1, 2)'; do
  expect 2 "$COXSWAIN" run good.cfg --set "$set"
  says "--set"
done
expect 0 "$COXSWAIN" run good.cfg --set study.trials=3
