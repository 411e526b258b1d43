#!/usr/bin/env bash
# coxswain doctor: a study that was killed is damaged in every way that it knows; it says what is wrong, mends it, and the
# study then goes on to the result of one that nothing ever happened to.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

cat >jets.cfg <<'END'
study = { name = "jets"; metric = "val_loss"; trials = 16; };
space = {
  width = { low = 8; high = 16; };
  lr = { low = 1e-3; high = 1e-2; log = true; };
  optimizer = ("adam", "sgd");
};
data = { generate = "jets"; rows = 3000; classes = { light = 0; c = 4; b = 5; }; };
model = { hidden = ("@width", 8); };
train = { epochs = 27; batch = 50; optimizer = "@optimizer"; lr = "@lr"; momentum = 0.5; };
schedule = { name = "halving"; first = 3; };
run = { checkpoint = 0.02; quantum = 0.005; slots = 4; ordered = true; };
END

# flip FILE OFFSET: other bits in that byte (from the end if negative).
flip() {
  python3 - "$1" "$2" <<'END'
import os, sys
path, at = sys.argv[1], int(sys.argv[2])
data = bytearray(open(path, "rb").read())
data[at] ^= 0x15
open(path, "wb").write(data)
END
}

# report DIR EXPRESSION: Python, over x = what `doctor --json` says (its exit code left aside).
report() {
  { "$COXSWAIN" doctor "$1" --json 2>/dev/null || true; } | check is "$2"
}

# fresh: a copy of the killed study to damage.
fresh() {
  rm -rf sick
  cp -a killed sick
}

# goes_on: the copy is well now, and comes to the end of the unbroken one.
goes_on() {
  expect 0 "$COXSWAIN" doctor sick
  expect 0 "$COXSWAIN" run jets.cfg --out sick
  each_once sick 16
  same_search whole sick
}

step "a study that nothing happened to, and one that is killed in the middle"
expect 0 "$COXSWAIN" run jets.cfg --out whole
expect 0 "$COXSWAIN" doctor whole
lines=$(lines_of whole/journal.log)
"$COXSWAIN" run jets.cfg --out killed >said 2>&1 &
started=$!
disown
wait_for 60 "the middle of the run" there_or_over $((lines * 6 / 10)) killed/journal.log
kill -STOP "$started" || die "the run was over before it could be stopped"
expect 0 "$COXSWAIN" doctor killed
says ": alive"
before=$(find killed -type f ! -path '*/packs/*' ! -name '*.log' ! -name journal.lock | sort)
expect 2 "$COXSWAIN" doctor killed --mend
says "is being written by host "
[ "$before" = "$(find killed -type f ! -path '*/packs/*' ! -name '*.log' ! -name journal.lock | sort)" ] || die "changed under a run"
kill -KILL "$started"
wait_for 30 "its end" gone "$started"
status_is killed 'not x["complete"] and x["counts"]["complete"] < 16'

step "the lock of a dead run, and what it left half written"
fresh
touch sick/packs/x.h5.tmp sick/study.cfg.tmp sick/journal.lock.0123456789abcdef.tmp
expect 0 "$COXSWAIN" doctor sick
says "journal.lock names an owner that is dead: host "
says "packs/x.h5.tmp was left half written"
[ -s sick/journal.lock ] || die "it changed something without --mend"
report sick 'x["sections"]["lock"]["holder"] == "dead" and len(x["resume"]) > 0'
expect 0 "$COXSWAIN" doctor sick --mend
[ ! -s sick/journal.lock ] || die "the lock still names somebody"
[ -z "$(find sick -name '*.tmp')" ] || die "files are left half written"
expect 0 "$COXSWAIN" doctor sick
says "nobody writes"

step "a torn tail"
fresh
tail -n 1 killed/journal.log | head -c 57 >>sick/journal.log
expect 0 "$COXSWAIN" doctor sick
says "the last write was not completed: "
expect 0 "$COXSWAIN" doctor sick --mend
[ "$(stat -c %s sick/journal.log.torn-1)" -ge 57 ] || die "the torn bytes were not kept"
report sick 'x["sections"]["journal"]["torn_bytes"] == 0 and x["sections"]["aside"]["files"] == ["journal.log.torn-1"]'
goes_on

step "the newest pack of a trial that goes on, then all packs"
fresh
pack=$("$COXSWAIN" doctor sick --json | check show 'max(r["from"] for r in x["resume"] if r["from"].startswith("packs/"))')
flip "sick/$pack" 3000
expect 74 "$COXSWAIN" doctor sick
says "damaged   sick/$pack: its checksum is "
says "its newest state, in $pack, cannot be read"
report sick "any(r['instead_of'] == '${pack#packs/}' for r in x['resume'])"
expect 0 "$COXSWAIN" doctor sick --mend
[ -e "sick/packs/damaged/${pack#packs/}" ] || die "the damaged pack is not where it should be"
goes_on
fresh
for pack in sick/packs/*.h5; do truncate -s 1000 "$pack"; done
expect 74 "$COXSWAIN" doctor sick
report sick 'all(r["from"] == "the start" for r in x["resume"])'
expect 0 "$COXSWAIN" doctor sick --mend
goes_on

step "damage in the middle of the journal"
fresh
middle=$(($(lines_of sick/journal.log) / 2))
sed -i "${middle}s/[0-9]/x/5" sick/journal.log
expect 74 "$COXSWAIN" doctor sick
says "damaged   sick/journal.log:"
says "--cut-at-damage keeps the "
expect 74 "$COXSWAIN" doctor sick --mend
cmp -s <(sed "${middle}s/[0-9]/x/5" killed/journal.log) sick/journal.log || die "--mend changed a damaged journal"
expect 74 "$COXSWAIN" run jets.cfg --out sick
says ": put back a copy of the file, or "
expect 0 "$COXSWAIN" doctor sick --cut-at-damage
says "mended    sick/journal.log:"
says ", now in sick/journal.log.damaged-1"
cat sick/journal.log sick/journal.log.damaged-1 | cmp -s - <(sed "${middle}s/[0-9]/x/5" killed/journal.log) || die "bytes were lost"
goes_on

step "study.cfg: damaged, of another study, gone"
for how in damage differ remove; do
  fresh
  case $how in
  damage) truncate -s 300 sick/study.cfg ;;
  differ) sed -i 's/batch = 50;/batch = 51;/' sick/study.cfg ;;
  remove) rm sick/study.cfg ;;
  esac
  expect 74 "$COXSWAIN" doctor sick
  says "sick/study.cfg"
  expect 0 "$COXSWAIN" doctor sick --mend
  expect 0 "$COXSWAIN" doctor sick
  head -n 1 sick/study.cfg | grep -q "from $PWD/jets.cfg" || die "study.cfg does not say where it comes from"
done
expect 0 "$COXSWAIN" run sick
same_search whole sick

step "weights of the best"
rm -rf sick
cp -a whole sick
best=sick/$("$COXSWAIN" best sick --json | check show 'x[0]["weights"]')
flip "$best" -1
expect 74 "$COXSWAIN" doctor sick
says "damaged   $best: "
expect 0 "$COXSWAIN" doctor sick --mend
expect 0 "$COXSWAIN" doctor sick
expect 0 "$COXSWAIN" run jets.cfg --out sick
[ -e "$best" ] || die "the weights were not written again"

step "everything at once"
fresh
tail -n 1 killed/journal.log | head -c 57 >>sick/journal.log
for pack in sick/packs/*.h5; do
  flip "$pack" 3000
  break
done
touch sick/best/x.tmp
rm sick/study.cfg
echo '{"command": ' >sick/inbox/a.json
expect 74 "$COXSWAIN" doctor sick
expect 0 "$COXSWAIN" doctor sick --mend
rm sick/inbox/a.json
goes_on

step "no study, and options that are none"
expect 2 "$COXSWAIN" doctor tmp
says "tmp is no study folder"
expect 2 "$COXSWAIN" doctor
expect 2 "$COXSWAIN" doctor whole --mned
says "did you mean --mend"
