"""The settings file that the package installs."""

import hashlib
from pathlib import Path

from hero365_edge.config import DEFAULT, load

SHIPPED = Path(__file__).parents[2] / "debian" / "config.yaml"
SHA256 = "0013bb39524186a6b0315028ff2b09f3f25f659f218ed69902ae0dd98c891994"


def test_it_is_the_same_in_every_release() -> None:
    """Or else dpkg asks, at each upgrade of a device whose settings were edited, and unattended-upgrades skips it.

    What the settings are is told in config/hero365-edge.yaml, which is no configuration file to dpkg.
    """
    assert hashlib.sha256(SHIPPED.read_bytes()).hexdigest() == SHA256


def test_it_sets_nothing() -> None:
    assert set(load([SHIPPED], {}).origin.values()) == {DEFAULT}
