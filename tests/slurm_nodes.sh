#!/usr/bin/env bash
# Nodes, daemons and ranks that fail under a real Slurm with two emulated nodes (promise R6): the study resumes by itself,
# through the launch loop of the job script or through the queue; what brings nothing is not started for ever; a second
# job on the same study refuses.
set -eu
# shellcheck source=tests/slurm.sh
. "$(dirname "$0")/slurm.sh"
start_cluster
export COXSWAIN
script=$place/slurm.sh # as it is, but for waits that are for real clusters
sed 's/sleep 20/sleep 2/; s/sleep 5$/sleep 1/' "$jobscripts/slurm.sh" >"$script"

mkdir "my scans"
cat >"my scans/cur ve.cfg" <<'END'
evaluator = "function";
function = { name = "curve"; steps = 200; seconds = 0.02; noise = 0.1; };
study = { name = "curve"; metric = "value"; trials = 100; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
run = { checkpoint = 1; };
END
expect 0 "$COXSWAIN" run "my scans/cur ve.cfg" --out whole --set function.seconds=0

# start JOB OPTIONS... -- OPTIONS OF RUN...
start() {
  local how=()
  while [ "$1" != -- ]; do how+=("$1") && shift; done
  shift
  submit -t 10 --ntasks-per-node=2 "${how[@]}" "$script" "my scans/cur ve.cfg" "$@"
}
more_than() { [ "$(lines_of "$1/journal.log")" -gt "$2" ]; }
finish() { # STUDY: the rest without waiting in each step
  expect 0 "$COXSWAIN" stop "$1"
  wait_for 60 "the end of the job of $1" job_over "$job"
  expect 0 "$COXSWAIN" run "my scans/cur ve.cfg" --out "$1" --set function.seconds=0
}
goes_on() { # STUDY: it brings new results
  wait_for 90 "results of $1" more_than "$1" $(($(lines_of "$1/journal.log") + 200))
}
said_in() { grep -qsF -- "$2" "job-$1.log"; }
code_of() { scontrol show job -o "$1" | sed -n 's/.* ExitCode=\([0-9]*\):.*/\1/p'; }
rank0_of() { # JOB: the rank itself is older than what it has forked
  local pid
  for pid in $(processes_of_job "$1"); do
    if [ "$(readlink "/proc/$pid/exe")" = "$COXSWAIN" ] && grep -qzx SLURM_PROCID=0 "/proc/$pid/environ"; then
      echo "$pid"
      return
    fi
  done
}
launched() { [ "$(grep -cs 'launch on' "job-$1.log")" -ge "$2" ]; }

step "a launch that brings nothing is tried three times, then the job ends and does not go back into the queue"
start -N1 -- --out nothing --set run.ranks_per_trial=64
nothing=$job

step "a job whose study is stopped, and one that is cancelled, do not come back"
start -N1 -- --out stopped
stopped=$job
start -N1 -- --out cancelled
cancelled=$job

step "a mistake in the study file: said once, and no launch"
start -N1 -- --out wrong --set study.trials=-1
wait_for 30 "the end of job $job" job_over "$job"
if [ "$(code_of "$job")" -ne 2 ] || [ -e wrong ]; then die "a bad setting: $(cat "job-$job.log")"; fi

step "the study: two nodes, two ranks on each"
start -N2 -- --out study
first=$job
goes_on study

step "a second job on it, by accident: it says who has it and leaves the study alone"
start -N1 -- --out study
wait_for 60 "the end of job $job" job_over "$job"
[ "$(code_of "$job")" -eq 2 ] || die "the second job ended with $(code_of "$job")"
said_in "$job" "job $first" || die "it does not name job $first: $(cat "job-$job.log")"

goes_on stopped
expect 0 "$COXSWAIN" stop stopped
goes_on cancelled
scancel "$cancelled"
wait_for 60 "the end of the stopped job" job_over "$stopped"
wait_for 60 "the end of the cancelled job" job_over "$cancelled"
said_in "$stopped" "coxswain stop asked" || die "$(cat "job-$stopped.log")"

step "scontrol requeue"
scontrol requeue "$first"
wait_for 60 "job $first in the queue" job_is "$first" PENDING
scontrol update JobId="$first" StartTime=now+3 # instead of two minutes; at once would be before its credential is good again
wait_for 60 "the second start of job $first" launched "$first" 2
goes_on study

step "rank 0 is killed: launched again inside the job"
kill -KILL "$(rank0_of "$first")"
wait_for 90 "the launch after rank 0 was killed" launched "$first" 3
goes_on study

step "a node is set down: launched again on the other one"
scontrol update NodeName=n2 State=DOWN Reason=test
wait_for 90 "the launch on one node" grep -qs "launch on n1$" "job-$first.log"
goes_on study
job=$first
scontrol update NodeName=n2 State=RESUME 2>/dev/null || true # it may have come back by itself (ReturnToService)
finish study

step "the launches that brought nothing"
wait_for 120 "the end of job $nothing" job_over "$nothing"
[ "$(code_of "$nothing")" -eq 70 ] || die "$(cat "job-$nothing.log")"
[ "$(grep -c 'run.ranks_per_trial = 64' "job-$nothing.log")" -eq 3 ] || die "not three launches: $(cat "job-$nothing.log")"

step "the wrong --mpi: N times one rank is refused, by Open MPI or by us"
for how in "" "env -u SLURM_JOBID -u SLURM_JOB_ID -u SLURM_NODELIST"; do
  # shellcheck disable=SC2086
  srun --mpi=none -N1 -n3 $how "$COXSWAIN" run "my scans/cur ve.cfg" --out alone >said 2>&1 && die "three times one rank ran"
  [ ! -e alone/journal.log ] || die "a study was begun"
done
says "MPI sees only this one"

step "the node of the job script and of rank 0 dies, with all that runs there"
start -N2 -- --out node
goes_on node
kill_node n1
wait_for 120 "job $job in the queue again" job_is "$job" PENDING
start_node n1
wait_for 60 "two idle nodes" nodes_are 2 idle
scontrol update JobId="$job" StartTime=now+3
wait_for 60 "the second start of job $job" launched "$job" 2
goes_on node
finish node

for study in study node; do
  expect 0 "$COXSWAIN" status --exit-code $study
  each_once $study 100
  same_values $study whole
  python3 "$tests/slurm_check.py" $study/journal.log 100
done
for study in stopped cancelled; do expect 75 "$COXSWAIN" status --exit-code $study; done
