#!/usr/bin/env bash
# cmake --install puts the program, the study files, the job scripts and the documents where they belong.
set -euo pipefail

place=$PWD/test-files/install
rm -rf "$place"
cmake --install "$COXSWAIN_BUILD" --prefix "$place" >install.log
for file in bin/coxswain share/coxswain/configs/quickstart.cfg share/coxswain/jobscripts/slurm.sh share/doc/coxswain/README.md; do
  [ -e "$place/$file" ] || {
    echo "$file is not there; installed were:"
    cat install.log
    exit 1
  }
done
[ -x "$place/share/coxswain/jobscripts/slurm.sh" ]
cd /
"$place/bin/coxswain" --version | grep -q '^coxswain [0-9]'
"$place/bin/coxswain" check "$place/share/coxswain/configs/quickstart.cfg"
echo "installed and working"
