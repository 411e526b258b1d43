#!/usr/bin/env bash
# A scan cut into ten parts, each a run of its own, and joined: the study that one run would have made.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

cat >scan.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 4; noise = 0.1; };
study = { name = "scan"; metric = "value"; trials = 800; };
space = {
  x = { low = -1.0; high = 1.0; resolution = 5; };
  y = { low = -1.0; high = 1.0; step = 0.5; };
  kind = ("a", "b", 3, true);
  n = { low = 1; high = 8; };
};
sampler = { name = "grid"; };
EOF

step "one run"
expect 0 "$COXSWAIN" run scan.cfg --out whole
each_once whole 800

step "ten parts"
expect 0 "$COXSWAIN" split scan.cfg --jobs 10 -o parts
says "800 points in 10 files"
parts=()
for n in 01 02 03 04 05 06 07 08 09 10; do
  check is 'len(x) == 80' <"parts/part$n.json"
  expect 0 "$COXSWAIN" run scan.cfg --points "parts/part$n.json" --out "job$n" --results "loss$n.json"
  each_once "job$n" 80
  check is 'len(x) == 80 and all(p["state"] == "complete" and isinstance(p["value"], float) for p in x)' <"loss$n.json"
  parts+=("job$n")
done

step "merged in any order, they are the study of one run"
expect 0 "$COXSWAIN" merge merged job07 job02 job10 job01 job03 job04 job09 job05 job06 job08
says "800 trials of 10 studies"
each_once merged 800
same_search whole merged
expect 0 "$COXSWAIN" status merged --exit-code
"$COXSWAIN" best whole --json --n 5 | check show '[t["number"] for t in x]' >best-whole
"$COXSWAIN" best merged --json --n 5 | check show '[t["number"] for t in x]' | cmp best-whole -

step "the merged study goes on like any other"
expect 0 "$COXSWAIN" run merged
each_once merged 800
expect 0 "$COXSWAIN" enqueue merged --point '{"x": 0.1, "y": 0.5, "kind": "a", "n": 2}'
expect 0 "$COXSWAIN" run scan.cfg --out merged
each_once merged 801

step "an interrupted part goes on with its own points"
expect 75 "$COXSWAIN" run scan.cfg --points parts/part01.json --out again --set function.seconds=0.01 --set run.walltime=0.4
expect 0 "$COXSWAIN" run scan.cfg --points parts/part01.json --out again
each_once again 80
same_search job01 again

step "what does not go together is refused"
expect 2 "$COXSWAIN" merge twice job01 job02 again
says "is there twice"
[ ! -e twice ] || die "a refused merge left a folder"
expect 2 "$COXSWAIN" merge job01 job02 job03
says "there already"
expect 0 "$COXSWAIN" run scan.cfg --points parts/part02.json --out other --set study.seed=2
expect 2 "$COXSWAIN" merge mixed job01 other
says "not of the same study"
expect 75 "$COXSWAIN" run scan.cfg --points parts/part03.json --out half --set function.seconds=0.01 --set run.walltime=0.4
expect 2 "$COXSWAIN" merge mixed job01 half
says "is not complete"
expect 2 "$COXSWAIN" merge mixed job01 parts
says "no study folder"

step "points that are none are refused"
echo '[{"number": 0, "params": {"x": 0, "y": 0.25, "kind": "a", "n": 1}}]' >bad.json
expect 2 "$COXSWAIN" run scan.cfg --points bad.json --out bad
says "y"
expect 2 "$COXSWAIN" run scan.cfg --points nowhere.json --out bad2
says "nowhere.json"

step "more jobs than points, one job, and samplers without history"
expect 0 "$COXSWAIN" split scan.cfg --jobs 3 -o few --set study.trials=2
check is 'x == []' <few/part01.json
for sampler in random sobol; do
  expect 0 "$COXSWAIN" split scan.cfg --jobs 1 -o "one-$sampler" --set sampler.name=$sampler --set study.trials=20
  expect 0 "$COXSWAIN" run scan.cfg --out "$sampler" --points "one-$sampler/part01.json"
  expect 0 "$COXSWAIN" run scan.cfg --out "$sampler-whole" --set sampler.name=$sampler --set study.trials=20
  same_search "$sampler" "$sampler-whole"
done
expect 2 "$COXSWAIN" split scan.cfg -o few
says "--jobs"
