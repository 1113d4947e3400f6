# Sets up what the other scripts need: system packages, then a virtual environment. Sourced, not run.
# Safe to run again: what is there already is left alone. Needs Debian or Raspberry Pi OS, bookworm or trixie.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${HERO365_VENV:-$root/.venv}

# What the daemon runs on, and what its Python packages are built with where there is no wheel.
daemon_packages=(gcc libc6-dev python3-dev python3-venv portaudio19-dev libasound2-dev libasound2-plugins libopus0 libmpg123-0)
demo_packages=(espeak-ng)
# What the tests need: a sound card in software, recorded speech, a second reading of RTP.
test_packages=(pulseaudio pulseaudio-utils libsystemd-dev pkg-config asterisk-core-sounds-en-g722 pocketsphinx-testdata
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good systemd groff-base mandoc iproute2 nftables
  util-linux faketime gpsd gpsd-clients systemd-journal-remote prometheus victoria-metrics)
# What looks at pages, in the tests that run at night: 300 MB.
browser_packages=(chromium)
# What the emulated machine is built and run with.
lab_packages=(qemu-system-x86 qemu-utils mmdebstrap debian-archive-keyring e2fsprogs zstd iproute2)

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

need_debian() {
  local id='' like='' name='' codename=''
  if [ -r /etc/os-release ]; then
    # shellcheck disable=SC1091  # a file of the system
    IFS='|' read -r id like name codename < <(. /etc/os-release; echo "$ID|${ID_LIKE:-}|$PRETTY_NAME|${VERSION_CODENAME:-}")
  fi
  case " $id $like " in *" debian "* | *" raspbian "*) ;; *)
    say "this is ${name:-no system I know}; Debian or Raspberry Pi OS is needed (bookworm or trixie)"
    say "elsewhere, install by hand: PortAudio and ALSA headers, libopus, libmpg123, a C compiler, Python 3.11 to 3.13"
    exit 1
    ;;
  esac
  case $codename in bookworm | trixie) ;; *) say "note: made for bookworm and trixie; this is ${codename:-unnamed}" ;; esac
}

# Installs those of the named packages that are missing.
need_packages() {
  local missing=() package
  for package in "$@"; do
    # dpkg-query fails when one of the two names is unknown, which one always is.
    { dpkg-query -W -f='${Status}\n' "$package" "${package}t64" 2>/dev/null || true; } |
      grep '^install ok installed' >/dev/null || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "as root, or with sudo, please: apt-get install ${missing[*]}"; exit 1; }
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 /usr/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  say "no Python 3.11 to 3.13 here; set PYTHON to one"
  exit 1
}

# Makes the virtual environment with these extras of pyproject.toml; again only when something it is made of changed.
need_venv() {
  local extras=$1 python wanted
  python=$(find_python)
  wanted="$extras $("$python" -V) $(cksum <"$root/pyproject.toml")"
  if [ "$(cat "$venv/made-of" 2>/dev/null)" != "$wanted" ]; then
    say "making a virtual environment in $venv"
    "$python" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --editable "$root[$extras]"
    printf '%s\n' "$wanted" >"$venv/made-of"
  fi
}
