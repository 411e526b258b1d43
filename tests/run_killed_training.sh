#!/usr/bin/env bash
# As run_killed.sh, with networks: adam, sgd with momentum and rmsprop, dropout, batch norm, a plateau schedule. What a
# kill takes is trained again from the last pack, to the same bits.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
need_mpirun
command -v pgrep >/dev/null || skip "no pgrep"

cat >jets.cfg <<'EOF'
study = { name = "jets"; metric = "val_loss"; trials = 40; };
space = {
  width = { low = 8; high = 32; };
  dropout = { low = 0.05; high = 0.3; };
  lr = { low = 1e-3; high = 1e-2; log = true; };
  optimizer = ("adam", "sgd", "rmsprop");
};
data = { generate = "jets"; rows = 3000; classes = { light = 0; c = 4; b = 5; }; };
model = { hidden = ("@width", 8); dropout = "@dropout"; batch_norm = true; };
train = {
  epochs = 27; batch = 50; optimizer = "@optimizer"; lr = "@lr"; momentum = 0.5;
  lr_schedule = "plateau"; plateau = { patience = 1; factor = 0.5; };
};
schedule = { name = "halving"; first = 3; };
run = { checkpoint = 0.05; quantum = 0.02; };
EOF

step "each trial, given its point, has the values of an unbroken run"
expect 0 ranks 3 run jets.cfg --out whole
killed_five_times killed "$(lines_of whole/journal.log)" jets.cfg
each_once killed 40
same_values killed whole

step "ordered: the whole search is equal, and equal to that of one process with 3 slots"
expect 0 "$COXSWAIN" run jets.cfg --out ordered --set run.ordered=true --set run.slots=3
killed_five_times ordered-killed "$(lines_of ordered/journal.log)" jets.cfg --set run.ordered=true
each_once ordered-killed 40
same_search ordered ordered-killed

step "the weights of the best are there and are those of the unbroken run"
"$COXSWAIN" best ordered-killed --json | check is 'x[0]["weights"].startswith("best/")'
best=$("$COXSWAIN" best ordered --json | check show 'x[0]["weights"]')
[ -e "ordered-killed/$best" ] || die "no $best after the kills"
if command -v h5diff >/dev/null; then
  h5diff -q "ordered/$best" "ordered-killed/$best" "$(basename "$best" .h5)/weights" || die "the weights in $best differ"
fi
