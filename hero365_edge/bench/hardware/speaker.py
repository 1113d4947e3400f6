"""`bench speaker`: how loud it is at the board's own microphone, what it distorts, what it does not play at all."""

import math
from collections.abc import Sequence

from hero365_edge.bench.hardware import levels, loopback, sweep, tones
from hero365_edge.bench.hardware.cards import NOT_HEARD, TAKEN_OUT, Desk, Take
from hero365_edge.bench.hardware.figures import Result, Spec, Unmeasured, judged
from hero365_edge.bench.hardware.plot import Plot, curve
from hero365_edge.core.board import Limits
from hero365_edge.recording import mono

NAME = "speaker"
QUIET_S, TAIL_S = 2.0, 1.0
LASTS_S = QUIET_S + loopback.TONE_S + sweep.SWEEP_S + 2 * TAIL_S
THIRDS_HZ = tuple(1000 * 2 ** (step / 3) for step in range(-5, 6))
"""From 315 Hz to 3.15 kHz: what a telephone lets through."""
HEARD_DB = 10.0
"""So far above the noise a third octave counts as played."""

SPECS = (
    Spec(
        *("level", "tone above noise", "dB"),
        error=1.0,
        least=lambda limits: limits.snr_db,
        means=f"1 kHz at {loopback.TONE_DBFS:g} dBFS and the volume, at its own microphone; noise 100 Hz to 7 kHz",
    ),
    Spec(
        *("thd", "distortion", "%"),
        error_percent=10.0,
        error=0.02,
        most=lambda limits: limits.speaker_thd_percent,
        means="harmonics 2 to 7 of the tone; the microphone's own are in it",
    ),
    Spec(
        *("missing", "third octaves missing", ""),
        most=lambda _: 0.0,
        means=f"of eleven, 315 Hz to 3.15 kHz, where a sweep is not {HEARD_DB:g} dB above the noise",
    ),
)


async def measure(desk: Desk, limits: Limits, channel: int | None, cancels_echo: bool) -> Result:
    """Play a tone and a sweep, and hear them. `channel` is used, the mean of all when None.

    A board that takes its own speaker out of what it hears (`cancels_echo`) cannot hear them. Raises DeviceError,
    also where there is no speaker.
    """
    if cancels_echo:
        values = {spec.name: Unmeasured(f"{TAKEN_OUT}: listen yourself, with `hero365-edge demo`") for spec in SPECS}
        return Result(bench=NAME, figures=judged(SPECS, limits, values))
    rate_hz = desk.playing.rate_hz
    quiet = await desk.record(QUIET_S)
    toned = await desk.play(tones.tone(loopback.TONE_S, rate_hz, loopback.TONE_DBFS), TAIL_S)
    swept = await desk.play(sweep.sweep(rate_hz), TAIL_S)
    above_db = thirds_above_noise_db(quiet, swept, channel)
    return Result(
        bench=NAME, figures=judged(SPECS, limits, _values(quiet, toned, above_db, channel)), plots=(_plot(above_db),)
    )


def _values(quiet: Take, toned: Take, above_db: Sequence[float], channel: int | None) -> dict[str, float | Unmeasured]:
    noise = levels.band_power(levels.sound_of(mono(quiet.pcm, channel)), quiet.rate_hz, *levels.SPEECH_HZ)
    found = tones.purity(loopback.middle(toned, channel), toned.rate_hz)
    return {
        "level": Unmeasured(NOT_HEARD) if found is None else found.level_dbfs - levels.db(noise),
        "thd": Unmeasured(NOT_HEARD) if found is None else found.thd_percent,
        "missing": float(sum(level < HEARD_DB for level in above_db)),
    }


def thirds_above_noise_db(quiet: Take, swept: Take, channel: int | None) -> Sequence[float]:
    """How far the sweep, while it passes each third octave, stands above the noise there."""
    noise, heard = (levels.sound_of(mono(take.pcm, channel)) for take in (quiet, swept))
    passes_s = sweep.SWEEP_S * math.log(2) / 3 / math.log(sweep.HIGH_HZ / sweep.LOW_HZ)
    gathered = len(heard) / swept.rate_hz / passes_s
    found = []
    for centre in THIRDS_HZ:
        band = centre / 2 ** (1 / 6), centre * 2 ** (1 / 6)
        noise_power = levels.band_power(noise, quiet.rate_hz, *band)
        power = (levels.band_power(heard, swept.rate_hz, *band) - noise_power) * gathered
        found.append(levels.db(power) - levels.db(noise_power))
    return found


def _plot(above_db: Sequence[float]) -> Plot:
    line = curve("sweep", THIRDS_HZ, above_db, x_is_log=True)
    title = "The sweep above the noise, third octaves"
    return Plot(title=title, x_label="Hz", y_label="dB", curves=(line,), x_is_log=True, limits=(HEARD_DB,))
