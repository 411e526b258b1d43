#!/bin/sh
# The stored numbers of tests/data/torch_reference.json are what PyTorch computes here, with the first Python of
# $COXSWAIN_TORCH_PYTHONS (default: /usr/bin/python3 python3) that has it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for python in ${COXSWAIN_TORCH_PYTHONS:-/usr/bin/python3 python3}; do
  if "$python" -c 'import torch' 2>/dev/null; then
    exec "$python" "$here/torch_reference.py" check "$here/data/torch_reference.json"
  fi
done
echo "SKIP: no Python here has PyTorch (Debian: apt-get install python3-torch)"
exit 77
