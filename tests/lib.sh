# shellcheck shell=bash
# What the whole-run tests share: sourced by them, not run. Each works in a folder of its own below the working folder
# and takes it away when it has passed.
set -o pipefail
: "${COXSWAIN:?the program to test, for example COXSWAIN=\$PWD/build/coxswain}"
COXSWAIN=$(realpath "$COXSWAIN")
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$(basename "$0" .sh)
place=$PWD/test-files/$name

# Open MPI refuses root unless told twice; what killed ranks leave behind stays below our folder.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_btl_vader_backing_directory=$place/tmp
export OMPI_MCA_orte_tmpdir_base=$place/tmp

cleanup() {
  local code=$?
  trap - EXIT
  # A process number comes again, soon on a busy machine: only what is still a child of ours is killed.
  if [ -n "${started:-}" ] && pgrep -P $$ | grep -qx "$started"; then
    for pid in $(ranks_of "$started") "$started"; do
      kill -KILL "$pid" 2>/dev/null || true
    done
  fi
  for pid in $(jobs -p); do
    kill -KILL "$pid" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  case $code in
  0 | 77) rm -rf "$place" ;;
  *) echo "FAILED with $code; its files are in $place" ;;
  esac
  exit "$code"
}
trap cleanup EXIT

rm -rf "$place"
mkdir -p "$place/tmp"
cd "$place" || exit 1

step() {
  echo "-- $*"
}

die() {
  echo "$name: $*" >&2
  exit 1
}

skip() {
  echo "skipped: $*"
  exit 77
}

need_python() {
  command -v python3 >/dev/null || skip "no python3"
}

need_mpirun() {
  command -v mpirun >/dev/null || skip "no mpirun"
}

# ranks N ARGUMENTS...: the program on N ranks, more than there are cores if need be. Open MPI leaks by itself.
ranks() {
  local n=$1
  shift
  ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 mpirun -n "$n" --oversubscribe --bind-to none "$COXSWAIN" "$@"
}

# start_ranks N ARGUMENTS...: the same in the background; mpirun's process is $started, what it says is in `said`.
start_ranks() {
  local n=$1
  shift
  ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
    mpirun -n "$n" --oversubscribe --bind-to none "$COXSWAIN" "$@" >said 2>&1 &
  started=$!
  disown
}

# The ranks that mpirun's process $1 has started.
ranks_of() {
  pgrep -P "$1" || true
}

# n_ranks N PID: that many of them are there.
n_ranks() {
  [ "$(ranks_of "$2" | wc -l)" -eq "$1" ]
}

# expect CODE COMMAND...: runs it, with all it says in the file `said`, and looks at its exit code.
expect() {
  local wanted=$1 code=0
  shift
  "$@" >said 2>&1 || code=$?
  if [ "$code" -ne "$wanted" ]; then
    cat said
    die "exit code $code instead of $wanted: $*"
  fi
}

# says TEXT: what the last `expect` ran has said this.
says() {
  grep -qF -- "$1" said || {
    cat said
    die "it did not say: $1"
  }
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || die "waited in vain for $what"
    sleep 0.02
  done
}

# gone PID...: none of these processes is there any more (dead ones nobody has waited for do not count).
gone() {
  local pid state
  for pid in "$@"; do
    state=$(sed 's/.*) \(.\).*/\1/' "/proc/$pid/stat" 2>/dev/null) || continue
    [ "$state" = Z ] || [ -z "$state" ] || return 1
  done
}

lines_of() {
  if [ -f "$1" ]; then wc -l <"$1"; else echo 0; fi
}

# at_least N FILE: the file has that many lines.
at_least() {
  [ "$(lines_of "$2")" -ge "$1" ]
}

there_or_over() {
  at_least "$1" "$2" || gone "$started"
}

# kill_at LINES VICTIM JOURNAL: lets $started run until the journal has that many lines, then sends SIGKILL to all of it,
# to one rank, or to mpirun alone; returns when nothing of it is left. Fails if the run was over before.
kill_at() {
  local victims everything
  wait_for 60 "line $1 of $3" there_or_over "$1" "$3"
  mapfile -t everything < <(ranks_of "$started")
  if gone "$started"; then
    echo "the run was over before it could be killed: $(tail -n 3 said)"
    return 1
  fi
  case $2 in
  all) victims=("${everything[@]}" "$started") ;;
  one) victims=("${everything[RANDOM % ${#everything[@]}]}") ;;
  mpirun) victims=("$started") ;;
  esac
  kill -KILL "${victims[@]}"
  wait_for 30 "the end of what was killed ($2)" gone "$started" "${everything[@]}"
}

# What run_check.py says.
check() {
  python3 "$tests/run_check.py" "$@"
}

# A search as two runs of the same must have it: points, values, intermediate values, states; without times and places.
search_of() {
  "$COXSWAIN" export "$1" --format json | check search
}

# same_search DIR DIR: the same trials under the same numbers, bit for bit.
same_search() {
  search_of "$1" >search-1
  search_of "$2" >search-2
  [ -s search-1 ] || die "$1 has no trials"
  cmp -s search-1 search-2 || {
    diff search-1 search-2 | head -10
    die "$1 and $2 are not the same search"
  }
}

# same_values DIR DIR: every trial of the first, given its point, has the values of that point in the second.
same_values() {
  check values <("$COXSWAIN" export "$1" --format json) <("$COXSWAIN" export "$2" --format json)
}

# each_once DIR N: the journal has trials 0 ... N-1, each made once and ended once, and Optuna's order of lines.
each_once() {
  check once "$1/journal.log" "$2"
}

# status_is DIR EXPRESSION: Python, over x = what `status --json` says.
status_is() {
  "$COXSWAIN" status "$1" --json | check is "$2"
}
