"""From samples at 16 kHz to the card's queue: nothing lost, nothing doubled, nothing mixed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.jitter import BRIDGE
from hero365_edge.core.pcm import EMPTY, Pcm
from hero365_edge.core.stretch import FADE, PAST, ending, faded_in
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.codec import FakeCodecs
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.player import AHEAD_MS, URGENT_S, Player
from tests.played import without_soft_ends

PERIOD_S = 0.02
START_MS = 60


def ramp(samples: int) -> Pcm:
    """Each sample tells its number, and none is silence."""
    return (np.arange(samples) % 30_000 + 1).astype(np.int16)


class Room:
    """A player and its speaker, whose card takes a period's worth when it is told to."""

    def __init__(self, rate_hz: int = 16_000, latency_s: float = 0.0) -> None:
        self.clock = FakeClock()
        self.speaker = FakeSpeaker(self.clock, rate_hz, latency_s=latency_s)
        self.speaker.start()
        self.player = Player(self.speaker, FakeCodecs(), START_MS)

    def put(self, pcm: Pcm) -> None:
        """In two pieces, because a single one waits for the next."""
        for piece in np.array_split(pcm, 2):
            self.player.put(piece, self.clock.now())

    def feed(self) -> None:
        self.player.feed(self.clock.now())

    def period(self) -> None:
        """A period passes: the player has its turn, then the card takes what is there."""
        self.feed()
        if self.speaker.awake:
            self.speaker.take(self.speaker.period_samples)
        self.clock.advance(PERIOD_S)

    def play_out(self) -> None:
        for _ in range(1000):
            self.period()
            if self.player.silent:
                return
        raise AssertionError("it never falls silent")

    def heard(self) -> Pcm:
        """Without the soft ends, which are no content."""
        return without_soft_ends(np.concatenate([EMPTY, *(heard.pcm for heard in self.speaker.heard)]))


def through(rate_hz: int, pcm: Pcm) -> Pcm:
    """What a converter of its own makes of these samples."""
    converter = FakeCodecs().resampler(16_000, rate_hz)
    return np.concatenate([converter.process(pcm), converter.finish()])


@pytest.mark.parametrize("told", [False, True])
def test_a_stream_that_runs_dry_ends_softly_and_one_whose_end_is_told_ends_as_it_does(told: bool) -> None:
    room = Room()
    room.put(ramp(1600))
    if told:
        room.player.end()
    room.play_out()
    room.period()
    heard = np.concatenate([each.pcm for each in room.speaker.heard])
    soft = EMPTY if told else ending(ramp(1600)[-PAST:])
    assert np.array_equal(heard, np.concatenate([ramp(1600), soft]))
    assert room.player.heard_ms(room.clock.now()) == 100, "what is no content was not heard of it"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3)), min_size=1, max_size=30))
def test_any_chunks_at_any_times_are_heard_whole_and_nothing_but_what_is_counted_comes_in_between(
    chunks: list[tuple[int, int]],
) -> None:
    room = Room()
    pcm = ramp(sum(length for length, _ in chunks))
    begin = 0
    for length, periods in chunks:
        room.put(pcm[begin : begin + length])
        begin += length
        for _ in range(periods):
            room.period()
    room.player.end()
    room.play_out()
    tally = room.player.tally
    assert len(room.heard()) == len(pcm) + tally.stretched
    assert (tally.given, room.player.figures["lost_ms"]) == (len(pcm), 0)
    if not (tally.stretched or tally.underruns):
        assert np.array_equal(room.heard(), pcm)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=30))
def test_chunks_that_are_all_there_are_converted_as_one_stream(rate_hz: int, lengths: list[int]) -> None:
    room = Room(rate_hz)
    pcm = ramp(sum(lengths))
    begin = 0
    for length in lengths:
        room.put(pcm[begin : begin + length])
        begin += length
    room.player.end()
    room.play_out()
    assert np.array_equal(room.heard(), through(rate_hz, pcm))
    assert room.speaker.silent_samples < room.speaker.period_samples, "no gap but behind the last sample"


def test_an_answer_that_follows_another_is_joined_to_it_without_a_gap() -> None:
    room = Room()
    room.put(ramp(3000))
    room.player.end()
    room.period()
    room.put(ramp(2000))
    room.player.end()
    room.play_out()
    assert np.array_equal(room.heard(), np.concatenate([ramp(3000), ramp(2000)]))
    assert room.speaker.silent_samples < room.speaker.period_samples


def test_the_card_never_holds_more_than_a_few_periods() -> None:
    room = Room(48_000)
    room.put(ramp(16_000))
    most = 0
    for _ in range(20):
        room.feed()
        most = max(most, room.speaker.queued_samples)
        room.speaker.take(room.speaker.period_samples)
    assert most <= 48 * AHEAD_MS + 3


def test_it_waits_for_a_starts_worth_but_no_longer_than_that() -> None:
    room = Room()
    room.player.put(ramp(160), room.clock.now())
    room.feed()
    assert room.speaker.queued_samples == 0
    assert room.player.deadline == pytest.approx(room.clock.now() + START_MS / 1000)
    room.clock.advance(START_MS / 1000)
    room.feed()
    assert room.speaker.queued_samples == 160
    assert room.player.deadline == pytest.approx(room.clock.now() + PERIOD_S - URGENT_S), "when it must be bridged"


def test_a_short_answer_that_is_complete_does_not_wait() -> None:
    room = Room()
    room.put(ramp(160))
    room.player.end()
    room.feed()
    assert room.speaker.queued_samples == 160


def test_an_answer_that_stalls_pauses_and_goes_on_with_nothing_lost() -> None:
    room = Room()
    room.put(ramp(2000)[:1500])
    for _ in range(10):
        room.period()
    room.put(ramp(2000)[1500:])
    room.player.end()
    room.play_out()
    assert (room.player.tally.underruns, room.player.tally.pauses) == (1, 1)
    soft = faded_in(ramp(2000)[1500:1750], 0.0)
    assert np.array_equal(room.heard(), np.concatenate([ramp(1500), soft, ramp(2000)[1750:]]))
    assert room.player.tally.silent == pytest.approx(room.speaker.silent_samples, abs=2 * room.speaker.period_samples)


def test_an_answer_that_stalls_at_another_rate_loses_no_sample_to_the_converter() -> None:
    room = Room(48_000)
    room.put(ramp(2000)[:1500])
    for _ in range(10):
        room.period()
    assert len(room.heard()) == 3 * (1500 + FADE), "all of it was heard before the pause, and a soft end"
    room.put(ramp(2000)[1500:])
    room.player.end()
    room.play_out()
    assert len(room.heard()) == 3 * (2000 + FADE)


def test_a_card_that_asks_before_its_time_has_its_silence_counted() -> None:
    room = Room()
    room.put(ramp(1000))
    room.period()
    room.feed()
    for _ in range(3):
        room.speaker.take(room.speaker.period_samples)  # all at once, though it was a period's time
    room.put(ramp(700))
    room.player.end()
    room.play_out()
    tally = room.player.tally
    assert (tally.underruns, tally.pauses, tally.silent) == (1, 1, 4 * 320 - 1000)
    assert len(room.heard()) == 1700


def test_the_end_of_an_answer_is_no_underrun() -> None:
    room = Room()
    room.put(ramp(2000))
    room.player.end()
    room.play_out()
    room.period()
    assert room.player.tally.underruns == 0


def test_first_and_last_sample_are_told_by_the_cards_own_time() -> None:
    room = Room(latency_s=0.1)
    room.put(ramp(1600))
    room.player.end()
    assert room.player.first_heard_at() is None
    began_at = room.clock.now()
    room.period()
    assert room.player.first_heard_at() == pytest.approx(began_at + 0.1)
    assert room.player.all_heard_at(room.clock.now()) is None
    room.play_out()
    assert room.player.all_heard_at(room.clock.now()) == pytest.approx(began_at + 0.1 + 1599 / 16_000)


def test_an_answer_of_no_samples_is_heard_at_once() -> None:
    room = Room()
    assert room.player.all_heard_at(1.0) is None
    room.put(EMPTY)
    room.player.end()
    room.feed()
    assert room.player.all_heard_at(1.0) == 1.0


def test_what_was_heard_is_counted_in_ms_of_the_cards_rate() -> None:
    room = Room(48_000)
    room.player.chime(earcon(Earcon.END))
    room.play_out()
    assert room.player.heard_ms(room.clock.now()) == 0, "an earcon is no part of the answer"
    room.put(ramp(16_000))
    for _ in range(5):
        room.period()
    assert room.player.heard_ms(room.clock.now()) == 100


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_what_stood_in_for_content_was_not_heard_of_the_answer(rate_hz: int) -> None:
    room = Room(rate_hz)
    room.player.bridge_with(lambda samples: np.full(samples, 500, np.int16))
    room.put(ramp(3200)[1600:])
    for _ in range(12):
        room.period()
    assert len(room.heard()) == (1600 + BRIDGE) * rate_hz // 16_000
    assert room.player.heard_ms(room.clock.now()) == 100


def test_speaking_slower_makes_no_more_of_an_answer_heard() -> None:
    room = Room()
    room.player._jitter.model.seed(1.0)
    pcm = (5000 * np.sin(2 * np.pi * np.arange(100 * 320) / 120)).astype(np.int16)
    for frame in pcm.reshape(-1, 320):
        room.player.put(frame, room.clock.now())
        room.period()
    room.player.end()
    room.play_out()
    assert room.player.tally.stretched > 1600
    assert room.player.heard_ms(room.clock.now()) == 2000


def test_after_a_reset_nothing_of_the_answer_is_left() -> None:
    room = Room(48_000)
    room.put(ramp(5000))
    room.period()
    room.speaker.flush()
    room.player.reset()
    assert room.player.silent
    assert room.player.heard_ms(room.clock.now()) == 0
    assert room.player.first_heard_at() is None
    before = len(room.heard())
    room.put(ramp(700))
    room.player.end()
    room.play_out()
    assert np.array_equal(room.heard()[before:], through(48_000, ramp(700)))


def test_at_full_volume_samples_pass_untouched_and_at_less_they_are_rounded() -> None:
    room = Room()
    room.player.volume = 0.5
    room.put(np.array([-32768, -3, 0, 3, 32767], dtype=np.int16))
    room.player.end()
    room.play_out()
    assert room.heard().tolist() == [-16384, -2, 0, 2, 16384]


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_earcons_are_heard_whole_and_one_after_the_other(rate_hz: int) -> None:
    room = Room(rate_hz)
    room.player.chime(earcon(Earcon.HELD))
    room.period()
    room.player.chime(earcon(Earcon.FAULT))
    room.play_out()
    both = np.concatenate([earcon(Earcon.HELD), earcon(Earcon.FAULT)])
    assert np.array_equal(room.heard(), through(rate_hz, both))


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_the_rest_of_an_earcon_gives_way_to_speech(rate_hz: int) -> None:
    room = Room(rate_hz)
    room.player.chime(earcon(Earcon.FAULT))
    room.period()
    room.put(ramp(2000))
    room.player.end()
    room.play_out()
    speech = through(rate_hz, ramp(2000))
    assert np.array_equal(room.heard()[-len(speech) :], speech)
    assert len(room.heard()) <= len(speech) + AHEAD_MS * rate_hz // 1000


def test_a_speaker_that_is_not_open_is_an_error_of_the_device() -> None:
    room = Room()
    room.speaker.close()
    room.feed()  # nothing to play: nothing to say
    room.put(ramp(100))
    with pytest.raises(DeviceError, match="no speaker"):
        room.feed()


def test_another_card_after_a_replug_gets_its_own_rate() -> None:
    room = Room()
    room.put(ramp(1600))
    room.period()
    room.speaker.flush()
    room.player.reset()
    before = len(room.heard())
    room.speaker.rate_hz = 48_000
    room.put(ramp(1600))
    room.player.end()
    room.play_out()
    assert np.array_equal(room.heard()[before:], through(48_000, ramp(1600)))


def test_an_answer_whose_card_is_closed_is_an_error_of_the_device_too() -> None:
    room = Room()
    room.put(ramp(16_000))
    room.player.end()
    room.period()
    room.speaker.close()
    with pytest.raises(DeviceError, match="no speaker"):
        room.feed()
