#!/bin/sh
# Boots a throw-away system: machine.sh FOLDER CGROUP NAME NSPAWN-OPTION…
# It is an overlay of / in memory, without the units that are enabled here and without the journal. FOLDER/seed is copied over it, and what
# FOLDER/removed names is not in it. This runs in a mount namespace of its own ("unshare --mount"), so all mounts go with its last process.
set -eu
folder=$1 cgroup=$2 name=$3
shift 3
echo $$ >"$cgroup/cgroup.procs"
mount -t tmpfs -o mode=755 none "$folder/memory"
mkdir "$folder/memory/up" "$folder/memory/work" "$folder/memory/root"
root=$folder/memory/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/memory/up,workdir=$folder/memory/work" "$root"
rm -rf "$root/etc/systemd/system" "$root/etc/systemd/user" "$root/var/log/journal"
mkdir -p "$root/etc/systemd/system"
while read -r path; do rm -rf "${root:?}$path"; done <"$folder/removed"
cp -a "$folder/seed/." "$root/"
# The time limit is for a test run that was killed; each test ends its machine itself.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 \
    timeout --foreground -s KILL 1800 systemd-nspawn -D "$root" --machine="$name" --register=no --keep-unit --private-network \
    --link-journal=no --console=pipe "$@" -b systemd.unit=machine.target </dev/null
