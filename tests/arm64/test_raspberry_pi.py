"""What a Raspberry Pi would do with our libraries: load them, and pass the tests of codecs, detector and resampler."""

import re

import pytest

from tests.arm64 import debian, pypi
from tests.arm64.emulated import Results

pytestmark = pytest.mark.arm64

FEWEST = 290
"""There were 305 when this was written."""


def test_pip_finds_wheels_for_all_but_four_libraries(from_pypi: pypi.Outcome) -> None:
    built = set(from_pypi.built) - {"hero365-edge"}

    assert built == {"lgpio", "opuslib", "pyaudio", "systemd-python"}
    assert {"numpy", "msgspec", "pyyaml", "websockets", "soxr", "webrtcvad-wheels", "gpiozero"} <= set(from_pypi.wheels)
    assert all("aarch64" in from_pypi.wheels[name] for name in ("numpy", "msgspec", "soxr", "webrtcvad-wheels"))


def test_every_library_of_pip_loads(from_pypi: pypi.Outcome) -> None:
    assert from_pypi.loaded.startswith("aarch64 3.13.")


def test_codecs_detector_and_resampler_pass_their_tests_with_pips_libraries(from_pypi: pypi.Outcome) -> None:
    all_passed(from_pypi.results)


def test_apt_installs_our_packages(from_debian: debian.Outcome) -> None:
    assert re.fullmatch(r"hero365-edge\t\S+\npython3-webrtcvad\t\S+\n", from_debian.versions)


def test_every_library_of_debian_loads(from_debian: debian.Outcome) -> None:
    assert from_debian.loaded.startswith("aarch64 3.13.")


@pytest.mark.parametrize("part", ["opus", "mp3", "speech detector", "resampler", "portaudio"])
def test_the_installed_program_finds_its_libraries_in_order(part: str, from_debian: debian.Outcome) -> None:
    assert from_debian.check[part] == "ok"


def test_codecs_detector_and_resampler_pass_their_tests_with_debians_libraries(from_debian: debian.Outcome) -> None:
    all_passed(from_debian.results)


def test_the_same_tests_ran_on_both(from_pypi: pypi.Outcome, from_debian: debian.Outcome) -> None:
    # By how many cases each has: what a case is called is up to pytest, whose versions differ.
    assert from_pypi.results.cases() == from_debian.results.cases()


def all_passed(results: Results) -> None:
    """Nothing failed, nothing was skipped, and nothing went missing."""
    assert not results.others
    assert not results.silent_files()
    assert len(results.passed) >= FEWEST
