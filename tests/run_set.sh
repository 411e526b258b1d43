#!/usr/bin/env bash
# coxswain set: trials up and down, limits, schedule and sampler of a running study and of one that nobody runs; what is
# set holds over the next starts until the study file is changed; what cannot be set is refused.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

cat >curve.cfg <<'EOT'
evaluator = "function";
function = { name = "curve"; steps = 9; };
study = { name = "curve"; metric = "value"; trials = 40; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = 0.0; high = 1.0; }; };
EOT

# start ARGUMENTS...: in the background, slow enough to be talked to.
start() {
  "$COXSWAIN" run curve.cfg "$@" >running 2>&1 &
  started=$!
}

# ends: the run in the background ends well.
ends() {
  wait_for 60 "the end of the run" gone "$started"
  wait "$started" || die "the run failed: $(cat running)"
}

step "while it runs: fewer trials, and what has to wait for the next start"
start --set function.seconds=0.02
wait_for 30 "three trials" status_is curve 'x["running"] and x["counts"]["complete"] >= 3' 2>/dev/null
expect 0 "$COXSWAIN" set curve study.trials=4 run.slots=2 run.keep=2
says "study.trials: 40 -> 4"
says "run.slots: 1 -> 2 (from the next start on)"
grep -qx "run.keep: 5 -> 2" said || die "run.keep does not change at once: $(cat said)"
ends
status_is curve 'x["complete"] and 4 <= x["trials"] <= 20 and x["trials_wanted"] == 4 and x["counts"]["complete"] == x["trials"]'
ended=$(check show 'x["trials"]' < <("$COXSWAIN" status curve --json))
[ "$(find curve/best -name '*.h5' | wc -l)" -eq 2 ] || die "run.keep = 2, but best/ has: $(ls curve/best)"

step "nobody runs it: more trials open it again, and the study file does not undo them"
more=$((ended + 5))
expect 0 "$COXSWAIN" set curve "study.trials=$more"
expect 75 "$COXSWAIN" status curve --exit-code
grep -q "trials = $more;" curve/study.cfg || die "study.cfg does not follow: $(cat curve/study.cfg)"
grep -q '"coxswain:settings":{.*"study.trials":'"$more" curve/journal.log || die "it is not on record"
expect 0 "$COXSWAIN" run curve.cfg
says "by coxswain set"
each_once curve "$more"
grep -q "slots = 2;" curve/study.cfg || die "what waited for the next start is gone"
expect 0 "$COXSWAIN" run curve # the folder stands for the file
each_once curve "$more"

step "the study file is changed: it has the last word"
sed -i "s/trials = 40/trials = $((more + 2))/" curve.cfg
expect 0 "$COXSWAIN" run curve.cfg
each_once curve "$((more + 2))"

step "while it runs: more trials, another schedule and sampler; killed and gone on with, it is what was set"
start --out live --set study.trials=3 --set function.seconds=0.5
wait_for 30 "a trial" status_is live 'x["running"] and x["trials"] > 0' 2>/dev/null
expect 0 "$COXSWAIN" set live study.trials=21 schedule.name=halving sampler.name=sobol
says "sampler.name: \"random\" -> \"sobol\""
wait_for 30 "a paused trial" status_is live 'x["counts"]["waiting"] > 0' 2>/dev/null
kill -KILL "$started"
wait_for 20 "its end" gone "$started"
expect 0 "$COXSWAIN" run curve.cfg --out live --set study.trials=3
each_once live 21
status_is live 'x["counts"]["pruned"] > 5 and x["counts"]["complete"] >= 2'

step "a target while it runs"
start --out target --set study.trials=1000 --set function.seconds=0.02
wait_for 30 "a trial" status_is target 'x["counts"]["complete"] >= 1' 2>/dev/null
expect 0 "$COXSWAIN" set target study.target=1e6
ends
status_is target 'x["why"] == "the target is reached"'
expect 0 "$COXSWAIN" set target study.target=-1e6 study.trials=1
expect 0 "$COXSWAIN" status target --exit-code # the target is not met any more, but one trial was enough
expect 0 "$COXSWAIN" set target study.trials=999
expect 75 "$COXSWAIN" status target --exit-code

step "what is refused, and changes nothing"
cp curve/journal.log before
refused() {
  expect 2 "$COXSWAIN" set curve "$@"
}
refused study.seed=4
says "study.seed: 1 in the study, 4 now"
says "so it stays"
refused space.x.low=-3.0 study.trials=99
says "space.x.low"
refused study.trals=3
says "study.trals=3: unknown setting; did you mean study.trials?"
refused study.trials=0
says "must be >= 1"
refused study.timeout=soon
says "2h"
refused sampler.name=sobl
says "did you mean sobol"
refused schedule.pause=false
says "schedule.pause"
refused run.out=elsewhere
says "--out"
refused study.trials
says "key=value"
expect 2 "$COXSWAIN" set curve
expect 2 "$COXSWAIN" set curve.cfg study.trials=3
says "no study folder"
expect 0 "$COXSWAIN" set curve "study.trials=$((more + 2))"
says "nothing changes"
for key in '"study.seed":4' '"study.trials":99' '"study.trials":3,' sobl; do
  ! grep -qF "$key" curve/journal.log || die "$key is in the journal"
done
[ "$(grep -c coxswain:settings curve/journal.log)" -eq "$(grep -c coxswain:settings before)" ] || die "settings were journaled"
expect 0 "$COXSWAIN" set --help
