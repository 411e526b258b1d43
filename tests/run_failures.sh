#!/usr/bin/env bash
# Trials that fail are outcomes and the study goes on; disks that fail end the run, and nothing is lost.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

# A table with n values that are no numbers among its 40 rows.
table_with() {
  python3 - "$1" >table.csv <<'EOF'
import sys
bad = int(sys.argv[1])
print("x,value")
for x in range(1, 41):
    print(f"{x},{'nan' if x <= bad else x / 40}")
EOF
}
cat >table.cfg <<'EOF'
evaluator = "function";
function = { name = "table"; file = "table.csv"; };
study = { metric = "value"; trials = 40; };
space = { x = { low = 1; high = 40; }; };
sampler = { name = "grid"; };
EOF
cat >sphere.cfg <<'EOF'
evaluator = "function";
study = { name = "sphere"; metric = "value"; trials = 400; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = -1.0; high = 1.0; }; };
EOF

step "values that are no numbers: failed trials with their reason, and the rest is there"
table_with 7
expect 0 "$COXSWAIN" run table.cfg --out some
each_once some 40
status_is some 'x["counts"]["failed"] == 7 and x["counts"]["complete"] == 33 and x["complete"]'
"$COXSWAIN" export some --format json >some.json
check is 'all((t["state"] == "fail") == (t["params"]["x"] <= 7) for t in x["trials"])' <some.json
check is 'all("nan" in t["attributes"]["reason"] and "line" in t["attributes"]["reason"]
              for t in x["trials"] if t["state"] == "fail")' <some.json
expect 0 "$COXSWAIN" status some
says "is nan"
expect 0 "$COXSWAIN" best some
says "0.2"
grep -q 'NaN' some/journal.log && die "a NaN is in the journal, which Optuna would not read"

step "halving too: a failed trial is the worst of its rung"
expect 0 "$COXSWAIN" run table.cfg --out rungs --set schedule.name=halving
each_once rungs 40

step "more failures than study.failures: exit code 3"
table_with 30
expect 3 "$COXSWAIN" run table.cfg --out most
says "trials failed, more than study.failures allows"
status_is most 'x["counts"]["failed"] >= 10 and x["trials"] < 40'
expect 3 "$COXSWAIN" run table.cfg --out most
says "study.failures"
expect 0 "$COXSWAIN" run table.cfg --out most --set study.failures=1
status_is most 'x["counts"]["failed"] == 30'
if command -v mpirun >/dev/null; then
  expect 3 ranks 3 run table.cfg --out most-3
  expect 3 "$COXSWAIN" status most-3 --exit-code
fi

step "a network that cannot be: the reason stands with the trial"
cat >jets.cfg <<'EOF'
study = { name = "jets"; trials = 12; failures = 1.0; };
space = { lr = { low = 1e-3; high = 1e30; log = true; }; };
data = { generate = "jets"; rows = 1000; classes = { light = 0; c = 4; b = 5; }; };
model = { hidden = (8); };
train = { epochs = 3; batch = 100; optimizer = "sgd"; lr = "@lr"; };
EOF
expect 0 "$COXSWAIN" run jets.cfg --set 'space.lr={ low = 1e-3; high = 1e6; log = true; }'
each_once jets 12
status_is jets 'x["counts"]["failed"] > 0'
"$COXSWAIN" export jets --format json | check is \
  'all(t["attributes"]["reason"] for t in x["trials"] if t["state"] == "fail")'

expect 3 "$COXSWAIN" run jets.cfg --out none --set 'space.lr={ low = 1e4; high = 1e6; log = true; }' # not one is left

step "folders that cannot be"
echo text >file
expect 2 "$COXSWAIN" run sphere.cfg --out file
says "file"
expect 2 "$COXSWAIN" run sphere.cfg --out file/below
says "file"
expect 2 "$COXSWAIN" run sphere.cfg --out /proc/coxswain
says "/proc/coxswain"
if [ "$(id -u)" != 0 ]; then
  mkdir shut && chmod 555 shut
  expect 2 "$COXSWAIN" run sphere.cfg --out shut/study
  says "shut/study"
  chmod 755 shut
fi

step "a journal that is none, or is damaged, is refused by line and left as it is"
mkdir -p odd
echo 'this is no journal' >odd/journal.log
cp odd/journal.log before
expect 74 "$COXSWAIN" run sphere.cfg --out odd
says "odd/journal.log"
cmp odd/journal.log before
expect 0 "$COXSWAIN" run sphere.cfg --out damaged --set study.trials=20
sed -i '50s/[0-9]/x/' damaged/journal.log
cp damaged/journal.log before
expect 74 "$COXSWAIN" run sphere.cfg --out damaged --set study.trials=20
says "damaged/journal.log"
says "50"
cmp damaged/journal.log before
expect 74 "$COXSWAIN" status damaged

step "a torn last line is cut, kept aside, and the study goes on"
expect 0 "$COXSWAIN" run sphere.cfg --out torn --set study.trials=20
truncate -s -20 torn/journal.log
expect 0 "$COXSWAIN" run sphere.cfg --out torn --set study.trials=21
says "cut off and kept"
[ -s torn/journal.log.torn-1 ] || die "what was cut off is gone"
each_once torn 21

disk=$PWD/disk
mounted() {
  mkdir -p "$disk"
  [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256k coxswain-test "$disk" 2>/dev/null
}
if ! mounted; then
  echo "the part with a full disk is left out: it needs root and tmpfs"
  exit 0
fi
trap 'umount "$disk" 2>/dev/null || umount -l "$disk"; cleanup' EXIT

step "a full disk: exit code 74 and a clear word; with space again the study goes on and nothing is lost"
expect 74 "$COXSWAIN" run sphere.cfg --out "$disk/study"
says "No space left"
says "$disk/study"
"$COXSWAIN" export "$disk/study" --format json >full.json || die "it cannot be read on the full disk"
expect 74 "$COXSWAIN" run sphere.cfg --out "$disk/study"
mount -o remount,size=8m "$disk"
expect 0 "$COXSWAIN" run sphere.cfg --out "$disk/study"
each_once "$disk/study" 400
python3 - "$disk" <<'EOF'
import json, subprocess, os, sys
before = json.load(open("full.json"))["trials"]
after = json.loads(subprocess.run([os.environ["COXSWAIN"], "export", sys.argv[1] + "/study", "--format", "json"],
                                  check=True, capture_output=True).stdout)["trials"]
assert len(before) > 10, len(before)
for t in before:
    if t["state"] == "complete":
        assert after[t["number"]]["value"] == t["value"] and after[t["number"]]["params"] == t["params"], t
EOF
expect 0 "$COXSWAIN" run sphere.cfg --out whole
same_search whole "$disk/study"
