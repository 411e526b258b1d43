#!/usr/bin/env bash
# Runs a study on this machine under mpirun, and starts the ranks again when they die.
#
#   jobscripts/local.sh [-n RANKS] STUDY [options of coxswain run]
#
# STUDY is a study file or the folder of a study. Ctrl-C once asks the study to write a checkpoint and leave, twice leaves
# now; mpirun alone would kill the ranks at the first. Exit code 75 means that there is more to do: run it again and it
# goes on.
set -uo pipefail

# ---- what to edit ----
coxswain=${COXSWAIN:-coxswain}          # the program
ranks=$(nproc 2>/dev/null || echo 2)    # -n
tries=${COXSWAIN_TRIES:-3}              # so many launches in a row that bring nothing are enough
mpirun=(mpirun)                         # over several machines: (mpirun --hostfile hosts)
# Open MPI refuses root unless told twice; more ranks than cores and no binding are fine here. Other MPIs ignore these.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

# ---- 1. which study ----
say() { echo "$(date +%T) local.sh: $*" >&2; }
if [ "${1:-}" = -n ]; then
  ranks=${2:?-n needs a number of ranks}
  shift 2
fi
[ $# -ge 1 ] || {
  sed -n '2,/^set/ { /^set/d; s/^# \{0,1\}//; p }' "$0" >&2
  exit 2
}
study=$1
shift
out='' options=() sets=() fresh=()
while [ $# -gt 0 ]; do
  case $1 in
  -o | --out) out=${2:?--out needs a folder} && shift ;;
  --out=*) out=${1#--out=} ;;
  -s | --set) sets+=(--set "${2:?--set needs KEY=VALUE}") && shift ;;
  --set=*) sets+=("$1") ;;
  --fresh) fresh=(--fresh) ;; # for the first launch only
  *) options+=("$1") ;;
  esac
  shift
done
options+=(${sets[@]+"${sets[@]}"})
folder=$("$coxswain" check --folder "$study" ${sets[@]+"${sets[@]}"}) || exit 2 # it has listed the mistakes
out=${out:-$folder}

# ---- 2. how the study stands: by its journal, not by the exit code of mpirun ----
look() {
  json=$("$coxswain" status --json --exit-code "$out" 2>/dev/null)
  state=$? # 0 done, 3 too many trials failed, 75 more to do, 2 no study yet
}
word() { sed -n "s/,\$//; s/^  \"$1\": //p" <<<"$json" | tr -d '"'; } # one value of that JSON
kept() { # what need not be trained again: moves when a launch brings anything
  if [ $state -eq 2 ]; then echo "0 0.0"; else echo "$(word steps) $(word training_seconds)"; fi
}

# ---- 3. a launch: mpirun in the background, in a process group of its own, so that Ctrl-C reaches this script only ----
signals=0 run=
# shellcheck disable=SC2317 # the trap calls it
stop() { # mpirun hands USR1 on to every rank
  signals=$((signals + 1))
  [ -n "$run" ] || return 0
  if [ "$signals" -eq 1 ]; then kill -USR1 "$run"; else kill -TERM "$run"; fi
}
trap stop INT TERM HUP
launch() {
  set -m
  "${mpirun[@]}" -n "$ranks" "$coxswain" run "$study" --out "$out" ${options[@]+"${options[@]}"} "$@" </dev/null &
  run=$!
  set +m
  while kill -0 "$run" 2>/dev/null; do # wait returns at each signal as well
    wait "$run"
    code=$?
  done
  run=
}

# ---- 4. launch until the study is done, somebody stops it, or launches bring nothing ----
idle=0
while :; do
  look
  before=$(kept) openings=$(word openings)
  launch ${fresh[@]+"${fresh[@]}"}
  look
  left=$(word left) # how the run left: of no meaning if this launch did not even come to open the study
  [ "$(word openings)" != "$openings" ] || left=
  case $state:$code:$left in
  0:0:* | 3:*) exit "$state" ;; # both must say so: the study may be another one than the file asks for
  *:stop | *:signal | *:walltime) exit 75 ;;
  esac
  [ "$signals" -eq 0 ] || exit 75
  if [ "$(word running)" = true ]; then
    say "$out is being written by $(word runner)"
    exit 2
  fi
  idle=$((idle + 1))
  [ "$(kept)" = "$before" ] || idle=0
  if [ "$idle" -ge "$tries" ]; then
    say "the last $tries launches brought nothing: see above, and $out/logs"
    exit 70
  fi
  say "the ranks are gone (code $code) and there is more to do: once more"
  fresh=()
  sleep 2
done
