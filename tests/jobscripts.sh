#!/usr/bin/env bash
# jobscripts/local.sh: ranks that die are started again, what brings nothing is not, and what it says by its exit code is
# how the study stands. And the job script for GPUs is the other one but for its few lines.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"
export COXSWAIN
scripts=$(dirname "$tests")/jobscripts

mkdir "my scans"
cat >"my scans/cur ve.cfg" <<'END'
evaluator = "function";
function = { name = "curve"; steps = 100; seconds = 0.02; noise = 0.1; };
study = { name = "curve"; metric = "value"; trials = 24; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
run = { checkpoint = 0.5; };
END
expect 0 "$COXSWAIN" run "my scans/cur ve.cfg" --out whole --set function.seconds=0

start() {
  "$scripts/local.sh" -n 2 "my scans/cur ve.cfg" >said 2>&1 &
  script=$!
}
more_than() { [ "$(lines_of curve/journal.log)" -gt "$1" ]; }
goes_on() { wait_for 60 "results" more_than $(($(lines_of curve/journal.log) + 200)); }
ends_with() { # CODE
  local code=0
  wait_for 60 "the end of local.sh" gone "$script"
  wait "$script" || code=$?
  [ "$code" -eq "$1" ] || {
    cat said
    die "local.sh ended with $code instead of $1"
  }
}

step "the ranks are killed: it starts them again"
start
goes_on
mpirun_pid=$(pgrep -P "$script" -x mpirun)
for pid in $(ranks_of "$mpirun_pid"); do kill -KILL "$pid" 2>/dev/null || true; done
again() { grep -q 'once more' said; }
wait_for 60 "the second launch" again
goes_on

step "a second copy refuses and says who has it"
code=0
"$scripts/local.sh" -n 2 "my scans/cur ve.cfg" >said-2 2>&1 || code=$?
[ "$code" -eq 2 ] || die "the second copy ended with $code"
grep -q "being written by host" said-2 || die "$(cat said-2)"

step "a signal: everything is kept, 75; the study folder stands for the study"
kill -TERM "$script" # as Ctrl-C, which a shell in the background ignores
ends_with 75
status_is curve 'x["left"] == "signal"'
expect 0 "$scripts/local.sh" -n 2 curve --set function.seconds=0
each_once curve 24
same_values curve whole

step "it is done, but not what another file asks for; a mistake is said once"
expect 70 env COXSWAIN_TRIES=1 "$scripts/local.sh" -n 2 "my scans/cur ve.cfg" --set study.seed=7
says "holds a study with other settings"
expect 2 "$scripts/local.sh" -n 2 "my scans/cur ve.cfg" --set study.trials=-1 --out wrong
[ ! -e wrong ] || die "it made a folder"

step "what brings nothing is tried three times"
expect 70 "$scripts/local.sh" -n 2 "my scans/cur ve.cfg" --out nothing --set run.ranks_per_trial=64
[ "$(grep -c 'ranks_per_trial = 64' said)" -eq 3 ] || die "not three launches: $(cat said)"

step "slurm_gpu.sh is slurm.sh with few lines of its own"
differing=$(diff <(sed 's/slurm_gpu\.sh/slurm.sh/' "$scripts/slurm_gpu.sh") "$scripts/slurm.sh" | grep -c '^<' || true)
[ "$differing" -le 12 ] || die "$differing lines differ"
bash -n "$scripts/slurm_gpu.sh"
