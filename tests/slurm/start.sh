#!/usr/bin/env bash
# Start a SLURM of one node in a folder: munged, slurmctld, slurmd, all on this host, nothing outside
# the folder. Debian packages slurm-wlm and munge are installed first where that is possible.
#
#   bash tests/slurm/start.sh FOLDER      then: export SLURM_CONF=FOLDER/slurm.conf PATH=FOLDER/bin:$PATH
#   bash tests/slurm/stop.sh FOLDER       ends the three daemons by their process ids
#
# Ends with status 3 and one line that says why where a SLURM cannot be had.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
name=gexpipetest
host=$(hostname -s)
port=$((20000 + $$ % 20000))
PATH="$PATH:/usr/sbin:/sbin"

cannot() { echo "slurm: $*" >&2; exit 3; }

install_packages() {
    command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null && return
    [ "$(id -u)" = 0 ] || cannot "slurm-wlm and munge are not installed, and only root may install them"
    command -v apt-get >/dev/null || cannot "slurm-wlm and munge are not installed, and there is no apt-get"
    (apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm munge) \
        >"$folder/apt.log" 2>&1 || cannot "apt-get install slurm-wlm munge failed (see $folder/apt.log)"
}

write_configuration() {
    mkdir -p "$folder"/{state,spool,log,munge}
    chmod 700 "$folder"/munge "$folder"/state "$folder"/spool
    (umask 077 && head -c 128 /dev/urandom >"$folder/munge/key")
    cat >"$folder/slurm.conf" <<CONF
ClusterName=$name
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
# No accounting: squeue tells the status, and remembers finished jobs for MinJobAge seconds.
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MinJobAge=600
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,batch_sched_delay=0
KillWait=5
ReturnToService=2
GresTypes=gpu
# Sizes are declared, not measured: jobs may ask for more cores than a small machine has.
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=16 RealMemory=200000 Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes=$host Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=$host MaxTime=INFINITE State=UP
CONF
    # Two devices that are always there; a job of the gpu partition is given one of them.
    printf "NodeName=$host Name=gpu File=%s\n" /dev/null /dev/zero >"$folder/gres.conf"
    echo "CgroupAutomount=no" >"$folder/cgroup.conf"
}

# Snakemake's job steps drop every SLURM_ variable before they call srun, SLURM_CONF included.
write_srun() {
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$folder/slurm.conf" "$(command -v srun)" >"$folder/bin/srun"
    chmod +x "$folder/bin/srun"
}

start_daemons() {
    # --force: a folder below /tmp is readable by others; the key itself is not.
    munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munged.pid" --log-file="$folder/log/munged.log" \
        --seed-file="$folder/munge/seed" 2>"$folder/log/munged.err" || cannot "munged does not start: $(tail -1 "$folder/log/munged.err")"
    slurmctld -f "$folder/slurm.conf" || cannot "slurmctld does not start: $(tail -1 "$folder/log/slurmctld.log")"
    slurmd -f "$folder/slurm.conf" -N "$host" || cannot "slurmd does not start: $(tail -1 "$folder/log/slurmd.log")"
}

wait_for_node() {
    local try
    for try in $(seq 100); do
        [ "$(SLURM_CONF="$folder/slurm.conf" sinfo --noheader -o %T -p cpu 2>/dev/null)" = idle ] && return
        sleep 0.2
    done
    cannot "the node never became idle: $(tail -1 "$folder/log/slurmd.log")"
}

install_packages
write_configuration
write_srun
start_daemons
wait_for_node
echo "slurm: $folder/slurm.conf"
