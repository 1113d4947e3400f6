"""The whole appliance on the ALSA rig's cards, and a technician who presses, speaks and listens."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from hero365_edge.app import Appliance
from hero365_edge.cli.run import SWITCH_INTERVAL_S
from hero365_edge.cli.world import against_echo, real_world
from hero365_edge.core.lamp import Light
from hero365_edge.core.latency import Turn
from hero365_edge.core.pcm import RATE_HZ, Pcm, from_bytes
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.microphone import PortAudioMicrophone
from hero365_edge.devices.portaudio import TimeInfo
from hero365_edge.devices.resampler import SoxrResampler
from hero365_edge.devices.speaker import PortAudioSpeaker
from hero365_edge.panel_settings import Panel
from hero365_edge.settings import Audio, AudioInput, AudioOutput, Backend, Capture, Control, Settings
from tests.alsa_rig import AlsaRig, Recording
from tests.listening import begin_of, sounding

T = TypeVar("T")

INTO_THE_WORD_S = 0.1
"""So late is the press: people speak first (PRODUCT section 5, pre-roll)."""
TAP_S = 0.1
AFTER_THE_WORD_S = 0.005
"""So long behind the last word the button of a hold is let go."""
LISTEN_ON_S = 0.3
TURN_LIMIT_S = 20.0
ATTEMPTS = 3
LATE_S = 0.030
"""An event loop this late has missed a period of the card, and half of the next."""
_LOOK_EVERY_S = 0.005


@dataclass(frozen=True, slots=True)
class Cards:
    """A microphone and a speaker of the rig, and how the rig has them; the appliance opens them at that rate."""

    microphone: str = "hero_mic"
    speaker: str = "hero_spk"
    rate_hz: int = RATE_HZ
    channels: int = 1


MONO_16 = Cards()
STEREO_48 = Cards("hero_mic48", "hero_spk48", 48_000, 2)


class Machine:
    """Notes when this computer, shared with others, stood still: a card that ran dry then is not the appliance's."""

    def __init__(self) -> None:
        self.late_s = 0.0
        """How late the event loop was at worst."""
        self.xruns = 0
        """How often a card lost samples because nobody was there in time."""
        self.stutters = 0
        """How often words did not reach the appliance as they were spoken, or the ear as the appliance gave them."""

    def __str__(self) -> str:
        return f"the loop {self.late_s * 1000:.0f} ms late, {self.xruns} xruns, {self.stutters} stutters"

    @property
    def fair(self) -> bool:
        """Whether it kept up."""
        return self.late_s < LATE_S and not self.xruns and not self.stutters

    def compare(self, one: Pcm, other: Pcm) -> None:
        """What should be the same sound on both sides of PulseAudio, but for silence around it."""
        one, other = one[sounding(one)], other[sounding(other)]
        self.stutters += not np.array_equal(one, other[: len(one)])

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Keep an eye on it in this block."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOK_EVERY_S
            await asyncio.sleep(_LOOK_EVERY_S)
            self.late_s = max(self.late_s, loop.time() - due)


async def on_a_fair_machine(scene: Callable[[Machine], Awaitable[T]], tell: Callable[[str], None]) -> T:
    """Play a scene; when it fails and the machine had stood still, tell so and play it again, `ATTEMPTS` times in all.

    On a machine that kept up, the first failure is the last.
    """
    for _ in range(ATTEMPTS - 1):
        machine = Machine()
        try:
            return await scene(machine)
        except (AssertionError, TimeoutError) as failed:
            if machine.fair:
                raise
            tell(f"once more, for the machine stood still ({machine}): {str(failed).splitlines()[0]}")
    return await scene(Machine())


class WitnessedMicrophone(PortAudioMicrophone):
    """Keeps what the card gave to the appliance."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.given: list[bytes] = []

    def _arrived(self, data: bytes | None, frames: int, times: TimeInfo, flags: int) -> tuple[None, int]:
        self.given.append(data or b"")
        return super()._arrived(data, frames, times, flags)


class WitnessedSpeaker(PortAudioSpeaker):
    """Keeps what the appliance gave to the card."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.given: list[bytes] = []

    def _wanted(self, data: bytes | None, frames: int, times: TimeInfo, flags: int) -> tuple[bytes, int]:
        given = super()._wanted(data, frames, times, flags)
        self.given.append(given[0])
        return given


class Technician:
    """Somebody in front of the appliance. Times are on the monotonic clock."""

    def __init__(
        self,
        appliance: Appliance,
        rig: AlsaRig,
        cards: Cards,
        ears: Recording,
        machine: Machine,
        microphone: WitnessedMicrophone,
        speaker: WitnessedSpeaker,
    ) -> None:
        self.appliance = appliance
        self.pressed_at = 0.0
        """When the last press was."""
        self._rig = rig
        self._cards = cards
        self._ears = ears
        self._machine = machine
        self._microphone = microphone
        self._speaker = speaker

    def press(self) -> None:
        self.pressed_at = asyncio.get_running_loop().time()
        self.appliance.dialogue.edge_now(pressed=True)

    def release(self) -> None:
        self.appliance.dialogue.edge_now(pressed=False)

    async def ask(self, words: Pcm, *, hold: bool = False) -> Turn:
        """Begin to speak, press a little into the first word, and hear the answer out.

        With `hold` the button is let go behind the last word; else it is a tap. The turn, when it is over.
        """
        dialogue = self.appliance.dialogue
        since = len(self._microphone.given)
        async with speaking(self._rig, words, self._machine, self._cards) as began_at:
            await _sleep_until(began_at + INTO_THE_WORD_S)
            self.press()
            before = dialogue.last_turn
            held_until = began_at + len(words) / RATE_HZ + AFTER_THE_WORD_S
            await _sleep_until(held_until if hold else self.pressed_at + TAP_S)
            self.release()
        await until(lambda: dialogue.last_turn is not before, "the turn is over", TURN_LIMIT_S)
        self._machine.compare(at_rate(words, self._cards.rate_hz), _joined(self._microphone.given[since:]))
        assert dialogue.last_turn is not None
        return dialogue.last_turn

    async def sees(self, light: Light) -> None:
        """Wait for the lamp."""
        await until(lambda: self.appliance.dialogue.light is light, f"the lamp shows {light}")

    def heard(self) -> Pcm:
        """Everything the speaker has played so far, silence too; one channel, for all have the same."""
        heard, channels = self._ears.heard(), self._cards.channels
        moments = heard[: len(heard) // channels * channels].reshape(-1, channels)
        assert (moments == moments[:, :1]).all()
        return moments[:, 0]

    def given(self, since: int = 0) -> Pcm:
        """What the appliance gave to the speaker; `since` is the length of what it had given before."""
        return _joined(self._speaker.given)[since:]

    def heard_at(self, sample: int) -> float:
        """When sample number `sample` of `heard` was heard."""
        return _time_of(self._ears, sample * self._cards.channels, self._cards)


@asynccontextmanager
async def at_work(
    rig: AlsaRig, url: str, machine: Machine, cards: Cards = MONO_16, capture: Capture | None = None, **backend: Any
) -> AsyncIterator[Technician]:
    """The appliance with a session, on real cards, until the block ends; its speaker is recorded throughout.

    `backend` are settings of the section of that name.
    """
    settings = Settings(
        backend=Backend(url=url, user_id="u", business_id="b", **backend),
        audio=Audio(
            input=AudioInput(device=cards.microphone, rate_hz=cards.rate_hz, max_gain_db=0),  # samples are compared
            output=AudioOutput(device=cards.speaker, rate_hz=cards.rate_hz, volume=1.0),
        ),
        panel=Panel(profile="none"),
        capture=capture or Capture(),
        control=Control(socket=""),
    )
    microphone = WitnessedMicrophone(SystemClock(), cards.microphone, cards.rate_hz)
    speaker = WitnessedSpeaker(SystemClock(), cards.speaker, cards.rate_hz)
    world = replace(real_world(settings, {}), microphone=microphone, speaker=speaker)
    appliance = Appliance(settings, replace(world, echo=against_echo(settings, speaker)))
    stop = asyncio.Event()
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as `run` does
    try:
        with rig.recording(cards.speaker, cards.rate_hz, cards.channels) as ears:
            # No task group: it would hand on a failed assertion in a group of its own.
            running = asyncio.create_task(appliance.run(stop))
            try:
                technician = Technician(appliance, rig, cards, ears, machine, microphone, speaker)
                await technician.sees(Light.READY)
                await until(lambda: not appliance.cards.microphone_trouble, "the microphone is open")
                await asyncio.sleep(settings.capture.preroll_ms / 1000)  # before that, there is no pre-roll
                async with machine.watched():
                    yield technician
            finally:
                machine.xruns += speaker.xruns + microphone.xruns
                stop.set()
                await running
    finally:
        sys.setswitchinterval(before_s)


@asynccontextmanager
async def speaking(rig: AlsaRig, words: Pcm, machine: Machine, cards: Cards = MONO_16) -> AsyncIterator[float]:
    """Say the words into a microphone; when their first sample was there. Leaving the block waits for their last."""
    pcm = np.repeat(at_rate(words, cards.rate_hz), cards.channels)
    with rig.recording(cards.microphone, cards.rate_hz, cards.channels) as mouth:
        saying = asyncio.create_task(asyncio.to_thread(rig.speak, pcm, cards.microphone, cards.rate_hz, cards.channels))
        try:
            await until(lambda: bool(mouth.heard().any()), "the words reach the microphone")
            yield _time_of(mouth, sounding(mouth.heard()).start, cards)
        finally:
            await saying
        said = mouth.heard()
    machine.compare(pcm, said)


def at_rate(pcm: Pcm, rate_hz: int) -> Pcm:
    """The same sound at another rate, converted in one piece."""
    converter = SoxrResampler(RATE_HZ, rate_hz)
    return np.concatenate([converter.process(pcm), converter.finish()])


async def until(true: Callable[[], bool], what: str, limit_s: float = 10.0) -> None:
    """Wait for what no event tells. Raises TimeoutError."""
    try:
        async with asyncio.timeout(limit_s):
            while not true():  # noqa: ASYNC110  it polls what no event tells
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise TimeoutError(f"not within {limit_s:g} s: {what}") from None


async def listen_on() -> None:
    """Listen for a while, for what should not come."""
    await asyncio.sleep(LISTEN_ON_S)


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))


def _time_of(recording: Recording, place: int, cards: Cards) -> float:
    rate = cards.rate_hz * cards.channels
    return begin_of(recording, rate) + place / rate


def _joined(given: list[bytes]) -> Pcm:
    return from_bytes(b"".join(given))
