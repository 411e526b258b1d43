#!/usr/bin/env bash
# The job script for LSF, run through stand-ins for bsub, bjobs, jsrun and jswait (tests/stubs/lsf), which start real ranks
# under mpirun. There is no LSF here to try it on: what these stand-ins do is read in its documentation.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"
echo "stand-ins for LSF, no real one"
export COXSWAIN LSF_STUB=$place/lsf PATH=$tests/stubs/lsf:$PATH COXSWAIN_RANKS_PER_NODE=2
mkdir "$LSF_STUB" "my scans"
printf 'batch1\nh1\nh1\nh2\nh2\n' >"$LSF_STUB/hosts"
echo "2:00 L" >"$LSF_STUB/time_left"
sed 's/sleep 5$/sleep 1/' "$(dirname "$tests")/jobscripts/lsf_summit.sh" >lsf.sh
chmod +x lsf.sh

cat >"my scans/cur ve.cfg" <<'END'
evaluator = "function";
function = { name = "curve"; steps = 100; seconds = 0.02; noise = 0.1; };
study = { name = "curve"; metric = "value"; trials = 60; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
run = { checkpoint = 1; poll = 0.5; };
END
expect 0 "$COXSWAIN" run "my scans/cur ve.cfg" --out whole --set function.seconds=0

more_than() { [ "$(lines_of "$1/journal.log")" -gt "$2" ]; }
goes_on() { wait_for 90 "results of $1" more_than "$1" $(($(lines_of "$1/journal.log") + 200)); }
job_over() { grep -qsx 'DONE\|EXIT' "$LSF_STUB/$1.state"; }
job_runs() { grep -qsx RUN "$LSF_STUB/$1.state" && grep -qs 'launch on' "$LSF_STUB/job-$1.log"; }
ends_with() { # JOB CODE
  wait_for 90 "the end of job $1" job_over "$1"
  [ "$(cat "$LSF_STUB/$1.code")" -eq "$2" ] || die "job $1 ended with $(cat "$LSF_STUB/$1.code"): $(cat "$LSF_STUB/job-$1.log")"
}
said_in() { grep -qsF -- "$2" "$LSF_STUB/job-$1.log"; }
stop_all() { # jobs of ours that are still there when the test fails
  local code=$? pid
  touch "$LSF_STUB/over"
  cat "$LSF_STUB"/*.pid 2>/dev/null | while read -r pid; do
    if grep -qzxF "LSF_STUB=$LSF_STUB" "/proc/$pid/environ" 2>/dev/null; then kill -KILL "$pid" 2>/dev/null || true; fi
  done
  (exit "$code")
  cleanup
}
trap stop_all EXIT

step "a chain of four jobs on ended()"
expect 0 ./lsf.sh --submit 4 "my scans/cur ve.cfg" --out study --set "study.trials=60"
says "Job <104>"

step "the first gets LSF's warning, URG"
goes_on study
kill -URG "$(cat "$LSF_STUB/101.pid")"
ends_with 101 75
said_in 101 "launch on h1 h2" || die "$(cat "$LSF_STUB/job-101.log")"
said_in 101 "step 1 with 4 ranks" || die "$(cat "$LSF_STUB/job-101.log")"

step "the second hears from bjobs that its time is up"
wait_for 60 "the second job" job_runs 102
goes_on study
echo "0:00 L" >"$LSF_STUB/time_left"
ends_with 102 75
echo "2:00 L" >"$LSF_STUB/time_left"
said_in 102 "walltime" || die "$(cat "$LSF_STUB/job-102.log")"

step "in the third a host dies: launched again on the other one"
wait_for 60 "the third job" job_runs 103
goes_on study
touch "$LSF_STUB/down-h2"
for pid in $(ranks_of "$(cat "$LSF_STUB/mpirun.pid")"); do kill -KILL "$pid" 2>/dev/null || true; done
on_one_host() { said_in 103 "step 2 with 2 ranks"; }
wait_for 60 "the launch on one host" on_one_host
goes_on study

step "a second job on the study, by accident"
export STUDY="my scans/cur ve.cfg" STUDY_OPTIONS="--out study"
expect 0 bsub ./lsf.sh
ends_with 105 2
said_in 105 "job 103" || die "$(cat "$LSF_STUB/job-105.log")"

step "coxswain stop ends the third for good, and the fourth is left to finish"
expect 0 "$COXSWAIN" stop study
ends_with 103 75
rm "$LSF_STUB/down-h2"
ends_with 104 0

step "a launch that brings nothing is tried three times"
export STUDY_OPTIONS="--out nothing --set run.ranks_per_trial=64"
expect 0 bsub ./lsf.sh
ends_with 106 70
said_in 106 "step 3 with" || die "$(cat "$LSF_STUB/job-106.log")"
! said_in 106 "step 4 with" || die "$(cat "$LSF_STUB/job-106.log")"
said_in 106 "brought nothing" || die "$(cat "$LSF_STUB/job-106.log")"

expect 0 "$COXSWAIN" status --exit-code study
each_once study 60
same_values study whole
python3 "$tests/slurm_check.py" study/journal.log 100
