#!/bin/bash
# The first and only process tree of the virtual machine: runs the script, then switches the machine off.
export PATH=/bin:/sbin HOME=/root FAIRLEAD_TEST_CACHE=/cache FAIRLEAD_TEST_PATIENCE=10
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t tmpfs run /run
ip link set lo up
echo "booted in $(cut -d' ' -f1 /proc/uptime) s"
node /app/dist/encrypted/guest.js 2>&1
poweroff -f
