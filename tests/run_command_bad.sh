#!/usr/bin/env bash
# Bad programs as evaluators: each is classified, and none of their processes stays.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python
# shellcheck source=tests/lib_command.sh
. "$tests/lib_command.sh"
cp "$tests/bad_programs.py" .

cat >bad.cfg <<EOF
evaluator = "command";
study = { name = "bad"; trials = 100; failures = 1.0; };
space = { program = $(python3 bad_programs.py --list); };
sampler = { name = "grid"; };
command = {
  argv = ("python3", "{here}/bad_programs.py", "{program}");
  steps = 2; timeout = 8; grace = 0.5; output = 3; memory = 1500;
};
run = { slots = 4; };
EOF

step "bad programs, each with its reason"
expect 0 "$COXSWAIN" run bad.cfg
"$COXSWAIN" export bad --format json >bad.json
python3 bad_programs.py --check <bad.json | tee checked
each_once bad "$(python3 -c 'import json; print(len(json.load(open("bad.json"))["trials"]))')"
says "outlived the program"
none_left bad_programs || die "still there: $(marked bad_programs)"
none_left coxswain || die "still there: $(marked coxswain)"
[ -z "$(find bad/trials -name '*.log' -size +3000000c)" ] || die "an output is longer than it may be"

step "programs that cannot be started"
echo "just text" >text
mkdir -p folder
cat >refused.cfg <<'EOF'
evaluator = "command";
study = { name = "refused"; failures = 1.0; };
space = { program = ("missing", "text", "folder"); };
sampler = { name = "grid"; };
command = { argv = ("./{program}"); };
EOF
expect 3 "$COXSWAIN" run refused.cfg
"$COXSWAIN" export refused --format json | check is \
  'len(x["trials"]) == 3 and all("cannot be started" in t["attributes"]["reason"] for t in x["trials"])'

step "mistakes that are found before anything starts"
# wrong TEXT KEY=VALUE...: the study is refused with this text.
wrong() {
  local text=$1
  shift
  expect 2 "$COXSWAIN" run refused.cfg --out wrong "${@/#/--set=}"
  says "$text"
}
wrong "did you mean {program}" 'command.argv=("./{progam}")'
wrong "no program 'no-such-program' in PATH" 'command.argv=("no-such-program")'
wrong "is not executable" 'command.argv=("./text")'
wrong "there is no" 'command.argv=("./missing")'
grep -v '^command' refused.cfg >without.cfg
expect 2 "$COXSWAIN" run without.cfg --out wrong
says "needs command.argv"
wrong "which way is better" 'study.metric=accuracy'
wrong "runs on one rank" run.ranks_per_trial=2
wrong "choose another name" 'space={ until = (1, 2); }'

echo "torture: payloads bad programs $(cut -d' ' -f1 checked) ok"
