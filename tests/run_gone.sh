#!/usr/bin/env bash
# Ranks that are killed or hang while mpirun lets the others live on: rank 0, most of the workers, one that a trial
# takes with it, one that never comes back. The study goes on where it can, each trial once, and nothing is left waiting.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"
mpirun -n 1 --enable-recovery true 2>/dev/null || skip "this mpirun does not know --enable-recovery"

cat >curve.cfg <<'EOF2'
evaluator = "function";
function = { name = "curve"; steps = 9; noise = 0.1; seconds = 0.01; };
study = { name = "curve"; metric = "value"; trials = 300; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
schedule = { name = "halving"; };
run = { checkpoint = 0.1; lost_after = 2; hung_after = 10; attempts = 20; };
EOF2

# start_outliving N ARGUMENTS...: ranks that outlive each other, with their processes in $everything.
start_outliving() {
  local n=$1
  shift
  mpirun -n "$n" --enable-recovery --oversubscribe --bind-to none "$COXSWAIN" run "$@" >said 2>&1 &
  started=$!
  disown
  wait_for 30 "$n ranks" n_ranks "$n" "$started"
  mapfile -t everything < <(ranks_of "$started")
}

step "an undisturbed run"
expect 0 "$COXSWAIN" run curve.cfg --out whole --set function.seconds=0

step "7 of 8 workers are killed at random moments: the last one finishes, every trial once, the same values"
start_outliving 9 curve.cfg --out most --set run.steer=dedicated
for i in 7 2 5 1 8 3 6; do
  wait_for 60 "more trials" at_least $(($(lines_of most/journal.log) + 20 + RANDOM % 60)) most/journal.log
  gone "${everything[0]}" && die "the study was over before all were killed: $(tail -n 3 said)"
  kill -KILL "${everything[i]}"
done
wait_for 120 "the end of all ranks" gone "$started" "${everything[@]}"
each_once most 300
same_values most whole
expect 0 "$COXSWAIN" status most --exit-code

step "rank 0 is killed: the workers save what they have and end; the same command goes on"
start_outliving 4 curve.cfg --out headless
wait_for 60 "some trials" at_least 300 headless/journal.log
kill -KILL "${everything[0]}"
wait_for 60 "the end of all ranks" gone "$started" "${everything[@]}"
grep -q "rank 0 .* has died" said || die "the workers did not say why they ended: $(cat said)"
expect 75 "$COXSWAIN" status headless --exit-code
expect 0 ranks 3 run curve.cfg --out headless --set function.seconds=0
each_once headless 300
same_values headless whole

step "rank 0 is stopped: the workers wait for its watchdog's time and end"
start_outliving 3 curve.cfg --out mute --set run.lost_after=1 --set run.hung_after=2
wait_for 60 "some trials" at_least 100 mute/journal.log
kill -STOP "${everything[0]}"
wait_for 60 "the end of the workers" gone "${everything[1]}" "${everything[2]}"
kill -KILL "${everything[0]}"
wait_for 30 "the end of mpirun" gone "$started"
grep -q "rank 0 has said nothing" said || die "the workers did not say why they ended: $(cat said)"

step "a trial that kills its worker is given up after 3 tries, and only that one"
cat >deadly.cfg <<'EOF2'
evaluator = "function";
function = { name = "deadly"; steps = 3; seconds = 0.02; };
study = { name = "deadly"; metric = "value"; trials = 40; };
space = { x = { low = 0.0; high = 1.0; }; };
run = { steer = "dedicated"; lost_after = 2; hung_after = 3; };
EOF2
python3 -c 'import json; json.dump([{"x": 0.95 if i == 7 else i / 50} for i in range(40)], open("points.json", "w"))'
start_outliving 6 deadly.cfg --out deadly --points points.json
wait_for 60 "the end of all ranks" gone "$started" "${everything[@]}"
each_once deadly 40
status_is deadly 'x["counts"]["failed"] == 1 and x["counts"]["complete"] == 39'
status_is deadly 'x["suspects"] == 0'
"$COXSWAIN" export deadly --format json | check is \
  'all("given up after 3 tries: its worker" in t["attributes"]["reason"] and t["params"]["x"] > 0.9
       for t in x["trials"] if t["state"] == "fail")'
# more than 3 where the machine is so slow that all its ranks seem silent at once: then no trial is to blame
[ "$(grep -c 'says nothing for' deadly/logs/rank-0000.log)" -ge 3 ] || die "fewer than 3 workers were lost"

step "a trial that never returns: its worker ends itself, and after 3 such the trial is given up"
start_outliving 5 deadly.cfg --out endless --points points.json --set function.name=endless
wait_for 120 "the end of all ranks" gone "$started" "${everything[@]}"
each_once endless 40
status_is endless 'x["counts"]["failed"] == 1 and x["counts"]["complete"] == 39'
[ "$(grep -c 'no progress for .* it hangs' said)" -ge 2 ] || die "no watchdog bit: $(cat said)"

step "trials that make no progress are taken from workers that still speak"
cat >slow.cfg <<'EOF2'
evaluator = "function";
function = { name = "sphere"; seconds = 1000; };
study = { name = "slow"; metric = "value"; trials = 2; };
space = { x = { low = 0.0; high = 1.0; }; };
run = { lost_after = 20; hung_after = 2; attempts = 2; };
EOF2
expect 3 timeout 60 "$COXSWAIN" run slow.cfg
"$COXSWAIN" export slow --format json | check is \
  'all("given up after 2 tries: no progress for 2 s" in t["attributes"]["reason"] for t in x["trials"])'

step "a worker that is stopped for ever does not keep mpirun from its end"
start_outliving 4 curve.cfg --out stopped
wait_for 60 "some trials" at_least 100 stopped/journal.log
kill -STOP "${everything[2]}"
wait_for 60 "the end of all ranks" gone "$started" "${everything[@]}"
each_once stopped 300
same_values stopped whole
expect 0 "$COXSWAIN" status stopped --exit-code
