#!/usr/bin/env bash
# study.confirm: the best few are evaluated again with other random numbers, and that changes nothing of the search.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun

cat >noisy.cfg <<'CFG'
evaluator = "function";
function = { name = "curve"; steps = 9; noise = 0.1; seconds = 0.001; };
study = { name = "noisy"; metric = "value"; trials = 40; confirm = 5; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
schedule = { name = "halving"; };
run = { ordered = true; in_flight = 6; checkpoint = 0.05; };
CFG

step "without repeats, and with them: the same search, the same best"
expect 0 "$COXSWAIN" run noisy.cfg --out without --set study.confirm=0
expect 0 ranks 3 run noisy.cfg --out with
python3 "$tests/history_checker.py" with/journal.log --complete
each_once with 55
search_of without >search-1
search_of with >search-2
head -n 40 search-2 | cmp - search-1
status_is with 'x["trials"] == 55 and x["confirm"] == {"done": 15, "wanted": 15} and x["complete"]'
"$COXSWAIN" status with | grep -q '40 of 40' || die "the repeats count as trials"
"$COXSWAIN" best with --json | check is 'x[0]["number"] == '"$("$COXSWAIN" best without --json | check show 'x[0]["number"]')"

step "mean and spread are those of the repeats"
"$COXSWAIN" export with --format json >all.json
"$COXSWAIN" best with -n 3 --json >best.json
python3 - <<'PY'
import json, statistics
best, trials = json.load(open("best.json")), json.load(open("all.json"))["trials"]
for b in best:
    repeats = [t for t in trials if t.get("confirms") == b["number"]]
    values = [t["value"] for t in repeats]
    assert all(t["params"] == b["params"] and t["state"] == "pruned" and t["step"] == 9 for t in repeats), repeats
    assert len(set(values + [b["value"]])) == 6, "the same random numbers twice"
    assert b["confirm"]["n"] == 5 and b["confirm"]["values"] == values
    assert abs(b["confirm"]["mean"] - statistics.mean(values)) < 1e-12
    assert abs(b["confirm"]["sd"] - statistics.stdev(values)) < 1e-12
sd = statistics.mean(b["confirm"]["sd"] for b in best)
assert 0.05 < sd < 0.2, sd  # function.noise = 0.1
assert sum(t["state"] == "complete" for t in trials) >= 3
PY
"$COXSWAIN" best with | grep -q '5 repeats with other random numbers' || die "best does not show the repeats"

step "killed while it confirms, and resumed"
expect 0 "$COXSWAIN" run noisy.cfg --out killed --set study.confirm=0
start_ranks 3 run noisy.cfg --out killed --set function.seconds=0.05
confirming() {
  [ "$(grep -c coxswain:confirms killed/journal.log)" -gt 8 ] || gone "$started"
}
wait_for 100 "repeats" confirming
kill_at 1 all killed/journal.log
status_is killed '0 < x["confirm"]["done"] < 15 and not x["complete"]'
"$COXSWAIN" status killed | grep -q 'confirming [0-9]* of 15' || die "status does not say how far it is"
expect 0 "$COXSWAIN" run noisy.cfg --out killed
same_search with killed
python3 "$tests/history_checker.py" killed/journal.log --complete

step "a complete study is confirmed later, and further; a limit in the middle is no reason not to"
expect 0 "$COXSWAIN" run noisy.cfg --out without --set study.confirm=2 --set study.confirm_best=2
status_is without 'x["confirm"] == {"done": 4, "wanted": 4} and x["complete"]'
expect 0 "$COXSWAIN" run noisy.cfg --out without --set study.confirm=3 --set study.confirm_best=2
status_is without 'x["confirm"] == {"done": 6, "wanted": 6} and x["complete"]'
expect 0 ranks 2 run noisy.cfg --out target --set study.target=0.9 --set study.confirm_best=1
status_is target 'x["confirm"] == {"done": 5, "wanted": 5} and x["complete"] and x["trials"] < 45'

step "programs get another seed"
cat >program.cfg <<'CFG'
evaluator = "command";
command = { argv = ("sh", "-c", "echo '{\"loss\": '{x}.$COXSWAIN_SEED'}'"); };
study = { metric = "loss"; trials = 4; confirm = 2; confirm_best = 1; };
space = { x = { low = 1; high = 1000; }; };
CFG
expect 0 "$COXSWAIN" run program.cfg --out program
"$COXSWAIN" best program --json | check is \
  'x[0]["confirm"]["n"] == 2 and len({int(v) for v in x[0]["confirm"]["values"] + [x[0]["value"]]}) == 1 and x[0]["confirm"]["sd"] > 0'

for python in ${COXSWAIN_OPTUNA_PYTHONS:-/usr/bin/python3 python3}; do
  "$python" -c 'import optuna' 2>/dev/null || continue
  step "Optuna ($python) has the same best, and is told of the repeats"
  "$COXSWAIN" export with --format json -o expected.json
  "$python" "$tests/test_optuna.py" with/journal.log expected.json
done
