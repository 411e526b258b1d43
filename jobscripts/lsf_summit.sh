#!/usr/bin/env bash
# ---- what to edit, or to give to bsub, which comes first ----
#BSUB -J coxswain
#BSUB -P PROJECT
#BSUB -nnodes 1
#BSUB -W 2:00
#BSUB -wt 2
#BSUB -wa URG
#BSUB -alloc_flags NVME
#BSUB -o coxswain-%J.log
#
# Runs a study under LSF with jsrun, as on Summit, and goes on with it job after job. Summit is retired: this was tried
# with stand-ins for bsub, jsrun and bjobs only.
#
#   jobscripts/lsf_summit.sh --submit 5 STUDY [options of coxswain run]    a chain of 5 jobs, each waits for the one before
#   STUDY=scan.cfg bsub jobscripts/lsf_summit.sh                           one job
#
# STUDY is a study file or the folder of a study. A chain waits on ended(JOB), not done(JOB): a job that ran out of time
# counts as failed. What is left over of a chain finds the study done and leaves. Two minutes before the end LSF sends
# URG (-wt and -wa, both are needed), and all ranks write a checkpoint and leave; the run also asks bjobs by itself.
set -uo pipefail

# module load spectrum-mpi hdf5         # as for building
coxswain=${COXSWAIN:-coxswain}          # the program
per_node=${COXSWAIN_RANKS_PER_NODE:-42} # ranks on a host: 42 cores, or 6 GPUs
gpus=${COXSWAIN_GPUS_PER_NODE:-0}       # 6: one rank for each, with per_node=6
cores=$((42 / per_node))                # of each rank, with 4 threads each
tries=${COXSWAIN_TRIES:-3}              # so many launches in a row that bring nothing are enough

# ---- 0. on the login node: the chain ----
if [ "${1:-}" = --submit ]; then
  jobs=${2:?--submit N STUDY}
  shift 2
  STUDY=${1:?--submit N STUDY}
  shift
  STUDY_OPTIONS=$([ $# -eq 0 ] || printf '%q ' "$@")
  export STUDY STUDY_OPTIONS # bsub hands the environment on
  last=
  for _ in $(seq "$jobs"); do
    said=$(bsub ${last:+-w "ended($last)"} "$0") || exit 1
    last=$(sed -n 's/.*Job <\([0-9]*\)>.*/\1/p' <<<"$said")
    echo "$said"
  done
  exit 0
fi

# ---- 1. which study ----
say() { echo "$(date +%T) job $LSB_JOBID: $*"; }
[ $# -gt 0 ] || eval "set -- $(printf '%q ' "${STUDY:?which study? STUDY=scan.cfg bsub jobscripts/lsf_summit.sh}") ${STUDY_OPTIONS:-}"
study=$1
shift
out='' options=() sets=()
while [ $# -gt 0 ]; do
  case $1 in
  -o | --out) out=${2:?--out needs a folder} && shift ;;
  --out=*) out=${1#--out=} ;;
  -s | --set) sets+=(--set "${2:?--set needs KEY=VALUE}") && shift ;;
  --set=*) sets+=("$1") ;;
  --fresh) say "--fresh would start over at every launch: run it once by hand" && exit 2 ;;
  *) options+=("$1") ;;
  esac
  shift
done
[ "$gpus" -eq 0 ] || sets=(--set run.backend=cuda ${sets[@]+"${sets[@]}"})
options+=(${sets[@]+"${sets[@]}"})
folder=$("$coxswain" check --folder "$study" ${sets[@]+"${sets[@]}"}) || exit 2 # it has listed the mistakes
out=${out:-$folder}

# ---- 2. how the study stands: by its journal, not by exit codes of jsrun ----
look() {
  json=$("$coxswain" status --json --exit-code "$out" 2>/dev/null)
  state=$? # 0 done, 3 too many trials failed, 75 more to do, 2 no study yet
}
word() { sed -n "s/,\$//; s/^  \"$1\": //p" <<<"$json" | tr -d '"'; } # one value of that JSON
kept() { # what need not be trained again: moves when a launch brings anything
  if [ $state -eq 2 ]; then echo "0 0.0"; else echo "$(word steps) $(word training_seconds)"; fi
}

# Another job has it? Leave. If it is a launch of this job, or of one that is over, whose rank 0 hangs on a host that
# does not answer, its lock runs out by itself.
wait_for_lock() {
  local runner job
  for _ in $(seq 60); do
    look
    [ "$(word running)" = true ] || return 0
    runner=$(word runner)
    job=$(sed -n 's/.*, job \([0-9]*\).*/\1/p' <<<"$runner")
    if [ "$job" != "$LSB_JOBID" ] && { [ -z "$job" ] || bjobs -noheader -o stat "$job" 2>/dev/null | grep -q RUN; }; then
      break
    fi
    say "waiting for the lock of $runner to run out"
    sleep 10
  done
  say "$out is being written by $runner: this job leaves it alone"
  exit 2
}

# ---- 3. which hosts: all at first; after a launch that died, those that answer ----
hosts_of_job() { grep -v -e batch -e login "${LSB_DJOB_HOSTFILE:-/dev/null}" | sort -u; }
hosts_that_answer() {
  local host
  for host in $(hosts_of_job); do
    (timeout -k 5 60 ssh -o BatchMode=yes "$host" true </dev/null >/dev/null 2>&1 && echo "$host") &
  done
  wait
}

# jsrun cannot leave out hosts by an option: an explicit resource file says where each rank goes.
resource_file() { # HOST...
  local host i rank=0
  echo "cpu_index_using: logical"
  for host; do
    for ((i = 0; i < per_node; i++)); do
      echo "rank: $((rank++)): { host: $host; cpu: {$((4 * cores * i))-$((4 * cores * (i + 1) - 1))}${gpu_of[i]:-} }"
    done
  done
}
gpu_of=()
for ((i = 0; i < gpus; i++)); do gpu_of+=("; gpu: {$i}"); done

# ---- 4. a launch: one jsrun for the whole study, in the background so that the traps work ----
warned=no run=
trap 'warned=yes; [ -z "$run" ] || kill -USR1 "$run"' URG USR1 TERM # all ranks write a checkpoint and leave
launch() { # HOST...
  local where=(--nrs "$(($# * per_node))" --rs_per_host "$per_node" --tasks_per_rs 1 --cpu_per_rs "$cores" \
    --gpu_per_rs "$((gpus > 0))" --bind none)
  if [ $# -lt "$n_hosts" ]; then
    mkdir -p "$out/logs"
    resource_file "$@" >"$out/logs/hosts-$LSB_JOBID.erf"
    where=(--erf_input "$out/logs/hosts-$LSB_JOBID.erf")
  fi
  launches=$((launches + 1)) # jsrun numbers its job steps from 1
  jsrun "${where[@]}" "$coxswain" run "$study" --out "$out" ${options[@]+"${options[@]}"} &
  run=$!
  while kill -0 "$run" 2>/dev/null; do # wait returns at each signal as well
    wait "$run"
    code=$?
  done
  run=
  if command -v jswait >/dev/null; then # jsrun's own code is not always that of the ranks
    jswait "$launches"
    code=$?
  fi
}

# ---- 5. launch until the study is done, the time is up, or launches bring nothing ----
mapfile -t hosts < <(hosts_of_job)
n_hosts=${#hosts[@]} launches=0 idle=0
while [ $warned = no ]; do
  wait_for_lock
  before=$(kept) openings=$(word openings)
  say "launch on ${hosts[*]}"
  launch "${hosts[@]}"
  look
  left=$(word left) # how the run left: of no meaning if this launch did not even come to open the study
  [ "$(word openings)" != "$openings" ] || left=
  case $state:$code:$left in
  0:0:* | 3:*) # both must say so: the study may be another one than the file asks for
    "$coxswain" status "$out"
    exit "$state"
    ;;
  *:stop)
    say "coxswain stop asked it to leave: submit again to go on"
    exit 75
    ;;
  *:signal | *:walltime) break ;;
  esac
  [ $warned = yes ] && break
  idle=$((idle + 1))
  [ "$(kept)" = "$before" ] || idle=0
  if [ "$idle" -ge "$tries" ]; then
    say "the last $tries launches brought nothing: see above, and $out/logs"
    exit 70
  fi
  sleep 5
  mapfile -t hosts < <(hosts_that_answer)
  say "the ranks are gone (code $code) and there is more to do; hosts that answer: ${hosts[*]:-none}"
  [ ${#hosts[@]} -gt 0 ] || break
done
say "more to do: the next job goes on"
exit 75
