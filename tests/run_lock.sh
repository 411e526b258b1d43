#!/usr/bin/env bash
# One writer, ever, with whole runs: a second copy is refused, also where the file system has no locks; a run that was
# stopped and thought dead ends when it wakes, and writes nothing; lines that an old writer gets in all the same count
# for nothing, and the file stays one that Optuna reads.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

cat >curve.cfg <<'END'
evaluator = "function";
function = { name = "curve"; steps = 9; seconds = 0.01; noise = 0.05; };
study = { name = "curve"; metric = "value"; trials = 60; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; kind = ("a", "b"); };
run = { ordered = true; in_flight = 4; };
END

# begin DIR: a run in the background that has come some way.
begin() {
  "$COXSWAIN" run curve.cfg --out "$1" -q >"said-$1" 2>&1 &
  started=$!
  wait_for 60 "a run that has begun" there_or_over 60 "$1/journal.log"
  kill -0 "$started" || die "the run was over too soon"
}

expect 0 "$COXSWAIN" run curve.cfg --out whole --set function.seconds=0

for locks in 0 1; do
  export COXSWAIN_NO_FILE_LOCKS=$locks
  step "a second copy is refused, and told by whom (COXSWAIN_NO_FILE_LOCKS=$locks)"
  begin "one-$locks"
  expect 2 "$COXSWAIN" run curve.cfg --out "one-$locks"
  says "is being written by host $(hostname), process $started, "
  status_is "one-$locks" "x['running'] and ', process $started, ' in x['runner'] and ', heartbeat ' in x['runner']"
  kill -KILL "$started"
  wait "$started" || true
  expect 0 "$COXSWAIN" run curve.cfg --out "one-$locks" --set function.seconds=0
  same_search whole "one-$locks"
done

step "a run that was thought dead"
export COXSWAIN_NO_FILE_LOCKS=1 COXSWAIN_LOCK_LEASE=1
begin woken
old=$started
kill -STOP "$old"
status_is woken 'x["running"]'
expect 75 "$COXSWAIN" run curve.cfg --out woken --set run.walltime=0.5
grep -q "process $old, .* has given no sign of life" said || die "it did not say whose lock it took"
size=$(stat -c %s woken/journal.log)
kill -CONT "$old"
code=0
wait "$old" || code=$?
[ "$code" -eq 2 ] || die "the old run ended with $code: $(tail -n 3 said-woken)"
grep -q "was taken over by" said-woken || die "it did not say why: $(tail -n 3 said-woken)"
[ "$(stat -c %s woken/journal.log)" -eq "$size" ] || die "the old run wrote into the journal"
unset COXSWAIN_NO_FILE_LOCKS COXSWAIN_LOCK_LEASE

step "lines that an old writer got in all the same"
"$COXSWAIN" export woken --format json >before.json
python3 - woken/journal.log <<'END'
import json, sys, zlib
path = sys.argv[1]
lines = open(path, "rb").read().splitlines(keepends=True)
trials = sum(b'"op_code":4,' in line[:14] for line in lines)
over = next(json.loads(l)["trial_id"] for l in lines if l.startswith(b'{"op_code":6') and json.loads(l)["state"] == 1)
group = [  # as the first writer would have gone on: a value, an end and a new trial
    {"op_code": 7, "worker_id": "coxswain-1", "trial_id": over, "step": 9, "intermediate_value": -1e9},
    {"op_code": 6, "worker_id": "coxswain-1", "trial_id": over, "state": 1, "values": [-1e9], "datetime_complete": "2026-01-01T00:00:00.000000"},
    {"op_code": 4, "worker_id": "coxswain-1", "study_id": 0, "datetime_start": None},
]
text = "".join(json.dumps(op, separators=(",", ":")) + "\n" for op in group).encode()
mark = b',"commit":"1-%08x"}\n' % zlib.crc32(text)
open(path, "ab").write(text[:-2] + mark)
END
"$COXSWAIN" export woken --format json >after.json 2>said
cmp -s before.json after.json || die "an old writer's lines changed the study"
says "3 lines of an older writer"
expect 0 "$COXSWAIN" doctor woken
says "3 lines are of a writer that went on after another had taken over"
expect 0 "$COXSWAIN" run curve.cfg --out woken --set function.seconds=0
same_search whole woken

step "Optuna reads it, and has every trial's value"
"$COXSWAIN" export woken --format json >woken.json
for python in ${COXSWAIN_OPTUNA_PYTHONS:-/usr/bin/python3 python3}; do
  "$python" -c 'import optuna' 2>/dev/null || continue
  "$python" -W ignore - woken/journal.log woken.json <<'END'
import json, sys
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
try:
    from optuna.storages.journal import JournalFileBackend as Backend
except ImportError:
    Backend = optuna.storages.JournalFileStorage
study = optuna.load_study(study_name="curve", storage=optuna.storages.JournalStorage(Backend(sys.argv[1])))
theirs, ours = study.get_trials(deepcopy=False), json.load(open(sys.argv[2]))["trials"]
wrong = [t["number"] for t in ours if theirs[t["number"]].value != t["value"] or theirs[t["number"]].params != t["params"]]
if wrong or len(theirs) > len(ours) + 1:
    sys.exit(f"Optuna {optuna.__version__} sees other values in trials {wrong}; {len(theirs)} trials, ours {len(ours)}")
print(f"Optuna {optuna.__version__}: {len(ours)} trials agree, and {len(theirs) - len(ours)} that never began")
END
done
