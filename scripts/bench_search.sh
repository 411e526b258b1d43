#!/usr/bin/env bash
# How well the samplers and schedules search, side by side with Optuna on the same objectives: tables of networks
# (FCNet), the BBOB functions, recorded learning curves (TaskSet) at equal epochs, the time of an ask, and real training
# at equal epochs. Markdown tables go to stdout, everything measured to --cache.
#
#   scripts/bench_search.sh [--parts fcnet,bbob,taskset,latency,real] [--samplers auto,tpe,gp,cmaes,random]
#                           [--seeds N] [--data DIR] [--cache DIR] [--python FILE]... [--ours-only] [--cached]
#
# --seeds     on tables (30); elsewhere a third of it, and on real data 5 at most
# --python    a Python with Optuna (repeatable, one for each version); python3 and Debian's own if they have it.
#             GPSampler needs scipy and torch, CmaEsSampler needs cmaes: what is missing is skipped, and said.
# --cache     what peers did is kept there and not measured again (build/bench_search)
# --ours-only, --cached   no peers at all; only what is in the cache of them
#
# Peers take hours in full. Builds the program in build/; COXSWAIN_BUILD names another folder.
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

parts=fcnet,bbob,taskset,latency,real
samplers="" seeds=30 data=../shared/data cache="" pythons=() with_peers=1 cached=()
while [ $# -gt 0 ]; do
  case $1 in
  -h | --help) show_help && exit 0 ;;
  --parts) parts=$2 && shift ;;
  --samplers) samplers=${2//,/ } && shift ;;
  --seeds) seeds=$2 && shift ;;
  --data) data=$(typed_path "$2") && shift ;;
  --cache) cache=$(typed_path "$2") && shift ;;
  --python) pythons+=("$2") && shift ;;
  --ours-only) with_peers=0 ;;
  --cached) cached=(--cached) ;;
  *) die "unknown option $1: see --help" ;;
  esac
  shift
done
folder=${COXSWAIN_BUILD:-build}
cache=${cache:-$PWD/$folder/bench_search}
few=$(((seeds + 2) / 3))
mkdir -p "$cache"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
say "build: coxswain and bench_search in $folder/" >&2
build "$folder" coxswain -DCMAKE_BUILD_TYPE=Release
build "$folder" bench_search
bench=$(realpath "$folder/tests/bench_search")
if [ -z "$samplers" ]; then
  for sampler in auto tpe gp cmaes random; do
    if "$bench" --sampler "$sampler" --trials 1 --seeds 1 mixed >/dev/null 2>&1; then samplers+=" $sampler"; fi
  done
fi

wanted() { [[ ,$parts, == *,$1,* ]]; }
skip() { printf 'SKIP %s\n' "$*" >&2; }
python_has() { "$1" -c "import $2" >/dev/null 2>&1; }

if [ ${#pythons[@]} -eq 0 ]; then
  for python in python3 /usr/bin/python3; do
    if python_has "$python" optuna; then pythons+=("$python"); fi
  done
fi
if [ ${#pythons[@]} -eq 0 ]; then
  with_peers=0
  skip "peers: no Python with Optuna (apt-get install python3-optuna; pip install optuna scipy torch cmaes)"
fi

# ours PART SAMPLER OPTION...: the lines of one sampler.
ours() {
  local out=$cache/ours-$1-$2.csv
  shift
  "$bench" --csv --sampler "$@" >"$out.tmp" || die "bench_search --sampler $* failed"
  mv "$out.tmp" "$out"
  cat "$out"
}

# peers SAMPLERS OPTION...: the lines of every Python that has what these samplers need.
peers() {
  local kinds=$1 python kind needs
  shift
  [ "$with_peers" = 1 ] || return 0
  for python in "${pythons[@]}"; do
    for kind in $kinds; do
      case $kind in gp) needs=torch ;; cmaes) needs=cmaes ;; *) needs=optuna ;; esac
      if [ "$kind" = gp ] && ! "$python" -c "import optuna, scipy; optuna.samplers.GPSampler" >/dev/null 2>&1; then
        skip "GPSampler of $python: no scipy, or an older Optuna"
      elif ! python_has "$python" "$needs"; then
        skip "$kind of $python: no $needs"
      else
        "$python" scripts/peers/optuna_search.py --bench "$bench" --cache "$cache" ${cached[@]+"${cached[@]}"} \
          --sampler "$kind" "$@" || skip "$kind of $python failed"
      fi
    done
  done
}

# table TITLE OPTIONS: of the lines in $cache/all.csv
table() {
  printf '\n**%s**\n\n' "$1"
  shift
  python3 scripts/peers/search_table.py "$@" "$cache/all.csv"
}

fcnet() {
  local files=("$data"/fcnet/*.f64.gz) objectives sampler
  [ -e "${files[0]}" ] || { skip "fcnet: $data/fcnet is not there" && return 0; }
  objectives=("${files[@]/#/fcnet:}")
  {
    for sampler in $samplers; do ours fcnet "$sampler" --seeds "$seeds" --trials 200 "${objectives[@]}"; done
    peers "tpe-mv gp" --seeds "$seeds" --trials 200 "${objectives[@]}"
  } >"$cache/all.csv"
  table "FCNet: log10(MSE / best MSE) by trials"
  table "FCNet: (MSE - best)/(median - best) by trials" --normalised
}

bbob() {
  {
    for sampler in $samplers; do
      ours bbob "$sampler" --seeds "$few" --trials 200 --at 50,100,200 bbob:1-24:1-3:5
    done
    peers "tpe-mv cmaes gp" --seeds "$few" --trials 200 --at 50,100,200 bbob:1-24:1-3:5
  } >"$cache/all.csv"
  table "BBOB, 24 functions in 5-D: log10(best - f_opt) by evaluations" --difference
}

taskset() {
  local files=("$data"/taskset/*.f32.gz) objectives sampler
  local budget=(--epochs 2000 --trials 1000 --at "250,500,1000,2000")
  [ -e "${files[0]}" ] || { skip "taskset: $data/taskset is not there" && return 0; }
  objectives=("${files[@]/#/taskset:}")
  {
    for sampler in $samplers; do
      ours taskset "$sampler" --schedule halving --seeds "$few" "${budget[@]}" "${objectives[@]}"
    done
    peers tpe-mv --pruner halving --seeds "$few" "${budget[@]}" "${objectives[@]}"
  } >"$cache/all.csv"
  table "TaskSet: (loss - best)/(median - best) by epochs"
}

latency() {
  printf '\n**Tell and ask, all refits inside**\n\n'
  for sampler in $samplers; do
    case $sampler in
    gp | auto) "$bench" --sampler "$sampler" --latency 10:100,400,800,2000 ;;
    *) "$bench" --sampler "$sampler" --latency 10:1000,10000,100000 && "$bench" --sampler "$sampler" --latency 40:10000 ;;
    esac
  done | sed 's/^/- /'
  {
    peers "tpe tpe-mv" --latency 10:1000,10000
    peers gp --latency 10:100,400
  } | sed 's/^/- /'
}

real() {
  printf '\n**Real training: val_loss at equal epochs**\n\n'
  local models
  models=$(for s in $samplers; do case $s in auto | tpe | gp) echo "$s" ;; esac done | paste -sd,)
  python3 scripts/peers/search_real.py --data "$data" --coxswain "$folder/coxswain" --work "$cache/real" --samplers "$models" \
    --seeds "$((few < 5 ? few : 5))"
}

for part in fcnet bbob taskset latency real; do
  if wanted "$part"; then
    say "$part" >&2
    "$part"
  fi
done
