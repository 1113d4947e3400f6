"""The endpointing benchmark: every way to find the end of an utterance on the same scenes, one row each."""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hero365_edge.bench.endpoint_scenes import SNRS, Scene, Snr, around, scenes
from hero365_edge.codec_ports import Detector
from hero365_edge.core.endpointer import Ending, Endpointer
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, duration_s, samples_of

HANGOVER_MS = 600
NO_SPEECH_S, LONGEST_S = 6.0, 60.0
CONTEXT_S = 1.0
"""So much of what came before the press is in the ring."""
FIRST_WORD_S = 0.5
"""A recording that ends sooner behind the first word's beginning does not hold the word."""
LATE_S = 1.5
"""An end found later than this behind the last word is as good as none: the talker has pressed again."""
DRIVE_S = 20.0
"""A piece of noise alone; false starts are counted in these."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to find the end."""

    name: str
    make: Callable[[], Detector]
    """Called once; it is reset before each utterance."""
    adaptive: bool = False
    preroll_ms: int = 300
    answer_ms: int | None = None
    """An answer is ready so long after an announced end; None where ends are not announced."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one utterance."""

    ended: int | None
    """The sample at which its end was decided; None when it never was."""
    since: int
    """Its first sample in the scene."""
    announced: int
    """How often its end was announced."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way's figures over all scenes of one SNR."""

    endpointer: str
    snr_db: Snr
    utterances: int
    first_word_loss_percent: float
    cut_off_percent: float
    missed_percent: float
    end_delay_p50_ms: float
    end_delay_p95_ms: float
    false_starts_per_min: float
    announced_per_utterance: float
    cpu_ms_per_s: float
    """Of a second of sound, on this computer."""


def measure(
    contenders: Sequence[Contender],
    clips: Mapping[str, Pcm],
    radio: Pcm,
    seed: int,
    snrs: Iterable[Snr] = SNRS,
    noise_s: float = 300.0,
) -> Iterator[Row]:
    """Each contender at each SNR. `radio` is other speech, `noise_s` how much noise without any is listened to."""
    for snr in snrs:
        at_this = scenes(clips, snr, seed, radio)
        drives = [
            drive(snr, np.random.default_rng([seed, number]), radio) for number in range(round(noise_s / DRIVE_S))
        ]
        for contender in contenders:
            yield row(contender, snr, at_this, drives)


def drive(snr: Snr, dice: np.random.Generator, radio: Pcm) -> Pcm:
    """Noise as it would be around speech at this SNR, and nobody who speaks."""
    sound = around(samples_of(DRIVE_S * 1000), snr, dice, radio)
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


def row(contender: Contender, snr: Snr, at_this: Sequence[Scene], drives: Sequence[Pcm]) -> Row:
    """One contender's figures."""
    detector = contender.make()
    began_s = time.process_time()
    outcomes = [utterance(contender, detector, scene) for scene in at_this]
    took_s = time.process_time() - began_s
    heard_s = sum(duration_s((outcome.ended or len(scene.pcm)) - outcome.since + samples_of(CONTEXT_S * 1000))
                  for scene, outcome in zip(at_this, outcomes, strict=True))
    judged = [verdict(scene, outcome) for scene, outcome in zip(at_this, outcomes, strict=True)]
    delays = sorted(delay_ms for *_, delay_ms in judged if delay_ms is not None) or [float("nan")]
    minutes = len(drives) * DRIVE_S / 60

    def percent(which: int) -> float:
        return 100 * statistics.fmean(bool(each[which]) for each in judged)

    return Row(
        contender.name,
        snr,
        len(at_this),
        percent(0),
        percent(1),
        percent(2),
        statistics.median(delays),
        delays[min(int(0.95 * len(delays)), len(delays) - 1)],
        sum(false_starts(contender, detector, drive) for drive in drives) / minutes if minutes else float("nan"),
        statistics.fmean(outcome.announced for outcome in outcomes),
        1000 * took_s / heard_s,
    )


def utterance(contender: Contender, detector: Detector, scene: Scene) -> Outcome:
    """Press, and listen until the end is decided."""
    endpointer = Endpointer(HANGOVER_MS, NO_SPEECH_S, LONGEST_S, detector.late_ms)
    endpointer.adaptive = contender.adaptive
    detector.reset()
    since = scene.pressed - samples_of(contender.preroll_ms)
    ready_at: int | None = None
    announced = 0
    first = scene.pressed - samples_of(CONTEXT_S * 1000)
    for at, frame in frames(scene.pcm, first):
        end = at + FRAME_SAMPLES
        if end <= since:
            detector.prepare(frame)
            continue
        if end <= scene.pressed:
            endpointer.before(detector.is_speech(frame))
            continue
        ending = endpointer.frame(detector.is_speech(frame), detector.doubtful)
        if ending is not None:
            return Outcome(end if ending is Ending.SILENCE else None, since, announced)
        if contender.answer_ms is None:
            continue
        if not endpointer.seems_over:
            ready_at = ready_at if not endpointer.speaking else None
        elif ready_at is None:
            announced += 1
            ready_at = end + samples_of(contender.answer_ms)
        if ready_at is not None and end >= ready_at and endpointer.may_end:
            return Outcome(end, since, announced)
    return Outcome(None, since, announced)


def verdict(scene: Scene, outcome: Outcome) -> tuple[bool, bool, bool, float | None]:
    """Whether the first word was lost, the utterance cut off, its end missed; and how late it was found, in ms."""
    if outcome.ended is None:
        return outcome.since > scene.begin, False, True, None
    short = outcome.ended < min(scene.begin + samples_of(FIRST_WORD_S * 1000), scene.end)
    lost = outcome.since > scene.begin or short
    cut = outcome.ended < scene.end
    delay_ms = 1000 * duration_s(outcome.ended - scene.end)
    late = delay_ms > LATE_S * 1000
    return lost, cut, late, None if cut or late else delay_ms


def false_starts(contender: Contender, detector: Detector, noise: Pcm) -> int:
    """How often speech is heard where there is none; after each the button is pressed again."""
    context = samples_of(CONTEXT_S * 1000)
    starts, pressed = 0, context
    while pressed + context < len(noise):
        detector.reset()
        endpointer = Endpointer(HANGOVER_MS, LONGEST_S, LONGEST_S)
        for at, frame in frames(noise, pressed - context):
            if at + FRAME_SAMPLES <= pressed - samples_of(contender.preroll_ms):
                detector.prepare(frame)
                continue
            endpointer.frame(detector.is_speech(frame), detector.doubtful)
            if endpointer.spoke:
                starts, pressed = starts + 1, at + context
                break
        else:
            return starts
    return starts


def frames(pcm: Pcm, first: int) -> Iterator[tuple[int, Pcm]]:
    """The whole frames from this sample on, each with where it begins."""
    for at in range(first, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        yield at, pcm[at : at + FRAME_SAMPLES]


def table(rows: Iterable[Row]) -> str:
    """For people."""
    heads = [("1st word", "cut off", "missed", "end delay ms", "false", "announced", "CPU")]
    heads += [("whole %", "%", "%", "p50 / p95", "/ min", "/ utt.", "ms/s")]
    widths = (9, 8, 8, 12, 7, 9, 7)
    lines = [
        f"{first:>6} {second:24} " + " ".join(f"{head:>{width}}" for head, width in zip(row, widths, strict=True))
        for (first, second), row in zip((("SNR dB", "endpointer"), ("", "")), heads, strict=True)
    ]
    lines += [
        f"{each.snr_db!s:>6} {each.endpointer:24} "
        f"{100 - each.first_word_loss_percent:9.1f} {each.cut_off_percent:8.1f}"
        f" {each.missed_percent:8.1f} {each.end_delay_p50_ms:5.0f} /{each.end_delay_p95_ms:5.0f} "
        f"{each.false_starts_per_min:7.2f} {each.announced_per_utterance:9.2f} {each.cpu_ms_per_s:7.1f}"
        for each in rows
    ]
    return "\n".join(lines)


class Level:
    """The seed's detector: louder than a level is speech (port Detector)."""

    late_ms = 0
    doubtful = False

    def __init__(self, dbfs: float = -40.0) -> None:
        self._power = 32768**2 * 10 ** (dbfs / 10)

    def is_speech(self, frame: Pcm) -> bool:
        """Of 320 samples."""
        return float(np.mean(np.square(frame, dtype=np.float64))) > self._power

    def prepare(self, frame: Pcm) -> None:
        """It has no memory."""

    def reset(self) -> None:
        """It has no memory."""


