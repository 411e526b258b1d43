#!/usr/bin/env bash
# Any program as evaluator: a study of programs that keep checkpoints survives signals, lost ranks and SIGKILL.
# run_command.sh [KILLS]: how many kills must hit (5).
set -eu
kills=${1:-5}
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
# shellcheck source=tests/lib_command.sh
. "$tests/lib_command.sh"

cat >learns.py <<'EOF'
import json, os, sys, time
def runs_here(pid):
    try:
        state = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
        return state not in "ZX" and os.readlink(f"/proc/{pid}/cwd") == os.getcwd()
    except OSError:
        return False
with open("pids", "a+") as f:  # no two programs of a trial at the same time, whatever happens to their ranks
    f.seek(0)
    if any(runs_here(pid) for pid in f.read().split()):
        sys.exit("not alone")
    print(os.getpid(), file=f)
checkpoint = os.path.join(os.environ["COXSWAIN_CHECKPOINT"], "step.json")
step = json.load(open(checkpoint))["step"] if os.path.exists(checkpoint) else 0
point = json.load(open(sys.argv[1]))
while step < int(os.environ["COXSWAIN_UNTIL"]):
    step += 1
    time.sleep(float(os.environ.get("STEP", "0.02")))
    print(json.dumps({"step": step, "loss": point["x"] ** 2 + point["y"] / (step + 3)}))
    with open(checkpoint + ".new", "w") as f:
        json.dump({"step": step}, f)
    os.replace(checkpoint + ".new", checkpoint)
print(json.dumps({"loss": point["x"] ** 2 + point["y"] / (step + 3)}))
EOF
cat >learns.cfg <<'EOF'
evaluator = "command";
study = { name = "learns"; metric = "loss"; trials = 24; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = 0.0; high = 1.0; }; };
schedule = { name = "halving"; };
command = { argv = ("python3", "{here}/learns.py", "{params}"); steps = 9; grace = 5; };
run = { slots = 2; checkpoint = 0.1; };
EOF

step "SIGTERM: programs are asked to end, and the study goes on"
"$COXSWAIN" run learns.cfg --out learns-term >said 2>&1 &
started=$!
wait_for 60 "some values" at_least 60 learns-term/journal.log
kill -TERM "$started"
wait_for 60 "the end of process $started" gone "$started"
none_left learns.py || die "still there: $(marked learns.py)"
expect 75 "$COXSWAIN" status learns-term --exit-code
status_is learns-term 'x["counts"]["failed"] == 0'
expect 0 "$COXSWAIN" run learns.cfg --out learns-term
each_once learns-term 24

step "checkpoints stay where they may be needed"
"$COXSWAIN" export learns-term --format json | check is \
  'sum(t["weights"] == "trials/trial-%06d/checkpoint" % t["number"] for t in x["trials"]) == min(5, sum(t["state"] == "complete" for t in x["trials"])) > 0'
[ "$(find learns-term/trials -name step.json | wc -l)" -le 5 ] || die "checkpoints of the others are there"
[ "$(find learns-term/trials -name stdout.log | wc -l)" -eq 24 ] || die "what they printed is gone"
best=$("$COXSWAIN" status learns-term --json | check show 'x["best"]["number"]')
"$COXSWAIN" best learns-term >said
says "$(printf 'learns-term/trials/trial-%06d/checkpoint' "$best")"
for _ in 1 2; do
  expect 0 "$COXSWAIN" train learns-term --trial "$best"
  says "the same"
done
expect 0 "$COXSWAIN" run learns.cfg --out learns-all --set command.checkpoints=all --set study.trials=9
[ "$(find learns-all/trials -name step.json | wc -l)" -eq 9 ] || die "a checkpoint is gone"
expect 0 "$COXSWAIN" run learns.cfg --out learns-all --set study.trials=9 --set run.keep=1
[ "$(find learns-all/trials -name step.json | wc -l)" -eq 1 ] || die "run.keep does not keep one checkpoint"

step "SIGKILL of the launcher ends the run, and its programs with it"
"$COXSWAIN" run learns.cfg --out learns-launcher >said 2>&1 &
started=$!
wait_for 60 "some values" at_least 30 learns-launcher/journal.log
launcher=$(pgrep -P "$started" -x cox-launcher) || die "no launcher"
kill -KILL "$launcher"
wait_for 60 "the end of process $started" gone "$started"
says "the launcher"
wait_for 30 "the end of its programs" none_left learns.py
expect 0 "$COXSWAIN" run learns.cfg --out learns-launcher
each_once learns-launcher 24
same_values learns-launcher learns-term

command -v mpirun >/dev/null || {
  echo "the part with mpirun is left out: there is none"
  exit 0
}
step "two ranks, two slots each"
expect 0 ranks 2 run learns.cfg --out learns
each_once learns 24
same_values learns learns-term
none_left learns.py || die "still there: $(marked learns.py)"

step "SIGKILL of a rank leaves no program alive"
start_ranks 2 run learns.cfg --out learns-rank
kill_at 40 one learns-rank/journal.log
wait_for 30 "the end of its programs" none_left learns.py
wait_for 30 "the end of its launchers" none_left coxswain

step "a rank that is lost and lives on: its programs end before their trials go on elsewhere"
STEP=0.1 start_ranks 3 run learns.cfg --out learns-lost --set run.lost_after=2
wait_for 60 "some values" at_least 60 learns-lost/journal.log
stopped=$(ranks_of "$started" | tail -n 1)
[ -n "$stopped" ] || die "no rank"
kill -STOP "$stopped"
wait_for 60 "its loss" grep -q '"how":"lost"' learns-lost/journal.log
wait_for 60 "what comes after it" at_least $(($(lines_of learns-lost/journal.log) + 20)) learns-lost/journal.log
kill -CONT "$stopped"
wait_for 120 "the end of the run" gone "$started"
each_once learns-lost 24
same_values learns-lost learns
status_is learns-lost 'x["counts"]["failed"] == 0'
none_left learns.py || die "still there: $(marked learns.py)"

# kill_and_resume N: studies of three ranks are killed at random moments and resumed until N kills have hit.
kill_and_resume() {
  local left=$1 whole study=0 victims=(all one all one mpirun) # ranks may live on for a moment without mpirun
  whole=$(lines_of learns/journal.log)
  while [ "$left" -gt 0 ]; do
    study=$((study + 1))
    for ((k = 0; k < 6 && left > 0; k++)); do
      start_ranks 3 run learns.cfg --out "killed-$study"
      kill_at $(($(lines_of "killed-$study/journal.log") + 8 + RANDOM % (whole / 3))) "${victims[RANDOM % 5]}" \
        "killed-$study/journal.log" || break # it was over before
      left=$((left - 1))
      status_is "killed-$study" 'not x["running"]'
    done
    expect 0 ranks 3 run learns.cfg --out "killed-$study"
    each_once "killed-$study" 24
    same_values "killed-$study" learns
    status_is "killed-$study" 'x["complete"] and x["counts"]["failed"] == 0'
    none_left learns.py || die "still there: $(marked learns.py)"
    rm -rf "killed-$study"
  done
}
step "SIGKILL $kills times, of all, of one, of mpirun: nothing is lost"
kill_and_resume "$kills"

step "the example"
cp "$tests/../configs/command_example.cfg" "$tests/../configs/command_example.py" .
expect 0 ranks 2 run command_example.cfg --set study.trials=9
status_is command_example 'x["complete"] and x["counts"]["failed"] == 0 and x["best"]["value"] < 1'

echo "torture: command kills of studies of programs $kills ok"
