#!/usr/bin/env bash
# ---- what to edit, or to give to sbatch, which comes first: sbatch -N 4 -t 8:00:00 jobscripts/slurm_gpu.sh ... ----
#SBATCH --job-name=coxswain-gpu
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --time=02:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --no-kill
#SBATCH --requeue
#SBATCH --open-mode=append
#
# Runs a study on GPUs under Slurm, one rank for each, and goes on with it, job after job, until it is done.
#
#   sbatch jobscripts/slurm_gpu.sh STUDY [options of coxswain run]
#
# As many ranks on a node as it has GPUs. Each rank sees all of them and takes the one of its number on the node: where
# GPUs are bound to ranks, NCCL goes by slower ways. But for a few lines this file is slurm.sh. Those lines have been
# tried on no GPU yet.
#
# STUDY is a study file or the folder of a study. There are two ways to come to the end of one that is longer than a job:
#
#   sbatch jobscripts/slurm_gpu.sh scan.cfg        one job, which puts itself back into the queue
#
#   for i in 1 2 3 4 5; do                     a chain: each job waits for those before it (same name, same user) and goes
#     sbatch --no-requeue -d singleton -J scan jobscripts/slurm_gpu.sh scan.cfg         on; what is left over finds the study
#   done                                                                            done and leaves
#
# The first needs jobs that leave in time, by the time left that Slurm tells the run or by the warning of --signal; the
# second also gets over jobs that end without a word. Either way a launch whose ranks die is repeated inside the job.
set -uo pipefail

# module load openmpi hdf5                # as for building
coxswain=${COXSWAIN:-coxswain}            # the program
mpi=${COXSWAIN_SRUN_MPI:-pmix}            # how srun talks to the MPI library; srun --mpi=list shows what there is
tries=${COXSWAIN_TRIES:-3}                # so many launches in a row that bring nothing are enough
per_node=${SLURM_NTASKS_PER_NODE:-$(((SLURM_NTASKS + SLURM_JOB_NUM_NODES - 1) / SLURM_JOB_NUM_NODES))} # ranks
srun_options=(--cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --gpus-per-node="${SLURM_GPUS_PER_NODE:-$per_node}" --gpu-bind=none)

# ---- 1. which study ----
say() { echo "$(date +%T) job $SLURM_JOB_ID: $*"; }
study=${1:?which study? sbatch jobscripts/slurm_gpu.sh STUDY.cfg [options of coxswain run]}
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
sets=(--set run.backend=cuda ${sets[@]+"${sets[@]}"})
options+=("${sets[@]}")
folder=$("$coxswain" check --folder "$study" ${sets[@]+"${sets[@]}"}) || exit 2 # it has listed the mistakes
out=${out:-$folder}
launches=$out/logs/launches-$SLURM_JOB_ID
mkdir -p "$out/logs" && touch "$launches" || exit 74

# ---- 2. how the study stands: by its journal, not by exit codes of srun, which has been seen to return 0 when a
# node had failed ----
look() {
  json=$("$coxswain" status --json --exit-code "$out" 2>/dev/null)
  state=$? # 0 done, 3 too many trials failed, 75 more to do, 2 no study yet
}
word() { sed -n "s/,\$//; s/^  \"$1\": //p" <<<"$json" | tr -d '"'; } # one value of that JSON
kept() { # what need not be trained again: moves when a launch brings anything
  if [ $state -eq 2 ]; then echo "0 0.0"; else echo "$(word steps) $(word training_seconds)"; fi
}

# Another job has it? Leave. If it is a launch of this job, or of one that is over, whose rank 0 hangs on a node that
# does not answer, its lock runs out by itself.
wait_for_lock() {
  local runner job
  for _ in $(seq 60); do
    look
    [ "$(word running)" = true ] || return 0
    runner=$(word runner)
    job=$(sed -n 's/.*, job \([0-9]*\).*/\1/p' <<<"$runner")
    if [ "$job" != "$SLURM_JOB_ID" ] && { [ -z "$job" ] || [ -n "$(squeue -h -t running -j "$job" -o %i 2>/dev/null)" ]; }; then
      break
    fi
    say "waiting for the lock of $runner to run out"
    sleep 10
  done
  say "$out is being written by $runner: this job leaves it alone"
  exit 2
}

# ---- 3. which nodes: all at first; after a launch that died, those on which a step of one task works ----
nodes_of_job() { scontrol show hostnames "$(squeue -h -j "$SLURM_JOB_ID" -o %N)"; }
nodes_that_answer() {
  local node
  for node in $(nodes_of_job); do
    (timeout -k 5 60 srun --overlap --mpi=none -N1 -n1 -w "$node" true </dev/null >/dev/null 2>&1 && echo "$node") &
  done
  wait
}

# With --no-kill a job outlives its nodes; but if it is the first one that fails, with this script, the others would wait
# for the end of the time. So the last node watches the first.
guard=
keep_guard() { # NODE
  [ -n "$guard" ] && kill -0 "$guard" 2>/dev/null && return
  # shellcheck disable=SC2016 # the guard's shell expands it
  srun --overlap --mpi=none -N1 -n1 -w "$1" --job-name=guard bash -c '
    while sleep 20; do
      nodes=$(squeue -h -j "$1" -o %N) && [ -n "$nodes" ] || continue
      scontrol show hostnames "$nodes" | grep -qxF "$2" || { scontrol requeue "$1" || scancel "$1"; exit; }
    done' guard "$SLURM_JOB_ID" "$SLURMD_NODENAME" </dev/null >/dev/null 2>&1 &
  guard=$!
}

# ---- 4. a launch: srun in the background, since a foreground command would hold the traps back until it ends ----
warned=no run=
trap 'warned=yes; [ -z "$run" ] || kill -USR1 "$run"' USR1 TERM # all ranks write a checkpoint and leave
launch() { # NODE...
  squeue -h -s -j "$SLURM_JOB_ID" -o '%i %j' | awk '/\.[0-9]+ / && !/ guard$/ { print $1 }' | xargs -r scancel -s KILL # what hangs
  [ $# -eq 1 ] || keep_guard "${!#}"
  srun --mpi="$mpi" --kill-on-bad-exit=1 --wait=60 --nodes=$# --nodelist="$(IFS=, && echo "$*")" \
    --ntasks=$(($# * per_node)) --ntasks-per-node="$per_node" "${srun_options[@]}" \
    "$coxswain" run "$study" --out "$out" ${options[@]+"${options[@]}"} &
  run=$!
  while kill -0 "$run" 2>/dev/null; do # wait returns at each signal as well
    wait "$run"
    code=$?
  done
  run=
}

# ---- 5. launch until the study is done, the time is up, or launches bring nothing ----
mapfile -t nodes < <(nodes_of_job)
while [ $warned = no ]; do
  wait_for_lock
  if [ "$(grep -cxF -- "$(kept)" "$launches")" -ge "$tries" ]; then # a file: it outlives a requeue
    say "the last $tries launches brought nothing: see above, and $out/logs. Not started again"
    exit 70
  fi
  kept >>"$launches" || exit 74
  openings=$(word openings)
  say "launch on ${nodes[*]}"
  launch "${nodes[@]}"
  look
  left=$(word left) # how the run left: of no meaning if this launch did not even come to open the study
  [ "$(word openings)" != "$openings" ] || left=
  case $state:$code:$left in
  0:0:* | 3:*) # both must say so: srun alone lies, and the study may be another one than the file asks for
    "$coxswain" status "$out"
    rm -f "$launches"
    exit "$state"
    ;;
  *:stop)
    say "coxswain stop asked it to leave: submit again to go on"
    exit 75
    ;;
  *:signal | *:walltime) break ;;
  esac
  [ $warned = yes ] && break
  sleep 5
  mapfile -t nodes < <(nodes_that_answer)
  say "the ranks are gone (code $code) and there is more to do; nodes that answer: ${nodes[*]:-none}"
  [ ${#nodes[@]} -gt 0 ] || break
done

# ---- 6. more to do: back into the queue, unless this job was cancelled or is one of a chain ----
if scontrol show job -o "$SLURM_JOB_ID" | grep -q 'Requeue=1.* JobState=RUNNING\|JobState=RUNNING.* Requeue=1'; then
  say "more to do: back into the queue (start $((${SLURM_RESTART_COUNT:-0} + 2)))"
  scontrol requeue "$SLURM_JOB_ID"
else
  say "more to do: the next job goes on"
fi
exit 75
