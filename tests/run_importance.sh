#!/usr/bin/env bash
# coxswain importance: what matters comes out on top, what does not is nothing, and it agrees with Optuna's PED-ANOVA on
# the same journal where an Optuna that has it is there.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

cat >sums.cfg <<'EOT'
evaluator = "function";
function = { name = "sphere"; };
study = { name = "sums"; metric = "value"; trials = 400; };
space = { x = { low = -5.0; high = 5.0; }; y = { low = -3.0; high = 3.0; }; z = { low = -0.1; high = 0.1; };
  n = { low = 1; high = 4; }; small = { low = 1e-4; high = 1e-1; log = true; }; kind = ("a", "b", "c");
  only_a = { low = -0.1; high = 0.1; when = { kind = "a"; }; }; always = 0.5; };
EOT

step "too few trials say so"
expect 0 "$COXSWAIN" run sums.cfg --out few --set study.trials=5
expect 0 "$COXSWAIN" importance few
says "at least 10 complete trials"
status_is few 'x["importance"] == {}'

step "what matters, and what does not"
expect 0 "$COXSWAIN" run sums.cfg
expect 0 "$COXSWAIN" importance sums --best 0.1
says "only_a"
"$COXSWAIN" importance sums --json >ours.json
check is 'list(x)[0] == "x" and set(list(x)[:3]) == {"x", "n", "y"} and x["x"]["all"] > x["y"]["all"] > 3 * x["z"]["all"] and "always" not in x' <ours.json
check is 'abs(sum(i["all"] for i in x.values()) - 1) < 1e-9 and abs(sum(i["good"] for i in x.values()) - 1) < 1e-9' <ours.json
check is 'x["kind"]["all"] < 0.1 and x["x"]["trials"] == 400 and 80 < x["only_a"]["trials"] < 190' <ours.json
status_is sums "x['importance'] == $(cat ours.json)"

step "maximised, it is the other end that counts"
expect 0 "$COXSWAIN" run sums.cfg --out up --set study.direction=maximize
"$COXSWAIN" importance up --json | check is 'list(x)[:2] == ["n", "x"] and x["z"]["all"] < 0.1'

step "what is refused"
expect 2 "$COXSWAIN" importance sums --best 1.5
expect 2 "$COXSWAIN" importance sums --best many
expect 2 "$COXSWAIN" importance
expect 0 "$COXSWAIN" importance --help

step "Optuna agrees"
for python in ${COXSWAIN_OPTUNA_PYTHONS:-/usr/bin/python3 python3}; do
  "$python" -c 'from optuna.importance import PedAnovaImportanceEvaluator' 2>/dev/null || continue
  "$python" - <<'EOT'
import json, sys, warnings
warnings.filterwarnings("ignore")
import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
optuna.logging.set_verbosity(optuna.logging.ERROR)
backend = optuna.storages.journal.JournalFileBackend("sums/journal.log")
study = optuna.load_study(study_name="sums", storage=optuna.storages.JournalStorage(backend))
theirs = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
ours = {k: v["all"] for k, v in json.load(open("ours.json")).items()}
# They weigh a conditional hyperparameter by how often it is there; among the others shares are comparable.
names = [k for k in ours if k != "only_a"]
a, b = (sum(i[k] for k in names) for i in (ours, theirs))
print({k: (round(ours[k] / a, 3), round(theirs[k] / b, 3)) for k in names})
if any(abs(ours[k] / a - theirs[k] / b) > 0.08 for k in names) or max(names, key=ours.get) != max(names, key=theirs.get):
    sys.exit("importance differs from Optuna's")
EOT
  exit 0
done
skip "no Python here has an Optuna with PED-ANOVA; the rest passed"
