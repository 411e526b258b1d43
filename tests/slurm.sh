# shellcheck shell=bash
# A real Slurm with two emulated nodes, n1 and n2, on this machine: sourced by the tests slurm_*.sh, not run.
#
# Everything lives in namespaces of its own (processes, mounts, network, host name): the daemons keep their files on a
# memory file system that nobody else sees, and all of it is gone when the test ends, however it ends. The two nodes
# share this machine, so a node that fails is one whose daemon and processes are killed, or that is set down by hand.
# shellcheck source=tests/lib.sh
if [ -z "${COXSWAIN_SLURM_INSIDE:-}" ]; then
  why=
  [ "$(id -u)" -eq 0 ] || why="a Slurm of one's own needs root"
  for program in slurmctld slurmd sbatch srun munged unshare setpriv ip python3 pgrep mpirun; do
    PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null || why="no $program here (scripts/setup.sh --tests installs it)"
  done
  if [ -z "$why" ]; then
    unshare -m -p -f -n -u --kill-child --mount-proc true 2>/dev/null || why="this container may not make namespaces (unshare)"
  fi
  if [ -n "$why" ]; then
    echo "skipped: $why"
    exit 77
  fi
  export COXSWAIN_SLURM_INSIDE=yes PATH=$PATH:/usr/sbin:/sbin
  exec unshare -m -p -f -n -u --kill-child --mount-proc "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2034 # for the tests
jobscripts=$(dirname "$tests")/jobscripts job=
cluster=/run/slurm

start_cluster() {
  local node
  mount -t tmpfs tmpfs /run
  mkdir -p $cluster/state $cluster/munge
  hostname n1
  ip link set lo up
  ip address add 10.9.8.1/24 dev lo
  ip address add 10.9.8.2/24 dev lo
  printf '127.0.0.1 localhost\n10.9.8.1 n1\n10.9.8.2 n2\n' >$cluster/hosts
  mount --bind $cluster/hosts /etc/hosts
  start_munge
  slurm_conf >$cluster/slurm.conf
  export SLURM_CONF=$cluster/slurm.conf
  export OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_btl_tcp_if_include=lo
  slurmctld
  for node in n1 n2; do
    start_node $node
  done
  wait_for 60 "two idle nodes" nodes_are 2 idle
}

start_munge() {
  local how=("--key-file=$cluster/munge/key" "--socket=$cluster/munge/socket" "--pid-file=$cluster/munge/pid"
    "--log-file=$cluster/munge/log" "--seed-file=$cluster/munge/seed")
  head -c 128 /dev/urandom >$cluster/munge/key
  chown -R munge $cluster/munge
  chmod 711 $cluster/munge
  chmod 400 $cluster/munge/key
  setpriv --reuid=munge --regid=munge --clear-groups munged "${how[@]}"
}

slurm_conf() {
  cat <<END
ClusterName=two
SlurmctldHost=n1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$cluster/munge/socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
JobRequeue=1
KillWait=5
MpiDefault=pmix
SlurmdParameters=config_overrides
SlurmdTimeout=10
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/%n
TmpFS=$cluster/%n/tmp
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/%n/slurmd.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/%n/slurmd.log
NodeName=n1 NodeAddr=10.9.8.1 Port=17001 CPUs=8 RealMemory=1000
NodeName=n2 NodeAddr=10.9.8.2 Port=17002 CPUs=8 RealMemory=1000
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP
END
}

# A node has processes, temporary files and a name of its own.
declare -A node_init
start_node() {
  rm -rf "${cluster:?}/$1"
  mkdir -p "$cluster/$1/tmp" "$cluster/$1/shm"
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare -m -p -f -u --kill-child --mount-proc bash -c '
    hostname "$1" && mount --bind "$2/$1/tmp" "$3/tmp" && mount --bind "$2/$1/shm" /dev/shm || exit 1
    slurmd -D -N "$1" & # this shell stays, as the one that waits for orphans
    wait' node "$1" $cluster "$place" >"$cluster/$1/out" 2>&1 &
  node_init[$1]=$!
  disown
}

# kill_node NAME: as if its power had gone: daemon, job script, ranks.
kill_node() {
  kill -KILL "${node_init[$1]}"
  wait_for 30 "the end of $1" gone "${node_init[$1]}"
}

# kill_job NUMBER: SIGKILL to all that the job runs, its script first, and nothing says so before.
processes_of_job() { grep -lzx "SLURM_JOB_ID=$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | sort -n; }
kill_job() {
  local pids
  mapfile -t pids < <(processes_of_job "$1")
  [ ${#pids[@]} -gt 0 ] || die "job $1 has no processes"
  kill -KILL "${pids[@]}" 2>/dev/null || true # some end by themselves when others go
  wait_for 30 "the end of job $1" job_over "$1"
}

# nodes_are N STATE
nodes_are() { [ "$(sinfo -h -N -o %T | grep -cx "$2")" -eq "$1" ]; }

# submit ARGUMENTS...: sbatch; the job's number is $job.
# shellcheck disable=SC2034
submit() {
  job=$(sbatch --parsable -o "$place/job-%j.log" "$@") || die "sbatch refused: $*"
}

state_of() { squeue -h -j "$1" -t all -o %T 2>/dev/null; }
job_is() { [ "$(state_of "$1")" = "$2" ]; }
job_over() { ! squeue -h -j "$1" -o %i 2>/dev/null | grep -q .; }
