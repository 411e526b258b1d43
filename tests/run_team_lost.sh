#!/usr/bin/env bash
# Teams whose members or leaders are killed at random moments, most of them in the middle of a sum, while mpirun lets the
# others live on: the rest come together in new teams of the same size, and each trial has the values of an unbroken run.
#
#     KILLS=1000 tests/run_team_lost.sh      more of them than a quick test has time for
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"
mpirun -n 1 --enable-recovery true 2>/dev/null || skip "this mpirun does not know --enable-recovery"
kills=${KILLS:-10}

cat >jets.cfg <<'EOF2'
study = { name = "jets"; metric = "val_loss"; trials = 24; };
space = { width = { low = 8; high = 32; }; lr = { low = 1e-3; high = 1e-2; log = true; }; };
data = { generate = "jets"; rows = 3000; classes = { light = 0; c = 4; b = 5; }; };
model = { hidden = ("@width", 8); dropout = 0.1; batch_norm = true; };
train = { epochs = 40; batch = 50; lr = "@lr"; };
run = { ranks_per_trial = 2; checkpoint = 0.1; lost_after = 1; hung_after = 60; attempts = 1000; steer = "dedicated"; };
EOF2

# start_teams RANKS DIR OPTIONS...
start_teams() {
  local n=$1 dir=$2
  shift 2
  mpirun -n "$n" --enable-recovery --oversubscribe --bind-to none "$COXSWAIN" run jets.cfg --out "$dir" "$@" >said 2>&1 &
  started=$!
  disown
  wait_for 60 "some training" at_least 40 "$dir/journal.log"
  mapfile -t everything < <(ranks_of "$started")
}

over() {
  gone "${everything[0]}"
}

# lines_more N JOURNAL FROM: or the study is over.
lines_more() {
  over || at_least $(($3 + $1)) "$2"
}

step "an undisturbed run"
expect 0 ranks 3 run jets.cfg --out whole
each_once whole 24

done=0
for ((round = 1; done < kills; round++)); do
  step "round $round: ranks of 4 teams are killed, leaders and others"
  start_teams 9 killed
  for victim in $(shuf -i 1-8 -n 6); do
    over && break
    sleep "0.$((RANDOM % 10))" # any moment will do
    kill -KILL "${everything[victim]}" 2>/dev/null || break # the study was over sooner
    done=$((done + 1))
    [ "$done" -lt "$kills" ] || break
    before=$(lines_of killed/journal.log)
    wait_for 120 "more trainings" lines_more 20 killed/journal.log "$before"
  done
  wait_for 180 "the end of all ranks" gone "$started" "${everything[@]}"
  each_once killed 24
  same_values killed whole
  expect 0 "$COXSWAIN" status killed --exit-code
  rm -rf killed
done
echo "$done ranks killed in $((round - 1)) runs"

step "a member is stopped: its team is dissolved; it goes on, and is in a team again"
start_teams 5 stopped --set study.trials=100000 # there is work for as long as it takes
kill -STOP "${everything[4]}"
wait_for 60 "its loss" grep -q 'rank 4 has not come back' stopped/logs/rank-0000.log
kill -CONT "${everything[4]}"
wait_for 60 "its new team" grep -q 'ranks 3, 4 are a team now' stopped/logs/rank-0000.log
expect 0 "$COXSWAIN" stop stopped
wait_for 120 "the end of mpirun" gone "$started" "${everything[@]}"
expect 0 ranks 3 run jets.cfg --out stopped # with 24 trials
each_once stopped "$(($("$COXSWAIN" export stopped --format csv | wc -l) - 1))"
same_values whole stopped

step "no whole team is left: the run ends, and says why"
start_teams 3 one
kill -KILL "${everything[1]}"
wait_for 60 "the end of all ranks" gone "$started" "${everything[@]}"
grep -q 'too few ranks are left for a team of 2' said || die "it does not say why it ended: $(cat said)"
expect 75 "$COXSWAIN" status one --exit-code
