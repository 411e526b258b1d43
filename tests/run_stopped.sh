#!/usr/bin/env bash
# Asked to leave, by signal, by `coxswain stop`, by walltime: everything is kept, 75 says that there is more to do, and
# the same command goes on to what an undisturbed run gives. Limits of the study end it for good.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

cat >curve.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 9; seconds = 0.005; };
study = { name = "curve"; metric = "value"; trials = 40; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
run = { checkpoint = 60; };
EOF

# start ARGUMENTS...: the program alone, in the background; its process is $started.
start() {
  "$COXSWAIN" run "$@" >said 2>&1 &
  started=$!
}

# ends_with CODE: so the program in the background ends, soon.
ends_with() {
  local code=0
  wait_for 30 "the end of process $started" gone "$started"
  wait "$started" || code=$?
  [ "$code" -eq "$1" ] || {
    cat said
    die "it ended with $code instead of $1"
  }
}

reports() {
  "$COXSWAIN" export "$1" --format json | check show \
    'sum(len(t["intermediate_values"]) for t in x["trials"])'
}

step "an undisturbed run"
expect 0 "$COXSWAIN" run curve.cfg --out whole --set function.seconds=0

for signal in TERM INT HUP USR1 USR2; do
  step "SIG$signal once: everything is kept"
  start curve.cfg --out signal
  wait_for 20 "some trials" at_least $((60 + $(lines_of signal/journal.log))) signal/journal.log
  kill -$signal "$started"
  ends_with 75
  says "the same command goes on"
  status_is signal 'not x["complete"] and not x["running"] and x["counts"]["training"] == 0'
  expect 75 "$COXSWAIN" status signal --exit-code
  status_is signal 'x["left"] == "signal" and x["steps"] > 0'
done

step "nothing is trained twice: a stint goes on where it was"
expect 0 "$COXSWAIN" run curve.cfg --out signal --set function.seconds=0
each_once signal 40
same_search whole signal
python3 - <<'EOF'
import json
steps = {}
for line in open("signal/journal.log"):
    op = json.loads(line)
    if op["op_code"] == 7:
        key = op["trial_id"], op["step"]
        steps[key] = steps.get(key, 0) + 1
assert len(steps) == 40 * 9 and set(steps.values()) == {1}, [k for k, n in steps.items() if n > 1]
EOF

step "a second signal leaves at once, in the middle of a step that lasts long"
start curve.cfg --out twice --set function.seconds=1000 --set run.quantum=30
wait_for 20 "the first stint" status_is twice 'x["counts"]["training"] >= 1' 2>/dev/null
kill -TERM "$started"
kill -TERM "$started"
ends_with 75
status_is twice 'not x["complete"] and not x["running"]'

step "the same inside a training step that no signal cuts short; what was decided stays"
cat >long.cfg <<'EOF'
study = { metric = "val_loss"; trials = 2; };
space = { lr = { low = 1e-3; high = 1e-2; }; };
data = { generate = "jets"; rows = 100000; validation = 0.05; test = 0.05; };
model = { hidden = (4096, 4096); };
train = { epochs = 1; batch = 80000; lr = "@lr"; };
EOF
interrupted() {
  gone "$started" || {
    kill -INT "$started" 2>/dev/null || true
    return 1
  }
}
for again in "" yes; do
  start long.cfg --out long
  wait_for 60 "the first stint${again:+ of the second run}" status_is long 'x["counts"]["training"] >= 1' 2>/dev/null
  wait_for 60 "its end" interrupted
  ends_with 75
  says "left in the middle of its work"
  [ -z "$again" ] || says "going on with long: 0 trials done"
  status_is long 'not x["running"] and 1 <= x["trials"] == x["counts"]["waiting"]'
done

step "nohup: SIGHUP stays ignored"
(
  trap '' HUP
  exec "$COXSWAIN" run curve.cfg --out nohup --set function.seconds=0.02
) >said 2>&1 &
started=$!
wait_for 20 "some trials" at_least 60 nohup/journal.log
kill -HUP "$started"
wait_for 20 "more trials" at_least $((60 + $(lines_of nohup/journal.log))) nohup/journal.log
kill -TERM "$started"
ends_with 75

step "a signal while the data are prepared does not wait for them, and leaves nothing half done"
cat >jets.cfg <<'EOF'
study = { metric = "val_loss"; trials = 2; };
space = { lr = { low = 1e-3; high = 1e-2; }; };
data = { generate = "jets"; rows = 3000000; classes = { light = 0; c = 4; b = 5; }; validation = 0.2; };
model = { hidden = (4); };
train = { epochs = 1; lr = "@lr"; };
EOF
in_cache() {
  [ -n "$(find prepared/cache -name "$1" 2>/dev/null)" ]
}
start jets.cfg --out prepared
wait_for 20 "the preparation" in_cache '*.lock'
kill -INT "$started"
ends_with 75
! in_cache '*.data' || die "it prepared the data to their end"
! in_cache '*.tmp' || die "half a file stays"
expect 0 "$COXSWAIN" run jets.cfg --out prepared --set data.rows=2000

step "coxswain stop"
start curve.cfg --out stop
wait_for 20 "some trials" at_least 60 stop/journal.log
expect 0 "$COXSWAIN" stop stop
says "it is leaving"
wait_for 30 "its end" gone "$started"
expect 75 "$COXSWAIN" status stop --exit-code
status_is stop 'x["left"] == "stop"'
expect 0 "$COXSWAIN" stop stop
says "nobody runs it"
expect 0 "$COXSWAIN" run curve.cfg --out stop --set function.seconds=0
same_search whole stop

step "run.walltime"
expect 75 "$COXSWAIN" run curve.cfg --out walltime --set run.walltime=0.5
says "walltime"
status_is walltime 'x["left"] == "walltime"'
expect 0 "$COXSWAIN" run curve.cfg --out walltime --set function.seconds=0
same_search whole walltime

step "study.timeout counts all jobs of the study, and ends it"
expect 75 "$COXSWAIN" run curve.cfg --out timeout --set run.walltime=0.4 --set study.timeout=0.8
expect 0 "$COXSWAIN" run curve.cfg --out timeout --set study.timeout=0.8
says "study.timeout is over"
status_is timeout 'x["complete"] and x["trials"] < 40 and x["counts"]["training"] + x["counts"]["waiting"] == 0'
expect 0 "$COXSWAIN" status timeout --exit-code
expect 0 "$COXSWAIN" run curve.cfg --out timeout --set study.timeout=0.8
says "study.timeout is over"

step "study.target"
expect 0 "$COXSWAIN" run curve.cfg --out target --set study.target=1.0 --set function.seconds=0
says "the target is reached"
status_is target 'x["complete"] and x["trials"] < 40 and x["best"]["value"] <= 1.0'

step "study.stall"
expect 0 "$COXSWAIN" run curve.cfg --out stall --set study.stall=5 --set function.seconds=0
says "no better trial came"
status_is stall 'x["complete"] and x["trials"] < 40'

step "a space without more points"
expect 0 "$COXSWAIN" run curve.cfg --out small --set 'space={ x = { low = 1; high = 3; }; }' --set function.seconds=0
says "every point of the space"
each_once small 3

command -v mpirun >/dev/null || {
  echo "the part with mpirun is left out: there is none"
  exit 0
}
for signal in TERM INT USR1; do
  step "mpirun: SIG$signal to the launcher"
  start_ranks 3 run curve.cfg --out "mpi-$signal" --set function.seconds=0.03
  wait_for 30 "some trials" at_least 120 "mpi-$signal/journal.log"
  ranks_now=$(ranks_of "$started")
  kill -$signal "$started"
  # shellcheck disable=SC2086
  wait_for 30 "the end of mpirun and its ranks" gone "$started" $ranks_now
  expect 75 "$COXSWAIN" status "mpi-$signal" --exit-code
  if [ $signal = USR1 ]; then # the others give ranks only a second before SIGKILL
    status_is "mpi-$signal" 'x["counts"]["training"] == 0 and x["counts"]["waiting"] > 0'
    [ -n "$(find "mpi-$signal/packs" -name '*.h5')" ] || die "no state was saved"
  fi
  expect 0 ranks 3 run curve.cfg --out "mpi-$signal" --set function.seconds=0
  each_once "mpi-$signal" 40
  same_search whole "mpi-$signal"
done

step "mpirun: coxswain stop leaves no stint behind"
start_ranks 3 run curve.cfg --out mpi-stop --set function.seconds=0.03
wait_for 30 "some trials" at_least 120 mpi-stop/journal.log
expect 0 "$COXSWAIN" stop mpi-stop
wait_for 30 "the end of mpirun" gone "$started"
before=$(reports mpi-stop)
status_is mpi-stop 'x["counts"]["training"] == 0 and not x["complete"]'
expect 0 ranks 3 run curve.cfg --out mpi-stop --set function.seconds=0
same_search whole mpi-stop
[ "$before" -gt 0 ]
