#!/usr/bin/env bash
# Checkpoints that a disk has damaged. Every damage is found (run_damaged.sh [COUNT]: so many bit flips, default 500, and a
# tenth of it of each other kind); a study whose newest packs are damaged takes the states before them, says so, and
# comes to the values of an unbroken run.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
count=${1:-500}
damage=${DAMAGE_PACKS:-${COXSWAIN_BUILD:?the build folder}/tests/damage_packs}

cat >jets.cfg <<'EOF'
study = { name = "jets"; metric = "val_loss"; trials = 6; };
space = { width = { low = 8; high = 24; }; lr = { low = 1e-3; high = 1e-2; log = true; }; };
data = { generate = "jets"; rows = 3000; };
model = { hidden = ("@width", 8); dropout = 0.1; };
train = { epochs = 100; batch = 50; lr = "@lr"; };
run = { checkpoint = 0.02; quantum = 0.02; slots = 3; };
EOF

step "an unbroken run, and one that is stopped while its first trials train"
expect 0 "$COXSWAIN" run jets.cfg --out whole
"$COXSWAIN" run jets.cfg --out stopped >said 2>&1 &
started=$!
saved_twice() { # trials that have two states on disk
  gone "$started" || [ "$(grep -o '"trial_id":0,.*coxswain:saved' stopped/journal.log 2>/dev/null | wc -l)" -ge 2 ]
}
wait_for 60 "two packs with states of a trial" saved_twice
kill -TERM "$started"
wait "$started" || true
started=

# The newest pack of every trial that goes on, and how many they are.
newest() {
  python3 - "$1/journal.log" <<'EOF'
import json, sys
saved, over = {}, set()
for line in open(sys.argv[1]):
    op = json.loads(line)
    if op["op_code"] == 6 and op["state"] in (1, 2, 3):
        over.add(op["trial_id"])
    pack = op.get("system_attr", {}).get("coxswain:saved")
    if op["op_code"] == 9 and pack:
        saved.setdefault(op["trial_id"], []).append(pack["pack"])
print("\n".join(sorted({packs[-1] for t, packs in saved.items() if t not in over and len(packs) > 1})))
EOF
}
mapfile -t packs < <(newest stopped)
[ -n "${packs[0]:-}" ] || die "no trial was stopped with two states on disk"
step "${#packs[@]} packs hold the newest states of trials that go on"

flip() { python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(5000); b = f.read(1)[0]; f.seek(5000); f.write(bytes([b ^ 1]))' "$1"; }
cut_in_half() { truncate -s $(($(stat -c %s "$1") / 2)) "$1"; }
empty() { : >"$1"; }
zero_a_page() { dd if=/dev/zero of="$1" bs=4096 seek=1 count=1 conv=notrunc status=none; }
write_over() { head -c "$(stat -c %s "$1")" /dev/urandom >"$1.x" && mv "$1.x" "$1"; }
take_away() { rm "$1"; }
make_folder() { rm "$1" && mkdir "$1"; }
for harm in flip cut_in_half empty zero_a_page write_over take_away make_folder; do
  step "$harm"
  rm -rf damaged
  cp -r stopped damaged
  for pack in "${packs[@]}"; do
    $harm "damaged/packs/$pack"
  done
  expect 0 timeout 120 "$COXSWAIN" run damaged
  says "taking the state before it"
  says "${packs[0]}"
  same_values damaged whole
  each_once damaged 6
done

step "a damaged model is not predicted with"
best=$("$COXSWAIN" best whole --json | check show 'x[0]["weights"]')
expect 0 "$COXSWAIN" generate jets -n 100 -o other.h5
cp "whole/$best" model.h5
flip model.h5
expect 2 "$COXSWAIN" predict model.h5 other.h5 -o scores.h5
says "model.h5"
[ ! -e scores.h5 ] || die "scores of a damaged model"

step "no damage goes unseen"
"$damage" "$count" whole/packs/*.h5 whole/best/*.h5
