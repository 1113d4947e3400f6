#!/bin/bash
# Builds what a Raspberry Pi has and Debian lacks: GPIO lines in the kernel (here simulated), and lgpio. Runs in a
# throw-away layer over the guest's root, so that it is built by the guest's own compiler for the guest's own kernel.
# The working directory holds pypi/*; leaves wheels/*.whl and module/gpio-sim.ko there; and debs/*.deb, the packages of
# Debian that are named as arguments, with what they need and the guest lacks.
set -eux
export DEBIAN_FRONTEND=noninteractive
kernel=$(ls /lib/modules)
source=linux-source-${kernel%.*}
apt-get -qq update
mkdir -p debs/partial
apt-get -qq install -y --no-install-recommends --download-only -o Dir::Cache::archives="$PWD/debs" "$@"
apt-get -qq install -y --no-install-recommends gcc libc6-dev make "linux-headers-$kernel" xz-utils \
  swig python3-dev python3-pip python3-setuptools python3-wheel

# PYPI=1 has lgpio's C library built into its Python module.
PYPI=1 pip wheel -q --no-index --no-build-isolation --no-deps -w wheels pypi/*

# Debian's kernel has neither CONFIG_GPIO_SIM nor the CONFIG_IRQ_SIM it stands on: both go into one module. The source is
# the kernel's own, of the same version.
apt-get -qq download "$source=$(dpkg-query -W -f='${source:Version}' "linux-headers-$kernel")"
# tar leaves after the last file it wants, so the programs upstream of it are cut off: no failure.
dpkg-deb --fsys-tarfile "$source"_*.deb | tar -xO "./usr/src/$source.tar.xz" | xz -dc -T0 |
  tar -x --strip-components=1 --occurrence=1 \
    "$source"/drivers/gpio/{gpio-sim.c,gpiolib.h} "$source/kernel/irq/irq_sim.c" || true
mkdir module
mv drivers/gpio/gpio-sim.c module/main.c
mv drivers/gpio/gpiolib.h kernel/irq/irq_sim.c module/
# irq_to_desc() is not exported to modules; generic_handle_irq() finds the handler by the number instead.
sed -i 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq(irqnum)/' module/irq_sim.c
printf 'obj-m := gpio-sim.o\ngpio-sim-y := main.o irq_sim.o\n' >module/Makefile
make -s -j2 -C "/lib/modules/$kernel/build" M="$PWD/module" modules
