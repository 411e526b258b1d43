#!/usr/bin/env bash
# SIGKILL at any moment, to all ranks, to one of them, to mpirun: the next start goes on, every trial is there once, and
# values are those of a run that nobody disturbed.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"

cat >curve.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 9; seconds = 0.02; noise = 0.1; };
study = { name = "curve"; metric = "value"; trials = 90; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
run = { checkpoint = 0.05; quantum = 0.01; };
EOF

step "halving: each trial, given its point, has the values of an unbroken run"
expect 0 ranks 3 run curve.cfg --out halving --set schedule.name=halving
killed_five_times halving-killed "$(lines_of halving/journal.log)" curve.cfg --set schedule.name=halving
each_once halving-killed 90
same_values halving-killed halving

step "halving, ordered: the whole search is equal"
expect 0 ranks 3 run curve.cfg --out ordered --set schedule.name=halving --set run.ordered=true --set run.in_flight=8
killed_five_times ordered-killed "$(lines_of ordered/journal.log)" curve.cfg --set schedule.name=halving \
  --set run.ordered=true --set run.in_flight=8
each_once ordered-killed 90
same_search ordered ordered-killed

step "a complete study that was killed while it did more is not called complete"
start_ranks 3 run curve.cfg --out halving-killed --set schedule.name=halving --set study.trials=200
kill_at $(($(lines_of halving-killed/journal.log) + 100)) all halving-killed/journal.log
expect 75 "$COXSWAIN" status halving-killed --exit-code
status_is halving-killed 'x["left"] is None'

step "nothing half written stays"
expect 0 ranks 3 run curve.cfg --out halving-killed --set schedule.name=halving --set study.trials=100
[ -z "$(find . -name '*.tmp*')" ] || die "unfinished files: $(find . -name '*.tmp*')"
