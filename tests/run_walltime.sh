#!/usr/bin/env bash
# The time a job has: a study leaves before it is over, with everything saved, begins nothing that would not fit, and
# a chain of short jobs comes to what one long run gives. A disk that refuses checkpoints costs checkpoints, no more.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
unset SLURM_JOB_ID SLURM_JOB_END_TIME SLURM_JOB_START_TIME LSB_JOBID LSB_JOBINDEX PBS_JOBID PBS_WALLTIME

mkdir bin
export PATH="$PWD/bin:$PATH"

# stub NAME: a program of that name says what the file NAME.says holds; with a number of seconds in NAME.ends (since the
# epoch) it counts down to it, as Slurm does.
stub() {
  cat >"bin/$1" <<EOF
#!/bin/sh
[ -f "$PWD/$1.ends" ] || exec cat "$PWD/$1.says"
left=\$((\$(cat "$PWD/$1.ends") - \$(date +%s)))
[ \$left -ge 0 ] && printf '%d:%02d 20:00\n' \$((left / 60)) \$((left % 60)) || echo INVALID 20:00
EOF
  chmod +x "bin/$1"
}

# says_now NAME WORDS: what it says from now on, at once and whole.
says_now() {
  echo "$2" >"$1.new"
  mv "$1.new" "$1.says"
}

start() {
  "$COXSWAIN" run "$@" >said 2>&1 &
  started=$!
}

ends_with() {
  local code=0
  wait_for 60 "the end of process $started" gone "$started"
  wait "$started" || code=$?
  [ "$code" -eq "$1" ] || {
    cat said
    die "it ended with $code instead of $1"
  }
}

has_said() {
  grep -qF -- "$1" said
}

# each_step_once DIR N: the journal has N steps, each once: none was trained twice.
each_step_once() {
  python3 - "$1/journal.log" "$2" <<'EOF'
import json, sys
steps = {}
for line in open(sys.argv[1]):
    op = json.loads(line)
    if op["op_code"] == 7:
        key = op["trial_id"], op["step"]
        steps[key] = steps.get(key, 0) + 1
assert len(steps) == int(sys.argv[2]) and set(steps.values()) == {1}, [k for k, n in steps.items() if n > 1][:5]
EOF
}

cat >curve.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 9; seconds = 0.02; };
study = { name = "curve"; metric = "value"; trials = 30; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
run = { checkpoint = 60; poll = 0.2; };
EOF
expect 0 "$COXSWAIN" run curve.cfg --out whole --set function.seconds=0

step "Slurm: a chain of jobs of three seconds, and no signal ever comes"
stub squeue
export SLURM_JOB_ID=17
jobs=0 code=75
while [ "$code" -eq 75 ]; do
  jobs=$((jobs + 1))
  [ "$jobs" -le 60 ] || die "60 jobs were not enough"
  echo $(($(date +%s) + 3)) >squeue.ends
  code=0
  "$COXSWAIN" run curve.cfg --out chain >said 2>&1 || code=$?
  says "walltime: Slurm says"
  [ "$code" -ne 75 ] || status_is chain 'x["left"] == "walltime" and x["counts"]["training"] == 0'
done
[ "$code" -eq 0 ] || die "it ended with $code"
[ "$jobs" -ge 2 ] || die "it did not leave"
each_once chain 30
each_step_once chain 270
same_search whole chain
unset SLURM_JOB_ID

step "LSF: it leaves when it hears that the time is over"
stub bjobs
export LSB_JOBID=18
says_now bjobs "0:10 L"
start curve.cfg --out lsf
wait_for 30 "some trials" at_least 100 lsf/journal.log
says "walltime: LSF says 10 min 00 s left"
says_now bjobs "0:00 L"
ends_with 75
says "the walltime is nearly over"
status_is lsf 'x["left"] == "walltime" and x["counts"]["training"] == 0 and x["counts"]["complete"] > 0'

step "a batch system that talks nonsense changes nothing"
says_now bjobs "LSF is down. Please wait ..."
expect 0 "$COXSWAIN" run curve.cfg --out lsf --set function.seconds=0
says "bjobs does not say how much time is left"
same_search whole lsf
unset LSB_JOBID

step "a program that does not fit into the time that is left is not begun"
cat >slow.sh <<'EOF'
echo begun >>"$1/begun"
sleep "$(cat "$1/duration")"
echo '{"loss": 1}'
EOF
cat >slow.cfg <<EOF
evaluator = "command";
study = { name = "slow"; metric = "loss"; trials = 1; };
space = { x = { low = 0.0; high = 1.0; }; };
command = { argv = ("sh", "$PWD/slow.sh", "$PWD"); grace = 0.1; };
EOF
echo 3 >duration
expect 0 "$COXSWAIN" run slow.cfg
[ "$(lines_of begun)" -eq 1 ] || die "begun $(lines_of begun) times"
export SLURM_JOB_ID=19
rm squeue.ends
says_now squeue "0:03 20:00"
expect 75 "$COXSWAIN" run slow.cfg --set study.trials=4
says "too little for a stint that may take"
[ "$(lines_of begun)" -eq 1 ] || die "it began one that could not fit"
status_is slow 'x["left"] == "walltime" and x["trials"] == 1'
says_now squeue "15:00 20:00"
echo 0.1 >duration
expect 0 "$COXSWAIN" run slow.cfg --set study.trials=4
[ "$(lines_of begun)" -eq 4 ] || die "begun $(lines_of begun) times"
unset SLURM_JOB_ID

# refuse DIR, relent DIR: no pack can be written there, and again.
refuse() {
  mv "$1/packs" "$1/packs-away"
  : >"$1/packs"
}
relent() {
  rm "$1/packs"
  mv "$1/packs-away" "$1/packs"
}
has_packs() {
  [ -n "$(find "$1/packs" -name '*.h5')" ]
}

step "checkpoints that cannot be written are tried again; the study goes on"
start curve.cfg --out disk --set run.checkpoint=0.3
wait_for 30 "some trials" at_least 40 disk/journal.log
refuse disk
wait_for 30 "the warning" has_said "could not be written"
says "Training goes on; the next try is in"
rm -f disk/packs-away/*.h5
relent disk
wait_for 30 "a pack" has_packs disk
ends_with 0
same_search whole disk
status_is disk 'x["complete"] and x["checkpoints"]["packs"] > 0 and x["checkpoints"]["bytes"] > 0'

step "it leaves without them, and says so; nothing else is lost"
start curve.cfg --out refused --set run.checkpoint=0.3
wait_for 30 "some trials" at_least 40 refused/journal.log
refuse refused
wait_for 30 "the warning" has_said "could not be written"
kill -TERM "$started"
ends_with 74
says "could not be brought to disk"
status_is refused 'x["left"] == "error" and x["counts"]["training"] == 0'
relent refused
expect 0 "$COXSWAIN" run curve.cfg --out refused --set function.seconds=0
same_search whole refused

command -v mpirun >/dev/null || {
  echo "the part with mpirun is left out: there is none"
  exit 0
}
step "three ranks leave in time, and go on"
start_ranks 3 run curve.cfg --out ranks --set function.seconds=0.1 --set run.walltime=4
wait_for 60 "the end of mpirun" gone "$started"
expect 75 "$COXSWAIN" status ranks --exit-code
status_is ranks 'x["left"] == "walltime" and x["counts"]["training"] == 0'
expect 0 ranks 3 run curve.cfg --out ranks --set function.seconds=0
each_step_once ranks 270
same_search whole ranks
