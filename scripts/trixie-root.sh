# shellcheck shell=bash
# Clean Debian trixie file systems to build and to try packages in. Sourced, not run; needs root and mmdebstrap.
#
# A root is made once from the machine's own mirror and kept outside of the repository; each use works on a layer over
# it (overlayfs, in a mount namespace of its own), so that nothing it does stays and nothing is left mounted.

roots=${HERO365_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/hero365-edge/roots}
suite=trixie

# The mirror this machine takes Debian from.
debian_mirror() {
  local mirror
  # shellcheck disable=SC2016  # $(SITE) and the like are apt's, not the shell's
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN)' 'Created-By: Packages' |
    awk '$3 == "Debian" && $2 !~ /security|updates|backports/ && !found {print $1; found = 1}')
  [ -n "$mirror" ] || mirror=$(sed -n 's/^URIs: *\([^ ]*debian\/\{0,1\}\)$/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*debian\/\{0,1\}\) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
  [ -n "$mirror" ] || { say "no Debian mirror in this machine's apt sources"; return 1; }
  echo "$mirror"
}

# make_root NAME ARCHITECTURE PACKAGE…: makes the root, unless it is there and made of the same; prints its folder.
# The first of several architectures (amd64,arm64) is its own; of the others, packages can be put beside.
make_root() {
  local name=$1 architecture=$2 root mirror wanted started=$SECONDS
  shift 2
  root=$roots/$suite-${architecture//,/+}-$name  # a comma would end the name in the options of overlayfs
  mirror=$(debian_mirror)
  wanted="$mirror $*"
  mkdir -p "$roots"
  (
    flock 9
    if [ "$(cat "$root.made-of" 2>/dev/null)" != "$wanted" ]; then
      say "making a clean $suite for $architecture ($name), which is kept in $root"
      rm -rf --one-file-system "$root" "$root.made-of"
      mmdebstrap --quiet --mode=root --variant=apt --architectures="$architecture" --include="$*" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --skip=cleanup/apt/lists "$suite" "$root" "$mirror" >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; say "mmdebstrap failed; all it said is in $root.log"; exit 1; }
      printf '%s\n' "$wanted" >"$root.made-of"
      say "made in $((SECONDS - started)) s"
    fi
  ) 9>"$root.lock" || return 1
  echo "$root"
}

# in_root ROOT LAYER [--bind FROM TO]… COMMAND…: runs the command as root in ROOT under what LAYER (a folder) has
# changed, and keeps in LAYER what it changes. ROOT may itself be layers over a root, uppermost first: A/changed:B. TO is
# a path in the root. Standard streams and exit code are the command's.
in_root() {
  local root=$1 layer=$2 binds=()
  shift 2
  while [ "${1:-}" = --bind ]; do
    binds+=("$2=$3")
    shift 3
  done
  mkdir -p "$layer/changed" "$layer/work" "$layer/whole"
  # shellcheck disable=SC2016  # the inner shell expands these
  unshare --mount --propagation private --pid --fork --kill-child bash -euc '
    root=$1 layer=$2 binds=$3
    shift 3
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$layer/changed,workdir=$layer/work" "$layer/whole"
    cd "$layer/whole"
    mount -t proc proc proc
    mount -t tmpfs tmpfs dev
    mkdir dev/pts dev/shm
    for device in null zero full random urandom tty; do touch "dev/$device"; mount --bind "/dev/$device" "dev/$device"; done
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    mount -t tmpfs tmpfs run
    cp -L /etc/resolv.conf run/resolv.conf
    [ -L etc/resolv.conf ] || { touch etc/resolv.conf; mount --bind run/resolv.conf etc/resolv.conf; }
    while IFS== read -r from to; do
      [ -n "$from" ] || continue
      mkdir -p ".$to"
      mount --bind "$from" ".$to"
    done <<<"$binds"
    exec env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      DEBIAN_FRONTEND=noninteractive ${SOURCE_DATE_EPOCH:+SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH"} \
      ${QEMU_CPU:+QEMU_CPU="$QEMU_CPU"} chroot . "$@"
  ' - "$root" "$layer" "$(printf '%s\n' "${binds[@]}")" "$@"
}
