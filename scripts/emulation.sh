# Lets this machine run programs of another architecture by user emulation (QEMU). Sourced, not run; needs root.

# emulate ARCHITECTURE: registers the emulator with the kernel, until the next boot, and chooses the processor. Nothing
# is to be done where this machine is of that architecture.
emulate() {
  local emulator registry=/proc/sys/fs/binfmt_misc
  [ "$1" != "$(dpkg --print-architecture)" ] || return 0
  case $1 in
    # A Raspberry Pi 4's. The emulator's own choice has pointer authentication, whose emulation makes Python 25 times slower.
    arm64) emulator=qemu-aarch64 && export QEMU_CPU=cortex-a72 ;;
    # A Raspberry Pi 2's.
    armhf) emulator=qemu-arm && export QEMU_CPU=cortex-a7 ;;
    *) say "no emulator is known here for $1" && return 1 ;;
  esac
  need_packages qemu-user-static arch-test
  [ -e "$registry/register" ] || mount -t binfmt_misc binfmt_misc "$registry"
  # With its flag F the kernel keeps the emulator open, so that no root needs a copy of it.
  [ -e "$registry/$emulator" ] || cat "/usr/lib/binfmt.d/$emulator.conf" >"$registry/register"
}
