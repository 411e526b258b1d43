#!/usr/bin/env bash
# A study on a disk of 5 MB: it fills up, the study says so and stops; with room made it goes on, to the values of an
# unbroken run. The disk is memory, mounted where only this test sees it.
set -eu
if [ -z "${COXSWAIN_OWN_MOUNTS:-}" ] && unshare -m true 2>/dev/null; then
  COXSWAIN_OWN_MOUNTS=yes exec unshare -m --propagation private "$0"
fi
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
[ -n "${COXSWAIN_OWN_MOUNTS:-}" ] || skip "a mount of one's own needs root"

cat >wide.cfg <<'EOF'
study = { name = "wide"; metric = "val_loss"; trials = 8; };
space = { width = { low = 150; high = 200; }; lr = { low = 1e-3; high = 1e-2; log = true; }; };
data = { generate = "jets"; rows = 600; };
model = { hidden = ("@width", 200); };
train = { epochs = 6; lr = "@lr"; };
run = { checkpoint = 0.05; keep = 8; ordered = true; };
EOF

step "an unbroken run"
expect 0 "$COXSWAIN" run wide.cfg --out whole
[ "$(du -sm whole | cut -f1)" -gt 8 ] || die "the study is too small to fill the disk"

mkdir disk
mount -t tmpfs -o size=5m none disk 2>/dev/null || skip "no disk of its own can be mounted"
trap 'code=$?; umount disk; (exit $code); cleanup' EXIT

step "the disk fills up"
expect 74 timeout 120 "$COXSWAIN" run wide.cfg --out disk/wide
says "No space left on device: free some space"
says "disk/wide"
[ -z "$(find disk -name '*.tmp')" ] || die "half written files stay: $(find disk -name '*.tmp')"

step "still no room: it says so again, and what is there stays"
"$COXSWAIN" export disk/wide --format json -o before.json
expect 74 timeout 120 "$COXSWAIN" run wide.cfg --out disk/wide
says "make room"
"$COXSWAIN" export disk/wide --format json -o after.json
python3 - <<'EOF'
import json
before, after = ({t["number"]: t["value"] for t in json.load(open(f))["trials"] if t["state"] == "complete"} for f in ("before.json", "after.json"))
assert all(after.get(n) == v for n, v in before.items()), (before, after)
EOF

step "room is made, and it goes on"
mount -o remount,size=100m disk
expect 0 timeout 120 "$COXSWAIN" run wide.cfg --out disk/wide
each_once disk/wide 8
same_search disk/wide whole
[ "$(ls disk/wide/best)" = "$(ls whole/best)" ] || die "not the same models"
