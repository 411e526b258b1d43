#!/usr/bin/env bash
# Workers that die or fall silent while the others live on: their trials are handed out again, nothing is there twice,
# and nobody waits for them.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"

cat >curve.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 9; noise = 0.1; };
study = { name = "curve"; metric = "value"; trials = 200; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
schedule = { name = "halving"; };
run = { ordered = true; checkpoint = 0.1; lost_after = 1; };
EOF
step "an undisturbed run"
expect 0 "$COXSWAIN" run curve.cfg --out whole

# start_four DIR OPTIONS...: four ranks that outlive each other, with their processes in $everything.
start_four() {
  local dir=$1
  shift
  mpirun -n 4 --enable-recovery --oversubscribe --bind-to none "$COXSWAIN" run curve.cfg --out "$dir" "$@" >said 2>&1 &
  started=$!
  disown
  wait_for 30 "some stints" grep -sq '"worker":3' "$dir/journal.log"
  mapfile -t everything < <(ranks_of "$started")
}

# Ranks of a job one of which was killed may not get through MPI_Finalize: they have ended when nothing runs any more.
ended() {
  gone "$started" || "$COXSWAIN" status --exit-code "$1" >/dev/null 2>&1
}

if mpirun -n 1 --enable-recovery true 2>/dev/null; then
  step "two of four are killed: the others finish, and the search is the same"
  start_four killed --set function.seconds=0.01
  kill -KILL "${everything[3]}" "${everything[1]}"
  wait_for 60 "the end of the study" ended killed
  wait_for 30 "the end of all ranks" gone "$started" "${everything[@]}"
  each_once killed 200
  same_search whole killed

  step "a trial that takes its worker with it each time is given up after run.attempts"
  start_four given-up --set function.seconds=1000 --set run.attempts=1 --set run.ordered=false
  kill -KILL "${everything[3]}"
  failed() {
    status_is given-up 'x["counts"]["failed"] > 0' 2>/dev/null
  }
  wait_for 30 "a trial to be given up" failed
  "$COXSWAIN" export given-up --format json | check is \
    'all("given up" in t["attributes"]["reason"] for t in x["trials"] if t["state"] == "fail")'
  expect 0 "$COXSWAIN" stop given-up
  wait_for 30 "the end of all ranks" gone "$started" "${everything[@]}"
else
  echo "the parts with --enable-recovery are left out: this mpirun does not know it"
fi

step "one falls silent, is given up, speaks again and rows on"
start_ranks 4 run curve.cfg --out silent --set function.seconds=0.05
wait_for 30 "some trials" at_least 200 silent/journal.log
mapfile -t everything < <(ranks_of "$started")
kill -STOP "${everything[3]}"
wait_for 20 "its loss" grep -q 'says nothing' silent/logs/rank-0000.log
before=$(lines_of silent/journal.log)
kill -CONT "${everything[3]}"
wait_for 20 "its word" grep -q 'speaks again' silent/logs/rank-0000.log
works_again() {
  sed "1,${before}d" silent/journal.log | grep -q '"worker":3'
}
wait_for 20 "new work for it" works_again
wait_for 60 "the end of mpirun" gone "$started" "${everything[@]}"
each_once silent 200
same_search whole silent
expect 0 "$COXSWAIN" status silent --exit-code

step "one falls silent for ever: the others finish and leave"
start_ranks 4 run curve.cfg --out asleep --set function.seconds=0.01
wait_for 30 "some trials" at_least 200 asleep/journal.log
mapfile -t everything < <(ranks_of "$started")
kill -STOP "${everything[2]}"
wait_for 60 "the end of mpirun" gone "$started"
wait_for 20 "the end of all ranks" gone "${everything[@]}"
each_once asleep 200
same_search whole asleep
expect 0 "$COXSWAIN" status asleep --exit-code
