#!/usr/bin/env bash
# The lines that the README gives for programs of one's own, as they stand there, in small PyTorch and Keras programs: a
# study of them that is killed in the middle has the values of one that is not. With the first Python of
# $COXSWAIN_TORCH_PYTHONS (default: /usr/bin/python3 python3) that has the library.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

# has_library NAME: finds a Python with it.
has_library() {
  for python in ${COXSWAIN_TORCH_PYTHONS:-/usr/bin/python3 python3}; do
    python=$(command -v "$python") && "$python" -c "import torch, $1" 2>/dev/null && return 0
  done
  echo "left out: no Python here has $1"
  return 1
}

# lines_for NAME: the block of Python behind "for NAME:" in the README.
lines_for() {
  python3 - "$tests/../README.md" "$1" <<'EOF'
import re, sys
blocks = re.findall(r"for " + sys.argv[2] + r":\n\n```python\n(.*?)```", open(sys.argv[1]).read(), re.S)
if len(blocks) != 1:
    sys.exit(f"{len(blocks)} blocks of lines for {sys.argv[2]} in the README")
print(blocks[0], end="")
EOF
}

# program NAME: what stands around these lines, and in place of their dots.
program() {
  python3 - "$1" <(lines_for "$1") <<'EOF'
import sys
around = {
    "PyTorch": ("""
torch.set_num_threads(1)
torch.manual_seed(int(os.environ["COXSWAIN_SEED"]))
x = torch.randn(200, 4)
y = x.sum(1, keepdim=True) ** 2
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), lr=float(os.environ["COXSWAIN_P_lr"]))
""", "    ...\n", """    time.sleep(0.1)
    opt.zero_grad()
    error = ((net(x) - y) ** 2).mean()
    error.backward()
    opt.step()
    loss = error.item()
"""),
    "Keras": ("""
os.environ["KERAS_BACKEND"] = "torch"
import keras
torch.set_num_threads(1)
keras.utils.set_random_seed(1)
x = torch.randn(200, 4).numpy()
y = x.sum(1) ** 2
model = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(float(os.environ["COXSWAIN_P_lr"])), "mse")
model.build((None, 4))
slow = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: time.sleep(0.1))
""", "model.fit(..., ", "model.fit(x, y, validation_data=(x, y), shuffle=False, verbose=0, batch_size=50, "),
}
before, dots, instead = around[sys.argv[1]]
lines = open(sys.argv[2]).read()
if lines.count(dots) != 1:
    sys.exit(f"the lines have no {dots!r}:\n{lines}")
print("import json, os, time, torch" + before + lines.replace(dots, instead))
EOF
}

# study NAME: undisturbed, then killed in the middle.
study() {
  program "$1" >"$1.py"
  cat >"$1.cfg" <<EOF
evaluator = "command";
study = { name = "$1"; metric = "loss"; trials = 3; };
space = { lr = { low = 0.001; high = 0.1; log = true; }; };
schedule = { name = "halving"; };
command = { argv = ("$python", "{here}/$1.py"); steps = 9; };
run = { checkpoint = 0.1; };
EOF
  expect 0 "$COXSWAIN" run "$1.cfg" --out "$1-whole"
  status_is "$1-whole" 'x["counts"]["failed"] == 0 and x["counts"]["complete"] == 1 and len(x["best"]["intermediate_values"]) == 9'
  "$COXSWAIN" run "$1.cfg" --out "$1-killed" >said 2>&1 &
  started=$!
  wait_for 120 "some steps" has_reports 7 "$1-killed"
  kill -KILL "$started"
  wait_for 60 "the end of process $started" gone "$started"
  status_is "$1-killed" 'not x["complete"]'
  expect 0 "$COXSWAIN" run "$1.cfg" --out "$1-killed"
  each_once "$1-killed" 3
  same_values "$1-killed" "$1-whole"
  status_is "$1-killed" 'x["counts"]["failed"] == 0'
}
has_reports() {
  local n
  n=$(grep -c '"op_code":7' "$2/journal.log" 2>/dev/null || true)
  [ "${n:-0}" -ge "$1" ]
}

tested=
for name in PyTorch Keras; do
  library=torch
  [ $name = PyTorch ] || library=keras
  if KERAS_BACKEND=torch has_library $library; then
    step "$name"
    study $name
    tested=$name
  fi
done
[ -n "$tested" ] || skip "no Python here has PyTorch (Debian: apt-get install python3-torch)"
