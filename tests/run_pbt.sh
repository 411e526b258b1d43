#!/usr/bin/env bash
# Population based training: the worst give their places to trials that go on from the states of the best.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"

cat >net.cfg <<'CFG'
study = { name = "net"; trials = 6; };
space = {
  width   = (12, 16);
  lr      = { low = 1e-4; high = 3e-1; log = true; };
  dropout = { low = 0.0; high = 0.5; };
  batch   = { low = 50; high = 400; step = 50; };
};
schedule = { name = "pbt"; population = 6; interval = 2; };
data  = { generate = "jets"; rows = 2000; };
model = { hidden = ("@width", 8); dropout = "@dropout"; };
train = { epochs = 12; optimizer = "sgd"; momentum = 0.9; lr = "@lr"; batch = "@batch"; };
run = { ordered = true; in_flight = 4; checkpoint = 0.2; };
CFG

# lineage DIR: one line a trial: where it comes from, and all it came to.
lineage() {
  "$COXSWAIN" export "$1" --format json >all.json
  python3 - <<'PY'
import json
for t in json.load(open("all.json"))["trials"]:
    origin = {k: v for k, v in t.get("parent", {}).items() if k != "pack"}
    print(t["number"], t["state"], t["value"], t["params"], t["intermediate_values"], origin)
PY
}

same_lineage() {
  lineage "$1" >lineage-1
  lineage "$2" >lineage-2
  diff lineage-1 lineage-2 >difference || {
    head -10 difference
    die "$1 and $2 are not the same search"
  }
}

step "networks on three ranks: exploited, recorded, and going on where the parent was"
expect 0 ranks 3 run net.cfg --out net
says "changes: lr, dropout, batch; stays: width (model.hidden)"
python3 "$tests/history_checker.py" net/journal.log --complete
lineage net >/dev/null
python3 - <<'PY'
import json
trials = json.load(open("all.json"))["trials"]
children = [t for t in trials if "parent" in t]
assert len(children) >= 4, len(children)
assert sum(t["state"] == "complete" for t in trials) == 6
closer = 0
for t in children:
    parent, step = trials[t["parent"]["trial"]], t["parent"]["step"]
    replaced = trials[t["parent"]["replaces"]]
    first, last = t["intermediate_values"][str(step + 1)], parent["intermediate_values"][str(step)]
    assert min(map(int, t["intermediate_values"])) == step + 1
    assert t["params"]["width"] == parent["params"]["width"], "the network changed its shape"
    assert t["params"] != parent["params"] and replaced["state"] == "pruned"
    assert last < replaced["intermediate_values"][str(step)], "the parent was no better"
    # the loss goes on from the parent's, not from that of a fresh network (1.4)
    assert first < last + 0.35, (first, last)
PY
grep -q '"coxswain:parent":{"trial":' net/journal.log || die "the journal does not know the parents"
"$COXSWAIN" status net | grep -q 'in the place of others' || die "status does not count them"
"$COXSWAIN" export net | head -1 | grep -q ',parent,confirms$' || die "the export has no parents"
child=$("$COXSWAIN" export net --format json | check show 'next(t["number"] for t in x["trials"] if "parent" in t)')
expect 2 "$COXSWAIN" train net --trial "$child"

step "alone, with more slots: the same search"
expect 0 "$COXSWAIN" run net.cfg --out alone
same_lineage net alone
expect 0 "$COXSWAIN" run net.cfg --out slots --set run.slots=3
same_lineage net slots

step "the job is killed in the middle, and goes on: the same search"
start_ranks 3 run net.cfg --out killed
kill_at 120 all killed/journal.log
expect 0 "$COXSWAIN" doctor killed
expect 0 ranks 2 run net.cfg --out killed
same_lineage net killed
python3 "$tests/history_checker.py" killed/journal.log --complete

cat >descent.cfg <<'CFG'
evaluator = "function";
function = { name = "descent"; steps = 40; };
study = { name = "descent"; metric = "value"; trials = 16; };
space = { lr = { low = 1e-4; high = 1.0; log = true; }; };
schedule = { name = "pbt"; population = 16; interval = 2; };
run = { ordered = true; in_flight = 6; checkpoint = 0.2; lost_after = 1; };
CFG
step "a learning rate that must fall: far better than the same population without"
expect 0 ranks 2 run descent.cfg --out descent
expect 0 ranks 2 run descent.cfg --out apart --set schedule.quantile=0
for dir in descent apart; do
  "$COXSWAIN" best $dir --json | check show 'x[0]["value"]' >best-$dir
done
python3 -c 'exit(not float(open("best-descent").read()) < 0.5 * float(open("best-apart").read()))' ||
  die "with: $(cat best-descent), without: $(cat best-apart)"
status_is apart 'x["children"] == 0 and x["counts"]["complete"] == 16'
"$COXSWAIN" best descent | grep -q 'steps 0 to' || die "best does not show the lineage"
lines=$(lines_of descent/journal.log)
[ "$(find descent/packs -name '*.h5' | wc -l)" -le 6 ] || die "packs that nobody needs stay ($lines lines)"

step "a population that grows later: nobody looks for states that are gone"
children=$("$COXSWAIN" status descent --json | check show 'x["children"]')
cp -r descent larger
expect 0 "$COXSWAIN" run descent.cfg --out larger --set study.trials=28 --set schedule.population=28
status_is larger 'x["counts"]["failed"] == 0 and x["counts"]["complete"] == 28 and x["children"] > '"$children"
python3 "$tests/history_checker.py" larger/journal.log --complete

if mpirun -n 1 --enable-recovery true 2>/dev/null; then
  step "the worker that trained the parents is killed: the others go on from the disk"
  mpirun -n 3 --enable-recovery --oversubscribe --bind-to none "$COXSWAIN" run descent.cfg --out lost \
    --set function.seconds=0.01 --set run.steer=dedicated >said 2>&1 &
  started=$!
  disown
  wait_for 60 "children" grep -sq '"coxswain:parent"' lost/journal.log
  mapfile -t everything < <(ranks_of "$started")
  kill -KILL "${everything[2]}"
  ended() {
    gone "$started" || "$COXSWAIN" status --exit-code lost >/dev/null 2>&1
  }
  wait_for 60 "the end of the study" ended
  wait_for 30 "the end of all ranks" gone "$started" "${everything[@]}"
  same_lineage descent lost
fi

cat >step.py <<'PY'
import json, os
checkpoint, until = os.environ["COXSWAIN_CHECKPOINT"] + "/state.json", int(os.environ["COXSWAIN_UNTIL"])
s = json.load(open(checkpoint)) if os.path.exists(checkpoint) else {"step": 0, "w": 10.0, "of": []}
for step in range(s["step"] + 1, until + 1):
    s["w"], s["step"] = s["w"] * (1 - float(os.environ["COXSWAIN_P_lr"])), step
    print(json.dumps({"step": step, "loss": s["w"]}), flush=True)
s["of"].append(int(os.environ["COXSWAIN_TRIAL"]))
json.dump(s, open(checkpoint + ".tmp", "w"))
os.rename(checkpoint + ".tmp", checkpoint)
PY
cat >program.cfg <<'CFG'
evaluator = "command";
command = { argv = ("python3", "{here}/step.py"); steps = 4; checkpoints = "all"; };
study = { metric = "loss"; trials = 6; };
space = { lr = { low = 1e-3; high = 0.5; log = true; }; };
schedule = { name = "pbt"; population = 6; interval = 1; perturb = ("lr"); };
run = { slots = 3; };
CFG
step "programs: a child has its parent's checkpoint folder, as it was at that step"
expect 0 "$COXSWAIN" run program.cfg --out program
"$COXSWAIN" export program --format json >all.json
python3 - <<'PY'
import json
trials = json.load(open("all.json"))["trials"]
children = [t for t in trials if "parent" in t]
assert children
for t in children:
    parent, step = trials[t["parent"]["trial"]], t["parent"]["step"]
    state = json.load(open(f"program/trials/trial-{t['number']:06d}/checkpoint/state.json"))
    kept = json.load(open(f"program/trials/trial-{parent['number']:06d}/at-{step:06d}/state.json"))
    assert state["of"][: len(kept["of"])] == kept["of"] and kept["of"][-1] == parent["number"] and kept["step"] == step
    first, last = t["intermediate_values"][str(step + 1)], parent["intermediate_values"][str(step)]
    assert abs(first - last * (1 - t["params"]["lr"])) < 1e-12
PY
expect 0 "$COXSWAIN" run program.cfg --out tidy --set command.checkpoints=best
[ -z "$(find tidy/trials -name 'at-*')" ] || die "what was kept aside stays for ever"

step "what cannot be"
expect 2 "$COXSWAIN" check program.cfg --set schedule.pause=false
says "keep none"
expect 2 "$COXSWAIN" check net.cfg --set 'schedule.perturb=("lr", "width")'
says "schedule.perturb = width: it cannot change while a network trains, since it stands in model.hidden"
expect 2 "$COXSWAIN" check net.cfg --set schedule.interval=12
sed '/perturb/s/perturb = ("lr");//' program.cfg >all.cfg
expect 2 "$COXSWAIN" check all.cfg
says "schedule.perturb"
printf 'import os\nprint("{\\"loss\\": 1}")\n' >step.py
expect 3 "$COXSWAIN" run program.cfg --out without
"$COXSWAIN" status without | grep -q 'left nothing in its folder for checkpoints' || die "it does not say what is missing"

for python in ${COXSWAIN_OPTUNA_PYTHONS:-/usr/bin/python3 python3}; do
  "$python" -c 'import optuna' 2>/dev/null || continue
  step "Optuna ($python) opens the journal"
  "$COXSWAIN" export net --format json -o expected.json
  "$python" "$tests/test_optuna.py" net/journal.log expected.json
done
