#!/bin/bash
# Usage: slurm_test.sh SOURCE_ROOT TOOLS_DIR
# scripts/ci/slurm on a cluster of two nodes that this test starts on this machine, with its own
# munged, slurmctld and slurmd, and stops: tests that pass, fail, are skipped or take too long, a job
# that is cancelled and a node that dies. Nothing may be left, and nothing may pass that did not.
set -eu
. "$(dirname "$0")/wait_until.sh"
root=$1
PATH=$2:/usr/sbin:$PATH

for program in munged slurmctld slurmd salloc srun scancel qemu-system-riscv64; do
  command -v "$program" >/dev/null || { echo "needs the program $program"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "needs root, as the daemons of the cluster do"; exit 77; }

folder=$(mktemp -d /tmp/qt-slurm-XXXXXX)
daemons=()
no_job_is_left() { [ -z "$(timeout 5 squeue --noheader 2>/dev/null)" ]; }
end() {
  timeout 10 scancel --user "$(id -un)" 2>/dev/null || true # steps outlive their daemon
  wait_until 100 no_job_is_left || true
  kill "${daemons[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap end EXIT

fail() {
  echo "slurm: error: $*" >&2
  tail -n 5 "$folder"/*.log >&2
  exit 1
}

# --- the cluster
mkdir "$folder"/{munge,state}
chmod 0755 "$folder" "$folder/munge"
dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
chmod 0400 "$folder/munge/key"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
host=$(hostname -s)
export SLURM_CONF=$folder/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool.%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=5
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port) CPUs=2
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$(free_port) CPUs=2
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
start() {
  "$@" >"$folder/${#daemons[@]}.$1.log" 2>&1 </dev/null &
  daemons+=($!)
}
start munged --force --foreground --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
  --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
wait_until 100 test -S "$folder/munge/socket" || fail "munged does not start"
start slurmctld -D -f "$SLURM_CONF" -c
start slurmd -D -f "$SLURM_CONF" -N n1
start slurmd -D -f "$SLURM_CONF" -N n2
dying_node=${daemons[-1]}
both_idle() { [ "$(timeout 5 sinfo --noheader --format %D --states idle 2>/dev/null)" = 2 ]; }
wait_until 300 both_idle || fail "the cluster does not come up"

# --- a project with tests
mkdir -p "$folder/project/riscv64"
cd "$folder/project"
name=$(basename "$folder") # of the machines
define() {
  printf 'summary = "%s"\n[test.one]\nmachine = "virt"\nargs = ["-name", "%s"]\n%s\n' "$1" "$name" "$2" >"riscv64/$1.toml"
}
define pass 'steps = [{ wait = "OpenSBI" }]'
define fail 'steps = [{ wait = "no such text", timeout = "1s" }]'
define skip 'requires = { commands = ["no-such-program"] }
steps = [{ wait = "OpenSBI" }]'
define late 'steps = [{ wait = "no such text", timeout = "90s" }]'
define cut 'steps = [{ wait = "no such text", timeout = "90s" }]'
cat >meson.build <<'MESON'
project('on-a-cluster', meson_version: '>= 1.0')
foreach name, times : {'pass': [40, '30s'], 'fail': [40, '30s'], 'skip': [40, '30s'], 'late': [40, '3s'], 'cut': [6, '90s']}
  test(name, find_program('qt-tap'), protocol: 'tap', timeout: times[0],
    args: ['--under-meson', files('riscv64' / name + '.toml'),
           '--output', meson.current_build_dir(), '--timeout', times[1]])
endforeach
MESON
meson setup build >/dev/null

# The machines of these tests, and the programs that look after them.
machines() { pgrep -f "qemu-system-riscv64 .*-name $name" || true; }
none_is_left() { [ -z "$(machines)" ]; }
one_has_started() { [ -n "$(machines)" ]; }
expect_none() { wait_until 100 none_is_left || fail "$1: these machines are left: $(machines)"; }
wait_for_a_machine() { wait_until 300 one_has_started || fail "no machine was started"; }
expect_result() {
  grep -q "\"name\": \"$1\".*\"result\": \"$2\"" build/meson-logs/testlog*.json ||
    fail "$1 is not $2: $(cat build/meson-logs/testlog*.json)"
}
run() {
  rm -f build/meson-logs/testlog*
  "$root/scripts/ci/slurm" "$@"
}

status=0
run --ntasks 2 --nodes 2 >"$folder/usage.log" 2>&1 || status=$?
[ "$status" -eq 2 ] || fail "without a build folder: exit status $status"

status=0
run --nodes 2 --ntasks 4 -- build >"$folder/run.log" 2>&1 || status=$?
[ "$status" -ne 0 ] || fail "failures are not told"
expect_result pass OK
expect_result fail FAIL
expect_result skip SKIP
expect_result late FAIL
expect_result cut TIMEOUT
expect_none "after a run"

# --- a job that is cancelled
status=0
run --nodes 1 --ntasks 1 -- build cut -t 10 >"$folder/cancel.log" 2>&1 &
job=$!
wait_for_a_machine
scancel "$(squeue --noheader --format %i)"
wait "$job" || status=$?
[ "$status" -ne 0 ] || fail "a cancelled job has passed"
expect_none "after scancel"
! grep -q '"result": "OK"' build/meson-logs/testlog*.json || fail "a cancelled test has passed"

# --- a node that dies with all that runs there
status=0
run --nodelist n2 --ntasks 1 -- build cut -t 2 >"$folder/node.log" 2>&1 &
job=$!
wait_for_a_machine
kill -STOP "$dying_node"
# All from slurmstepd on, which is an ancestor of the machine, with the machine.
of_node=$(machines | head -n 1)
until [ "$(ps -o comm= -p "$of_node")" = slurmstepd ]; do
  of_node=$(ps -o ppid= -p "$of_node" | tr -d ' ')
  [ "${of_node:-1}" -ne 1 ] || fail "the machine does not run in a step"
done
# shellcheck disable=SC2046
kill -KILL $(pstree -p "$of_node" | grep -oE '\([0-9]+\)' | tr -d '()' | sort -u) 2>/dev/null || true
expect_none "after the death of a node"
kill -KILL "$dying_node"
wait "$job" || status=$?
[ "$status" -ne 0 ] || fail "the test of a dead node has passed"
! grep -q '"result": "OK"' build/meson-logs/testlog*.json || fail "the test of a dead node has passed"
echo "the cluster: passed"
