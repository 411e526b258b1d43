#!/usr/bin/env bash
#SBATCH --job-name=coxswain
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=16
#SBATCH --cpus-per-task=1
#SBATCH --time=02:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#
# Runs a study under Slurm, and goes on with it in the next job until it is done.
#
#   sbatch [-N 4 ...] jobscripts/slurm.sh STUDY.cfg [options of coxswain run]
#
# The study lies in $COXSWAIN_OUT, or in a folder named after the file. 120 s before the time is up Slurm warns this
# script (--signal above), which tells all ranks to write a checkpoint and leave; exit code 75 then puts the job back
# into the queue. Without any warning nothing is lost but what came after the last checkpoint.
set -uo pipefail

study=${1:?which study? sbatch jobscripts/slurm.sh STUDY.cfg [options of coxswain run]}
shift
coxswain=${COXSWAIN:-coxswain}
out=${COXSWAIN_OUT:-$(basename "$study" .cfg)}

# srun must run in the background: a foreground command would hold the trap back until it ends.
srun --mpi="${COXSWAIN_SRUN_MPI:-pmix}" "$coxswain" run "$study" --out "$out" "$@" &
run=$!
trap 'kill -USR1 "$run"' USR1 TERM
while :; do
  wait "$run"
  code=$?
  kill -0 "$run" 2>/dev/null || break
done

# srun has been seen to return 0 after a node failure: what counts is what the study says of itself.
"$coxswain" status --exit-code "$out" >/dev/null
state=$?
if [ "$code" -eq 0 ] || [ "$code" -eq 75 ]; then
  code=$state
fi
if [ "$code" -eq 75 ]; then
  echo "more to do: job $SLURM_JOB_ID goes back into the queue (start $((${SLURM_RESTART_COUNT:-0} + 2)))"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
