#!/usr/bin/env bash
# Training speed against PyTorch, in one run: both DL1 shapes at batch 500, 5,000 and 15,000, plain and with batch
# normalisation, rows trained a second. Ours and the peer take turns, and each counts at its best thread count.
#
#   scripts/bench.sh [--nets dl1a,dl1b] [--batches 500,5000,15000] [--threads 1,2] [--rounds 2] [--epochs 5]
#                    [--norm both|none|only] [--modes eager,compile] [--rows 150000] [--json FILE]
#
# PYTHON names a python with PyTorch (default: python3). Builds what it needs in build/; COXSWAIN_BUILD names another folder.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
-h | --help) show_help && exit 0 ;;
esac

python=${PYTHON:-python3}
command -v "$python" >/dev/null || die "$python is missing: apt-get install python3, or name another one in \$PYTHON"
"$python" -c 'import torch' 2>/dev/null ||
  die "$python has no PyTorch: apt-get install python3-torch, or pip install torch in a virtual environment and name its python in \$PYTHON"

folder=${COXSWAIN_BUILD:-build}
say "build: bench_train in $folder/"
build "$folder" bench_train -DCMAKE_BUILD_TYPE=Release -DCOXSWAIN_TESTS=ON
ours=$folder/tests/bench_train
[ -x "$ours" ] || die "$ours was not built: the tests need CUnit (scripts/setup.sh --tests)"
exec "$python" scripts/bench_speed.py --ours "$ours" --peer-python "$python" "$@"
