"""The way up, over a microphone that hears what it is told: what is recorded, what is sent, in what order."""

import asyncio
import base64
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from hero365_edge.codec_ports import Resampler
from hero365_edge.core import events as ev
from hero365_edge.core import messages as m
from hero365_edge.core import rtp
from hero365_edge.core.endpointer import Ending
from hero365_edge.core.framing import Outgoing
from hero365_edge.core.handshake import Agreement
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, RATE_HZ, Pcm, from_bytes, silence
from hero365_edge.core.wav import WavDecoder
from hero365_edge.devices.resampler import SoxrResampler
from hero365_edge.errors import LinkError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.codec import FakeCodecs
from hero365_edge.fakes.detector import FakeDetector
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.uplink import LAST_BLOCK_S, Capture, Uplink
from tests.appliance import until

SEED = Agreement("seed", realtime=True)
V1 = Agreement("v1", realtime=True, uplink="opus")
CAPTURE = Capture(
    preroll_ms=300, hangover_ms=240, no_speech_timeout_s=2.0, max_utterance_s=10.0, tail_silence_ms=100, channel=None
)
TAIL_FRAMES = 5
PERIOD_S = 0.02


def words(samples: int, first: int = 0) -> Pcm:
    """Speech, to the fake detector: loud, and each sample tells its number."""
    return (np.arange(first, first + samples) % 20_000 + 5_000).astype(np.int16)


@dataclass
class Wire:
    """The link's end: takes what is sent, unless it is jammed or broken."""

    sent: list[Outgoing] = field(default_factory=list)
    free: asyncio.Event = field(default_factory=asyncio.Event)
    broken: bool = False

    def __post_init__(self) -> None:
        self.free.set()

    async def send(self, message: Outgoing) -> None:
        await self.free.wait()
        if self.broken:
            raise LinkError("the link broke")
        self.sent.append(message)
        await asyncio.sleep(0)

    def jam_after(self, messages: int) -> None:
        """The socket's buffer takes so many more messages."""
        self.free = Turnstile(messages)

    def unjam(self) -> None:
        """The backend reads again."""
        self.free.set()
        self.free = asyncio.Event()
        self.free.set()

    @property
    def frames(self) -> list[bytes]:
        return [message for message in self.sent if isinstance(message, bytes)]

    @property
    def pcm(self) -> Pcm:
        return from_bytes(b"".join(self.frames))

    @property
    def messages(self) -> list[m.AnyMessage]:
        return [message for message in self.sent if not isinstance(message, bytes)]


class Turnstile(asyncio.Event):
    """Lets so many pass; `set` opens it for all."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self._left = left

    async def wait(self) -> bool:  # type: ignore[override]  # asyncio declares Literal[True]
        if self._left > 0:
            self._left -= 1
            return True
        return await super().wait()


class Cab:
    """A technician, a microphone and an uplink; time stands still but for what is heard."""

    def __init__(
        self, capture: Capture = CAPTURE, rate_hz: int = RATE_HZ, channels: int = 1, period_ms: int = 20
    ) -> None:
        self.clock = FakeClock()
        self.microphone = FakeMicrophone(self.clock, rate_hz, channels, period_ms)
        self.wire = Wire()
        self.told: list[ev.Event] = []
        self.shelf = FakeShelf()
        self.uplink = Uplink(
            self.clock,
            self.microphone,
            FakeDetector(),
            FakeCodecs(),
            capture,
            self.wire.send,
            self.told.append,
            self.shelf,
        )

    async def hear(self, pcm: Pcm) -> None:
        """Sound, as long as it lasts; the uplink keeps up with it."""
        self.microphone.hear(pcm)
        self.clock.advance(pcm.size / self.microphone.channels / self.microphone.rate_hz)
        await self.settled()

    async def settled(self) -> None:
        """Everything that can happen without more sound has happened."""
        for _ in range(400):
            await asyncio.sleep(0)

    def press(self, utterance_id: str = "u1") -> float:
        pressed_at = self.clock.now()
        self.uplink.record(utterance_id, pressed_at)
        return pressed_at

    def release(self) -> float:
        """Ends the recording now."""
        released_at = self.clock.now()
        self.uplink.commit(released_at)
        return released_at

    def events(self, kind: type) -> list[ev.Event]:
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def committed(self) -> list[str]:
        return [event.utterance_id for event in self.told if isinstance(event, ev.Committed)]

    def kept(self, utterance_id: str = "u1") -> Pcm:
        [pcm] = [left.pcm for left in self.shelf.leftovers() if left.utterance_id == utterance_id]
        return pcm

    async def forgot(self, utterance_id: str = "u1") -> bool:
        """Whether nothing is left of it, on the shelf or to be sent."""
        sent = len(self.wire.sent)
        self.uplink.send_kept(utterance_id, SEED)
        await self.settled()
        return self.shelf.leftovers() == [] and len(self.wire.sent) == sent


@contextlib.asynccontextmanager
async def running(cab: Cab) -> AsyncIterator[Cab]:
    cab.microphone.start()
    task = asyncio.create_task(cab.uplink.run())
    await asyncio.sleep(0)
    yield cab
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def cab() -> AsyncIterator[Cab]:
    async with running(Cab()) as cab:
        yield cab


# -- what is recorded ----------------------------------------------------------------------------------------------


async def test_what_was_said_just_before_the_press_is_in_the_utterance_sample_by_sample(cab: Cab) -> None:
    await cab.hear(words(10_000 // 320 * 320))
    cab.press()
    await cab.hear(words(6_400, first=9_920))
    cab.release()
    await cab.hear(words(320, first=16_320))
    first = int(cab.kept()[0]) - 5_000
    assert 9_920 - 4_800 - 320 <= first <= 9_920 - 4_800, "300 ms of pre-roll, to the block"
    assert np.array_equal(cab.kept(), words(16_320 - first, first))


async def test_the_utterance_ends_with_the_block_in_which_the_release_lies(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(3_200))
    cab.uplink.commit(cab.clock.now() + 0.01)
    await cab.hear(words(640, first=3_200))
    assert not cab.uplink.recording
    assert np.array_equal(cab.kept(), words(3_520))


async def test_the_utterance_is_complete_as_soon_as_that_block_is_there(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(3_200))
    cab.uplink.commit(cab.clock.now() + 0.01)
    await cab.hear(words(320, first=3_200))
    assert not cab.uplink.recording
    assert np.array_equal(cab.kept(), words(3_520))


async def test_a_card_that_stops_at_the_release_does_not_hold_the_utterance_up(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(SEED, held=True)
    await cab.hear(words(3_200))
    cab.microphone.unplug()
    cab.uplink.commit(cab.clock.now() + 0.01)
    await until(lambda: cab.committed == ["u1"], 3 * LAST_BLOCK_S)
    assert np.array_equal(cab.wire.pcm[: 3_200], words(3_200))


@pytest.mark.parametrize("period_ms", [10, 20, 40, 50, 60])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
async def test_the_recording_is_one_stream_at_any_rate_and_block_length(rate_hz: int, period_ms: int) -> None:
    async with running(Cab(rate_hz=rate_hz, period_ms=period_ms)) as cab:
        block = rate_hz * period_ms // 1000
        pcm = words(round(0.6 / (period_ms / 1000)) * block)
        cab.press()
        cab.uplink.settle(SEED, held=True)
        await cab.hear(pcm)
        cab.release()
        await cab.hear(silence(block))
        converter = FakeCodecs().resampler(rate_hz, RATE_HZ)
        expected = np.concatenate([converter.process(pcm), converter.finish()])
        assert np.array_equal(cab.kept()[: len(expected) - 2], expected[:-2]), "but for the converter's last samples"
        assert len(cab.kept()) % FRAME_SAMPLES == 0
        assert 0 <= len(cab.kept()) - len(expected) < FRAME_SAMPLES + block


@pytest.mark.parametrize(("period_ms", "speech_frames"), [(50, 19), (60, 25)])
async def test_an_endpoint_in_the_middle_of_a_block_leaves_the_recording_in_order(
    period_ms: int, speech_frames: int
) -> None:
    async with running(Cab(period_ms=period_ms)) as cab:
        complete: list[int] = []

        def tell(event: ev.Event) -> None:
            if isinstance(event, ev.Endpointed):
                cab.uplink.commit(event.speech_end)
            elif isinstance(event, ev.Recorded):
                complete.append(len(cab.kept()))

        cab.uplink._tell = tell
        cab.press()
        quiet = (np.arange(16_000) % 100 + 1).astype(np.int16)
        heard = np.concatenate([words(speech_frames * FRAME_SAMPLES), quiet])
        await cab.hear(heard)
        recorded = np.trim_zeros(cab.kept(), "b")
        assert np.array_equal(recorded, heard[: len(recorded)])
        assert complete == [len(cab.kept())], "what is complete does not grow"


async def test_a_quiet_voice_is_raised_slowly_and_the_next_utterance_begins_raised() -> None:
    async with running(Cab(replace(CAPTURE, max_gain_db=6.0))) as cab:
        quiet = np.where(np.arange(8_000) % 2, 400, -400).astype(np.int16)
        for name in ("u1", "u2"):
            cab.press(name)
            cab.uplink.settle(None, held=True)
            for _ in range(8):
                await cab.hear(quiet)
            cab.release()
            await cab.hear(silence(320))
            assert np.abs(cab.kept(name)[-FRAME_SAMPLES:]).max() == 798, "6 dB, the limit"
        assert np.abs(cab.kept("u1")[0]) == 400
        assert np.abs(cab.kept("u2")[0]) == 798


async def test_channels_are_averaged_or_chosen() -> None:
    left, right = words(3_200), silence(3_200)
    both = np.stack([left, right], axis=1).reshape(-1)
    for channel, expected in ((None, np.round(left / 2)), (0, left), (1, right), (7, right)):
        async with running(Cab(replace(CAPTURE, channel=channel), channels=2)) as cab:
            cab.press()
            await cab.hear(both)
            cab.release()
            await cab.hear(silence(640))
            assert np.array_equal(cab.kept()[:3_200], expected)


@pytest.mark.parametrize(("channel", "share"), [(None, 0.5), (0, 0.5), (1, 0.0)])
async def test_what_is_clipped_is_counted_as_the_card_gave_it_in_what_is_recorded(
    channel: int | None, share: float
) -> None:
    """The average of both channels, and what soxr makes of one, is clipped nowhere."""
    square = np.where(np.arange(48_000 // 2) % 2, 0, 32_767).astype(np.int16)
    both = np.stack([square, square // 4], axis=1).reshape(-1)
    async with running(Cab(replace(CAPTURE, channel=channel), 48_000, channels=2)) as cab:
        await cab.hear(both)
        cab.press()
        await cab.hear(both)
        cab.release()
        await cab.hear(both)
        meter = cab.uplink.level.meter
        recorded_s = meter.frames * PERIOD_S
        assert recorded_s == pytest.approx(0.8, abs=PERIOD_S), "half a second, and the pre-roll"
        assert meter.clipped_s == pytest.approx(share * recorded_s, abs=PERIOD_S)


async def test_a_press_before_the_microphone_was_ever_open_does_not_kill(cab: Cab) -> None:
    cab.microphone.rate_hz = 0
    cab.press()
    cab.uplink.discard()


# -- what is told --------------------------------------------------------------------------------------------------


async def test_speech_pauses_and_the_endpoint_are_told_with_the_time_of_the_last_voiced_sample(cab: Cab) -> None:
    began_at = cab.press()
    await cab.hear(silence(1_600))
    await cab.hear(words(4_800))
    await cab.hear(silence(8_000))
    kinds = [type(event) for event in cab.told[:5]]
    assert kinds == [ev.SpeechBegan, ev.SeemsOver, ev.SpeechPaused, ev.MayEnd, ev.Endpointed]
    [endpointed] = [event for event in cab.told if isinstance(event, ev.Endpointed)][:1]
    assert endpointed.ending is Ending.SILENCE
    assert endpointed.speech_end == pytest.approx(began_at + 0.4)
    assert len(cab.events(ev.Endpointed)) > 10, "it is told again with each frame, for who could not take it yet"


async def test_a_converter_that_holds_samples_back_does_not_shift_the_time_of_speech() -> None:
    class SoxrCodecs(FakeCodecs):
        def resampler(self, from_hz: int, to_hz: int) -> Resampler:
            return SoxrResampler(from_hz, to_hz)

    async with running(Cab(rate_hz=48_000)) as cab:
        cab.uplink._codecs = SoxrCodecs()
        began_at = cab.press()
        for _ in range(20):
            await cab.hear(np.full(960, 9_000, dtype=np.int16))
        for _ in range(30):
            await cab.hear(silence(960))
        [endpointed] = [event for event in cab.told if isinstance(event, ev.Endpointed)][:1]
        assert endpointed.speech_end == pytest.approx(began_at + 0.4, abs=0.012)


async def test_the_detector_forgets_the_utterance_before(cab: Cab) -> None:
    resets: list[float] = []
    cab.uplink._detector.reset = lambda: resets.append(cab.clock.now())  # type: ignore[method-assign]  # to count
    for utterance_id in ("u1", "u2"):
        cab.press(utterance_id)
        await cab.hear(words(320))
        cab.release()
        await cab.hear(words(640))
    assert len(resets) == 2


async def test_push_to_talk_has_no_endpoint(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(SEED, held=True)
    await cab.hear(words(3_200))
    await cab.hear(silence(32_000 + 16_000))
    assert cab.events(ev.Endpointed) == []


async def test_speech_that_ended_before_the_press_does_not_end_the_utterance_before_it_begins() -> None:
    async with running(Cab(replace(CAPTURE, hangover_ms=600))) as cab:
        await cab.hear(words(4_800))
        await cab.hear(silence(1_600))
        pressed_at = cab.press()
        await cab.hear(silence(round(0.55 * RATE_HZ) // 320 * 320))
        assert cab.events(ev.Endpointed) == []
        await cab.hear(words(3_200))
        await cab.hear(silence(12_800))
        [endpointed] = [event for event in cab.told if isinstance(event, ev.Endpointed)][:1]
        assert endpointed.speech_end == pytest.approx(pressed_at + 0.54 + 0.2, abs=0.02)


async def test_nobody_speaking_is_told_when_the_time_for_it_is_over(cab: Cab) -> None:
    cab.press()
    await cab.hear(silence(round(1.9 * RATE_HZ)))
    assert cab.told == []
    await cab.hear(silence(round(0.2 * RATE_HZ)))
    endpointed = cab.told[0]
    assert isinstance(endpointed, ev.Endpointed)
    assert endpointed.ending is Ending.NO_SPEECH


async def test_an_utterance_that_is_too_long_is_told() -> None:
    async with running(Cab(replace(CAPTURE, max_utterance_s=1.0))) as cab:
        cab.press()
        cab.uplink.settle(SEED, held=True)
        await cab.hear(words(17_600))
        assert isinstance(cab.told[-1], ev.Endpointed)
        assert cab.told[-1].ending is Ending.TOO_LONG


async def test_the_end_of_a_recording_is_told_once_with_its_last_speech(cab: Cab) -> None:
    began_at = cab.press()
    await cab.hear(words(3_200))
    await cab.hear(silence(1_600))
    cab.release()
    await cab.hear(silence(640))
    [recorded] = cab.events(ev.Recorded)
    assert isinstance(recorded, ev.Recorded)
    assert recorded.utterance_id == "u1"
    assert recorded.speech_end == pytest.approx(began_at + 0.2)


async def test_a_recording_of_nothing_does_not_end_at_the_beginning_of_time(cab: Cab) -> None:
    cab.microphone.unplug()
    pressed_at = cab.press()
    cab.release()
    await until(lambda: cab.events(ev.Recorded) != [], 3 * LAST_BLOCK_S)
    [recorded] = cab.events(ev.Recorded)
    assert isinstance(recorded, ev.Recorded)
    assert recorded.speech_end == pytest.approx(pressed_at, abs=1.0)


# -- what is sent --------------------------------------------------------------------------------------------------


async def test_nothing_leaves_the_device_before_the_gesture_is_settled(cab: Cab) -> None:
    await cab.hear(words(6_400))
    cab.press()
    await cab.hear(words(6_400))
    assert cab.wire.sent == []


async def test_every_frame_goes_up_once_and_in_order_and_silence_behind_the_last(cab: Cab) -> None:
    await cab.hear(words(6_400))
    cab.press()
    await cab.hear(words(3_200, first=6_400))
    cab.uplink.settle(SEED, held=True)
    await cab.settled()
    first = int(cab.wire.pcm[0]) - 5_000
    assert np.array_equal(cab.wire.pcm, words(9_600 - first, first)), "what was held until now goes at once"
    await cab.hear(words(3_200, first=9_600))
    assert len(cab.wire.pcm) == 12_800 - first, "then each frame as it comes"
    cab.release()
    await cab.hear(words(640, first=12_800))
    recorded = cab.kept()
    assert {len(frame) for frame in cab.wire.frames} == {640}
    assert np.array_equal(cab.wire.pcm, np.concatenate([recorded, silence(TAIL_FRAMES * FRAME_SAMPLES)]))
    assert cab.committed == ["u1"]


async def test_an_agreement_that_comes_late_lets_the_whole_utterance_up(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(None, held=False)
    await cab.hear(words(3_200))
    assert cab.wire.sent == []
    cab.uplink.settle(SEED, held=False)
    cab.uplink.settle(SEED, held=False)
    await cab.hear(words(3_200, first=3_200))
    assert np.array_equal(cab.wire.pcm, words(6_400)), "once"


async def test_a_link_that_is_slow_gets_every_frame_all_the_same(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(SEED, held=True)
    cab.wire.jam_after(3)
    await cab.hear(words(6_400))
    assert len(cab.wire.frames) == 3
    cab.release()
    await cab.hear(silence(640))
    assert cab.committed == []
    cab.wire.free.set()
    await cab.settled()
    assert np.array_equal(cab.wire.pcm[:6_400], words(6_400))
    assert len(cab.wire.pcm) == len(cab.kept()) + TAIL_FRAMES * FRAME_SAMPLES
    assert cab.committed == ["u1"]


async def test_bare_opus_goes_up_where_the_backend_is_known_to_take_it(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(replace(SEED, uplink="opus"), held=True)
    await cab.hear(words(640))
    await cab.hear(silence(320))
    cab.release()
    await cab.hear(silence(640))
    assert [len(frame) for frame in cab.wire.frames[:3]] == [640, 640, 1]


@pytest.mark.parametrize("codec", ["opus", "pcm16"])
async def test_in_v1_an_utterance_is_opening_packets_and_closing(cab: Cab, codec: str) -> None:
    cab.press()
    cab.uplink.settle(replace(V1, uplink=codec), held=True)
    await cab.hear(words(3_200))
    cab.release()
    await cab.hear(words(640, first=3_200))
    started, *frames, ended = cab.wire.sent
    assert isinstance(started, m.UtteranceStarted)
    assert isinstance(ended, m.UtteranceEnded)
    packets = [rtp.unpack(frame) for frame in frames if isinstance(frame, bytes)]
    assert ended == m.UtteranceEnded(utterance_id="u1", frames=len(packets), tentative=False)
    assert {packet.ssrc for packet in packets} == {started.ssrc}
    assert [packet.marker for packet in packets] == [True] + [False] * (len(packets) - 1)
    step = 960 if codec == "opus" else 320
    for before, after in itertools.pairwise(packets):
        assert (after.sequence - before.sequence) % 2**16 == 1
        assert (after.timestamp - before.timestamp) % 2**32 == step
    order = "<i2" if codec == "opus" else ">i2"
    pcm = np.concatenate([np.frombuffer(packet.payload, order) for packet in packets])
    assert np.array_equal(pcm, cab.kept())


async def test_in_v1_silence_is_not_sent_but_counted(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(V1, held=True)
    await cab.hear(np.concatenate([words(640), silence(960), words(640)]))
    cab.release()
    await cab.hear(silence(640))
    ended = cab.wire.messages[-1]
    packets = [rtp.unpack(frame) for frame in cab.wire.frames]
    assert isinstance(ended, m.UtteranceEnded)
    assert ended.frames == len(cab.kept()) // FRAME_SAMPLES
    assert [packet.marker for packet in packets] == [True, False, True, False]
    assert (packets[2].timestamp - packets[1].timestamp) % 2**32 == 4 * 960


async def test_each_utterance_has_its_own_ssrc(cab: Cab) -> None:
    for utterance_id in ("u1", "u2"):
        cab.press(utterance_id)
        cab.uplink.settle(V1, held=True)
        await cab.hear(words(960))
        cab.release()
        await cab.hear(words(640))
    opened = [message.ssrc for message in cab.wire.messages if isinstance(message, m.UtteranceStarted)]
    assert len(opened) == 2
    assert opened[0] != opened[1]


# -- throwing away, keeping, sending again -------------------------------------------------------------------------


async def test_a_recording_thrown_away_before_it_was_settled_leaves_no_trace(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(3_200))
    cab.uplink.discard()
    await cab.hear(words(3_200))
    assert cab.wire.sent == []
    assert await cab.forgot()
    assert cab.events(ev.Recorded) == []


async def test_a_recording_thrown_away_while_it_goes_up_is_ended_as_every_utterance_is(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(V1, held=False)
    await cab.hear(words(3_200))
    cab.uplink.discard()
    await cab.hear(words(3_200))
    assert isinstance(cab.wire.messages[-1], m.UtteranceEnded)
    assert len(cab.wire.frames) == 10
    assert await cab.forgot()


def wav_of(message: Outgoing) -> Pcm:
    assert isinstance(message, m.AudioData)
    audio = base64.b64decode(message.audio)
    assert (message.format, message.size) == ("wav", len(audio))
    decoder = WavDecoder()
    pcm = decoder.decode(audio)
    assert decoder.rate_hz == RATE_HZ
    return pcm


async def test_a_kept_utterance_goes_up_whole_as_exactly_what_was_recorded(cab: Cab) -> None:
    await cab.hear(words(6_400))
    cab.press()
    cab.uplink.settle(None, held=True)
    await cab.hear(words(6_400, first=6_400))
    cab.release()
    await cab.hear(words(640, first=12_800))
    cab.uplink.send_kept("u1", SEED)
    await cab.settled()
    [message] = cab.wire.sent
    assert np.array_equal(wav_of(message), cab.kept())
    assert np.array_equal(cab.kept(), words(len(cab.kept()), int(cab.kept()[0]) - 5_000))
    assert cab.committed == ["u1"]


async def test_a_kept_utterance_that_is_not_complete_yet_waits_for_its_end(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(3_200))
    cab.uplink.commit(cab.clock.now() + 0.01)
    cab.uplink.send_kept("u1", SEED)
    await cab.settled()
    assert cab.wire.sent == []
    await cab.hear(words(640, first=3_200))
    assert np.array_equal(wav_of(cab.wire.sent[0]), words(3_520))


async def test_a_link_that_breaks_in_the_middle_commits_nothing_and_the_whole_can_be_sent_again(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(SEED, held=True)
    cab.wire.jam_after(4)
    await cab.hear(words(6_400))
    cab.wire.broken = True
    cab.wire.free.set()
    await cab.settled()
    await cab.hear(words(3_200, first=6_400))
    cab.release()
    await cab.hear(words(640, first=9_600))
    assert cab.committed == []
    assert len(cab.wire.sent) == 4
    cab.wire.broken = False
    cab.uplink.send_kept("u1", SEED)
    await cab.settled()
    assert len(cab.wire.sent) == 5
    assert np.array_equal(wav_of(cab.wire.sent[4]), cab.kept())
    assert cab.committed == ["u1"]


async def test_a_link_that_is_gone_stops_what_waits_for_it(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(SEED, held=True)
    await cab.hear(words(3_200))
    cab.uplink.stop_sending()
    await cab.hear(words(3_200, first=3_200))
    assert len(cab.wire.frames) == 10
    cab.release()
    await cab.hear(words(640, first=6_400))
    assert cab.committed == []
    assert np.array_equal(cab.kept()[:6_400], words(6_400))


async def test_a_jammed_utterance_and_the_one_behind_it_are_both_stopped(cab: Cab) -> None:
    cab.wire.jam_after(2)
    for utterance_id in ("u1", "u2"):
        cab.press(utterance_id)
        cab.uplink.settle(SEED, held=True)
        await cab.hear(words(3_200))
        cab.release()
        await cab.hear(words(640))
    cab.uplink.stop_sending()
    await cab.settled()
    cab.wire.free.set()
    for utterance_id in ("u1", "u2"):
        cab.uplink.send_kept(utterance_id, SEED)
    await cab.settled()
    assert [type(message) for message in cab.wire.sent] == [bytes, bytes, m.AudioData, m.AudioData]
    assert cab.committed == ["u1", "u2"]


async def test_a_link_that_breaks_in_the_moment_the_gesture_settles_leaves_no_coroutine_behind(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(3_200))
    cab.uplink.settle(SEED, held=True)
    cab.uplink.stop_sending()
    await cab.settled()
    assert cab.wire.sent == []


async def test_two_utterances_go_up_one_after_the_other_however_slow_the_first(cab: Cab) -> None:
    cab.wire.jam_after(2)
    for number, utterance_id in enumerate(("u1", "u2")):
        cab.press(utterance_id)
        cab.uplink.settle(V1, held=True)
        await cab.hear(words(3_200, first=number * 4_000))
        cab.release()
        await cab.hear(words(640, first=number * 4_000 + 3_200))
    assert len(cab.wire.sent) == 2
    cab.wire.free.set()
    await cab.settled()
    named = [(type(message), message.utterance_id) for message in cab.wire.messages if hasattr(message, "utterance_id")]
    assert named == [
        (m.UtteranceStarted, "u1"),
        (m.UtteranceEnded, "u1"),
        (m.UtteranceStarted, "u2"),
        (m.UtteranceEnded, "u2"),
    ]
    assert cab.committed == ["u1", "u2"]
    ends = [number for number, message in enumerate(cab.wire.sent) if isinstance(message, m.UtteranceEnded)]
    pcm = np.concatenate([from_bytes(rtp.unpack(frame).payload) for frame in cab.wire.frames])
    assert np.array_equal(pcm, np.concatenate([cab.kept("u1"), cab.kept("u2")]))
    assert ends == [ends[0], len(cab.wire.sent) - 1]


async def test_kept_utterances_go_up_in_the_order_they_are_asked_for(cab: Cab) -> None:
    for utterance_id in ("u1", "u2"):
        cab.press(utterance_id)
        await cab.hear(words(3_200, first=0 if utterance_id == "u1" else 7_000))
        cab.release()
        await cab.hear(words(640))
    cab.uplink.send_kept("u1", SEED)
    cab.uplink.send_kept("u2", SEED)
    await cab.settled()
    assert [int(wav_of(message)[0]) for message in cab.wire.sent] == [int(cab.kept("u1")[0]), int(cab.kept("u2")[0])]


async def test_a_recording_that_follows_another_at_once_leaves_both_whole(cab: Cab) -> None:
    cab.press("u1")
    cab.uplink.settle(SEED, held=True)
    await cab.hear(words(3_200))
    cab.uplink.commit(cab.clock.now() + 0.01)
    cab.press("u2")
    cab.uplink.settle(SEED, held=True)
    await cab.hear(words(3_200, first=3_200))
    cab.release()
    await cab.hear(words(640, first=6_400))
    assert cab.committed == ["u1", "u2"]
    assert np.array_equal(cab.kept("u1")[:3_200], words(3_200))
    assert np.array_equal(cab.kept("u2"), words(len(cab.kept("u2")), int(cab.kept("u2")[0]) - 5_000))


async def test_a_recording_that_follows_a_discarded_one_at_once_is_whole(cab: Cab) -> None:
    await cab.hear(words(6_400))
    cab.press("u1")
    await cab.hear(words(1_600, first=6_400))
    cab.uplink.discard()
    cab.press("u2")
    cab.uplink.settle(SEED, held=True)
    await cab.hear(words(1_600, first=8_000))
    first = int(cab.wire.pcm[0]) - 5_000
    assert first <= 8_000 - 4_800
    assert np.array_equal(cab.wire.pcm, words(9_600 - first, first))


async def test_orders_without_a_recording_do_nothing(cab: Cab) -> None:
    cab.uplink.settle(SEED, held=True)
    cab.uplink.commit(cab.clock.now())
    cab.uplink.discard()
    cab.uplink.stop_sending()
    cab.uplink.send_kept("nobody", SEED)
    cab.uplink.forget("nobody")
    await cab.hear(words(3_200))
    assert (cab.wire.sent, cab.told) == ([], [])
    assert not cab.uplink.recording


async def test_in_v1_a_kept_utterance_goes_up_under_its_name_and_in_the_seed_profile_without(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(1_600))
    cab.release()
    await cab.settled()
    for agreement in (SEED, V1):
        cab.uplink.send_kept("u1", agreement)
        await cab.settled()
    seed, v1 = (m.encode(message, cab.clock.utc()) for message in cab.wire.messages)
    assert "utterance_id" not in seed
    assert '"utterance_id":"u1"' in v1


async def test_a_kept_utterance_that_is_too_big_for_a_message_goes_up_as_if_it_were_spoken(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(1_600))
    cab.release()
    await cab.settled()
    cab.uplink.send_kept("u1", SEED, in_frames=True)
    await cab.settled()
    assert np.array_equal(cab.wire.pcm, np.concatenate([cab.kept(), silence(TAIL_FRAMES * FRAME_SAMPLES)]))
    assert cab.committed == ["u1"]


# -- the shelf -----------------------------------------------------------------------------------------------------


async def test_each_frame_is_on_the_shelf_as_soon_as_it_is_recorded_and_until_it_is_forgotten(cab: Cab) -> None:
    pressed_at = cab.press()
    await cab.hear(words(1_600))
    [left] = cab.shelf.leftovers()
    assert np.array_equal(left.pcm, cab.kept())
    assert (left.utterance_id, left.whole) == ("u1", False)
    assert left.spoken_at == pytest.approx(pressed_at + 0.1)
    cab.release()
    await cab.settled()
    [left] = cab.shelf.leftovers()
    assert left.whole
    assert np.array_equal(left.pcm, cab.kept())
    cab.uplink.forget("u1")
    assert cab.shelf.leftovers() == []


async def test_a_discarded_recording_leaves_the_shelf(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(1_600))
    cab.uplink.discard()
    await cab.settled()
    assert cab.shelf.leftovers() == []


async def test_what_an_earlier_process_left_is_taken_up_and_can_be_sent(cab: Cab) -> None:
    for number in range(10):
        cab.shelf.add("left", words(FRAME_SAMPLES, number * FRAME_SAMPLES), 900.0 + number * 0.02)
    cab.shelf.complete("left")
    [restored] = cab.uplink.restore()
    assert (restored.utterance_id, restored.length_s, restored.at) == ("left", 0.2, cab.clock.now())
    assert restored.spoken_at == pytest.approx(900.18)
    assert np.array_equal(cab.kept("left"), words(10 * FRAME_SAMPLES))
    cab.uplink.send_kept("left", SEED)
    await cab.settled()
    [sent] = cab.wire.messages
    assert isinstance(sent, m.AudioData)
    assert np.array_equal(WavDecoder().decode(base64.b64decode(sent.audio)), words(10 * FRAME_SAMPLES))


@pytest.mark.parametrize(("whole", "spoken", "taken"), [(False, True, 1), (False, False, 0), (True, False, 1)])
async def test_a_recording_that_a_crash_cut_counts_if_there_is_speech_in_it(
    cab: Cab, whole: bool, spoken: bool, taken: int
) -> None:
    for number in range(10):
        cab.shelf.add("left", words(FRAME_SAMPLES) if spoken else silence(FRAME_SAMPLES), 900.0 + number * 0.02)
    if whole:
        cab.shelf.complete("left")
    assert len(cab.uplink.restore()) == taken
    assert len(cab.shelf.leftovers()) == taken, "what is not taken up is not found again"


async def test_what_is_forgotten_is_gone(cab: Cab) -> None:
    cab.press()
    await cab.hear(words(320))
    cab.release()
    await cab.hear(words(640))
    cab.uplink.forget("u1")
    assert await cab.forgot()
    assert cab.wire.sent == []


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
async def test_it_stops_cleanly_in_the_middle_of_sending(steps: int) -> None:
    async with running(Cab()) as cab:
        cab.wire.jam_after(2)
        cab.press()
        await cab.hear(words(3_200))
        cab.uplink.settle(SEED, held=True)
        for _ in range(steps):
            await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_an_empty_utterance_goes_up_as_its_end_alone(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(SEED, held=True)
    cab.uplink.discard()
    await cab.settled()
    assert np.array_equal(cab.wire.pcm, silence(TAIL_FRAMES * FRAME_SAMPLES))
    assert np.array_equal(EMPTY, cab.wire.pcm[:0])


def orders(cab: Cab, dice: np.random.Generator, names: list[str]) -> list[Callable[[], None]]:
    """What the session and the link may do at any moment."""

    def press() -> None:
        recording = cab.uplink._recording
        if recording is None or recording.until is not None:  # the session presses in no other case
            names.append(f"u{len(names)}")
            cab.press(names[-1])

    def jam() -> None:
        if not isinstance(cab.wire.free, Turnstile):
            cab.wire.jam_after(int(dice.integers(0, 5)))

    def break_link() -> None:
        cab.wire.broken = True
        cab.wire.unjam()

    def mend_link() -> None:
        cab.uplink.stop_sending()
        cab.wire.broken = False

    return [
        *[press] * 3,
        *[lambda: cab.uplink.settle(SEED if dice.integers(2) else V1, held=bool(dice.integers(2)))] * 2,
        lambda: cab.uplink.settle(None, held=False),
        *[lambda: cab.uplink.commit(cab.clock.now() + float(dice.choice([-0.05, 0.0, 0.01, 0.03])))] * 2,
        cab.uplink.discard,
        lambda: cab.uplink.send_kept(str(dice.choice([*names, "nobody"])), SEED, in_frames=bool(dice.integers(2))),
        lambda: cab.uplink.forget(str(dice.choice([*names, "nobody"]))),
        *(jam, cab.wire.unjam, break_link, mend_link),
    ]


@pytest.mark.parametrize("seed", range(12))
async def test_any_orders_at_any_moment_leave_it_able_to_send_the_next_utterance_whole(cab: Cab, seed: int) -> None:
    dice = np.random.default_rng(seed)
    possible = orders(cab, dice, [])
    for _ in range(60):
        possible[int(dice.integers(len(possible)))]()
        if dice.integers(2):
            await cab.hear(words(int(dice.integers(1, 8)) * 320))
        for _ in range(int(dice.integers(3))):
            await asyncio.sleep(0)
    cab.wire.broken = False
    cab.wire.unjam()
    cab.uplink.commit(cab.clock.now())
    await cab.hear(silence(320))
    cab.press("last")
    cab.uplink.settle(SEED, held=True)
    await cab.hear(words(3_200, first=3_000))
    cab.release()
    await cab.hear(silence(640))
    await cab.settled()
    assert cab.committed[-1] == "last"
    whole = np.concatenate([cab.kept("last"), silence(TAIL_FRAMES * FRAME_SAMPLES)])
    frames = cab.wire.frames[-len(whole) // FRAME_SAMPLES :]  # some before it are RTP packets, of odd lengths
    assert np.array_equal(from_bytes(b"".join(frames)), whole)


# -- the early end -------------------------------------------------------------------------------------------------


async def test_in_v1_a_pause_is_announced_behind_its_frames_and_taken_back_before_what_follows(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(V1, held=False)
    await cab.hear(words(3_200))
    cab.uplink.announce(ended=True)
    await cab.hear(silence(640))
    cab.uplink.announce(ended=False)
    await cab.hear(words(3_200, first=3_200))
    cab.uplink.announce(ended=True)
    cab.release()
    await cab.hear(silence(320))
    order = [len(each) if isinstance(each, bytes) else each for each in cab.wire.sent[1:]]
    places = [at for at, each in enumerate(order) if not isinstance(each, int)]
    packets = [sum(isinstance(each, int) for each in order[:at]) for at in places]
    assert packets == [10, 10, 20, 20], "the two frames of silence are none in Opus"
    assert cab.wire.messages[1:] == [
        m.UtteranceEnded(utterance_id="u1", frames=10, tentative=True),
        m.UtteranceResumed(utterance_id="u1"),
        m.UtteranceEnded(utterance_id="u1", frames=22, tentative=True),
        m.UtteranceEnded(utterance_id="u1", frames=22),
    ]


async def test_in_the_seed_profile_a_pause_is_no_message(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(SEED, held=False)
    await cab.hear(words(3_200))
    cab.uplink.announce(ended=True)
    cab.uplink.announce(ended=False)
    await cab.hear(words(3_200))
    assert cab.wire.messages == []


async def test_on_another_link_a_pause_of_the_first_is_not_announced_again(cab: Cab) -> None:
    cab.press()
    cab.uplink.settle(V1, held=False)
    await cab.hear(words(3_200))
    cab.uplink.announce(ended=True)
    await cab.settled()
    cab.uplink.stop_sending()
    await cab.settled()
    cab.wire.sent.clear()
    cab.uplink.settle(V1, held=False)
    await cab.hear(words(640))
    assert [type(message) for message in cab.wire.messages] == [m.UtteranceStarted]


@pytest.mark.parametrize(("agreement", "frames"), [(SEED, 18), (V1, 30)])
async def test_in_the_seed_profile_the_talkers_pauses_decide_and_in_v1_the_hangover(
    agreement: Agreement, frames: int
) -> None:
    async with running(Cab(replace(CAPTURE, hangover_ms=600))) as cab:
        cab.press()
        cab.uplink.settle(agreement, held=False)
        await cab.hear(words(6_400))
        quiet = 0
        while not cab.events(ev.Endpointed):
            await cab.hear(silence(320))
            quiet += 1
        assert quiet == frames
