#!/usr/bin/env bash
# Boots a root file system as a container: systemd is its PID 1, on this computer's kernel, without a network.
#   boot.sh up ROOTS LAYER      ROOTS as for overlayfs, uppermost first; LAYER takes every change
#   boot.sh run LAYER COMMAND   for the shell there; standard streams and exit code are the command's
#   boot.sh down LAYER
set -euo pipefail
verb=$1
shift

init_of() { pgrep --parent "$(cat "$1/supervisor")"; }

case $verb in
  up)
    roots=$1 layer=$2
    mkdir -p "$layer/changed" "$layer/work" "$layer/whole"
    # All mounts are private to it and go with it. systemd wants the cgroups of version 2 and a tree of its own in them.
    # shellcheck disable=SC2016  # the inner shells expand these
    setsid unshare --mount --propagation private bash -euc '
      roots=$1 layer=$2
      mount -t overlay overlay -o "lowerdir=$roots,upperdir=$layer/changed,workdir=$layer/work" "$layer/whole"
      umount --recursive /sys/fs/cgroup 2>/dev/null || true
      mount -t cgroup2 cgroup2 /sys/fs/cgroup
      mkdir -p "/sys/fs/cgroup/hero365-$$"
      echo $$ >"/sys/fs/cgroup/hero365-$$/cgroup.procs"
      echo $$ >"$layer/supervisor"
      exec unshare --pid --fork --kill-child=KILL --mount --uts --ipc --net --cgroup bash -euc "
        cd \"\$1/whole\"
        mount -t proc proc proc
        mount -t sysfs -o ro sysfs sys
        mount -t cgroup2 cgroup2 sys/fs/cgroup
        mount -t tmpfs -o mode=755 tmpfs run
        mount -t tmpfs -o mode=755 tmpfs dev
        mkdir dev/pts dev/shm
        mount -t devpts devpts dev/pts
        mount -t tmpfs -o mode=1777 tmpfs dev/shm
        for device in null zero full random urandom tty; do
          touch dev/\$device
          mount --bind /dev/\$device dev/\$device
        done
        ln -s /proc/self/fd dev/fd
        # No chroot: the kernel makes no user namespace (PrivateUsers=) in one. And what systemd mounts for a service
        # must be seen by the service (LoadCredential=).
        pivot_root . .
        umount --lazy .
        mount --make-rshared /
        exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=no
      " - "$layer"
    ' - "$roots" "$layer" >"$layer/console" 2>&1 </dev/null &
    for _ in {1..300}; do
      state=$("$0" run "$layer" 'systemctl is-system-running' 2>/dev/null || true)
      case $state in running | degraded) exit 0 ;; esac
      sleep 0.1
    done
    tail -n 20 "$layer/console" >&2
    echo "not up after 30 s" >&2
    exit 1
    ;;
  run)
    layer=$1
    shift
    exec nsenter --target "$(init_of "$layer")" --all --root --wd \
      env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -euc "$*"
    ;;
  down)
    layer=$1
    supervisor=$(cat "$layer/supervisor")
    kill -KILL "$(init_of "$layer")"
    tail --pid="$supervisor" -f /dev/null
    # Where the cgroups of version 2 are, here.
    for tree in /sys/fs/cgroup /sys/fs/cgroup/unified; do
      find "$tree/hero365-$supervisor" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    ;;
esac
