#!/usr/bin/env bash
# Study files with mistakes through `coxswain check`: each ends with exit code 2 and says what stands in its first lines,
# "# expect: ...". The files in bad/ have mistakes that show by themselves, those in bad_together/ settings that do not
# fit each other or the space.
. "$(dirname "$0")/lib.sh"

cp -r "$tests/data/settings" settings
chmod -R u+w settings

n=0
for file in settings/bad/*.cfg settings/bad_together/*.cfg; do
  expect 2 "$COXSWAIN" check --quick "$file"
  sed -n 's/^# expect: //p' "$file" >expected
  [ -s expected ] || die "$file does not say what to expect"
  while IFS= read -r text; do
    says "$text"
  done <expected
  n=$((n + 1))
done
step "$n study files with mistakes"
[ "$n" -ge 100 ] || die "only $n files"

step "no mistake, no complaint"
expect 0 "$COXSWAIN" check --quick "$tests/../configs/quickstart.cfg"

step "mistakes on the command line"
expect 2 "$COXSWAIN" check --quick "$tests/../configs/quickstart.cfg" --set study.trils=3
says "--set study.trils=3: unknown setting; did you mean study.trials?"
expect 2 "$COXSWAIN" check --quick nowhere.cfg
says "cannot read nowhere.cfg: No such file or directory"
expect 2 "$COXSWAIN" check --quick .
says "is a folder, not a study file"

step "reference"
expect 0 "$COXSWAIN" reference
cmp said "$tests/../configs/reference.cfg" || die "configs/reference.cfg is not what coxswain reference prints"
expect 0 "$COXSWAIN" reference train.plateau
says "train.plateau.patience"
expect 2 "$COXSWAIN" reference trian
says "did you mean train?"
