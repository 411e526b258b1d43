#!/usr/bin/env bash
#BSUB -J coxswain
#BSUB -P PROJECT
#BSUB -nnodes 1
#BSUB -W 2:00
#BSUB -wt 2
#BSUB -wa URG
#BSUB -alloc_flags NVME
#BSUB -o coxswain-%J.log
#
# Runs a study under LSF with jsrun, as on Summit. Summit is retired and this was tried with stand-ins only.
#
#   STUDY=study.cfg bsub jobscripts/lsf_summit.sh                       the first job
#   STUDY=study.cfg bsub -w 'ended(JOBID)' jobscripts/lsf_summit.sh     the next ones of a chain: each goes on, and the
#                                                                       ones left over find the study done and leave
#
# ended, not done: a job that ran out of time counts as failed. 2 minutes before the end LSF sends URG (-wt and -wa
# above, both are needed), and all ranks write a checkpoint and leave.
set -uo pipefail

study=${1:-${STUDY:?which study? STUDY=study.cfg bsub jobscripts/lsf_summit.sh}}
coxswain=${COXSWAIN:-coxswain}
out=${COXSWAIN_OUT:-$(basename "$study" .cfg)}
nodes=$(sort -u "${LSB_DJOB_HOSTFILE:-/dev/null}" | grep -cv -e batch -e login)

if [ -f "$out/journal.log" ] && "$coxswain" status --exit-code "$out" >/dev/null; then
  echo "the study in $out is done"
  exit 0
fi

# One jsrun for the whole study: a resource set per host with its 42 cores, a rank per core.
jsrun --nrs "$((nodes > 0 ? nodes : 1))" --rs_per_host 1 --cpu_per_rs ALL_CPUS --tasks_per_rs "${COXSWAIN_RANKS_PER_NODE:-42}" --bind none \
  "$coxswain" run "$study" --out "$out" &
run=$!
trap 'kill -USR1 "$run"' URG USR1 TERM
while :; do
  wait "$run"
  code=$?
  kill -0 "$run" 2>/dev/null || break
done
if command -v jswait >/dev/null; then # jsrun's own code is not always that of the ranks
  jswait 1
  code=$?
fi
exit "$code"
