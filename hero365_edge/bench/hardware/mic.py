"""`bench mic`: how quiet it is by itself, how far speech stands above that, and whether each channel hears."""

from collections.abc import Sequence

import numpy as np

from hero365_edge.bench.hardware import levels
from hero365_edge.bench.hardware.cards import TAKEN_OUT, Desk, Take
from hero365_edge.bench.hardware.figures import Absent, Result, Spec, Unmeasured, Value, Values, judged
from hero365_edge.bench.hardware.levels import Sound
from hero365_edge.bench.hardware.plot import Plot, curve
from hero365_edge.bench.hardware.stimuli import speech_shaped
from hero365_edge.core.board import Limits
from hero365_edge.core.pcm import Pcm
from hero365_edge.recording import mono

NAME = "mic"
QUIET_S, BURST_S, TAIL_S = 10.0, 4.0, 1.0
LASTS_S = QUIET_S + BURST_S + TAIL_S
BURST_DBFS = -20.0
HEARD_S = 2.0
"""So much of the burst is looked at, wherever in the recording it is."""
FAR_BELOW_DB = 6.0
"""The used channel may be so far beneath the loudest; beyond, a microphone is covered, or the wrong one is used."""
ALIKE = (
    f"both channels hear alike, within {FAR_BELOW_DB:g} dB: lay a finger on the microphone that is not used, and again"
)
MEAN_IS_USED = "Left and right were not told apart: the mean of both is used, which is the same when they are swapped."

SPECS = (
    Spec(
        *("noise_floor", "noise floor", "dBFS"),
        error=0.5,
        most=lambda limits: limits.noise_floor_dbfs,
        means=f"{QUIET_S:g} s of quiet, A-weighted, the channel that is used",
    ),
    Spec("dc", "DC", "dBFS", error=0.5, most=lambda limits: limits.dc_dbfs, means="the mean of the same, all channels"),
    Spec(
        *("hum", "mains hum", "dBFS"),
        error=1.0,
        most=lambda limits: limits.hum_dbfs,
        means="50 or 60 Hz and five harmonics, above the noise beside them",
    ),
    Spec(
        *("snr", "speech above noise", "dB"),
        error=1.0,
        least=lambda limits: limits.snr_db,
        means=f"speech-shaped noise of {BURST_DBFS:g} dBFS and the volume from its own speaker, 100 Hz to 7 kHz",
    ),
    Spec("clipped", "clipped samples", "%", most=lambda limits: limits.clipped_percent, means="quiet and noise"),
    Spec(
        *("dead", "dead channels", ""),
        most=lambda limits: limits.dead_channels,
        means="all zeros, or 30 dB beneath the loudest",
    ),
    Spec(
        *("used_channel", "used channel below the loudest", "dB"),
        error=0.5,
        most=lambda _: FAR_BELOW_DB,
        means="more: a microphone is covered, or the wrong one is used",
    ),
    Spec(
        *("swapped", "left and right swapped", ""),
        most=lambda _: 0.0,
        means=f"the channel that is used hears more than {FAR_BELOW_DB:g} dB less than the other",
    ),
    Spec(
        *("likeness", "likeness of the channels", ""),
        error=0.05,
        least=lambda _: 0.0,
        means="their correlation; negative: one is the wrong way round, and their mean cancels speech",
    ),
)


async def measure(
    desk: Desk, limits: Limits, channel: int | None, cancels_echo: bool, quiet_s: float = QUIET_S
) -> Result:
    """Listen, then play a burst and listen. `channel` is used, the mean of all when None. Raises DeviceError.

    A board that takes its own speaker out of what it hears (`cancels_echo`) cannot hear the burst.
    """
    quiet = await desk.record(quiet_s)
    burst: Take | Unmeasured
    if desk.speaker is None:
        burst = Unmeasured("no speaker opens that could play speech")
    elif cancels_echo:
        burst = Unmeasured(TAKEN_OUT)
    else:
        burst = await desk.play(speech_shaped(BURST_S, desk.speaker.rate_hz, BURST_DBFS), TAIL_S)
    plots = _plots(quiet, burst, channel)
    notes = (MEAN_IS_USED,) if channel is None and quiet.pcm.shape[1] > 1 else ()
    return Result(bench=NAME, figures=judged(SPECS, limits, values(quiet, burst, channel)), plots=plots, notes=notes)


def values(quiet: Take, burst: Take | Unmeasured, channel: int | None) -> Values:
    """The figures of what was heard in quiet, and of the burst where one was played."""
    used = levels.sound_of(mono(quiet.pcm, channel))
    loud = quiet.pcm if isinstance(burst, Unmeasured) else burst.pcm
    return {
        "noise_floor": levels.a_weighted_dbfs(used, quiet.rate_hz),
        "dc": max(levels.dc_dbfs(levels.sound_of(quiet.pcm[:, each])) for each in range(quiet.pcm.shape[1])),
        "hum": levels.hum_dbfs(used, quiet.rate_hz),
        "snr": burst if isinstance(burst, Unmeasured) else _snr_db(used, burst, channel),
        "clipped": levels.clipped_percent(np.concatenate([quiet.pcm, loud])),
        "dead": levels.dead_channels(loud),
        "used_channel": _used_channel(loud, channel),
        "swapped": _swapped(quiet.pcm.shape[1], burst, channel),
        "likeness": _likeness(quiet.pcm.shape[1], burst),
    }


def _snr_db(noise: Sound, burst: Take, channel: int | None) -> float | Unmeasured:
    heard = _burst(mono(burst.pcm, channel), burst.rate_hz)
    noise_power = levels.band_power(noise, burst.rate_hz, *levels.SPEECH_HZ)
    speech_power = levels.band_power(heard, burst.rate_hz, *levels.SPEECH_HZ) - noise_power
    if not noise_power:
        return Unmeasured("without any noise there is nothing to stand above: is this a card?")
    return levels.db(speech_power) - levels.db(noise_power)


def _burst(pcm: Pcm, rate_hz: int) -> Sound:
    return levels.loudest(levels.sound_of(pcm), round(HEARD_S * rate_hz))


def _used_channel(pcm: Pcm, channel: int | None) -> Value:
    loud: Sequence[float] = levels.channel_levels_dbfs(pcm)
    if len(loud) == 1:
        return Absent()
    return max(loud) - (min(loud) if channel is None else loud[min(channel, len(loud) - 1)])


def _swapped(channels: int, burst: Take | Unmeasured, channel: int | None) -> Value:
    """Two channels that hear the same from their own speaker tell nothing; that is no pass."""
    if channels != 2 or channel is None:
        return Absent()
    if isinstance(burst, Unmeasured):
        return burst
    loud = levels.channel_levels_dbfs(burst.pcm)
    used = min(channel, 1)
    ahead_db = loud[used] - loud[1 - used]
    return Unmeasured(ALIKE) if abs(ahead_db) <= FAR_BELOW_DB else float(ahead_db < 0)


def _likeness(channels: int, burst: Take | Unmeasured) -> Value:
    if channels != 2:
        return Absent()
    if isinstance(burst, Unmeasured):
        return burst
    if levels.dead_channels(burst.pcm):
        return Unmeasured("a channel hears nothing")
    return levels.likeness(levels.sound_of(burst.pcm[:, 0]), levels.sound_of(burst.pcm[:, 1]))


def _plots(quiet: Take, burst: Take | Unmeasured, channel: int | None) -> tuple[Plot, ...]:
    curves = [curve("quiet", *_spectrum(quiet, channel), x_is_log=True)]
    if isinstance(burst, Take):
        curves.append(curve("speech-shaped noise", *_spectrum(burst, channel), x_is_log=True))
    title = "What it hears, in steps of 10 Hz"
    return (Plot(title=title, x_label="Hz", y_label="dBFS", curves=tuple(curves), x_is_log=True),)


def _spectrum(take: Take, channel: int | None) -> tuple[list[float], list[float]]:
    hz, level = levels.spectrum_dbfs(levels.sound_of(mono(take.pcm, channel)), take.rate_hz)
    return list(map(float, hz)), list(map(float, level))
