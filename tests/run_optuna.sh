#!/usr/bin/env bash
# The journals of a finished and of a running study, opened by Optuna as they lie: it sees what the exports say.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

# Every Python of these that has Optuna.
pythons=()
for python in ${COXSWAIN_OPTUNA_PYTHONS:-/usr/bin/python3 python3}; do
  "$python" -c 'import optuna' 2>/dev/null && pythons+=("$python")
done
[ ${#pythons[@]} -gt 0 ] || skip "no Python here has Optuna (Debian: apt-get install python3-optuna)"

cat >mixed.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 9; noise = 0.1; seconds = 0.001; };
study = { name = "mixed"; metric = "value"; trials = 60; };
space = {
  x = { low = 1e-3; high = 1.0; log = true; };
  y = { low = -1.0; high = 1.0; step = 0.25; };
  n = { low = 1; high = 64; log = true; };
  kind = ("a", "b", 3, true, 2.5);
  z = { low = 0.0; high = 1.0; when = { kind = ("a", 3); }; };
  always = 0.5;
};
schedule = { name = "halving"; };
EOF

optuna_agrees() {
  "$COXSWAIN" export "$1" --format json -o expected.json
  for python in "${pythons[@]}"; do
    "$python" "$tests/test_optuna.py" "$1/journal.log" expected.json
  done
}

step "a finished study: paused trials became pruned ones"
expect 0 "$COXSWAIN" run mixed.cfg
optuna_agrees mixed

step "a study that was asked, told, cancelled and enqueued into, and one that maximises"
expect 75 "$COXSWAIN" run mixed.cfg --out odd --set study.direction=maximize --set function.seconds=0.01 --set run.walltime=0.5
expect 0 "$COXSWAIN" enqueue odd --point '{"x": 0.5, "y": 0.25, "n": 8, "kind": "b", "always": 0.5}'
expect 0 "$COXSWAIN" ask odd -n 2 -o asked.json
echo '[{"params": {"x": 0.25, "y": 0.5, "n": 4, "kind": true, "always": 0.5}, "value": 0.125}]' >told.json
expect 0 "$COXSWAIN" tell odd told.json
expect 0 "$COXSWAIN" cancel odd 2
optuna_agrees odd

step "a running study, held still to be compared"
"$COXSWAIN" run mixed.cfg --out running --set function.seconds=0.01 >said 2>&1 &
wait_for 20 "some trials" at_least 200 running/journal.log
kill -STOP $!
optuna_agrees running
status_is running 'x["running"] and x["counts"]["training"] > 0'
kill -CONT $!

step "and read while it goes on, as a dashboard does"
"${pythons[0]}" - <<'EOF'
import warnings, time, sys
warnings.filterwarnings("ignore")
import optuna
sys.path.insert(0, ".")
optuna.logging.set_verbosity(optuna.logging.ERROR)
try:
    backend = optuna.storages.journal.JournalFileBackend("running/journal.log")
except AttributeError:
    backend = optuna.storages.JournalFileStorage("running/journal.log")
study = optuna.load_study(study_name="mixed", storage=optuna.storages.JournalStorage(backend))
seen = 0
for _ in range(100):
    now = len(study.get_trials(deepcopy=False))
    assert now >= seen
    if seen and now > seen + 5:
        break
    seen = seen or now
    time.sleep(0.05)
else:
    sys.exit("no new trials seen")
EOF
kill -KILL $!
wait_for 10 "its end" gone $!
optuna_agrees running

if command -v mpirun >/dev/null; then
  step "a study of 4 ranks"
  expect 0 ranks 4 run mixed.cfg --out ranks
  optuna_agrees ranks
fi
