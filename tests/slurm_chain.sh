#!/usr/bin/env bash
# slurm_chain.sh [JOBS]: a study that needs several jobs, under a real Slurm with two emulated nodes (promise R5).
#
# Three chains of jobs with one name (-d singleton) work at the same time, each on a study of its own:
#   warned   each job gets the signal that --signal=B:USR1@120 asks for, sent by scancel so that it comes at once
#   silent   script and ranks of each job are killed with SIGKILL
#   limits   jobs of one minute. In turn: nothing warns them and they do not ask Slurm for the time left, so that they
#            run into the real limit (SIGTERM, then SIGKILL after KillWait); Slurm's own warning; the time left
# JOBS (3) is the number of jobs that are cut short in the first two; from 10 on the third chain has as many, else one.
# At the end all trials are there once, with the values of an unbroken run.
set -eu
# shellcheck source=tests/slurm.sh
. "$(dirname "$0")/slurm.sh"
jobs=${1:-3}
limits=$((jobs < 10 ? 1 : jobs)) # each takes a minute at least
start_cluster
export COXSWAIN

# 0.02 s a step, a checkpoint each second.
declare -A trials=([warned]=$((8 * jobs)) [silent]=$((8 * jobs)) [limits]=$((limits * 100)))
cat >curve.cfg <<'END'
evaluator = "function";
function = { name = "curve"; steps = 200; seconds = 0.02; noise = 0.1; };
study = { metric = "value"; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
run = { checkpoint = 1; };
END
script=$jobscripts/slurm.sh
sed '/^#SBATCH --signal/d' "$script" >no_warning.sh
sed 's/B:USR1@120/B:USR1@10/' "$script" >late_warning.sh
chain() { # SCRIPT NAME MINUTES OPTIONS OF RUN...
  submit -J "$2" -d singleton --no-requeue -N1 --ntasks-per-node=4 -t "$3" \
    "$1" curve.cfg --out "$2" --set "study.trials=${trials[$2]}" "${@:4}"
}

grown() { [ "$(lines_of "$1/journal.log")" -ge "$2" ]; }

warn_job() {
  scancel --signal=USR1 --batch "$1"
  wait_for 60 "the end of job $1" job_over "$1"
}

# cut_short NAME HOW: jobs of the chain NAME one after the other, each cut short by `HOW JOB` after some results.
cut_short() {
  local i
  for i in $(seq "$jobs"); do
    chain "$script" "$1" 10
    wait_for 120 "job $job of $1" grown "$1" $((500 + $(lines_of "$1/journal.log")))
    "$2" "$job"
    "$COXSWAIN" status "$1" | sed -n "2s/^/$1, job $i: /p"
  done
  chain "$script" "$1" 10
  wait_for 300 "the last job of $1" job_over "$job"
}

# The jobs are all in the queue from the beginning.
run_into_limits() {
  local i
  for i in $(seq "$limits"); do
    case $((i % 3)) in
    1) chain no_warning.sh limits 1 --set run.poll=0 ;;
    2) chain late_warning.sh limits 1 --set run.poll=0 ;;
    0) chain no_warning.sh limits 1 ;;
    esac
  done
  wait_for $((200 * limits)) "the jobs that run into their limits" job_over "$job"
  expect 75 "$COXSWAIN" status --exit-code limits
  chain "$script" limits 60 --set function.seconds=0.002
  wait_for $((300 * limits)) "the last job of limits" job_over "$job"
}

step "three chains: $jobs jobs warned, $jobs killed, $limits into the time limit of a minute"
(cut_short warned warn_job) &
chains=($!)
(cut_short silent kill_job) &
chains+=($!)
(run_into_limits) &
chains+=($!)
for pid in "${chains[@]}"; do wait "$pid"; done

expect 0 "$COXSWAIN" run curve.cfg --out whole --set function.seconds=0 --set study.trials="${trials[limits]}"
for study in warned silent limits; do
  expect 0 "$COXSWAIN" status --exit-code $study
  each_once $study "${trials[$study]}"
  same_values $study whole
done
step "what had to be trained again; a second is 50 steps of 0.02 s, and as many may pass until a pack is on record"
python3 "$tests/slurm_check.py" warned/journal.log 0
python3 "$tests/slurm_check.py" silent/journal.log 100
python3 "$tests/slurm_check.py" limits/journal.log 100
n=$(grep -ls 'DUE TO TIME LIMIT' job-*.log | wc -l)
[ "$n" -ge 1 ] || die "no job ran into its time limit"
echo "$n jobs ran into their time limit"
