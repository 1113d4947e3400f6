"""`bench soak`: plays and records at once for as long as is asked, and counts what is lost."""

from collections.abc import Callable, Sequence

import numpy as np

from hero365_edge.bench.hardware.cards import Desk
from hero365_edge.bench.hardware.figures import Result, Spec, Unmeasured, Value, judged
from hero365_edge.bench.hardware.plot import Plot, curve
from hero365_edge.bench.hardware.stimuli import speech_shaped
from hero365_edge.core.board import Limits

NAME = "soak"
LOUDNESS_DBFS = -40.0
QUEUED_S = 1.0
"""The speaker is given more whenever less than so much waits."""
WARM_S = 60.0
"""What is loaded at its first use is no growth."""
MEMORY_S = 300.0
"""In less than so much nothing is told of memory: its pages come in lumps."""

SPECS = (
    Spec(
        *("xruns", "over- and underruns an hour", ""),
        most=lambda limits: limits.xruns_per_hour,
        means="by both cards' own count",
    ),
    Spec(
        *("dropped", "samples not recorded", "ms"),
        error=50.0,
        most=lambda _: 100.0,
        means="the time that passed, less what was recorded in it",
    ),
    Spec(
        *("memory", "memory's growth an hour", "MB"),
        error=0.5,
        most=lambda limits: limits.memory_growth_mb_per_hour,
        means="the slope of the process's resident memory after its first minute",
    ),
)


async def measure(desk: Desk, limits: Limits, seconds: float, resident_bytes: Callable[[], int]) -> Result:
    """Be at it for `seconds`. Raises CardLost, and DeviceError where there is no speaker."""
    microphone, speaker, clock = desk.microphone, desk.playing, desk.clock
    tune = speech_shaped(QUEUED_S, speaker.rate_hz, LOUDNESS_DBFS)
    memory: list[tuple[float, int]] = []
    frames = 0
    desk.write(tune)
    microphone.listen(clock.now())
    try:
        await desk.next_of(microphone)
        began_at, before = microphone.last_block_at, microphone.xruns + speaker.xruns
        while (passed_s := microphone.last_block_at - began_at) < seconds:
            frames += len((await desk.next_of(microphone)).pcm)
            desk.look_at_speaker()
            if speaker.queued_samples < QUEUED_S * speaker.rate_hz:
                desk.write(tune)
            if not memory or passed_s - memory[-1][0] >= 1.0:
                memory.append((passed_s, resident_bytes()))
            desk.progress(microphone.last_block_at - began_at - passed_s)
    finally:
        microphone.hush()
        speaker.sleep()
    xruns = microphone.xruns + speaker.xruns - before
    values: dict[str, Value] = {
        "xruns": xruns * 3600 / passed_s,
        "dropped": max(0.0, 1000 * (passed_s - frames / microphone.rate_hz)),
        "memory": growth_mb_per_hour(memory),
    }
    notes = (f"{passed_s / 60:.1f} minutes, {xruns} over- and underruns",)
    return Result(bench=NAME, figures=judged(SPECS, limits, values), plots=_plots(memory), notes=notes)


def growth_mb_per_hour(memory: Sequence[tuple[float, int]]) -> Value:
    """The slope of a straight line through (seconds, bytes), from WARM_S on."""
    warm = [(at, size) for at, size in memory if at >= WARM_S]
    if not warm or warm[-1][0] < MEMORY_S:
        return Unmeasured(f"it takes {MEMORY_S / 60:g} minutes (--minutes)")
    at, size = np.asarray(warm, dtype=float).T
    return float(np.polyfit(at, size, 1)[0] * 3600 / 1e6)


def _plots(memory: Sequence[tuple[float, int]]) -> tuple[Plot, ...]:
    resident = curve("resident", [at / 60 for at, _ in memory], [size / 1e6 for _, size in memory])
    return (Plot(title="Memory of this process", x_label="minutes", y_label="MB", curves=(resident,)),)
