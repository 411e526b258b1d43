#!/usr/bin/env bash
# One process: run, look at it, change what may change, be refused what may not, go on.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

cat >sphere.cfg <<'EOF'
evaluator = "function";
study = { name = "sphere"; metric = "value"; trials = 20; seed = 3; };
space = { x = { low = -1.0; high = 1.0; }; kind = ("round", "flat"); n = { low = 1; high = 8; }; };
EOF

step "a first run"
expect 0 "$COXSWAIN" run sphere.cfg
each_once sphere 20
status_is sphere 'x["complete"] and not x["running"] and x["counts"]["complete"] == 20 and x["trials"] == 20'
expect 0 "$COXSWAIN" status sphere --exit-code
says "complete: all trials are done"
says "20 of 20"

step "best and exports agree"
"$COXSWAIN" export sphere --format json -o trials.json
"$COXSWAIN" export sphere --format csv -o trials.csv
"$COXSWAIN" best sphere --json --n 3 >best.json
python3 - <<'EOF'
import csv, json
trials = json.load(open("trials.json"))["trials"]
rows = list(csv.DictReader(open("trials.csv")))
best = json.load(open("best.json"))
assert len(trials) == len(rows) == 20
for t, r in zip(trials, rows):
    assert t["number"] == int(r["number"]) and t["state"] == r["state"] and t["value"] == float(r["value"])
    assert t["params"]["x"] == float(r["x"]) and t["params"]["kind"] == r["kind"] and t["params"]["n"] == int(r["n"])
    assert t["value"] == t["params"]["x"] ** 2 + t["params"]["n"] ** 2
order = sorted(trials, key=lambda t: (t["value"], t["number"]))
assert [t["number"] for t in best] == [t["number"] for t in order[:3]], best
EOF
expect 0 "$COXSWAIN" best sphere
says "trial $("$COXSWAIN" best sphere --json | check show 'x[0]["number"]'): value"

step "a complete study is not touched by another run"
search_of sphere >before
expect 0 "$COXSWAIN" run sphere.cfg
search_of sphere | cmp - before
each_once sphere 20

step "study.trials may be raised, and the first trials stay"
expect 0 "$COXSWAIN" run sphere.cfg --set study.trials=30
says "study.trials"
each_once sphere 30
search_of sphere | sed -n 1,20p | cmp - before
expect 0 "$COXSWAIN" run sphere.cfg --out at_once --set study.trials=30
same_search sphere at_once

step "identity must not change; the difference is shown and nothing is written"
cp sphere/journal.log journal.before
expect 2 "$COXSWAIN" run sphere.cfg --set study.seed=4
says "study.seed"
says "--fresh"
expect 2 "$COXSWAIN" run sphere.cfg --set space.x.high=2.0
says "space.x.high"
search_of sphere | sed -n 1,20p | cmp - before
status_is sphere 'x["trials"] == 30'

step "free settings may"
expect 0 "$COXSWAIN" run sphere.cfg --set study.trials=32 --set run.keep=1 --set sampler.name=sobol
says "sampler.name"
each_once sphere 32

step "a study folder stands for its study file, from anywhere"
mkdir -p elsewhere
(cd elsewhere && expect 0 "$COXSWAIN" run ../sphere --set study.trials=33)
each_once sphere 33

step "--fresh moves the old study aside"
expect 0 "$COXSWAIN" run sphere.cfg --fresh --set study.seed=4
each_once sphere 20
each_once sphere.old-1 33
search_of sphere >after
cmp -s before after && die "another seed gives the same search"
expect 0 "$COXSWAIN" run sphere.cfg --fresh
each_once sphere.old-2 20
expect 0 "$COXSWAIN" run sphere.cfg --fresh --out sphere/
each_once sphere.old-3 20
search_of sphere | cmp - before

step "a folder can be moved and read where it lies"
mv sphere moved
status_is moved 'x["timers"]["commits"] > 2 and x["timers"]["journal_seconds"] > 0'
status_is moved 'x["complete"] and x["counts"]["complete"] == 20'
expect 0 "$COXSWAIN" run moved --set study.trials=21
each_once moved 21
[ ! -e sphere ] || die "the old place was made again"

step "what is no study is said so"
expect 2 "$COXSWAIN" status elsewhere
says "no study folder"
expect 2 "$COXSWAIN" run nowhere.cfg
says "nowhere.cfg"
expect 2 "$COXSWAIN" run
expect 2 "$COXSWAIN" rnu sphere.cfg
says "did you mean run"
