"""What every phrase cache does: the one in memory, and the folder."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm
from hero365_edge.fakes.phrases import FakePhraseBook
from hero365_edge.fleet.phrases import Phrases
from hero365_edge.speech_ports import LONGEST_PHRASE_S, PhraseBook, Whose

TEXT = "You have two jobs today."


def sound(samples: int = 800, seed: int = 1) -> Pcm:
    return np.random.default_rng(seed).integers(-9000, 9000, samples, dtype=np.int16)


@pytest.fixture(params=["fake", "real"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> PhraseBook:
    return Phrases(tmp_path / "phrases") if request.param == "real" else FakePhraseBook()


def found(book: PhraseBook, text: str = TEXT) -> list[int]:
    pcm = book.find(text)
    return [] if pcm is None else pcm.tolist()


async def test_what_was_kept_is_found_sample_by_sample_again_and_again(book: PhraseBook) -> None:
    await book.keep(TEXT, sound())
    for _ in range(3):
        assert found(book) == sound().tolist()


async def test_what_was_never_heard_is_not_known(book: PhraseBook) -> None:
    await book.keep(TEXT, sound())
    assert book.find("You have three jobs today.") is None
    assert book.whose("You have three jobs today.") is None


async def test_spacing_makes_no_other_text_and_anything_else_does(book: PhraseBook) -> None:
    await book.keep(TEXT, sound())
    assert found(book, "  You have two\njobs\ttoday. ") == sound().tolist()
    for other in (TEXT.lower(), TEXT[:-1], TEXT + "!", "", " "):
        assert book.find(other) is None


async def test_it_is_told_who_says_it_and_to_look_is_no_use(book: PhraseBook) -> None:
    await book.keep(TEXT, sound())
    await book.keep("Done.", sound(), Whose.LOCAL)
    assert (book.whose(TEXT), book.whose("Done.")) == (Whose.AGENT, Whose.LOCAL)
    assert book.figures["hits"] == book.figures["misses"] == 0


async def test_the_agent_takes_the_place_of_the_local_voice(book: PhraseBook) -> None:
    await book.keep(TEXT, sound(seed=1), Whose.LOCAL)
    assert found(book) == sound(seed=1).tolist()
    await book.keep(TEXT, sound(seed=2))
    assert found(book) == sound(seed=2).tolist()
    assert book.whose(TEXT) is Whose.AGENT
    assert book.figures["phrases"] == 1


@pytest.mark.parametrize("later", list(Whose))
async def test_nothing_takes_the_place_of_the_agent(book: PhraseBook, later: Whose) -> None:
    await book.keep(TEXT, sound(seed=1))
    await book.keep(TEXT, sound(seed=2), later)
    assert found(book) == sound(seed=1).tolist()
    assert book.whose(TEXT) is Whose.AGENT
    assert book.figures["phrases"] == 1


async def test_the_local_voice_does_not_take_its_own_place(book: PhraseBook) -> None:
    await book.keep(TEXT, sound(seed=1), Whose.LOCAL)
    await book.keep(TEXT, sound(seed=2), Whose.LOCAL)
    assert found(book) == sound(seed=1).tolist()


@pytest.mark.parametrize("whose", list(Whose))
@pytest.mark.parametrize(("text", "pcm"), [(TEXT, EMPTY), (TEXT, sound(LONGEST_PHRASE_S * RATE_HZ + 1)), ("", sound())])
async def test_nothing_long_or_empty_is_kept(book: PhraseBook, text: str, pcm: Pcm, whose: Whose) -> None:
    await book.keep(text, pcm, whose)
    assert book.figures["phrases"] == 0
    assert book.find(text) is None


async def test_the_longest_is_kept(book: PhraseBook) -> None:
    await book.keep(TEXT, sound(LONGEST_PHRASE_S * RATE_HZ))
    assert len(found(book)) == LONGEST_PHRASE_S * RATE_HZ


async def test_figures_tell_what_is_kept_and_of_what_use_it_was(book: PhraseBook) -> None:
    for number in range(3):
        await book.keep(f"phrase {number}", sound())
    found(book, "phrase 0")
    found(book, "phrase 1")
    found(book, "no phrase")
    figures = book.figures
    assert (figures["phrases"], figures["hits"], figures["misses"]) == (3, 2, 1)
    assert figures["bytes"] >= 3 * sound().nbytes
    assert book.trouble == ""


async def test_many_may_be_kept_at_once_and_one_text_counts_once(book: PhraseBook) -> None:
    texts = [f"phrase {number % 4}" for number in range(12)]
    await asyncio.gather(*(book.keep(text, sound(seed=1)) for text in texts))
    assert book.figures["phrases"] == 4
    each = book.figures["bytes"] / 4
    await book.keep("phrase 4", sound(seed=1))
    assert book.figures["bytes"] == 5 * each
