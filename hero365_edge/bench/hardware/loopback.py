"""`bench loopback`: from a sample given to the speaker to the same from the microphone: how late, how changed."""

from collections.abc import Sequence

import numpy as np

from hero365_edge.bench.hardware import chirps, sweep, tones
from hero365_edge.bench.hardware.cards import NOT_HEARD, TAKEN_OUT, Desk, Take
from hero365_edge.bench.hardware.figures import Result, Spec, Unmeasured, Value, judged
from hero365_edge.bench.hardware.levels import Sound, sound_of
from hero365_edge.bench.hardware.plot import Plot, curve
from hero365_edge.core.board import Limits
from hero365_edge.recording import mono

NAME = "loopback"
EVERY_S = 1.0
"""No round trip is longer, or chirps would be taken for one another."""
CHIRPS = 120
FEWEST = 20
"""The round trip and the drift need so many that arrive."""
TONE_S, TONE_DBFS = 3.0, -10.0
TAIL_S = 1.0
LASTS_S = CHIRPS * EVERY_S + sweep.SWEEP_S + TONE_S + 3 * TAIL_S
EVEN_HZ = (300.0, 3400.0)

SPECS = (
    Spec(
        *("round_trip", "round trip", "ms"),
        error=1.0,
        most=lambda limits: limits.round_trip_ms,
        means="from a sample taken by the speaker's card to the same from the microphone's, median of the chirps",
    ),
    Spec(
        *("response", "unevenness of the response", "dB"),
        error=0.5,
        most=lambda limits: limits.response_db,
        means="300 to 3400 Hz in third octaves beside their mean, by an exponential sweep",
    ),
    Spec(
        *("thd_n", "distortion and noise", "%"),
        error_percent=10.0,
        most=lambda limits: limits.loopback_thd_n_percent,
        means=f"1 kHz at {TONE_DBFS:g} dBFS and the volume, 20 Hz to 7.6 kHz",
    ),
    Spec(
        *("drift", "drift of the cards' clocks", "ppm"),
        error=5.0,
        most=lambda limits: limits.drift_ppm,
        means="of the microphone's beside the speaker's, either way, by the chirps",
    ),
)


async def measure(desk: Desk, limits: Limits, channel: int | None, cancels_echo: bool, count: int = CHIRPS) -> Result:
    """Play chirps, a sweep and a tone, and hear them. `channel` is used, the mean of all when None.

    Of a board that takes its own speaker out of what it hears (`cancels_echo`) only the times can be told, if that.
    Raises DeviceError, also where there is no speaker.
    """
    rate_hz = desk.playing.rate_hz
    ticking = await desk.play(chirps.train(rate_hz, count, EVERY_S), TAIL_S)
    swept = await desk.play(sweep.sweep(rate_hz), TAIL_S)
    toned = await desk.play(tones.tone(TONE_S, rate_hz, TONE_DBFS), TAIL_S)
    arrivals = chirps.arrivals(sound_of(mono(ticking.pcm, channel)), ticking.rate_hz, count, EVERY_S)
    heard = sum(arrival is not None for arrival in arrivals) >= min(count, FEWEST)
    values: dict[str, Value] = dict.fromkeys((spec.name for spec in SPECS), Unmeasured(NOT_HEARD))
    plots: list[Plot] = []
    if heard:
        trips_ms = round_trips_ms(ticking, arrivals)
        of = sweep.response(sound_of(mono(swept.pcm, channel)), swept.rate_hz)
        taken_out = Unmeasured(TAKEN_OUT)
        ppm = drift_ppm(arrivals, ticking.rate_hz)
        values |= {
            # As it is at the beginning: with clocks that drift, each chirp is on its way a little longer, or shorter.
            "round_trip": float(np.median([trip - 1e-3 * ppm * at for at, trip in trips_ms])),
            "response": taken_out if cancels_echo else sweep.unevenness_db(of, *EVEN_HZ),
            "thd_n": taken_out if cancels_echo else thd_n(toned, channel),
            "drift": abs(ppm),
        }
        plots = [_response(of), _trips(trips_ms)]
    return Result(bench=NAME, figures=judged(SPECS, limits, values), plots=tuple(plots))


def round_trips_ms(take: Take, arrivals: Sequence[float | None]) -> Sequence[tuple[float, float]]:
    """Of each chirp that arrived: when it was played in seconds from the first, and how long it was on its way."""
    if take.taken_at is None:
        return ()
    ahead_s = take.handed_at - take.taken_at
    return [
        (number * EVERY_S, 1000 * (ahead_s + arrival / take.rate_hz - number * EVERY_S))
        for number, arrival in enumerate(arrivals)
        if arrival is not None
    ]


def drift_ppm(arrivals: Sequence[float | None], rate_hz: int) -> float:
    """How much faster the microphone counts than the speaker, by the line through the arrivals (Theil and Sen).

    The median of the slopes between chirps half a train apart: one that was found elsewhere has no say.
    """
    half = len(arrivals) // 2
    pairs = zip(arrivals[:half], arrivals[half:], strict=False)
    slopes = [(later - sooner) / (half * EVERY_S * rate_hz) for sooner, later in pairs if sooner and later]
    return float(1e6 * (np.median(slopes) - 1)) if slopes else float("nan")


def thd_n(take: Take, channel: int | None) -> float | Unmeasured:
    """Of the tone in a recording, in percent."""
    found = tones.purity(middle(take, channel), take.rate_hz)
    return Unmeasured(NOT_HEARD) if found is None else found.thd_n_percent


def middle(take: Take, channel: int | None) -> Sound:
    """Where a tone of 3 s that was played from the beginning is certainly heard, and steady."""
    heard = sound_of(mono(take.pcm, channel))
    return heard[round(0.9 * take.rate_hz) : round(2.9 * take.rate_hz)]


def _response(of: sweep.Response) -> Plot:
    hz, level = list(map(float, of.hz)), list(map(float, of.db))
    return Plot(
        title="Response, third octaves",
        x_label="Hz",
        y_label="dB beside what was played",
        curves=(curve("response", hz, level, x_is_log=True),),
        x_is_log=True,
    )


def _trips(trips_ms: Sequence[tuple[float, float]]) -> Plot:
    line = curve("chirps", [at for at, _ in trips_ms], [trip for _, trip in trips_ms])
    return Plot(title="Round trip of each chirp: a slope is drift", x_label="s", y_label="ms", curves=(line,))
