#!/usr/bin/env bash
# Any program as evaluator: bad ones are classified, none of their processes stays, and a study of programs that keep
# checkpoints survives SIGKILL.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
command -v pgrep >/dev/null || skip "no pgrep"
cp "$tests/bad_programs.py" .

# Whatever is started from here carries this in its environment, and whoever still has it is not gone.
export COXSWAIN_TEST_MARK=$place.$$
marked() {
  python3 - "$1" <<'EOF'
import os, sys
mark = f"COXSWAIN_TEST_MARK={os.environ['COXSWAIN_TEST_MARK']}".encode()
ours = {os.getpid(), os.getppid()}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        environment = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
        command = open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").decode(errors="replace")
        state = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
    except OSError:
        continue
    if mark in environment and int(pid) not in ours and state not in "ZX" and sys.argv[1] in command:
        print(pid, command)
EOF
}
none_left() {
  [ -z "$(marked "$1")" ]
}

cat >bad.cfg <<EOF
evaluator = "command";
study = { name = "bad"; trials = 100; failures = 1.0; };
space = { program = $(python3 bad_programs.py --list); };
sampler = { name = "grid"; };
command = {
  argv = ("python3", "{here}/bad_programs.py", "{program}");
  steps = 2; timeout = 8; grace = 0.5; output = 3; memory = 1500;
};
run = { slots = 4; };
EOF

step "bad programs, each with its reason"
expect 0 "$COXSWAIN" run bad.cfg
"$COXSWAIN" export bad --format json >bad.json
python3 bad_programs.py --check <bad.json
each_once bad "$(python3 -c 'import json; print(len(json.load(open("bad.json"))["trials"]))')"
says "outlived the program"
none_left bad_programs || die "still there: $(marked bad_programs)"
none_left coxswain || die "still there: $(marked coxswain)"
[ -z "$(find bad/trials -name '*.log' -size +3000000c)" ] || die "an output is longer than it may be"

step "programs that cannot be started"
echo "just text" >text
mkdir -p folder
cat >refused.cfg <<'EOF'
evaluator = "command";
study = { name = "refused"; failures = 1.0; };
space = { program = ("missing", "text", "folder"); };
sampler = { name = "grid"; };
command = { argv = ("./{program}"); };
EOF
expect 3 "$COXSWAIN" run refused.cfg
"$COXSWAIN" export refused --format json | check is \
  'len(x["trials"]) == 3 and all("cannot be started" in t["attributes"]["reason"] for t in x["trials"])'

step "mistakes that are found before anything starts"
# wrong TEXT KEY=VALUE...: the study is refused with this text.
wrong() {
  local text=$1
  shift
  expect 2 "$COXSWAIN" run refused.cfg --out wrong "${@/#/--set=}"
  says "$text"
}
wrong "did you mean {program}" 'command.argv=("./{progam}")'
wrong "no program 'no-such-program' in PATH" 'command.argv=("no-such-program")'
wrong "is not executable" 'command.argv=("./text")'
wrong "there is no" 'command.argv=("./missing")'
grep -v '^command' refused.cfg >without.cfg
expect 2 "$COXSWAIN" run without.cfg --out wrong
says "needs command.argv"
wrong "which way is better" 'study.metric=accuracy'
wrong "runs on one rank" run.ranks_per_trial=2
wrong "choose another name" 'space={ until = (1, 2); }'

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

step "SIGKILL five times, of all, of one, of mpirun: nothing is lost"
killed_five_times learns-killed "$(lines_of learns/journal.log)" learns.cfg
each_once learns-killed 24
same_values learns-killed learns
status_is learns-killed 'x["counts"]["failed"] == 0'
none_left learns.py || die "still there: $(marked learns.py)"

step "the example"
cp "$tests/../configs/command_example.cfg" "$tests/../configs/command_example.py" .
expect 0 ranks 2 run command_example.cfg --set study.trials=9
status_is command_example 'x["complete"] and x["counts"]["failed"] == 0 and x["best"]["value"] < 1'
