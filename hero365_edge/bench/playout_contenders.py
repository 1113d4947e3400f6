"""Ways to play a streamed answer, each told when its frames arrive: ours, the plain one, the best possible, and peers.

None waits for a card's period, neither at the start nor behind a pause: so `ttfa_ms` is what waiting for more adds, and
silence what waiting for the network does. A real card adds its own to all of them. (speexdsp is asked each 20 ms.)
"""

import ctypes
from collections.abc import Callable, Iterable, Mapping
from ctypes.util import find_library
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias

import numpy as np

from hero365_edge.bench.playout_networks import FRAME_S, Times
from hero365_edge.core.jitter import JitterBuffer, Playout
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, samples_of, silence

TICK = samples_of(10)
TICK_S = TICK / RATE_HZ
START_MS = 60
"""The default of the setting `playback.start_ms`."""
FIXED_MS = (60, 120, 200, 400)
OPTIMUM_PERCENT = (12, 20, 25)
_NEVER = 1e9


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one answer."""

    ttfa_ms: float
    """From its first frame's arrival to its first sample."""
    pauses: int
    """How often the content stopped in the middle, whether that was concealed or silent."""
    silence_ms: float
    concealed_ms: float
    lost_ms: float
    stretched_ms: float
    """What was put in to speak slower, less what was taken out to speak faster."""


Contender: TypeAlias = Callable[[list[Times]], list[Outcome]]
"""From the arrivals of the frames of a session's answers, one after the other on one link, to what became of each."""


def hero365(speech: Pcm) -> Contender:
    """Our jitter buffer, playing this (whole frames, at least an answer's worth)."""
    frames = speech.reshape(-1, FRAME_SAMPLES)

    def play(session: list[Times]) -> list[Outcome]:
        buffer = JitterBuffer(START_MS)
        buffer.conceal = silence
        return [play_through(buffer, times, frames)[0] for times in session]

    return play


def play_through(buffer: JitterBuffer, times: Times, frames: Iterable[Pcm]) -> tuple[Outcome, list[Pcm]]:
    """One answer through our buffer to a card that asks each 10 ms, or until more comes: its cost; what was heard."""
    arriving = zip(times, frames, strict=False)
    at, frame = next(arriving)
    before = _costs(buffer)
    now, began_at = at, None
    heard: list[Pcm] = []
    while True:
        while at <= now + 1e-9:
            buffer.put(frame, at)
            at, frame = next(arriving, (_NEVER, frame))
        if at == _NEVER:
            buffer.end()
        given = 0
        want = min(TICK, max(1, round((at - now) * RATE_HZ)))
        while given < want and len(pcm := buffer.take(want - given, given, now, want)):
            heard.append(pcm)
            given += len(pcm)
        if given and began_at is None:
            began_at = now
        if buffer.finished and not given:
            break
        if buffer.state in {Playout.PRIMING, Playout.DRY}:
            now += given / RATE_HZ
            until = max(now, min(at, buffer.deadline or _NEVER))
            heard.append(silence(round((until - now) * RATE_HZ)))
            now = until
        else:
            now += want / RATE_HZ
    costs = [(after - once) * 1000 / RATE_HZ for after, once in zip(_costs(buffer), before, strict=True)]
    outcome = Outcome(1000 * ((began_at or now) - times[0]), round(costs[0] * RATE_HZ / 1000), *costs[1:])
    return outcome, heard


def _costs(buffer: JitterBuffer) -> tuple[int, ...]:
    tally = buffer.tally
    return (tally.underruns, tally.silent, tally.concealed, buffer.lost, tally.stretched)


def fixed(start_ms: int) -> Contender:
    """Wait for `start_ms` of sound, or as long, at the start and behind each pause; else play what there is."""
    return lambda session: [_fixed(times, start_ms) for times in session]


def _fixed(times: Times, start_ms: int) -> Outcome:
    frames = start_ms // round(FRAME_S * 1000)

    def going(first: int) -> float:
        return min(times[min(first + frames, len(times)) - 1], times[first] + start_ms / 1000)

    began_at = clock = going(0)
    pauses = silent = 0
    for number, at in enumerate(times):
        if at > clock + 1e-9:
            resumed = going(number)
            pauses += 1
            silent += round((resumed - clock) * RATE_HZ)
            clock = resumed
        clock += FRAME_S
    return Outcome(1000 * (began_at - times[0]), pauses, silent * 1000 / RATE_HZ, 0.0, 0.0, 0.0)


def optimum(slow: float, ttfa_ms: Iterable[float]) -> Contender:
    """The least silence that is possible when all arrivals are known, with these starts, speaking slower by `slow`.

    Every frame is stretched as far as allowed; the silence is the largest lateness that remains, in one pause.
    """

    def play(session: list[Times]) -> list[Outcome]:
        return [_optimum(np.array(times), start, 1 - slow) for times, start in zip(session, ttfa_ms, strict=True)]

    return play


def _optimum(times: np.ndarray[tuple[int], np.dtype[np.float64]], start_ms: float, rate: float) -> Outcome:
    due = times[0] + start_ms / 1000 + np.arange(len(times)) * FRAME_S / rate
    late_ms = max(0.0, 1000 * float(np.max(times - due)))
    stretched_ms = 1000 * len(times) * FRAME_S * (1 / rate - 1)
    return Outcome(start_ms, int(late_ms > 0), late_ms, 0.0, 0.0, stretched_ms)


def as_it_comes(times: Times, first_at: float, lost_ms: float) -> Outcome:
    """Frames played as soon as a peer lets them out."""
    played = _fixed(times, round(FRAME_S * 1000))
    return Outcome(1000 * (times[0] - first_at), played.pauses, played.silence_ms, 0.0, lost_ms, 0.0)


# -- peers --------------------------------------------------------------------------------------------------------


def peers() -> Mapping[str, Contender]:
    """Those of other people's jitter buffers that are here, by name."""
    found: dict[str, Contender] = {}
    if find_spec("aiortc") is not None:
        found["aiortc"] = aiortc
    if find_library("speexdsp") is not None:
        found["speexdsp"] = speexdsp
    return found


def aiortc(session: list[Times]) -> list[Outcome]:
    """aiortc's JitterBuffer as its receiver makes it: 16 packets, 4 of them prefetched."""
    from aiortc.jitterbuffer import JitterBuffer as TheirBuffer  # noqa: PLC0415  a peer need not be installed
    from aiortc.rtp import RtpPacket  # noqa: PLC0415  likewise

    outcomes = []
    for times in session:
        theirs = TheirBuffer(capacity=16, prefetch=4)
        out: Times = []
        padded = times + [times[-1] + FRAME_S * (number + 1) for number in range(5)]  # what makes it let go of the end
        for number, at in enumerate(padded):
            packet = RtpPacket(sequence_number=number, timestamp=number * FRAME_SAMPLES)
            packet._data = b""  # type: ignore[attr-defined]  # noqa: SLF001  as its own receiver does
            if theirs.add(packet)[1] is not None and len(out) < len(times):
                out.append(at)
        outcomes.append(as_it_comes(out, times[0], (len(times) - len(out)) * FRAME_S * 1000))
    return outcomes


class _SpeexPacket(ctypes.Structure):
    """`JitterBufferPacket` of speex_jitter.h."""

    _fields_ = (
        ("data", ctypes.c_char_p),
        ("len", ctypes.c_uint32),
        ("timestamp", ctypes.c_uint32),
        ("span", ctypes.c_uint32),
        ("sequence", ctypes.c_uint16),
        ("user_data", ctypes.c_uint32),
    )


_SPEEX_OK = 0
_SPEEX_PATIENCE = 100
"""So many frames after the last arrival nothing more is expected."""


def speexdsp(session: list[Times]) -> list[Outcome]:
    """libspeexdsp's jitter buffer with its defaults, asked each 20 ms from the first arrival on."""
    library = ctypes.CDLL(find_library("speexdsp"))
    library.jitter_buffer_init.restype = ctypes.c_void_p
    outcomes = []
    for times in session:
        state = ctypes.c_void_p(library.jitter_buffer_init(FRAME_SAMPLES))
        outcomes.append(_speexdsp(library, state, times))
        library.jitter_buffer_destroy(state)
    return outcomes


def _speexdsp(library: ctypes.CDLL, state: ctypes.c_void_p, times: Times) -> Outcome:
    payload = ctypes.create_string_buffer(16)
    offset = ctypes.c_int32()
    arrived, now = 0, times[0]
    played: list[int] = []
    began_at, gaps, concealed, waiting = None, 0, 0, 0
    while now < times[-1] + _SPEEX_PATIENCE * FRAME_S:
        while arrived < len(times) and times[arrived] <= now + 1e-9:
            stamp = arrived * FRAME_SAMPLES
            packet = _SpeexPacket(b"x", 1, stamp, FRAME_SAMPLES, arrived, 0)
            library.jitter_buffer_put(state, ctypes.byref(packet))
            arrived += 1
        packet = _SpeexPacket(ctypes.cast(payload, ctypes.c_char_p), len(payload), 0, 0, 0, 0)
        result = library.jitter_buffer_get(state, ctypes.byref(packet), FRAME_SAMPLES, ctypes.byref(offset))
        library.jitter_buffer_tick(state)
        if result == _SPEEX_OK:
            played.append(packet.timestamp)
            began_at = began_at or now
            gaps += waiting > 0
            concealed += waiting
            waiting = 0
        elif began_at is not None:
            waiting += 1
        now += FRAME_S
    frame_ms = FRAME_S * 1000
    lost = len(times) - len(set(played))
    return Outcome(1000 * ((began_at or now) - times[0]), gaps, 0.0, concealed * frame_ms, lost * frame_ms, 0.0)
