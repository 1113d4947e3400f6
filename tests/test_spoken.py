"""Answers without sound: from the cache, else by a voice, else as an earcon."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest

from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.pcm import Pcm
from hero365_edge.core.wav import wav_bytes
from hero365_edge.errors import EdgeError
from hero365_edge.fakes.codec import FakeCodecs
from hero365_edge.fakes.phrases import FakePhraseBook
from hero365_edge.fakes.voice import FakeVoice, spoken
from hero365_edge.speech_ports import Whose
from hero365_edge.spoken import FILE_BYTES, HEARD_BYTES_AN_HOUR, MOST_WAITING, NO_CACHE, Spoken

SOUND = np.arange(1, 801, dtype=np.int16)


class Room:
    """A Spoken, and what it let be heard."""

    def __init__(self, *, book: bool = True, voice: bool = True) -> None:
        self.book, self.voice = FakePhraseBook(), FakeVoice()
        self.played: list[bytes] = []
        self.chimed: list[Pcm] = []
        self.spoken = Spoken(
            self.book if book else None, self.voice if voice else None, FakeCodecs(), self._play, self.chimed.append
        )
        self.wanted = True

    def _play(self, audio: bytes, audio_format: str) -> None:
        assert audio_format == "wav"
        self.played.append(audio)

    def say(self, text: str, after_s: float = 0.0) -> None:
        self.spoken.say(text, after_s, lambda: self.wanted)

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    @property
    def only_chimed(self) -> bool:
        return self.played == [] and [np.array_equal(each, earcon(Earcon.TEXT)) for each in self.chimed] == [True]


@contextlib.asynccontextmanager
async def running(room: Room) -> AsyncIterator[Room]:
    task = asyncio.create_task(room.spoken.run())
    await room.settle()
    yield room
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with running(Room()) as room:
        yield room


async def test_a_text_that_was_heard_before_is_heard_at_once_as_it_was(room: Room) -> None:
    room.spoken.heard("Done.", SOUND)
    await room.settle()
    room.say("Done.")
    assert room.played == [wav_bytes(SOUND)]
    assert room.spoken.figures["phrases"] == 1


async def test_in_an_hour_not_more_is_kept_than_a_flash_card_bears(room: Room) -> None:
    for number in range(30):
        room.spoken.heard(f"Job {number} is done.", SOUND)
        await room.settle()
    kept = [number for number in range(30) if room.book.whose(f"Job {number} is done.") is not None]
    assert kept == list(range(HEARD_BYTES_AN_HOUR // (SOUND.nbytes + FILE_BYTES)))
    assert len(kept) < 30


async def test_another_text_is_said_by_the_voice(room: Room) -> None:
    room.say("Done.")
    await room.settle()
    assert room.played == [wav_bytes(spoken("Done."))]
    assert room.chimed == []


@pytest.mark.parametrize("book", [True, False])
async def test_without_a_voice_an_earcon_tells(book: bool) -> None:
    async with running(Room(book=book, voice=False)) as room:
        room.say("Done.")
        await room.settle()
        assert room.only_chimed


@pytest.mark.parametrize("known", [True, False])
async def test_a_text_whose_sound_may_come_is_said_when_it_has_not_come_by_then(room: Room, known: bool) -> None:
    if known:
        await room.book.keep("Done.", SOUND)
    room.say("Done.", after_s=0.01)
    await room.settle()
    assert room.played == []
    await asyncio.sleep(0.03)
    assert room.played == [wav_bytes(SOUND if known else spoken("Done."))]


async def test_a_text_whose_sound_has_come_by_then_is_not_said(room: Room) -> None:
    room.say("Done.", after_s=0.01)
    room.wanted = False
    await asyncio.sleep(0.03)
    assert (room.played, room.chimed) == ([], [])


async def test_sound_that_comes_all_the_same_takes_the_place_of_both() -> None:
    async with running(Room()) as room:
        room.say("Done.")
        room.wanted = False
        await room.settle()
        assert (room.played, room.chimed) == ([], [])


async def test_a_voice_that_fails_is_told_by_an_earcon(room: Room) -> None:
    room.voice.fail("the local voice failed")
    room.say("Done.")
    await room.settle()
    assert room.only_chimed


async def test_while_something_else_is_under_way_only_an_earcon_tells(room: Room) -> None:
    await room.book.keep("Done.", SOUND)
    room.wanted = False
    room.say("Done.")
    await room.settle()
    assert room.only_chimed


async def test_what_is_not_wanted_any_more_when_the_voice_is_ready_is_not_heard(room: Room) -> None:
    room.voice.hold()
    room.say("Done.")
    await room.settle()
    room.wanted = False
    room.voice.let_go()
    await room.settle()
    assert (room.played, room.chimed) == ([], [])


async def test_of_two_texts_the_newest_is_said(room: Room) -> None:
    room.voice.hold()
    for text in ("One.", "Two."):
        room.say(text)
        await room.settle()
    room.voice.let_go()
    await room.settle()
    assert room.played == [wav_bytes(spoken("Two."))]


async def test_a_slow_card_makes_nobody_wait_and_no_queue_grow(room: Room) -> None:
    room.book.stall()
    for number in range(20):
        room.spoken.heard(f"phrase {number}", SOUND)
    await room.settle()
    room.say("Done.")
    await room.settle()
    room.book.go_on()
    await room.settle()
    assert 0 < room.book.figures["phrases"] <= MOST_WAITING


# -- the usual phrases ---------------------------------------------------------------------------------------------


async def test_warming_has_the_voice_say_what_is_not_known_and_it_is_heard_at_once_then(room: Room) -> None:
    await room.book.keep("Done.", SOUND)
    room.spoken.usual = ("Done.", "One moment.")
    assert await room.spoken.warm() == 1
    assert room.voice.said == ["One moment."]
    assert room.spoken.facts()["usual"] == {"Done.": Whose.AGENT, "One moment.": Whose.LOCAL}
    room.say("One moment.")
    assert room.played == [wav_bytes(spoken("One moment."))]
    assert await room.spoken.warm() == 0


async def test_what_the_agent_says_later_counts_more_than_what_was_warmed(room: Room) -> None:
    room.spoken.usual = ("Done.",)
    await room.spoken.warm()
    room.spoken.heard("Done.", SOUND)
    await room.settle()
    room.say("Done.")
    assert room.played == [wav_bytes(SOUND)]


async def test_warming_needs_a_voice_only_for_what_is_not_known() -> None:
    room = Room(voice=False)
    await room.book.keep("Done.", SOUND)
    room.spoken.usual = ("Done.",)
    assert await room.spoken.warm() == 0
    room.spoken.usual = ("Done.", "One moment.")
    with pytest.raises(EdgeError, match=r"install espeak-ng"):
        await room.spoken.warm()


async def test_without_a_cache_nothing_can_be_warmed_and_the_facts_say_so() -> None:
    room = Room(book=False)
    room.spoken.usual = ("Done.",)
    with pytest.raises(EdgeError, match=r"no cache folder"):
        await room.spoken.warm()
    assert room.spoken.facts() == {"trouble": NO_CACHE, "usual": {"Done.": None}}


async def test_a_voice_that_fails_ends_the_warming_with_its_reason(room: Room) -> None:
    room.voice.fail("the local voice is hoarse")
    room.spoken.usual = ("Done.",)
    with pytest.raises(EdgeError, match="hoarse"):
        await room.spoken.warm()


@pytest.mark.parametrize(("trouble", "why"), [("", "too long"), ("disk full", "disk full")])
async def test_a_phrase_that_cannot_be_kept_is_told_with_the_reason(room: Room, trouble: str, why: str) -> None:
    room.book.trouble = trouble
    room.spoken.usual = ("x" * 200,)
    with pytest.raises(EdgeError, match=why):
        await room.spoken.warm()
