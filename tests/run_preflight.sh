#!/usr/bin/env bash
# coxswain preflight: one process, ranks, hosts that do not share the folder, a rank that hangs; and a run that refuses.
set -eu
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

cat >study.cfg <<'EOF2'
evaluator = "function";
function = { name = "sphere"; };
study = { name = "scan"; metric = "value"; trials = 5; };
space = { x = { low = 0.0; high = 1.0; }; };
EOF2

step "one process"
expect 0 "$COXSWAIN" preflight study.cfg --seconds 0.02
says "MPI: not started"
says "GFLOP/s"
[ -z "$(find . -maxdepth 1 -name '.preflight*')" ] || die "it left a file behind"

step "bad input"
expect 2 "$COXSWAIN" preflight nothing.cfg
says nothing.cfg
expect 2 "$COXSWAIN" preflight --seconds -1
says "--seconds -1"
expect 2 "$COXSWAIN" preflight --secnds 1
says "--seconds"
expect 2 "$COXSWAIN" preflight --out study.cfg
says "PROBLEM"

need_mpirun
step "three ranks, as JSON"
expect 0 ranks 3 preflight --seconds 0.02 --json
says '"ranks": 3'
says '"well": true'
[ "$(grep -c '"answered": true' said)" = 3 ] || die "$(cat said)"

step "a rank that hangs is named, and nobody waits for it"
start_ranks 3 preflight --patience 2 --seconds 2
token_there() { compgen -G '.preflight-token-*' >token; }
wait_for 60 "rank 0 to begin" token_there
mapfile -t everything < <(ranks_of "$started")
kill -STOP "${everything[1]}"
wait_for 60 "the end of all ranks" gone "$started" "${everything[@]}"
says "1 of 3 ranks said nothing, rank 1"

if ! unshare -m -u true 2>/dev/null; then
  echo "the parts with hosts that have names and folders of their own are left out: this takes root"
  exit 0
fi

step "two hosts, one of which has another folder under the same name"
cat >host.sh <<'EOF2'
#!/usr/bin/env bash
# host.sh shared|apart COMMAND...: one rank as if on a host of its own; apart: rank 1 with a folder scan of its own.
# shellcheck disable=SC2016 # the inner shell expands them
exec unshare -m -u bash -c '
  hostname "n$OMPI_COMM_WORLD_RANK"
  [ "$1$OMPI_COMM_WORLD_RANK" != apart1 ] || mount -t tmpfs none scan
  shift
  exec "$@"' host "$@"
EOF2
chmod +x host.sh
hosts() {
  mpirun -n 2 --oversubscribe --bind-to none ./host.sh "$@"
}
mkdir scan
expect 0 hosts shared "$COXSWAIN" preflight --out scan --seconds 0.02
says "n0: 1 rank on"
says "n1: 1 rank on"
says "against rank 0"
expect 2 hosts apart "$COXSWAIN" preflight --out scan --seconds 0.02
says "PROBLEM  n1: the study folder scan: it is not the folder that rank 0 sees"

step "where a run refuses"
expect 2 hosts apart "$COXSWAIN" run study.cfg
says "n1 does not see the study folder scan"
expect 0 hosts shared "$COXSWAIN" run study.cfg
