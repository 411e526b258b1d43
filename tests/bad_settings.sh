#!/usr/bin/env bash
# Study files with mistakes through `coxswain check`: each ends with exit code 2 and says what stands in its first lines,
# "# expect: ...". The files in bad/ have mistakes that show by themselves, those in bad_together/ settings that do not
# fit each other or the space. Then every way in which each row of the settings table can be written wrongly, every other
# one of them (all with --all; under the sanitizers, which slow each process down, every tenth).
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

writer=${WRITE_BAD_SETTINGS:-${COXSWAIN_BUILD:-}/tests/write_bad_settings}
if [ -x "$writer" ]; then
  every=2 n=0
  [ -z "${ASAN_OPTIONS:-}" ] || every=10
  [ "${1:-}" != --all ] || every=1
  mkdir written
  "$writer" written >/dev/null
  for file in written/*.cfg; do
    n=$((n + 1))
    [ $((n % every)) -eq 0 ] || continue
    IFS= read -r text <"$file"
    expect 2 timeout 60 "$COXSWAIN" check --quick "$file"
    says "$file${text#\# expect: }"
  done
  [ "$n" -ge 1000 ] || die "only $n study files were written"
  step "$((n / every)) study files with a mistake in one setting"
  echo "torture: settings bad $((n / every)) ok"
fi

step "no mistake, no complaint"
expect 0 "$COXSWAIN" check --quick "$tests/../configs/quickstart.cfg"

step "mistakes on the command line"
expect 2 "$COXSWAIN" check --quick "$tests/../configs/quickstart.cfg" --set study.trils=3
says "--set study.trils=3: unknown setting; did you mean study.trials?"
expect 2 "$COXSWAIN" check --quick nowhere.cfg
says "cannot read nowhere.cfg: No such file or directory"
expect 2 "$COXSWAIN" check --quick .
says "is a folder, not a study file"

step "a name that is a path"
for name in ../evil /tmp/evil .hidden -x "a b" ""; do
  expect 2 "$COXSWAIN" run "$tests/../configs/quickstart.cfg" --set "study.name=\"$name\""
  says "study.name"
done
[ ! -e ../evil ] || die "a study outside of its folder"

step "reference"
expect 0 "$COXSWAIN" reference
cmp said "$tests/../configs/reference.cfg" || die "configs/reference.cfg is not what coxswain reference prints"
expect 0 "$COXSWAIN" reference train.plateau
says "train.plateau.patience"
expect 2 "$COXSWAIN" reference trian
says "did you mean train?"
