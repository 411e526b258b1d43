#!/usr/bin/env bash
# Teams: two ranks train one trial together. Values repeat; a member that dies leaves nobody waiting (where the others
# live on: run_team_lost.sh).
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"

cat >jets.cfg <<'EOF'
study = { name = "jets"; metric = "val_loss"; trials = 16; };
space = {
  width = { low = 8; high = 32; };
  lr = { low = 1e-3; high = 1e-2; log = true; };
  optimizer = ("adam", "sgd");
};
data = { generate = "jets"; rows = 3000; classes = { light = 0; c = 4; b = 5; }; };
model = { hidden = ("@width", 8); dropout = 0.1; batch_norm = true; };
train = { epochs = 9; batch = 100; optimizer = "@optimizer"; lr = "@lr"; momentum = 0.5; };
run = { ranks_per_trial = 2; checkpoint = 0.1; };
EOF

step "two teams of two, twice: the same values"
expect 0 ranks 4 run jets.cfg --out first
each_once first 16
status_is first 'x["counts"]["complete"] == 16'
grep -q '"team":2' first/journal.log || die "no teams in the journal"
expect 0 ranks 4 run jets.cfg --out second
same_search first second

step "one team, and one with rank 0 apart: the same values again"
expect 0 ranks 2 run jets.cfg --out one
same_search first one
expect 0 ranks 3 run jets.cfg --out apart --set run.steer=dedicated
same_search first apart

step "with halving, paused and taken up again by another team"
expect 0 ranks 4 run jets.cfg --out rungs --set schedule.name=halving --set run.ordered=true
expect 0 ranks 2 run jets.cfg --out rungs-one --set schedule.name=halving --set run.ordered=true
same_search rungs rungs-one

step "a rank too many rests, and leaves with the others"
expect 0 timeout 60 mpirun -n 5 --oversubscribe --bind-to none "$COXSWAIN" run jets.cfg --out five
says "1 rank without work"
same_search first five

step "a team's values are those of one rank but for the order of sums"
expect 0 "$COXSWAIN" run jets.cfg --out alone --set run.ranks_per_trial=1
"$COXSWAIN" export first --format json >first.json
"$COXSWAIN" export alone --format json >alone.json
python3 - <<'EOF'
import json
team, alone = (json.load(open(f"{n}.json"))["trials"] for n in ("first", "alone"))
for a, b in zip(team, alone):
    assert a["params"] == b["params"]
    assert abs(a["intermediate_values"]["1"] - b["intermediate_values"]["1"]) < 1e-3, (a, b)
EOF

step "stopped and gone on with: the same search"
for i in 1 2 3; do # on a quick machine the last of them may find nothing to do
  code=0
  ranks 4 run jets.cfg --out stopped --set run.walltime=0.15 --set run.checkpoint=0.02 >said 2>&1 || code=$?
  [ $code -eq 75 ] || [ $code -eq 0 ] || die "exit code $code in round $i: $(tail -n 5 said)"
done
expect 0 ranks 4 run jets.cfg --out stopped
same_search first stopped

step "a member is killed: mpirun ends all, the next start goes on"
start_ranks 4 run jets.cfg --out member --set study.trials=400
wait_for 30 "some trials" at_least 200 member/journal.log
mapfile -t everything < <(ranks_of "$started")
kill -KILL "${everything[1]}"
wait_for 30 "the end of all ranks" gone "$started" "${everything[@]}"
expect 75 "$COXSWAIN" status member --exit-code
trials=$("$COXSWAIN" status member --json | check show 'max(16, x["trials"])')
expect 0 ranks 4 run jets.cfg --out member --set study.trials="$trials"
each_once member "$trials"
same_values first member
