"""`bench echo`: how much of the speaker's sound the daemon's own canceller takes out of what the microphone hears."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import numpy as np

from hero365_edge.bench.hardware import levels
from hero365_edge.bench.hardware.cards import NOT_HEARD, TAKEN_OUT, Desk
from hero365_edge.bench.hardware.figures import Result, Spec, Unmeasured, judged
from hero365_edge.bench.hardware.plot import Plot, curve
from hero365_edge.bench.hardware.stimuli import speech_like
from hero365_edge.codec_ports import Codecs
from hero365_edge.core.board import Limits
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, duration_s
from hero365_edge.echo import CleanEar
from hero365_edge.echo_ports import Canceller, Echo
from hero365_edge.recording import mono

NAME = "echo"
QUIET_S, LEARN_S, COUNT_S = 2.0, 10.0, 10.0
"""The canceller learns the room first, as it does in the first answer after power on."""
LASTS_S = QUIET_S + LEARN_S + COUNT_S
PLAYED_DBFS = -20.0
HEARD_DB = 6.0
"""An echo so far above the noise is one."""
ROOM_DB = 3.0
"""An echo that stands no further above the noise than the limit and this cannot show that the limit is kept."""

SPECS = (
    Spec(
        *("erle", "echo taken out (ERLE)", "dB"),
        error=1.0,
        least=lambda limits: limits.erle_db,
        means="by the daemon's own canceller, of sound like speech, once it has learned the room",
    ),
)


@dataclass(slots=True)
class Meter:
    """A canceller that keeps count of what goes in and what comes out (port Canceller)."""

    inner: Canceller
    heard: list[float] = field(default_factory=list)
    """The power of each frame, full scale 1."""
    left: list[float] = field(default_factory=list)

    @property
    def late_samples(self) -> int:
        """As the canceller inside."""
        return self.inner.late_samples

    def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
        """As the canceller inside."""
        left = self.inner.cancel(heard, played)
        self.heard.append(_power(heard))
        self.left.append(_power(left))
        return left

    def reset(self) -> None:
        """As the canceller inside."""
        self.inner.reset()


async def measure(
    desk: Desk,
    limits: Limits,
    channel: int | None,
    cancels_echo: bool,
    canceller: Canceller,
    codecs: Codecs,
    learn_s: float = LEARN_S,
    count_s: float = COUNT_S,
) -> Result:
    """Play sound like speech for `learn_s` and `count_s`, and compare what was heard with what was left of it.

    A board that takes its own speaker out of what it hears (`cancels_echo`) shows only what it left. Raises
    DeviceError, also where there is no speaker.
    """
    if cancels_echo:
        figures = judged(SPECS, limits, {"erle": Unmeasured(f"{TAKEN_OUT}, before anything can be measured")})
        return Result(bench=NAME, figures=figures)
    quiet = await desk.record(QUIET_S)
    meter = Meter(canceller)
    late_ms = await _through_the_ear(desk, meter, channel, codecs, learn_s + count_s)
    counted = round(count_s * RATE_HZ / FRAME_SAMPLES)
    noise_db = levels.db(levels.band_power(levels.sound_of(mono(quiet.pcm, channel)), quiet.rate_hz, 20.0, RATE_HZ / 2))
    heard_db = levels.db(float(np.mean(meter.heard[-counted:] or [0.0])))
    left_db = levels.db(float(np.mean(meter.left[-counted:] or [0.0])))
    erle = judge(heard_db, left_db, noise_db, limits)
    notes = [f"The echo was {heard_db:.0f} dBFS, the noise {noise_db:.0f} dBFS."]
    if late_ms is not None:
        notes.append(f"It was heard {late_ms:.0f} ms later than the cards' own times say.")
    figures = judged(SPECS, limits, {"erle": erle})
    return Result(bench=NAME, figures=figures, plots=(_plot(meter),), notes=tuple(notes))


def judge(heard_db: float, left_db: float, noise_db: float, limits: Limits) -> float | Unmeasured:
    """The echo return loss enhancement (ITU-T G.168), unless noise hides what there is to know."""
    erle, above_db = heard_db - left_db, heard_db - noise_db
    if above_db < HEARD_DB:
        return Unmeasured(NOT_HEARD)
    if erle < limits.erle_db and above_db < limits.erle_db + ROOM_DB:
        return Unmeasured(f"the echo is only {above_db:.0f} dB above the noise: make it louder, or the room quieter")
    return erle


async def _through_the_ear(
    desk: Desk, meter: Meter, channel: int | None, codecs: Codecs, seconds: float
) -> float | None:
    """Have the daemon's ear hear what the speaker plays; how late, in ms, it finds the echo to be."""
    speaker = desk.playing
    ear = CleanEar(desk.clock, desk.microphone, codecs, channel, Echo(meter, speaker), lambda _: None)
    hearing = asyncio.create_task(ear.run(), name="ear")
    try:
        ear.attend(playing=True, answering=False)
        ear.listen(desk.clock.now())
        desk.write(speech_like(seconds, speaker.rate_hz, PLAYED_DBFS))
        while len(meter.heard) * FRAME_SAMPLES < seconds * RATE_HZ:
            frame = await desk.next_of(ear)
            desk.progress(duration_s(len(frame.pcm)))
            desk.look_at_speaker()
    finally:
        speaker.sleep()
        hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hearing
    return None if ear.delay_s is None else 1000 * ear.delay_s


def _power(frame: Pcm) -> float:
    return float(np.mean(np.square(frame, dtype=np.float64))) / 32768**2


def _plot(meter: Meter) -> Plot:
    """Second by second."""
    each = RATE_HZ // FRAME_SAMPLES
    seconds = range(len(meter.heard) // each)
    lines = [
        curve(name, list(seconds), [levels.db(sum(powers[at * each : (at + 1) * each]) / each) for at in seconds])
        for name, powers in (("heard", meter.heard), ("left", meter.left))
    ]
    return Plot(title="The echo, and what is left of it", x_label="s", y_label="dBFS", curves=tuple(lines))
