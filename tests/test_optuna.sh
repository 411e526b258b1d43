#!/bin/sh
# Optuna opens our journals, of running and of finished studies, and sees what we see: with every Python in
# $COXSWAIN_OPTUNA_PYTHONS (default: /usr/bin/python3 python3) that has an Optuna. Usage: test_optuna.sh WRITE_JOURNAL
set -eu
here=$(cd "$(dirname "$0")" && pwd)
writer=$1
folder=test-files/optuna
rm -rf "$folder"
"$writer" "$folder"

pythons=''
for python in ${COXSWAIN_OPTUNA_PYTHONS:-/usr/bin/python3 python3}; do
  path=$(command -v "$python" || true)
  case " $pythons " in
    *" $path "*) ;; # the same one again
    *) if [ -n "$path" ] && "$path" -c 'import optuna' 2>/dev/null; then pythons="$pythons $path"; fi ;;
  esac
done
if [ -z "$pythons" ]; then
  echo "SKIP: no Python here has Optuna (Debian: apt-get install python3-optuna)"
  exit 77
fi

# Two lines as a dashboard appends them, and half a line as a writer that is just writing leaves it: both are read past.
note='{"op_code":8,"worker_id":"dashboard-1","trial_id":0,"user_attr":{"note":"looked at"}}'
for python in $pythons; do
  for study in running finished maximize; do
    "$python" "$here/test_optuna.py" "$folder/$study.log" "$folder/$study.json"
  done
  set --
  for cut in "$folder"/cut-*.log; do
    set -- "$@" "$cut" "${cut%.log}.json"
  done
  "$python" "$here/test_optuna.py" "$@" >"$folder/cuts.txt" || {
    cat "$folder/cuts.txt"
    exit 1
  }
  echo "$(wc -l <"$folder/cuts.txt") cuts, opened and written on: $(tail -n 1 "$folder/cuts.txt")"
  cp "$folder/running.log" "$folder/live.log"
  printf '%s\n' "$note" '{"op_code":3,"worker_id":"dashboard-1","study_id":0,"system_attr":{"dashboard:x":1}}' >>"$folder/live.log"
  printf '{"op_code":4,"worker_id":"cox' >>"$folder/live.log"
  "$python" "$here/test_optuna.py" "$folder/live.log" "$folder/running.json"

  # The comparison itself must be able to fail.
  sed 's/"number": 3,/"number": 4,/' "$folder/running.json" >"$folder/wrong.json"
  if "$python" "$here/test_optuna.py" "$folder/running.log" "$folder/wrong.json" >/dev/null; then
    echo "test_optuna.py saw no difference where there is one"
    exit 1
  fi
done
