#!/usr/bin/env bash
# What programs get of the machine: GPUs, cores, variables; containers; and what hangs is found by its silence.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
need_python

# Says what it was given. No two programs may have the same GPU at the same time.
cat >looks.sh <<'EOF'
#!/bin/sh
for gpu in $(echo "$CUDA_VISIBLE_DEVICES" | tr , ' '); do
  mkdir "../../gpu-$gpu" || exit 9
done
sleep 0.05
cores=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
for gpu in $(echo "$CUDA_VISIBLE_DEVICES" | tr , ' '); do
  rmdir "../../gpu-$gpu"
done
echo "{\"loss\": 1, \"gpus\": \"$CUDA_VISIBLE_DEVICES\", \"cores\": \"$cores\", \"threads\": \"$OMP_NUM_THREADS\", \"point\": \"$POINT\", \"name\": \"${0##*/}\"}"
EOF
chmod +x looks.sh
cat >looks.cfg <<'EOF'
evaluator = "command";
study = { trials = 16; failures = 1.0; };
space = { x = { low = 0.0; high = 1.0; }; };
command = { argv = ("./looks.sh"); env = ("POINT=x is {x}"); };
run = { slots = 2; };
EOF
# seen DIR EXPRESSION: over x = [(rank, attributes), ...] of all trials.
seen() {
  "$COXSWAIN" export "$1" --format json >export.json
  check is '{t["state"] for t in x["trials"]} == {"complete"}' <export.json
  python3 - "$2" <<'EOF'
import json, sys
x = [(t["attributes"]["provenance"]["rank"], t["attributes"]) for t in json.load(open("export.json"))["trials"]]
if not eval(sys.argv[1]):
    sys.exit(f"not so: {sys.argv[1]}\n{x}")
EOF
}

step "variables of the study file"
CUDA_VISIBLE_DEVICES=7 OMP_NUM_THREADS=5 expect 0 "$COXSWAIN" run looks.cfg --out plain --set run.slots=1
seen plain 'all(a["gpus"] == "7" and a["threads"] == "5" and a["point"].startswith("x is 0.") for _, a in x)'
OMP_NUM_THREADS=5 expect 0 "$COXSWAIN" run looks.cfg --out threads --set 'command.env=("OMP_NUM_THREADS=3")' \
  --set command.cpus=1 --set run.slots=1
seen threads 'all(a["threads"] == "3" for _, a in x)'
ln -s looks.sh link.sh # as the Python of a virtual environment
expect 0 "$COXSWAIN" run looks.cfg --out linked --set 'command.argv=("./link.sh")' --set run.slots=1 --set study.trials=2
seen linked 'all(a["name"] == "link.sh" for _, a in x)'
expect 2 "$COXSWAIN" run looks.cfg --out wrong --set 'command.env=("1X=2")'
says "is no NAME=value"
expect 2 "$COXSWAIN" run looks.cfg --out wrong --set 'command.env=("A={y}")'
says "command.env: {y} is neither"

step "GPUs, by the variable and by the study file"
CUDA_VISIBLE_DEVICES=GPU-1a,MIG-2b,3 expect 0 "$COXSWAIN" run looks.cfg --out listed --set command.gpus=1
seen listed '{a["gpus"] for _, a in x} == {"GPU-1a", "MIG-2b"}'
expect 0 "$COXSWAIN" run looks.cfg --out several --set command.gpus=2 --set 'command.devices=("0","1","2","3")'
seen several '{a["gpus"] for _, a in x} == {"0,1", "2,3"}'

step "fewer GPUs than asked for: an error with its cure, never a program without one"
CUDA_VISIBLE_DEVICES=0 expect 2 "$COXSWAIN" run looks.cfg --out wrong --set command.gpus=1
says "command.gpu_share = 2"
CUDA_VISIBLE_DEVICES='' expect 2 "$COXSWAIN" run looks.cfg --out wrong --set command.gpus=1
says "shows no GPU"
[ ! -e wrong/trials ] || die "a trial was started"

cores=$(python3 -c 'import os; print(len(os.sched_getaffinity(0)))')
step "cores ($cores here)"
expect 0 "$COXSWAIN" run looks.cfg --out core --set command.cpus=1 --set run.slots=1
seen core 'all(a["cores"].isdigit() and a["threads"] == "1" for _, a in x)'
expect 2 "$COXSWAIN" run looks.cfg --out wrong --set command.cpus=$((cores + 1)) --set run.slots=1
says "may use $cores"
if [ "$cores" -ge 2 ]; then
  expect 0 "$COXSWAIN" run looks.cfg --out cores --set command.cpus=1
  seen cores 'len({a["cores"] for _, a in x}) == 2'
else
  echo "left out: a second core"
fi

step "a container's program is a command like any other"
mkdir -p bin
cat >bin/apptainer <<'EOF'
#!/bin/sh
[ "$1 $2 $3" = "exec --nv image.sif" ] || { echo "not as documented: $*" >&2; exit 1; }
shift 3
exec "$@"
EOF
chmod +x bin/apptainer
PATH=$PWD/bin:$PATH expect 0 "$COXSWAIN" run looks.cfg --out container --set study.trials=3 \
  --set 'command.argv=("apptainer","exec","--nv","image.sif","{here}/looks.sh")' \
  --set 'command.devices=("4","5")' --set command.gpus=1
seen container '{a["gpus"] for _, a in x} <= {"4", "5"}'

step "silence"
cat >silent.cfg <<'EOF'
evaluator = "command";
study = { failures = 1.0; };
space = { what = ("while :; do sleep 0.1; echo busy; done", "while :; do sleep 0.1; echo busy >&2; done",
                  "echo one; sleep 1000", "kill -STOP $$"); };
sampler = { name = "grid"; };
command = { argv = ("sh", "-c", "{what}"); silence = 3; timeout = 6; grace = 0.5; };
run = { slots = 4; };
EOF
expect 3 "$COXSWAIN" run silent.cfg
"$COXSWAIN" export silent --format json | check is \
  'all(("timeout" if "busy" in t["params"]["what"] else "silence") in t["attributes"]["reason"] for t in x["trials"])'
"$COXSWAIN" status silent >said
says "it said nothing for command.silence = 3 s"

command -v mpirun >/dev/null || {
  echo "the part with mpirun is left out: there is none"
  exit 0
}
step "the ranks of a host divide its GPUs and cores"
expect 0 ranks 2 run looks.cfg --out ranks --set command.gpus=1 --set 'command.devices=("a","b","c","d")'
seen ranks 'all(a["gpus"] in ("ab", "cd")[r] for r, a in x)'
expect 0 ranks 2 run looks.cfg --out dedicated --set command.gpus=1 --set 'command.devices=("a","b")' \
  --set run.steer=dedicated
seen dedicated '{a["gpus"] for _, a in x} == {"a", "b"}'
expect 2 ranks 2 run looks.cfg --out wrong --set command.gpus=1 --set 'command.devices=("a","b")'
says "2 ranks x 2 slots want 4 GPUs, there are 2"
if [ "$cores" -ge 2 ]; then
  expect 0 ranks 2 run looks.cfg --out bound --set command.cpus=1 --set run.slots=1
  seen bound '{a["cores"] for r, a in x if r == 0}.isdisjoint({a["cores"] for r, a in x if r == 1})'
fi
