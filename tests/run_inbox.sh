#!/usr/bin/env bash
# Requests from other processes, while a study runs and while nobody runs it; a second copy of a study; a study without
# workers of its own.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

cat >curve.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 9; };
study = { name = "curve"; metric = "value"; trials = 30; };
space = { x = { low = -1.0; high = 1.0; }; kind = ("a", "b", 3); };
EOF
echo '[{"x": 0.125, "kind": "a"}, {"x": 0.25, "kind": 3}]' >two.json
echo '[{"x": 0.375, "kind": "a"}, {"x": 4.0, "kind": 3}]' >bad.json

start() {
  "$COXSWAIN" run curve.cfg "$@" >running 2>&1 &
  started=$!
}

# trial_with EXPRESSION: the number of the first trial t for which it holds.
trial_with() {
  "$COXSWAIN" export "$dir" --format json | check show "next(t['number'] for t in x['trials'] if $1)"
}

requests() {
  step "$1: enqueue"
  expect 0 "$COXSWAIN" enqueue "$dir" two.json
  says "2 points enqueued"
  expect 0 "$COXSWAIN" enqueue "$dir" --point '{"x": 0.5, "kind": "b"}'
  expect 2 "$COXSWAIN" enqueue "$dir" bad.json
  says "x"
  says "4"
  expect 2 "$COXSWAIN" enqueue "$dir" --point '{"x": 0.5}'
  says "kind"
  expect 2 "$COXSWAIN" enqueue "$dir" --point '{"x": 0.5, "kind": "b", "z": 1}'
  says "z"
  "$COXSWAIN" export "$dir" --format json | check is \
    'not any(t["params"]["x"] == 0.375 for t in x["trials"]) and sum(t["enqueued"] for t in x["trials"]) == 3'

  step "$1: ask and tell"
  expect 0 "$COXSWAIN" ask "$dir" -n 3 -o asked.json
  check is 'len(x) == 3 and len({p["trial"] for p in x}) == 3 and all(set(p["params"]) == {"x", "kind"} for p in x)' <asked.json
  check show '__import__("json").dumps([{"trial": x[0]["trial"], "value": 0.125}, {"params": x[1]["params"], "value": 7},
    {"trial": x[2]["trial"], "failed": "out of memory"}])' <asked.json >told.json
  expect 0 "$COXSWAIN" tell "$dir" told.json
  expect 2 "$COXSWAIN" tell "$dir" told.json
  says "is over already"
  echo '[{"params": {"x": 0.75, "kind": "a"}, "value": 0.5}]' >told.json
  expect 0 "$COXSWAIN" tell "$dir" told.json
  echo '[{"trial": 12345, "value": 0.5}]' >told.json
  expect 2 "$COXSWAIN" tell "$dir" told.json
  says "no trial 12345"
  "$COXSWAIN" export "$dir" --format json >now.json
  python3 - <<'EOF'
import json
asked, trials = json.load(open("asked.json")), json.load(open("now.json"))["trials"]
first, second, third = (trials[a["trial"]] for a in asked)
assert all(trials[a["trial"]]["params"] == a["params"] for a in asked)
assert (first["state"], first["value"]) == ("complete", 0.125), first
assert (second["state"], second["value"]) == ("complete", 7.0), second
assert third["state"] == "fail" and third["attributes"]["reason"] == "out of memory", third
assert [t["value"] for t in trials if t["params"]["x"] == 0.75] == [0.5]
EOF

  step "$1: cancel"
  expect 0 "$COXSWAIN" ask "$dir" -o asked.json
  number=$(check show 'x[0]["trial"]' <asked.json)
  expect 0 "$COXSWAIN" cancel "$dir" "$number"
  expect 2 "$COXSWAIN" cancel "$dir" "$number"
  says "is over already"
  expect 2 "$COXSWAIN" cancel "$dir" 12345
  says "no trial 12345"
  "$COXSWAIN" export "$dir" --format json | check is \
    "x['trials'][$number]['state'] == 'fail' and 'cancelled' in x['trials'][$number]['attributes']['reason']"
}

dir=idle
expect 75 "$COXSWAIN" run curve.cfg --out idle --set function.seconds=0.05 --set run.walltime=0.3
requests "nobody runs it"
expect 0 "$COXSWAIN" run curve.cfg --out idle
says "all trials are done"
each_once idle 30
"$COXSWAIN" export idle --format json | check is \
  'all(t["state"] == "complete" and t["step"] == 9 for t in x["trials"] if t["enqueued"] and t["params"]["x"] != 0.75)'

dir=busy
start --out busy --set function.seconds=5
wait_for 20 "the first stint" status_is busy 'x["running"] and x["counts"]["training"] > 0' 2>/dev/null
requests "while it runs"

step "while it runs: points that wait are cancelled, or told, before their turn"
"$COXSWAIN" export busy --format json | check show '" ".join(str(t["number"]) for t in x["trials"] if t["enqueued"] and
  t["state"] == "running" and t["params"]["x"] != 0.75)' >waiting
read -r first second third <waiting
expect 0 "$COXSWAIN" cancel busy "$second"
echo "[{\"trial\": $third, \"value\": 0.5}]" >told.json
expect 0 "$COXSWAIN" tell busy told.json
expect 0 "$COXSWAIN" cancel busy "$first"

step "while it runs: a trial in training is cancelled"
number=$(trial_with 't["state"] == "running"')
expect 0 "$COXSWAIN" cancel busy "$number"
cancelled() {
  "$COXSWAIN" export busy --format json | check is "x['trials'][$number]['state'] == 'fail'" 2>/dev/null
}
wait_for 20 "the end of trial $number" cancelled

step "a second copy is refused, and says who has it"
expect 2 timeout 5 "$COXSWAIN" run curve.cfg --out busy
says "host $(hostname), process $started"
expect 2 timeout 5 "$COXSWAIN" run curve.cfg --out busy --fresh
says "process $started"
[ ! -e busy.old-1 ] || die "a running study was moved aside"
expect 0 "$COXSWAIN" status busy
says "running (host $(hostname), process $started"

step "garbage in the inbox is refused and does no harm"
echo '{"command": "dance"}' >busy/inbox/a.json
echo '{"command"' >busy/inbox/b.json
echo '[]' >busy/inbox/c.json
answered() {
  [ -e busy/inbox/a.reply ] && [ -e busy/inbox/b.reply ] && [ -e busy/inbox/c.reply ]
}
wait_for 20 "answers" answered
grep -q "unknown command 'dance'" busy/inbox/a.reply || die "$(cat busy/inbox/a.reply)"
[ -z "$(find busy/inbox -name '*.json')" ] || die "requests stay: $(ls busy/inbox)"

step "what cannot be read there, or be written down, does not end the study"
mkdir busy/inbox/folder.json
for number in 9223372036854775807 -1 1.5; do
  expect 2 "$COXSWAIN" enqueue busy --point '{"params": {"x": 0.5, "kind": "b"}, "number": '$number'}'
  says "whole number"
done
rmdir busy/inbox/folder.json

step "coxswain stop from here, and on to the end"
expect 0 "$COXSWAIN" stop busy
wait_for 20 "its end" gone "$started"
expect 0 "$COXSWAIN" run curve.cfg --out busy
each_once busy 30

step "a study driven from outside only, to its end"
python3 - "$COXSWAIN" <<'EOF'
import json, subprocess, sys
program = sys.argv[1]
for round in range(10):
    where = "curve.cfg" if round == 0 else "curve"
    points = json.loads(subprocess.run([program, "ask", where, "-n", "4"], check=True, capture_output=True).stdout)
    assert len(points) == (4 if round < 7 else 2 if round == 7 else 0), (round, len(points))
    if points:
        results = [{"trial": p["trial"], "value": p["params"]["x"] ** 2} for p in points]
        json.dump(results, open("results.json", "w"))
        subprocess.run([program, "tell", "curve", "results.json"], check=True, capture_output=True)
EOF
each_once curve 30
expect 0 "$COXSWAIN" status curve --exit-code
says "complete"
"$COXSWAIN" best curve --json | check is 'x[0]["value"] == x[0]["params"]["x"] ** 2'
expect 0 "$COXSWAIN" run curve.cfg
each_once curve 30

step "asked outside and trained inside: the same points as a run alone"
expect 0 "$COXSWAIN" run curve.cfg --out alone
expect 0 "$COXSWAIN" ask curve.cfg --help
for dir in curve alone; do
  "$COXSWAIN" export "$dir" --format json | check show '[t["params"] for t in x["trials"]]' >"$dir.points"
done
cmp curve.points alone.points

step "a study on data may begin outside as well; from its first run on the data must stay"
echo 'x,value' >table.csv
for x in 1 2 3 4 5 6; do echo "$x,0.$x" >>table.csv; done
cat >table.cfg <<'EOF'
evaluator = "function";
function = { name = "table"; file = "table.csv"; };
study = { metric = "value"; trials = 6; };
space = { x = { low = 1; high = 6; }; };
EOF
expect 0 "$COXSWAIN" ask table.cfg -o asked.json
check show '__import__("json").dumps([{"trial": 0, "value": x[0]["params"]["x"] / 10}])' <asked.json >told.json
expect 0 "$COXSWAIN" tell table told.json
expect 0 "$COXSWAIN" run table.cfg
each_once table 6
"$COXSWAIN" export table --format json | check is 'all(t["value"] == t["params"]["x"] / 10 for t in x["trials"])'
echo '7,0.7' >>table.csv
expect 2 "$COXSWAIN" run table.cfg
says "other data"

step "a complete study that gets another point has more to do"
expect 0 "$COXSWAIN" enqueue curve --point '{"x": 0.0625, "kind": "a"}'
expect 75 "$COXSWAIN" status curve --exit-code
expect 0 "$COXSWAIN" run curve.cfg
each_once curve 31
expect 0 "$COXSWAIN" status curve --exit-code
