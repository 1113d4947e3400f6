"""What a killed vmagent leaves half written is cut off, so that it goes on with the rest."""

import asyncio
import json
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.scraping import free_port
from tests.telemetry import MEND, Agent, Store, running

EVERY_S = 1.0
HELD_BYTES = 500
"""More than one scrape of a daemon that does not answer."""
GOES_ON_S = 6.0


def mend(folder: Path) -> str:
    """Run it; what it said. Raises CalledProcessError."""
    done = subprocess.run(["sh", MEND, folder], capture_output=True, text=True, check=True)  # noqa: S603, S607  our script, in the system's shell
    return done.stdout + done.stderr


def queue(folder: Path, written: int, **chunks: int) -> Path:
    """A buffer of vmagent's, which has noted that it wrote so far; its files by name, with their lengths."""
    place = folder / "persistent-queue" / "1_6AD715D07270DF68"
    place.mkdir(parents=True)
    (place / "flock.lock").touch()
    (place / "metainfo.json").write_text(
        json.dumps({"Name": "1:secret-url", "ReaderOffset": 0, "WriterOffset": written}, separators=(",", ":"))
    )
    for name, length in chunks.items():
        with (place / name.removeprefix("at")).open("wb") as file:
            file.truncate(length)
    return place


def lengths(place: Path) -> list[int]:
    return [file.stat().st_size for file in sorted(place.glob("0*"))]


@pytest.mark.parametrize(("length", "left"), [(4100, 4000), (4000, 4000), (3000, 3000), (0, 0)])
def test_what_is_behind_the_noted_end_is_cut_off_and_nothing_else(tmp_path: Path, length: int, left: int) -> None:
    place = queue(tmp_path, 4000, at0000000000000000=length)

    assert mend(tmp_path) == ("what was written last is cut off: 100 bytes\n" if length > left else "")

    assert lengths(place) == [left]


def test_of_several_files_the_last_is_cut(tmp_path: Path) -> None:
    size = (32 * 1024 * 1024 + 8) * 16  # of each but the last, in vmagent's source
    place = queue(tmp_path, size + 10, at0000000000000000=size, at0000000020000080=30)

    mend(tmp_path)

    assert lengths(place) == [size, 10]


@pytest.mark.parametrize("text", ["", "{", '{"Name":"x"}'])
def test_what_cannot_be_read_is_left_to_vmagent(tmp_path: Path, text: str) -> None:
    place = queue(tmp_path, 10, at0000000000000000=30)
    (place / "metainfo.json").write_text(text)

    assert mend(tmp_path) == ""

    assert lengths(place) == [30]


def test_where_there_is_no_buffer_there_is_nothing_to_mend(tmp_path: Path) -> None:
    assert mend(tmp_path / "never") == ""


async def test_a_vmagent_that_was_killed_while_it_wrote_keeps_what_it_scrapes_from_then_on(tmp_path: Path) -> None:
    """Unmended it does not; the day that this fails, Debian's vmagent can do it by itself."""
    folders = tmp_path / "mended", tmp_path / "unmended"
    for folder in folders:
        folder.mkdir()
    mended_s, unmended_s = await asyncio.gather(
        longest_gap_s(folders[0], mended=True), longest_gap_s(folders[1], mended=False)
    )
    assert mended_s < 2.5 * EVERY_S < unmended_s


async def longest_gap_s(folder: Path, *, mended: bool) -> float:
    """Without a store vmagent is killed in the middle of a write; how long nothing is told of after that."""
    store, nobody = Store(folder), f"127.0.0.1:{free_port()}"
    agent = Agent(folder, "van-1", nobody, f"http://{store.address}/api/v1/write", EVERY_S)  # `up` is told all the same
    async with running(agent):
        chunk = await held(agent)
        await agent.stop(signal.SIGKILL)
        noted = json.loads((chunk.parent / "metainfo.json").read_text())
        # A write that was flushed and is not noted yet; of another length than the next one.
        half = (2000).to_bytes(8, "big") + 2000 * b"s"
        chunk.write_bytes(chunk.read_bytes()[: noted["WriterOffset"]] + half)
        restarted_at = time.time()
        await (agent.start() if mended else super(Agent, agent).start())
        await asyncio.sleep(GOES_ON_S)
        async with running(store):
            times = [restarted_at, *await told_since(store, restarted_at)]
    return max(later - at for at, later in pairwise(times))


async def held(agent: Agent) -> Path:
    """Its file, once there is enough in it."""
    async with asyncio.timeout(30):
        while True:
            for file in agent.buffer.glob("persistent-queue/*/0*"):
                if file.stat().st_size > HELD_BYTES:
                    return file
            await asyncio.sleep(0.1)


async def told_since(store: Store, since: float) -> list[float]:
    """When vmagent told of a scrape from then on, once it has told of one of now."""
    opened_at = time.time()
    async with asyncio.timeout(60):
        while True:
            times = (await store.times("up")).get("van-1", [0.0])
            if times[-1] > opened_at + EVERY_S:
                return [at for at in times if at > since]
            await asyncio.sleep(0.2)
