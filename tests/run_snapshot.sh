#!/usr/bin/env bash
# A study with a long journal goes on from its snapshot as it would from the journal: the same next points, the same
# promotions, the same reports. One that is damaged is left out.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
grow=$(realpath "${COXSWAIN_BUILD:?}/tests/grow_journal")

cat >long.cfg <<'EOF'
evaluator = "function";
function = { name = "curve"; steps = 3; };
study = { name = "study"; metric = "value"; trials = 15; };
schedule = { name = "halving"; };
space = { x = { low = -1.0; high = 1.0; }; rate = { low = 1e-4; high = 1.0; log = true; }; kind = ("a", "b", 3); };
run = { ordered = true; };
EOF

# looks FOLDER: all that a reader is told of it, but for clocks, places and its name.
looks() {
  "$COXSWAIN" export "$1"
  "$COXSWAIN" best "$1" -n 20 --json
  "$COXSWAIN" status "$1" | grep -v -e '^  time' -e '^  checkpoints'
}

same() {
  looks "$1" | sed "s|$1|DIR|" >one.txt
  looks "$2" | sed "s|$2|DIR|" >two.txt
  cmp one.txt two.txt || die "$1 and $2 differ ($3)"
}

step "a journal of 18,000 trials gets a snapshot when it is opened"
expect 0 "$COXSWAIN" run long.cfg --out long
"$grow" long 18000
expect 0 "$COXSWAIN" run long.cfg --out long --set study.trials=18040
[ -s long/journal.snapshot ] || die "no snapshot"

step "with it and without it everything is the same, and goes on the same"
cp -r long without
rm without/journal.snapshot
same long without "read only"
for folder in long without; do
  expect 0 "$COXSWAIN" run "$folder" --set study.trials=18200
  expect 0 "$COXSWAIN" ask "$folder" -n 3
done
same long without "after going on"

step "what it stands for is not read again"
cp -r long hurt
printf 'damage' | dd of=hurt/journal.log bs=1 seek=3000000 conv=notrunc status=none
looks hurt >/dev/null
cksum <hurt/journal.log >before
expect 74 "$COXSWAIN" doctor hurt --cut-at-damage
says "so the journal is not cut"
cksum <hurt/journal.log | cmp -s - before || die "the journal was cut though the snapshot had it all"
rm hurt/journal.snapshot
expect 74 "$COXSWAIN" status hurt

step "a damaged one is left out"
printf 'damage' | dd of=long/journal.snapshot bs=1 seek=500000 conv=notrunc status=none
expect 0 "$COXSWAIN" status long
says "journal.snapshot is left out"
same long without "a damaged snapshot"
expect 0 "$COXSWAIN" doctor long
says "snapshot  is left out: it is damaged"
expect 0 "$COXSWAIN" doctor long --mend
[ ! -e long/journal.snapshot ] || die "the damaged snapshot is still there"
