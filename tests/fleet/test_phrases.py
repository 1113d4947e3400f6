"""The phrase cache: what was kept is found, its bound holds, and no damaged file is ever heard."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.fleet.phrases import LIMIT_BYTES, Phrases
from hero365_edge.speech_ports import LONGEST_PHRASE_S

TEXT = "You have two jobs today."


def sound(samples: int = 800, seed: int = 1) -> Pcm:
    return np.random.default_rng(seed).integers(-9000, 9000, samples, dtype=np.int16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "phrases"


def on_disk(folder: Path) -> int:
    """What the folder's files take, in blocks of the disk."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.iterdir())


def files(folder: Path) -> int:
    return len(list(folder.iterdir()))


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


async def test_what_was_kept_is_found_sample_by_sample_also_by_the_next_process(folder: Path) -> None:
    phrases = Phrases(folder)
    assert phrases.find(TEXT) is None
    await phrases.keep(TEXT, sound())
    for each in (phrases, Phrases(folder)):
        found = each.find(TEXT)
        assert found is not None
        assert np.array_equal(found, sound())
        assert each.find("You have three jobs today.") is None
    assert phrases.figures["hits"] == 1
    assert phrases.figures["misses"] == 2


async def test_a_text_is_not_written_down(folder: Path) -> None:
    await Phrases(folder).keep(TEXT, sound())
    path = only_file(folder)
    assert b"jobs" not in path.read_bytes()
    assert "jobs" not in path.name
    assert path.stat().st_mode & 0o077 == 0


async def test_filled_past_its_fifty_megabytes_it_stays_within_and_keeps_what_was_used_last(folder: Path) -> None:
    phrases = Phrases(folder)
    longest = sound(LONGEST_PHRASE_S * RATE_HZ)
    for number in range(170):
        await phrases.keep(f"phrase {number}", longest)
        assert phrases.find("phrase 0") is not None
        assert phrases.bytes <= LIMIT_BYTES
    assert phrases.bytes > LIMIT_BYTES - 400_000
    assert on_disk(folder) <= phrases.bytes
    assert phrases.find("phrase 1") is None, "it was used least recently"
    assert phrases.find("phrase 169") is not None
    assert Phrases(folder).bytes == phrases.bytes, "the next process counts the same"


async def test_tiny_phrases_are_counted_with_what_they_really_take(folder: Path) -> None:
    phrases = Phrases(folder, limit_bytes=100_000)
    for number in range(100):
        await phrases.keep(f"phrase {number}", sound(1))
    assert on_disk(folder) <= 100_000
    assert 15 <= phrases.figures["phrases"] <= 25


async def test_the_order_of_use_outlives_the_process(folder: Path) -> None:
    phrases = Phrases(folder)
    for number in range(4):
        await phrases.keep(f"phrase {number}", sound())
    phrases.find("phrase 0")
    smaller = Phrases(folder, limit_bytes=phrases.bytes // 2)
    assert [smaller.find(f"phrase {number}") is not None for number in range(4)] == [True, False, False, True]
    assert files(folder) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:10],
        lambda whole: whole[:-1],
        lambda whole: whole + b"\0\0",
        lambda whole: whole[:-100] + bytes(100),
        lambda whole: b"x" + whole[1:],
        lambda whole: bytes(len(whole)),
        lambda whole: whole[:48],
    ],
    ids=["empty", "a piece", "a byte short", "longer", "zeros at the end", "another kind", "all zeros", "no sound"],
)
async def test_a_damaged_file_is_a_miss_goes_and_can_be_written_anew(
    folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    phrases = Phrases(folder)
    await phrases.keep(TEXT, sound())
    path = only_file(folder)
    path.write_bytes(damage(path.read_bytes()))
    for each in (phrases, Phrases(folder)):
        assert each.find(TEXT) is None
    assert not path.exists()
    assert (phrases.bytes, phrases.figures["phrases"]) == (0, 0)
    await phrases.keep(TEXT, sound())
    assert phrases.find(TEXT) is not None


async def test_a_file_that_is_torn_at_any_byte_is_a_miss_and_goes(folder: Path) -> None:
    await Phrases(folder).keep(TEXT, sound(50))
    path = only_file(folder)
    whole = path.read_bytes()
    for size in range(len(whole)):
        for torn in (whole[:size], whole[:size].ljust(len(whole), b"\0")):
            path.write_bytes(torn)
            phrases = Phrases(folder)
            assert phrases.find(TEXT) is None, size
            assert (phrases.bytes, files(folder)) == (0, 0), size
    path.write_bytes(whole)
    assert Phrases(folder).find(TEXT) is not None


async def test_a_write_that_was_torn_at_any_byte_leaves_all_that_was_there(folder: Path) -> None:
    phrases = Phrases(folder)
    await phrases.keep(TEXT, sound(50))
    path = only_file(folder)
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        (folder / f".{path.name}.0123abcd.new").write_bytes(whole[:size])
        assert Phrases(folder).find(TEXT) is not None, size
        assert only_file(folder) == path


async def test_a_file_that_somebody_took_away_is_a_miss(folder: Path) -> None:
    phrases = Phrases(folder)
    await phrases.keep(TEXT, sound())
    only_file(folder).unlink()
    assert phrases.find(TEXT) is None
    assert phrases.bytes == 0


@pytest.mark.parametrize(
    ("text", "samples"), [(TEXT, 0), (TEXT, LONGEST_PHRASE_S * RATE_HZ + 1), ("", 800), (" \n", 800)]
)
async def test_nothing_long_or_empty_is_kept(folder: Path, text: str, samples: int) -> None:
    phrases = Phrases(folder)
    await phrases.keep(text, sound(samples))
    assert files(folder) == 0


async def test_a_known_phrase_is_not_written_again(folder: Path) -> None:
    phrases = Phrases(folder)
    await phrases.keep(TEXT, sound())
    before = only_file(folder).stat().st_ino
    await phrases.keep(TEXT, sound(seed=2))
    assert only_file(folder).stat().st_ino == before


async def test_a_phrase_larger_than_the_whole_cache_throws_nothing_away(folder: Path) -> None:
    phrases = Phrases(folder, limit_bytes=10_000)
    await phrases.keep(TEXT, sound(100))
    await phrases.keep("another", sound(10_000))
    assert phrases.find(TEXT) is not None


async def test_a_folder_that_cannot_be_written_is_told_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    phrases = Phrases(tmp_path / "file" / "phrases")
    for number in range(3):
        await phrases.keep(f"phrase {number}", sound())
    assert phrases.find("phrase 1") is None
    assert "phrases" in phrases.trouble
    assert len(caplog.records) == 1
