#!/bin/bash
# Makes the Debian root a guest of the lab. Runs in a chroot; /tmp/lab holds wheels/, module/ and ca.crt.
set -eux
kernel=$(ls /lib/modules)
install -D -m 644 /tmp/lab/module/gpio-sim.ko "/lib/modules/$kernel/updates/gpio-sim.ko"
depmod "$kernel"

# What Raspberry Pi OS's own archive has as python3-lgpio and a newer python3-gpiozero. In /usr/local, which Python
# searches first, so that Debian's packages stay as apt installed them.
for wheel in /tmp/lab/wheels/{lgpio,gpiozero,colorzero}-*.whl; do
  python3 -m zipfile -e "$wheel" /usr/local/lib/python3.*/dist-packages
done
# Our own package of it is what a test installs; this one is for tests of a bare wheel (`Machine.install`).
install -D -m 644 -t /opt/lab /tmp/lab/wheels/webrtcvad_wheels-*.whl
python3 -m compileall -q /usr/local/lib/python3.*/dist-packages /usr/local/lib/lab

install -m 644 /tmp/lab/ca.crt /usr/local/share/ca-certificates/lab.crt
update-ca-certificates

# As on Raspberry Pi OS: its user, its groups.
groupadd -rf gpio
useradd -m -s /bin/bash -G audio,gpio,video,plugdev pi

systemd-machine-id-setup
journalctl --update-catalog
ldconfig
systemctl -q enable systemd-networkd lab-agent
systemctl -q disable systemd-networkd-wait-online
# Nothing that a Pi does not need to answer a button; each costs seconds of an emulated processor.
systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  dpkg-db-backup.timer systemd-timesyncd.service systemd-pcrphase.service getty@tty1.service \
  systemd-binfmt.service alsa-restore.service alsa-state.service \
  modprobe@drm.service modprobe@efi_pstore.service systemd-pstore.service
rm -rf /tmp/lab /var/cache/apt/*.bin
touch /etc/.updated /var/.updated # it is not a first boot any more
