"""An utterance while it is made: its frames, where it began, and where speech was in it."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from hero365_edge.codec_ports import Resampler
from hero365_edge.core.capture_meter import full_scale_s
from hero365_edge.core.endpointer import Endpointer
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, Pcm, duration_s
from hero365_edge.ports import Block


@dataclass(slots=True)
class Utterance:
    """What was recorded, in frames of 20 ms; kept until the backend has accepted it."""

    utterance_id: str
    frames: list[Pcm] = field(default_factory=list)
    complete: bool = False
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there are more frames, or none will come."""
    marks: list[tuple[int, bool]] = field(default_factory=list)
    """Behind so many frames it may have ended (True), or had not (False)."""

    def mark(self, ended: bool) -> None:
        """Behind the newest frame it may have ended, or it had not."""
        self.marks.append((len(self.frames), ended))
        self.grown.set()

    def close(self) -> None:
        """No more frames will come."""
        self.complete = True
        self.grown.set()

    def pcm(self) -> Pcm:
        """All of it, 16 kHz mono."""
        return np.concatenate(self.frames) if self.frames else EMPTY


@dataclass(slots=True)
class Recording:
    """The recording under way."""

    utterance: Utterance
    endpointer: Endpointer
    resampler: Resampler | None = None
    """From the card's rate; made with the first block, for the card may open after the press."""
    until: float | None = None
    """When it ends; None while it is open."""
    pressed_at: float = 0.0
    """When the button went down, or a voice began; what was captured before is pre-roll."""
    pressed: bool = True
    """Whether it was the button."""
    begins_at: float = 0.0
    """Where the pre-roll begins; what was captured before is only looked at."""
    first_captured_at: float = 0.0
    looked_at: int = 0
    """How many frames before its first were only looked at."""
    rest: Pcm = field(default_factory=lambda: EMPTY)
    """Samples that do not fill a frame yet."""

    def time_of(self, frame: int) -> float:
        """When this frame's last sample was captured."""
        return self.first_captured_at + duration_s((self.looked_at + frame + 1) * FRAME_SAMPLES)

    @property
    def recorded_until(self) -> float:
        """When the newest sample was captured."""
        return self.time_of(len(self.utterance.frames) - 1)

    @property
    def speech_end(self) -> float:
        """When the last voiced sample was captured; the end of the recording when there was none."""
        if not self.utterance.frames:
            return self.until or 0.0
        last = self.endpointer.last_voiced_frame
        return self.time_of(last) - self.endpointer.late_ms / 1000 if last >= 0 else self.recorded_until


def used(pcm: Pcm, channel: int | None) -> Pcm:
    """Of samples of shape (n, channels) those of the one channel, shape (n, 1), or of all where `channel` is None.

    A card that has no such channel is used by its last one.
    """
    if channel is None:
        return pcm
    last = min(channel, pcm.shape[1] - 1)
    return pcm[:, last : last + 1]


def mono(pcm: Pcm, channel: int | None) -> Pcm:
    """What is used of samples of shape (n, channels): the one channel, or the average of all."""
    pcm = used(pcm, channel)
    if pcm.shape[1] == 1:
        return np.ascontiguousarray(pcm[:, 0])
    average: Pcm = np.round(pcm.mean(axis=1)).astype(np.int16)
    return average


def clipped_s(block: Block, channel: int | None, rate_hz: int) -> float:
    """How long what is used of it was at full scale where the card gave it."""
    return full_scale_s(used(block.pcm, channel), rate_hz) if block.clipped_s is None else block.clipped_s
