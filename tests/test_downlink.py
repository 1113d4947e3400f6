"""The way down, in real time over a paced speaker: what is heard, when, and what the session is told."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from hero365_edge.core import events as ev
from hero365_edge.core import rtp
from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.jitter import BRIDGE
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, Pcm, silence
from hero365_edge.core.sniff import AudioKind
from hero365_edge.core.stretch import FADE, faded_in
from hero365_edge.core.wav import wav_bytes
from hero365_edge.devices.clock import SystemClock
from hero365_edge.downlink import DECODED_AHEAD_S, SLEEP_AFTER_S, Downlink
from hero365_edge.fakes.codec import FakeCodecs, FakeOpusEncoder, fake_mp3, fake_ogg_opus
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.player import Playback
from tests.appliance import until
from tests.played import without_soft_ends

GAP_MS = 40
PERIOD_S = 0.02
CHUNK = 333
BAD_WAV = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + bytes(300)


def ramp(samples: int, sign: int = 1) -> Pcm:
    """Each sample tells its number, and none is silence."""
    return (sign * (np.arange(samples) % 30_000 + 1)).astype(np.int16)


class CountingClock(SystemClock):
    """Counts how often it is read: who spins, reads it all the time."""

    def __init__(self) -> None:
        self.readings = 0

    def now(self) -> float:
        self.readings += 1
        return super().now()


class Room:
    """A downlink that runs, its speaker, and what it told."""

    def __init__(
        self, rate_hz: int = 16_000, gap_ms: int = GAP_MS, kind: AudioKind | None = None, *, paced: bool = True
    ) -> None:
        self.clock = CountingClock()
        self.speaker = FakeSpeaker(self.clock, rate_hz, paced=paced)
        self.told: list[ev.Event] = []
        playback = Playback(start_ms=60, response_gap_ms=gap_ms, volume=1.0, kind=kind)
        self.downlink = Downlink(self.clock, self.speaker, FakeCodecs(), playback, self.told.append)

    def heard(self) -> Pcm:
        """Without the soft ends, which are no content."""
        return without_soft_ends(np.concatenate([EMPTY, *(heard.pcm for heard in self.speaker.heard)]))

    def heard_with_pauses(self) -> Pcm:
        """From the first sample to the last, with the silence between them; without the soft ends."""
        if not self.speaker.heard:
            return EMPTY
        recorded = self.speaker.sound(self.speaker.heard[0].at, self.clock.now() + 0.1)
        sounding = np.flatnonzero(recorded)
        return without_soft_ends(recorded[: sounding[-1] + 1])

    def silence_ms(self) -> float:
        """How long the card had nothing to play between the first sample and the last."""
        recorded = self.heard_with_pauses()
        return 1000 * (len(recorded) - len(self.heard())) / self.speaker.rate_hz

    def events(self, kind: type) -> list[ev.Event]:
        return [event for event in self.told if isinstance(event, kind)]

    def stream(self, audio: bytes, chunk: int = CHUNK) -> None:
        for begin in range(0, len(audio), chunk):
            self.downlink.sound(audio[begin : begin + chunk])

    async def ended(self, times: int = 1, limit_s: float = 1.0) -> None:
        await until(lambda: len(self.events(ev.PlaybackEnded)) >= times, limit_s)

    async def hurry(self, periods: int) -> None:
        """For a card that is not paced: it takes so many periods as fast as the program goes."""
        for _ in range(periods):
            for _ in range(5):
                await asyncio.sleep(0)
            if self.speaker.queued_samples:
                self.speaker.take(self.speaker.period_samples)

    async def playing(self) -> None:
        await until(lambda: bool(self.speaker.heard))


@contextlib.asynccontextmanager
async def running(room: Room) -> AsyncIterator[Room]:
    """As when a turn is under way: the card is awake and an answer may come."""
    room.speaker.start()
    room.downlink.admit(play=True)
    task = asyncio.create_task(room.downlink.run())
    yield room
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    room.speaker.close()


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with running(Room()) as room:
        yield room


KINDS: dict[str, Callable[[Pcm], bytes]] = {
    "pcm": lambda pcm: pcm.tobytes(),
    "wav": wav_bytes,
    "opus": fake_ogg_opus,
    "mp3": fake_mp3,
}


def sound_of(kind: str, pcm: Pcm) -> Pcm:
    """What is heard of it; the fake MP3 is at 24 kHz."""
    if kind != "mp3":
        return pcm
    converter = FakeCodecs().resampler(24_000, 16_000)
    return np.concatenate([converter.process(pcm), converter.finish()])


# -- what is heard -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk", [7, 100_000])
async def test_the_chunks_of_a_stream_are_heard_joined_sample_by_sample(room: Room, kind: str, chunk: int) -> None:
    pcm = ramp(2000)
    room.stream(KINDS[kind](pcm), chunk)
    await room.ended()
    assert np.array_equal(room.heard_with_pauses(), sound_of(kind, pcm))
    assert room.downlink.figures["underruns"] == 0
    assert room.downlink.rejected == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_a_whole_answer_is_heard_sample_by_sample(room: Room, kind: str) -> None:
    pcm = ramp(2000)
    room.downlink.play(KINDS[kind](pcm), kind)
    await room.ended()
    assert np.array_equal(room.heard_with_pauses(), sound_of(kind, pcm))


async def test_a_stream_that_comes_as_fast_as_it_is_spoken_is_heard_without_a_pause(room: Room) -> None:
    pcm = ramp(15 * FRAME_SAMPLES)
    began_at = asyncio.get_running_loop().time()
    for number, frame in enumerate(pcm.reshape(-1, FRAME_SAMPLES)):
        await asyncio.sleep(began_at + number * PERIOD_S - asyncio.get_running_loop().time())
        room.downlink.sound(frame.tobytes())
    await room.ended()
    assert np.array_equal(room.heard(), pcm)
    assert len(room.heard_with_pauses()) <= len(pcm) + 2 * FRAME_SAMPLES, "a late test machine may cost one pause"


async def test_a_stream_that_stalls_goes_on_behind_a_pause_with_nothing_lost() -> None:
    async with running(Room(gap_ms=300)) as room:
        pcm = ramp(3200)
        room.stream(pcm[:1600].tobytes())
        await asyncio.sleep(0.18)
        room.stream(pcm[1600:].tobytes())
        await room.ended()
        soft = faded_in(pcm[1600 : 1600 + CHUNK // 2], 0.0)
        assert np.array_equal(room.heard(), np.concatenate([pcm[:1600], soft, pcm[1600 + CHUNK // 2 :]]))
        assert room.downlink.figures["underruns"] == 1
        assert room.downlink.figures["pauses"] == 1
        assert room.downlink.figures["silence_ms"] == pytest.approx(room.silence_ms(), abs=2000 * PERIOD_S)
        assert room.downlink.figures["lost_ms"] == 0
        assert len(room.events(ev.AnswerBegan)) == 1


async def test_a_card_at_another_rate_gets_the_whole_answer_as_one_stream() -> None:
    async with running(Room(44_100)) as room:
        pcm = np.concatenate([ramp(3000), silence(FADE)])  # what ends in silence needs no soft end
        room.stream(pcm.tobytes())
        await room.ended()
        converter = FakeCodecs().resampler(16_000, 44_100)
        expected = np.concatenate([converter.process(pcm), converter.finish()])
        assert np.array_equal(room.heard_with_pauses(), np.trim_zeros(expected, "b"))


async def test_an_answer_that_wakes_the_card_is_heard_without_a_hole(room: Room) -> None:
    room.speaker.sleep()
    room.stream(ramp(3000).tobytes(), 100)
    await room.ended()
    assert np.array_equal(room.heard_with_pauses(), ramp(3000))


async def test_volume_is_heard(room: Room) -> None:
    room.downlink.set_volume(0.5)
    room.stream(np.full(1600, 1000, dtype=np.int16).tobytes())
    await room.ended()
    assert set(room.heard().tolist()) == {500}


async def test_a_long_answer_is_decoded_as_it_is_played(room: Room) -> None:
    room.stream(ramp(10 * 16_000).tobytes(), 100_000)
    await room.playing()
    assert room.downlink._player.buffered < 2 * DECODED_AHEAD_S * 16_000
    assert np.array_equal(room.heard()[:320], ramp(320))


# -- what is told --------------------------------------------------------------------------------------------------


async def test_first_byte_first_sample_and_end_are_told_once_and_in_order(room: Room) -> None:
    before = room.clock.now()
    room.stream(ramp(3200).tobytes())
    await room.ended()
    await asyncio.sleep(2 * GAP_MS / 1000)
    began, first, ended = [event for event in room.told if not isinstance(event, ev.StillSpeaking)]
    assert [type(began), type(first), type(ended)] == [ev.AnswerBegan, ev.FirstSampleHeard, ev.PlaybackEnded]
    assert before <= began.at <= first.at
    assert first.at == room.speaker.heard[0].at
    assert ended.at - first.at == pytest.approx(3199 / 16_000, abs=0.001), "the end is the last sample, not the gap"


async def test_whether_an_answer_streams_is_told(room: Room) -> None:
    room.downlink.play(wav_bytes(ramp(320)), "wav")
    await room.ended()
    room.stream(ramp(320).tobytes())
    await room.ended(2)
    assert [began.streamed for began in room.told if isinstance(began, ev.AnswerBegan)] == [False, True]


async def test_a_long_answer_tells_now_and_then_that_it_goes_on(room: Room) -> None:
    room.stream(ramp(round(1.1 * 16_000)).tobytes(), 4096)
    await room.ended(limit_s=2.0)
    assert 1 <= len(room.events(ev.StillSpeaking)) <= 3
    assert len(room.events(ev.FirstSampleHeard)) == 1


async def test_several_answers_in_a_row_are_one_playback_without_a_gap(room: Room) -> None:
    parts = [ramp(1000), ramp(700, -1), ramp(1300)]
    for part in parts:
        room.downlink.play(wav_bytes(part), "wav")
    await room.ended()
    await asyncio.sleep(0.1)
    assert np.array_equal(room.heard_with_pauses(), np.concatenate(parts))
    assert len(room.events(ev.AnswerBegan)) == 3
    assert len(room.events(ev.FirstSampleHeard)) == 1
    assert len(room.events(ev.PlaybackEnded)) == 1


async def test_an_answer_behind_a_finished_one_is_a_playback_of_its_own(room: Room) -> None:
    for times in (1, 2):
        room.stream(ramp(800).tobytes())
        await room.ended(times)
    assert np.array_equal(room.heard(), np.tile(ramp(800), 2))
    assert len(room.events(ev.FirstSampleHeard)) == 2


async def test_a_whole_answer_waits_for_the_stream_before_it(room: Room) -> None:
    room.stream(ramp(800).tobytes())
    room.downlink.play(wav_bytes(ramp(500, -1)), "wav")
    await room.ended()
    assert np.array_equal(room.heard(), np.concatenate([ramp(800), ramp(500, -1)]))


async def test_a_stream_ends_when_it_was_dry_for_the_gap_and_not_before(room: Room) -> None:
    room.stream(ramp(4800).tobytes())
    await asyncio.sleep(GAP_MS / 1000 + 0.1)
    assert room.events(ev.PlaybackEnded) == [], "it came at once and takes 300 ms to play"
    await room.ended()


@pytest.mark.parametrize("audio", [b"", wav_bytes(EMPTY)], ids=["no bytes", "no samples"])
@pytest.mark.parametrize("audio_format", ["mp3", "wav", "opus"])
async def test_an_answer_of_no_samples_ends_at_once_and_once(room: Room, audio: bytes, audio_format: str) -> None:
    room.downlink.play(audio, audio_format)
    await room.ended(limit_s=0.3)
    await asyncio.sleep(0.05)
    assert [type(event) for event in room.told] == [ev.AnswerBegan, ev.PlaybackEnded]
    room.downlink.play(wav_bytes(ramp(500)), "wav")
    await room.ended(2)
    assert np.array_equal(room.heard(), ramp(500))


@pytest.mark.parametrize("garbage", [BAD_WAV, b"OggS" + bytes(2000)])
async def test_a_stream_of_garbage_is_counted_ends_and_does_not_spoil_the_next(room: Room, garbage: bytes) -> None:
    room.stream(garbage)
    await room.ended()
    assert room.downlink.rejected
    assert len(room.events(ev.PlaybackEnded)) == 1
    before = len(room.heard())
    room.stream(wav_bytes(ramp(500)))
    await room.ended(2)
    assert np.array_equal(room.heard()[before:], ramp(500))


async def test_garbage_is_logged_once_a_series(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="hero365_edge")
    for times in (1, 2, 3):
        room.stream(BAD_WAV)
        await room.ended(times)
    levels = [record.levelno for record in caplog.records if "skipped" in record.message]
    assert levels[0] == logging.WARNING
    assert set(levels[1:]) == {logging.DEBUG}


async def test_one_byte_that_nothing_follows_is_an_answer_that_ends(room: Room) -> None:
    room.downlink.sound(b"\xff")
    await room.ended()
    assert len(room.heard()) == 0


# -- the gate ------------------------------------------------------------------------------------------------------


async def test_sound_that_nobody_admitted_is_dropped(room: Room) -> None:
    room.downlink.silence()
    room.stream(ramp(800).tobytes())
    room.downlink.play(wav_bytes(ramp(800)), "wav")
    await asyncio.sleep(0.1)
    assert room.told == []
    assert room.speaker.heard == []


async def test_an_answer_that_is_held_is_heard_from_its_first_sample_once_it_may_be(room: Room) -> None:
    room.downlink.admit(play=False)
    room.stream(ramp(3000).tobytes())
    await asyncio.sleep(0.15)
    assert room.speaker.heard == []
    assert [type(event) for event in room.told] == [ev.AnswerBegan]
    room.downlink.admit(play=True)
    await room.ended()
    assert np.array_equal(room.heard_with_pauses(), ramp(3000))
    assert room.speaker.heard[0].at == room.events(ev.FirstSampleHeard)[0].at


async def test_a_held_answer_that_is_not_wanted_is_never_heard(room: Room) -> None:
    room.downlink.admit(play=False)
    room.stream(ramp(3000).tobytes())
    await asyncio.sleep(0.05)
    room.downlink.silence()
    room.downlink.admit(play=True)
    await asyncio.sleep(0.15)
    assert room.speaker.heard == []
    assert room.events(ev.PlaybackEnded) == []


async def test_a_held_answer_of_no_samples_does_not_end_before_it_may_be_played(room: Room) -> None:
    room.downlink.admit(play=False)
    room.downlink.play(wav_bytes(EMPTY), "wav")
    await asyncio.sleep(0.1)
    assert [type(event) for event in room.told] == [ev.AnswerBegan]
    room.downlink.admit(play=True)
    await room.ended(limit_s=0.3)


async def test_silence_stops_within_a_period_and_drops_what_still_comes(room: Room) -> None:
    room.stream(ramp(16_000).tobytes())
    await room.playing()
    await asyncio.sleep(0.1)
    silenced_at = room.clock.now()
    heard_ms = room.downlink.silence()
    room.stream(ramp(800, -1).tobytes())
    await asyncio.sleep(0.15)
    room.stream(ramp(800, -1).tobytes())
    last = room.speaker.heard[-1]
    assert last.at + len(last.pcm) / 16_000 < silenced_at + 0.03
    assert 0 <= len(room.heard()) // 16 - heard_ms <= 20, "what the card took last was not heard yet"
    assert (room.heard() > 0).all(), "late chunks are not heard"
    assert room.events(ev.PlaybackEnded) == [], "an interrupted answer has no end to tell"


async def test_after_silence_only_the_new_answer_is_heard(room: Room) -> None:
    room.stream(ramp(16_000).tobytes())
    await until(lambda: room.events(ev.FirstSampleHeard) != [])
    room.downlink.silence()
    before = len(room.heard())
    room.stream(b"late")
    room.downlink.admit(play=True)
    room.stream(wav_bytes(ramp(800, -1)))
    await room.ended()
    assert np.array_equal(room.heard()[before:], ramp(800, -1))
    assert len(room.events(ev.FirstSampleHeard)) == 2


async def test_silence_before_anything_was_heard_is_zero_ms(room: Room) -> None:
    assert room.downlink.silence() == 0
    room.downlink.admit(play=True)
    room.stream(ramp(1600).tobytes())
    assert room.downlink.silence() == 0
    await asyncio.sleep(0.1)
    assert room.speaker.heard == []


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.03, 0.11, 0.21])
async def test_silence_at_any_moment_leaves_nothing_behind(room: Room, after_s: float) -> None:
    room.stream(ramp(1600).tobytes())
    room.downlink.play(wav_bytes(ramp(1600)), "wav")
    await asyncio.sleep(after_s)
    room.downlink.silence()
    before, ends = len(room.heard()), len(room.events(ev.PlaybackEnded))
    room.downlink.admit(play=True)
    await asyncio.sleep(0.05)
    assert len(room.heard()) == before
    assert len(room.events(ev.PlaybackEnded)) == ends
    room.stream(ramp(800, -1).tobytes())
    await room.ended(ends + 1)
    assert np.array_equal(room.heard()[before:], ramp(800, -1))


# -- v1 ------------------------------------------------------------------------------------------------------------


def packets(ssrc: int, pcm: Pcm) -> list[bytes]:
    packetizer = rtp.Packetizer(rtp.OPUS, ssrc, 65_535, 2**32 - 100)
    encode = FakeOpusEncoder().encode
    return [packetizer.packet(encode(frame)) for frame in pcm.reshape(-1, FRAME_SAMPLES)]


@pytest.fixture
def v1(room: Room) -> Room:
    room.downlink.link_up(v1=True)
    return room


async def test_a_response_in_rtp_is_heard_and_ends_where_it_is_told_to(v1: Room) -> None:
    pcm = ramp(10 * FRAME_SAMPLES)
    v1.downlink.expect(7)
    for packet in packets(7, pcm):
        v1.downlink.sound(packet)
    await asyncio.sleep(0.2 + GAP_MS / 1000)
    assert v1.events(ev.PlaybackEnded) == [], "a pause is no end in v1"
    v1.downlink.complete()
    await v1.ended(limit_s=0.1)
    heard = v1.heard_with_pauses()
    assert np.array_equal(heard[: len(pcm)], pcm)
    assert len(heard) <= len(pcm) + BRIDGE, "and what its codec made of the pause"
    assert v1.downlink.figures["underruns"] == 0, "which was none, as it turned out"


async def test_a_response_in_rtp_that_stalls_is_bridged_by_its_codec_for_sixty_ms(v1: Room) -> None:
    pcm = np.full(20 * FRAME_SAMPLES, 8000, np.int16)
    both = packets(7, pcm)
    v1.downlink.expect(7)
    for packet in both[:10]:
        v1.downlink.sound(packet)
    await asyncio.sleep(0.2 + 0.15)
    for packet in both[10:]:
        v1.downlink.sound(packet)
    v1.downlink.complete()
    await v1.ended()
    figures = v1.downlink.figures
    assert (figures["underruns"], figures["pauses"], figures["concealed_ms"]) == (1, 1, 60)
    assert figures["silence_ms"] == pytest.approx(v1.silence_ms(), abs=2000 * PERIOD_S)
    assert len(v1.heard()) == len(pcm) + BRIDGE


async def test_in_v1_sound_of_no_response_is_dropped(v1: Room) -> None:
    for packet in packets(7, ramp(FRAME_SAMPLES)):
        v1.downlink.sound(packet)
    await asyncio.sleep(0.05)
    assert v1.told == []


async def test_packets_of_an_unknown_ssrc_are_counted_and_not_heard(v1: Room) -> None:
    v1.downlink.expect(7)
    mine, other = packets(7, ramp(3 * FRAME_SAMPLES)), packets(8, ramp(3 * FRAME_SAMPLES, -1))
    for packet in (mine[0], other[0], mine[1], other[1], mine[2]):
        v1.downlink.sound(packet)
    v1.downlink.complete()
    await v1.ended()
    assert np.array_equal(v1.heard(), ramp(3 * FRAME_SAMPLES))
    assert v1.downlink.rejected == 2


async def test_a_response_expected_while_the_one_before_is_heard_follows_it_gaplessly(v1: Room) -> None:
    pcm = ramp(12 * FRAME_SAMPLES)
    v1.downlink.expect(7)
    for packet in packets(7, pcm[: 6 * FRAME_SAMPLES]):
        v1.downlink.sound(packet)
    v1.downlink.expect(8)
    for packet in packets(8, pcm[6 * FRAME_SAMPLES :]):
        v1.downlink.sound(packet)
    v1.downlink.complete()
    await v1.ended()
    assert np.array_equal(v1.heard_with_pauses(), pcm)


async def test_a_response_whose_packets_come_after_the_one_before_was_heard_is_heard_too(v1: Room) -> None:
    v1.downlink.expect(7)
    for packet in packets(7, ramp(3 * FRAME_SAMPLES)):
        v1.downlink.sound(packet)
    v1.downlink.expect(8)
    await v1.ended()
    for packet in packets(8, ramp(3 * FRAME_SAMPLES, -1)):
        v1.downlink.sound(packet)
    v1.downlink.complete()
    await v1.ended(2)
    assert np.array_equal(v1.heard(), np.concatenate([ramp(3 * FRAME_SAMPLES), ramp(3 * FRAME_SAMPLES, -1)]))


async def test_a_response_expected_behind_a_closed_gate_is_dropped(v1: Room) -> None:
    v1.downlink.silence()
    v1.downlink.expect(7)
    v1.downlink.admit(play=True)
    for packet in packets(7, ramp(3 * FRAME_SAMPLES)):
        v1.downlink.sound(packet)
    await asyncio.sleep(0.1)
    assert v1.speaker.heard == []


async def test_an_answer_cut_by_a_new_link_is_heard_as_far_as_it_came(v1: Room) -> None:
    v1.downlink.expect(7)
    for packet in packets(7, ramp(5 * FRAME_SAMPLES)):
        v1.downlink.sound(packet)
    v1.downlink.link_up(v1=False)
    v1.stream(ramp(800, -1).tobytes())
    await v1.ended()
    assert np.array_equal(v1.heard(), np.concatenate([ramp(5 * FRAME_SAMPLES), ramp(800, -1)]))


# -- replay --------------------------------------------------------------------------------------------------------


async def test_the_last_answer_is_played_again_as_often_as_asked(room: Room) -> None:
    room.stream(fake_ogg_opus(ramp(1600)))
    await room.ended()
    for times in (2, 3):
        room.downlink.replay()
        await room.ended(times)
    assert np.array_equal(room.heard(), np.tile(ramp(1600), 3))


async def test_a_replay_of_nothing_does_nothing(room: Room) -> None:
    room.downlink.replay()
    await asyncio.sleep(0.05)
    assert room.told == []


async def test_only_the_last_answer_is_played_again(room: Room) -> None:
    room.stream(ramp(1600).tobytes())
    await room.ended()
    room.stream(ramp(800, -1).tobytes())
    await room.ended(2)
    room.downlink.replay()
    await room.ended(3)
    assert np.array_equal(room.heard()[2400:], ramp(800, -1))


async def test_a_replay_that_was_interrupted_can_be_played_again_whole() -> None:
    async with running(Room(paced=False)) as room:
        answer = ramp(3 * 16_000)
        room.downlink.play(wav_bytes(answer), "wav")
        await room.hurry(200)
        room.downlink.replay()
        await room.hurry(10)
        room.downlink.silence()
        room.downlink.admit(play=True)
        before = len(room.heard())
        assert len(answer) < before < 2 * len(answer)
        room.downlink.replay()
        await room.hurry(200)
        assert np.array_equal(room.heard()[before:], answer)


# -- earcons -------------------------------------------------------------------------------------------------------


async def test_an_earcon_is_heard_whole_and_tells_nothing(room: Room) -> None:
    room.downlink.silence()
    room.downlink.chime(earcon(Earcon.END))
    await until(lambda: len(room.heard()) == len(earcon(Earcon.END)))
    await asyncio.sleep(0.05)
    assert np.array_equal(room.heard(), earcon(Earcon.END))
    assert room.told == []


async def test_an_earcon_is_not_mixed_into_an_answer_nor_does_it_delay_it(room: Room) -> None:
    room.stream(ramp(1600).tobytes())
    room.downlink.chime(earcon(Earcon.FAULT))
    await room.playing()
    room.downlink.chime(earcon(Earcon.FAULT))
    await room.ended()
    assert np.array_equal(room.heard_with_pauses(), ramp(1600))


async def test_an_earcon_under_way_gives_way_to_an_answer(room: Room) -> None:
    room.downlink.chime(earcon(Earcon.FAULT))
    await room.playing()
    came_at = room.clock.now()
    room.stream(ramp(1600).tobytes())
    await room.ended()
    assert np.array_equal(room.heard()[-1600:], ramp(1600))
    assert room.events(ev.FirstSampleHeard)[0].at < came_at + 0.1, "only what the card already had comes before"


async def test_an_earcon_under_way_ends_with_silence(room: Room) -> None:
    room.downlink.chime(earcon(Earcon.FAULT))
    await room.playing()
    room.downlink.silence()
    before = len(room.heard())
    await asyncio.sleep(0.1)
    assert len(room.heard()) == before


async def test_an_earcon_is_no_answer_to_play_again(room: Room) -> None:
    room.downlink.chime(earcon(Earcon.END))
    await until(lambda: len(room.heard()) == len(earcon(Earcon.END)))
    room.downlink.replay()
    await asyncio.sleep(0.05)
    assert room.told == []


# -- the card ------------------------------------------------------------------------------------------------------


async def test_a_card_that_is_lost_in_the_middle_ends_the_answer_once_and_the_next_is_heard(room: Room) -> None:
    room.stream(ramp(16_000).tobytes())
    await room.playing()
    room.speaker.unplug()
    room.downlink.card_lost()
    await asyncio.sleep(0.05)
    assert len(room.events(ev.PlaybackEnded)) == 1
    room.speaker.plug()
    room.speaker.close()
    room.speaker.start()
    room.downlink.silence()
    room.downlink.admit(play=True)
    before = len(room.heard())
    room.downlink.silence()  # a new turn
    room.downlink.admit(play=True)
    room.stream(ramp(800, -1).tobytes())
    await room.ended(2)
    assert np.array_equal(room.heard()[before:], ramp(800, -1))


async def test_a_card_that_is_lost_while_idle_ends_nothing(room: Room) -> None:
    room.downlink.card_lost()
    await asyncio.sleep(0.02)
    assert room.told == []


async def test_an_answer_to_a_card_that_is_closed_ends_at_once(room: Room) -> None:
    room.speaker.close()
    room.stream(ramp(1600).tobytes())
    await room.ended(limit_s=0.5)
    assert room.downlink.figures["played_ms"] == 0
    assert room.downlink.figures["lost_ms"] == 0


async def test_an_answer_that_begins_while_the_cards_are_opened_anew_is_heard_whole(room: Room) -> None:
    room.downlink.hold(held=True)
    room.speaker.close()
    readings = room.clock.readings
    room.downlink.play(wav_bytes(ramp(8_000)), "wav")
    await asyncio.sleep(0.1)
    assert room.events(ev.PlaybackEnded) == []
    assert room.clock.readings - readings < 50, "it does not spin"
    room.speaker.start()
    room.downlink.hold(held=False)
    await room.ended(limit_s=2.0)
    assert np.array_equal(room.heard(), ramp(8_000))


async def test_a_press_in_the_last_moments_of_an_answer_stops_the_card_that_still_holds_them(room: Room) -> None:
    room.stream(ramp(800).tobytes())
    await until(lambda: room.speaker.handed_over >= 800, 1.0)
    assert room.speaker.awake
    room.downlink.silence()
    assert not room.speaker.awake


def no_speaker(room: Room) -> None:
    """As with PortAudio's before it was ever opened."""
    room.speaker.close()
    room.speaker.rate_hz = 0


@pytest.mark.parametrize("speaker", ["was never open", "is closed", "is lost in the middle"])
async def test_an_answer_that_streams_to_no_speaker_begins_and_ends_once(room: Room, speaker: str) -> None:
    if speaker == "is closed":
        room.speaker.close()
    elif speaker == "was never open":
        no_speaker(room)
    for chunk in range(10):
        room.downlink.sound(ramp(320).tobytes())
        if chunk == 5 and speaker == "is lost in the middle":
            room.speaker.unplug()
            room.downlink.card_lost()
        await asyncio.sleep(0.02)
    await room.ended(limit_s=2.0)  # a closed card swallows each piece, so there is a pause behind each
    await asyncio.sleep(0.15)
    assert len(room.events(ev.AnswerBegan)) == 1
    assert len(room.events(ev.PlaybackEnded)) == 1


async def test_an_answer_without_any_speaker_ends_at_once_and_once(room: Room) -> None:
    no_speaker(room)
    for times in (1, 2):
        room.downlink.play(wav_bytes(ramp(1600)), "wav")
        await room.ended(times, limit_s=0.5)
    await asyncio.sleep(0.05)
    assert len(room.events(ev.PlaybackEnded)) == 2


async def test_an_earcon_without_any_speaker_is_no_playback(room: Room) -> None:
    no_speaker(room)
    room.downlink.chime(earcon(Earcon.END))
    await asyncio.sleep(0.05)
    assert room.told == []


async def test_the_card_sleeps_when_nothing_is_left_to_be_heard_and_not_before(room: Room) -> None:
    before = room.speaker.awake
    room.stream(ramp(800).tobytes())
    await room.playing()
    assert (before, room.speaker.awake) == (False, True)
    await room.ended()
    await until(lambda: not room.speaker.awake, 2 * SLEEP_AFTER_S)


async def test_the_card_stays_awake_while_an_answer_stalls(room: Room) -> None:
    room.stream(ramp(1600).tobytes())
    await asyncio.sleep(0.1 + 0.3)
    assert room.speaker.awake
    room.stream(ramp(800).tobytes())
    await room.ended(limit_s=2)


async def test_an_earcon_wakes_the_card_and_lets_it_sleep_again(room: Room) -> None:
    room.downlink.chime(earcon(Earcon.OFFLINE))
    await until(lambda: len(room.heard()) == len(earcon(Earcon.OFFLINE)))
    await until(lambda: not room.speaker.awake, 2 * SLEEP_AFTER_S)


# -- the loop ------------------------------------------------------------------------------------------------------


async def test_it_does_not_spin_while_there_is_nothing_to_do(room: Room) -> None:
    await asyncio.sleep(0.05)
    before = room.clock.readings
    await asyncio.sleep(0.2)
    assert room.clock.readings - before < 20


@pytest.mark.parametrize("dry", [True, False])
async def test_it_does_not_spin_while_it_plays_or_waits_for_more(room: Room, dry: bool) -> None:
    room.stream(ramp(640 if dry else 8000).tobytes())
    await asyncio.sleep(0.05)
    before = room.clock.readings
    await asyncio.sleep(0.1 if not dry else 0.06)
    assert room.clock.readings - before < 150


async def test_it_stops_cleanly_in_the_middle_of_an_answer() -> None:
    async with running(Room()) as room:
        room.stream(ramp(8000).tobytes())
        await room.playing()
    assert [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


@pytest.mark.parametrize("seed", range(12))
async def test_any_orders_at_any_moment_leave_it_able_to_play_the_next_answer_whole(seed: int) -> None:
    dice = np.random.default_rng(seed)
    async with running(Room(gap_ms=1, paced=False)) as room:
        downlink, speaker = room.downlink, room.speaker

        def replug() -> None:
            speaker.unplug()
            downlink.card_lost()
            speaker.plug()
            speaker.close()
            speaker.start()

        chunks = [ramp(320).tobytes(), b"\xff", b"RIFF", BAD_WAV, wav_bytes(ramp(500)), fake_mp3(ramp(500)), b"ID3"]
        orders: list[Callable[[], object]] = [
            *[lambda: downlink.sound(chunks[int(dice.integers(len(chunks)))])] * 6,
            lambda: downlink.play(chunks[int(dice.integers(len(chunks)))], str(dice.choice(["wav", "mp3", "opus"]))),
            lambda: downlink.play(packets(7, ramp(640))[0], "opus"),
            lambda: downlink.sound(packets(7, ramp(640))[0]),
            lambda: downlink.admit(play=bool(dice.integers(2))),
            lambda: downlink.chime(earcon(Earcon.END)),
            lambda: downlink.expect(7),
            lambda: downlink.link_up(v1=bool(dice.integers(2))),
            *(downlink.silence, downlink.complete, downlink.replay, downlink.card_lost, replug),
        ]
        for _ in range(80):
            orders[int(dice.integers(len(orders)))]()
            await room.hurry(int(dice.integers(4)))
            if not dice.integers(8):
                await asyncio.sleep(0.002)
        downlink.link_up(v1=False)
        downlink.admit(play=True)
        downlink.play(wav_bytes(ramp(3000)), "wav")
        await room.hurry(int(dice.integers(4)))
        downlink.silence()
        downlink.admit(play=True)
        before, ends = len(room.heard()), len(room.events(ev.PlaybackEnded))
        downlink.play(wav_bytes(ramp(3000, -1)), "wav")
        await room.hurry(40)
        assert np.array_equal(room.heard()[before:], ramp(3000, -1))
        assert len(room.events(ev.PlaybackEnded)) == ends + 1


async def test_what_stands_in_for_the_agents_sound_stops_when_that_comes_after_all() -> None:
    async with running(Room()) as room:
        room.downlink.stand_in(wav_bytes(ramp(16_000, -1)), "wav")
        await room.playing()
        room.stream(ramp(3200).tobytes())
        await room.ended()
        heard = room.heard()
        assert len(heard[heard < 0]) < 8_000
        assert np.array_equal(heard[heard > 0], ramp(3200)), "whole"
        assert len(room.events(ev.PlaybackEnded)) == 1
        assert np.array_equal(room.downlink.last_answer.pcm(), ramp(3200))


async def test_what_stands_in_is_heard_whole_where_nothing_else_comes_and_hides_no_later_answer() -> None:
    async with running(Room()) as room:
        room.downlink.stand_in(wav_bytes(ramp(1600, -1)), "wav")
        await room.ended()
        room.stream(ramp(1600).tobytes())
        room.downlink.play(wav_bytes(ramp(800)), "wav")
        await room.ended(2)
        assert np.array_equal(room.heard(), np.concatenate([ramp(1600, -1), ramp(1600), ramp(800)]))
