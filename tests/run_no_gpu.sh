#!/usr/bin/env bash
# A GPU is asked for and there is none that can be used: an error at once that says why, and nothing is trained instead.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

cat >jets.cfg <<'EOF'
study = { metric = "val_loss"; trials = 3; };
space = { lr = { low = 1e-3; high = 1e-2; }; };
data = { generate = "jets"; rows = 500; };
train = { epochs = 1; lr = "@lr"; };
run = { backend = "cuda"; };
EOF

step "cuda, and no usable GPU"
export CUDA_VISIBLE_DEVICES=
expect 2 timeout 10 "$COXSWAIN" run jets.cfg
says "run.backend = cuda"
[ ! -s jets/journal.log ] || die "a study was begun all the same"

step "auto takes the CPU and says so"
expect 0 "$COXSWAIN" run jets.cfg --set run.backend=auto
says "cpu"
