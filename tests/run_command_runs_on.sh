#!/usr/bin/env bash
# schedule.pause = false: programs that keep no checkpoint run on while halving decides, and are stopped if their trials
# do not go on.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

# Keeps no checkpoint, and notes each start and each SIGTERM. A program that pauses is told to stop at a rung; with
# WAIT=1 each program but the first waits until the one before it has come to the first rung, so that trials arrive in
# the order of their numbers.
cat >runs.py <<'EOF'
import json, os, signal, sys, time
def stopped(number, frame):
    open("terms", "a").write("1\n")
    sys.exit(1)
signal.signal(signal.SIGTERM, stopped)
open("starts", "a").write("1\n")
trial, until = int(os.environ["COXSWAIN_TRIAL"]), int(os.environ["COXSWAIN_UNTIL"])
x = float(os.environ["COXSWAIN_P_x"])
def has_arrived(trial):
    with open("../../journal.log") as f:
        return any('"coxswain:end"' in line and f'"trial_id":{trial},' in line for line in f)
while os.environ.get("WAIT") and trial > 0 and not has_arrived(trial - 1):
    time.sleep(0.05)
for step in range(1, until + 1):
    time.sleep(float(os.environ.get("STEP", "0.02")))
    print(json.dumps({"step": step, "loss": (x - 0.4) ** 2 + x / (step + 3)}), flush=True)
print(json.dumps({"loss": (x - 0.4) ** 2 + x / (until + 3), "until": until}))
EOF
cat >runs.cfg <<'EOF'
evaluator = "command";
study = { name = "runs"; metric = "loss"; trials = 9; };
space = { x = { low = 0.0; high = 1.0; }; };
schedule = { name = "halving"; };
command = { argv = ("python3", "{here}/runs.py"); steps = 9; grace = 5; };
run = { checkpoint = 0.1; };
EOF
starts_of() {
  cat "$1"/trials/*/starts | wc -l
}
terms_of() {
  cat "$1"/trials/*/terms 2>/dev/null | wc -l
}
# What both variants must have in common: all but how often programs were started.
outcomes_of() {
  "$COXSWAIN" export "$1" --format json | check search
}

step "with a slot for each, it decides as the variant that pauses"
expect 0 "$COXSWAIN" run runs.cfg --out pauses
WAIT=1 expect 0 "$COXSWAIN" run runs.cfg --out goes-on --set schedule.pause=false --set run.slots=9
each_once goes-on 9
outcomes_of pauses >said-1
outcomes_of goes-on >said-2
cmp said-1 said-2 || die "not the same: $(diff said-1 said-2)"
[ "$(cut -d' ' -f2 said-1 | sort -u | tr '\n' ' ')" = "complete pruned " ] || die "nothing was decided"
[ "$(starts_of goes-on)" -eq 9 ] || die "a program was started twice"
[ "$(starts_of pauses)" -gt 9 ] || die "no program was started again where trials pause"

step "with fewer slots, none is started twice, and those that do not go on are stopped"
expect 0 "$COXSWAIN" run runs.cfg --out slots --set schedule.pause=false --set run.slots=2 --set study.trials=20
each_once slots 20
status_is slots 'x["complete"] and x["counts"]["failed"] == 0 and x["counts"]["complete"] > 0 and x["counts"]["pruned"] > 5'
[ "$(starts_of slots)" -eq 20 ] || die "$(starts_of slots) programs were started"
[ "$(terms_of slots)" -ge 5 ] || die "only $(terms_of slots) programs were stopped by SIGTERM"
"$COXSWAIN" export slots --format json | check is \
  'all(t["value"] == min(t["intermediate_values"].values()) for t in x["trials"] if t["state"] == "pruned")'

step "asked to leave: what was stopped begins anew, and it is said"
STEP=0.2 "$COXSWAIN" run runs.cfg --out stopped --set schedule.pause=false --set run.slots=3 >said 2>&1 &
started=$!
wait_for 60 "some values" at_least 40 stopped/journal.log
kill -TERM "$started"
wait_for 60 "the end of process $started" gone "$started"
says "without a checkpoint (schedule.pause = false)"
expect 0 "$COXSWAIN" run runs.cfg --out stopped --set schedule.pause=false --set run.slots=3
each_once stopped 9
same_values stopped pauses
status_is stopped 'x["counts"]["failed"] == 0'

step "not for networks, and not in order"
expect 2 "$COXSWAIN" run runs.cfg --out wrong --set schedule.pause=false --set run.ordered=true
says "run.ordered"
cat >function.cfg <<'EOF'
evaluator = "function"; space = { x = { low = 0.0; high = 1.0; }; }; schedule = { pause = false; };
EOF
expect 2 "$COXSWAIN" run function.cfg
says "is for programs"

command -v mpirun >/dev/null || {
  echo "the part with mpirun is left out: there is none"
  exit 0
}
step "killed in the middle and resumed: nothing is lost"
start_ranks 2 run runs.cfg --out killed --set schedule.pause=false --set run.slots=2 --set study.trials=20
kill_at 60 all killed/journal.log
start_ranks 2 run runs.cfg --out killed --set schedule.pause=false --set run.slots=2 --set study.trials=20
kill_at $(($(lines_of killed/journal.log) + 25)) one killed/journal.log
expect 0 ranks 2 run runs.cfg --out killed --set schedule.pause=false --set run.slots=2 --set study.trials=20
each_once killed 20
same_values killed slots
status_is killed 'x["complete"] and x["counts"]["failed"] == 0'
