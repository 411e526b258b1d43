#!/usr/bin/env bash
# Runs a study on this machine under mpirun.
#
#   jobscripts/local.sh [-n RANKS] STUDY.cfg [options of coxswain run]
#
# Ctrl-C once asks the study to write a checkpoint and leave, twice leaves now; mpirun alone would kill the ranks at the
# first. Exit code 75 means that there is more to do: run it again and it goes on.
set -euo pipefail

ranks=$(nproc 2>/dev/null || echo 2)
if [ "${1:-}" = -n ]; then
  ranks=${2:?-n needs a number of ranks}
  shift 2
fi
[ $# -ge 1 ] || {
  sed -n '2,/^set/ { /^set/d; s/^# \{0,1\}//; p }' "$0" >&2
  exit 2
}

# Open MPI refuses root unless told twice; more ranks than cores and no binding are fine here. Other MPIs ignore these.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

set -m # mpirun in a process group of its own: the terminal's Ctrl-C reaches this script only
mpirun -n "$ranks" "${COXSWAIN:-coxswain}" run "$@" </dev/null &
run=$!
set +m

stops=0
# shellcheck disable=SC2317 # the trap calls it
stop() { # mpirun hands USR1 on to every rank
  stops=$((stops + 1))
  if [ "$stops" -eq 1 ]; then kill -USR1 "$run"; else kill -TERM "$run"; fi
}
trap stop INT TERM HUP

# wait returns at each signal as well: what counts is whether mpirun is still there.
code=0
while :; do
  code=0
  wait "$run" || code=$?
  kill -0 "$run" 2>/dev/null || break
done
exit "$code"
