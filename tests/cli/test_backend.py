"""`hero365-edge backend`, from its arguments to its clean end."""

import argparse
import asyncio
import os
import signal
import sys
import uuid
import wave
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hero365_edge.cli import backend
from tests.backend.caller import call, voice, wav_fields

TOKEN = "s3cret"  # noqa: S105  it guards nothing


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    backend.configure(parser)
    return backend.run(parser.parse_args(words))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "backend.example.com"])  # noqa: S104  refused
def test_only_loopback_is_served_unless_allowed(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--host", host) == 2
    assert "--allow-remote" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--port", "70000"), "port: 70000 is not from 0 to 65535"), (("--think-ms", "-5"), "less than 0")],
)
def test_a_wrong_value_is_told(words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert told in capsys.readouterr().err


def test_an_unknown_fault_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--fault", "fire")
    assert ended.value.code == 2
    assert "garbage" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert run("--save", str(tmp_path / "file" / "folder")) == 1
    assert "Not a directory" in capsys.readouterr().err


@pytest.mark.speech
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_it_is_told_to_stop(number: signal.Signals, tmp_path: Path) -> None:
    code = "import sys; from hero365_edge.cli import main; sys.exit(main())"
    words = ["backend", "--port", "0", "--pacing", "instant", "--save", str(tmp_path / "heard")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *words),
        env={**os.environ, "HERO365_BACKEND_TOKEN": TOKEN},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    try:
        async with asyncio.timeout(20):
            first = (await process.stdout.readline()).decode()
            url = first.split()[-1]
            with pytest.raises(InvalidStatus):
                await connect(f"{url}/{uuid.uuid4()}?user_id=u&business_id=b")
            async with call(url, query=f"user_id=u&business_id=b&token={TOKEN}") as caller:
                await caller.start(realtime=False)
                await caller.tell("text_input", text="Call the customer", want_audio_response=False)
                second = (await process.stdout.readline()).decode()
                await caller.tell("audio_data", **wav_fields(voice(0.5)))
                third = (await process.stdout.readline()).decode()
                process.send_signal(number)
                rest = (await process.stdout.read()).decode()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
    assert first.startswith("listening on ws://127.0.0.1:")
    assert second == "1  text 0.0 s: Call the customer -> Calling Anna Miller now.\n"
    assert third.startswith("2  audio_data 0.5 s: ")
    assert (rest, TOKEN in first + second + third) == ("", False)
    (saved,) = (tmp_path / "heard").iterdir()
    with wave.open(str(saved)) as file:
        assert (saved.name, file.getnframes()) == ("0002-audio_data.wav", 8000)
