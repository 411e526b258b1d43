#!/usr/bin/env bash
# run.ordered = true: the whole search is the same for any number of workers and slots, also where what is tried next
# depends on what came out.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun

# Steps last longer or shorter at random, so that outcomes overtake each other.
cat >curve.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 9; seconds = 0.0003; noise = 0.05; };
study = { name = "curve"; metric = "value"; trials = 120; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; kind = ("a", "b"); };
run = { ordered = true; in_flight = 8; };
EOF

for schedule in halving full; do
  step "$schedule: alone"
  expect 0 "$COXSWAIN" run curve.cfg --out "$schedule-1" --set schedule.name=$schedule
  each_once "$schedule-1" 120
  for n in 2 4; do
    step "$schedule: $n ranks"
    expect 0 ranks "$n" run curve.cfg --out "$schedule-$n" --set schedule.name=$schedule
    same_search "$schedule-1" "$schedule-$n"
  done
  step "$schedule: alone with 4 slots, 3 ranks with 2 slots and rank 0 steering only"
  expect 0 "$COXSWAIN" run curve.cfg --out "$schedule-slots" --set schedule.name=$schedule --set run.slots=4
  same_search "$schedule-1" "$schedule-slots"
  expect 0 ranks 3 run curve.cfg --out "$schedule-dedicated" --set schedule.name=$schedule --set run.slots=2 --set run.steer=dedicated
  same_search "$schedule-1" "$schedule-dedicated"
done

step "halving promoted some and not all"
"$COXSWAIN" export halving-1 --format json | check is \
  '0 < sum(t["state"] == "complete" for t in x["trials"]) < 60'

for limit in study.stall=10 study.target=0.3; do
  step "a study that ends in the middle: $limit"
  expect 0 "$COXSWAIN" run curve.cfg --out "$limit-1" --set schedule.name=halving --set $limit
  expect 0 ranks 4 run curve.cfg --out "$limit-4" --set schedule.name=halving --set $limit
  same_search "$limit-1" "$limit-4"
  status_is "$limit-1" 'x["trials"] < 120 and x["complete"]'
done

step "a trial that is cancelled does not hold up those behind it"
expect 75 "$COXSWAIN" run curve.cfg --out held --set function.seconds=0.01 --set run.walltime=0.6
trial=$("$COXSWAIN" export held --format json | check show \
  'next(t["number"] for t in x["trials"] if t["state"] == "running")')
expect 0 "$COXSWAIN" cancel held "$trial"
"$COXSWAIN" run curve.cfg --out held --set function.seconds=1 2>/dev/null &
wait_for 10 "trials in training" status_is held 'x["counts"]["training"] > 3 and x["running"]' 2>/dev/null
trial=$("$COXSWAIN" export held --format json | check show \
  'next(t["number"] for t in x["trials"] if t["state"] == "running")')
expect 0 "$COXSWAIN" cancel held "$trial"
expect 0 "$COXSWAIN" stop held
wait_for 10 "its end" gone $!
expect 0 timeout 60 "$COXSWAIN" run curve.cfg --out held --set function.seconds=0
each_once held 120
status_is held 'x["counts"]["failed"] == 2 and x["counts"]["complete"] == 118'
