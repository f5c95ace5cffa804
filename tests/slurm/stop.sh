#!/usr/bin/env bash
# End the daemons that start.sh left running in a folder, each by its own process id.
set -u
for daemon in slurmd slurmctld munged; do
    file="$1/$daemon.pid"
    [ -f "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null
    rm -f "$file"
done
exit 0
