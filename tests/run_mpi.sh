#!/usr/bin/env bash
# Many ranks: each trial once, whoever steers and however many row.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun

cat >sphere.cfg <<'EOF'
evaluator = "function";
study = { name = "sphere"; metric = "value"; trials = 2000; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
EOF
cat >curve.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 27; };
study = { name = "curve"; metric = "value"; trials = 300; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
schedule = { name = "halving"; eta = 3; first = 1; };
EOF

step "3 ranks, 2,000 trials"
expect 0 ranks 3 run sphere.cfg --out three
each_once three 2000
status_is three 'x["counts"]["complete"] == 2000 and x["complete"]'

step "64 ranks, 2,000 trials: the points of 3 ranks, and their values"
expect 0 ranks 64 run sphere.cfg --out many
each_once many 2000
same_search three many

step "rank 0 only steers"
expect 0 ranks 3 run sphere.cfg --out dedicated --set run.steer=dedicated
each_once dedicated 2000
same_search three dedicated
grep -q '"worker":0' dedicated/journal.log && die "rank 0 rowed"
grep -q '"worker":1' dedicated/journal.log || die "who rowed?"

step "halving: promotions go on from the state; every rung keeps the best third"
expect 0 ranks 4 run curve.cfg
each_once curve 300
"$COXSWAIN" export curve --format json >curve.json
python3 - <<'EOF'
import json
trials = json.load(open("curve.json"))["trials"]
steps = [t["step"] for t in trials]
assert set(steps) <= {1, 3, 9, 27}, set(steps)
for t in trials:  # promoted, not started over: one value a step, up to where it came
    assert sorted(int(s) for s in t["intermediate_values"]) == list(range(1, t["step"] + 1)), t
    assert (t["state"] == "complete") == (t["step"] == 27), t
reached = [sum(s >= rung for s in steps) for rung in (1, 3, 9, 27)]
assert reached[0] == 300 and reached[3] >= 1, reached
for low, high in zip(reached, reached[1:]):  # the asynchronous method may promote some too early, never too few
    assert low // 3 <= high <= 0.5 * low + 6, reached
EOF

step "slots on several ranks"
expect 0 ranks 2 run curve.cfg --out slots --set run.slots=4 --set function.seconds=0.0005
each_once slots 300

step "a mistake in the study file ends all ranks with exit code 2 and is said once"
expect 2 ranks 3 run sphere.cfg --set study.trails=5
says "did you mean study.trials"
[ "$(grep -c 'did you mean study.trials' said)" = 1 ] || die "it was said more than once"

step "more ranks for a trial than there are is refused"
expect 2 ranks 2 run sphere.cfg --out team --set run.ranks_per_trial=3
says "run.ranks_per_trial = 3"
