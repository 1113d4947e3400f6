"""The USB sound stick as a test holds it: plugged in, spoken to, listened to, pulled out."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from hero365_edge.core.pcm import RATE_HZ, Pcm, from_bytes
from tests.lab.namespace import GUEST, Namespace
from tests.lab.pace import PACE, now, sleep
from tests.lab.usb_descriptors import LINUX_FOUNDATION

_ROOT = Path(__file__).parents[2]
_USB_PORT = 3240
_CHANNELS = 2
_PLUG_LIMIT_S = 40.0
_UNHEARD_LIMIT_S = 5.0
LOUD = 300
"""A sample this far from 0 is sound (1 % of full scale)."""


class StickError(Exception):
    """The guest did not take the stick, or nobody recorded what was said."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What the speaker was given. `pcm` has shape (frames, 2), int16, at `rate_hz`."""

    pcm: NDArray[np.int16]
    rate_hz: int
    _ends: NDArray[np.int64]
    _ends_at: NDArray[np.float64]

    def at(self, frame: int) -> float:
        """When that frame was played: in the lab's time, ± 1 ms."""
        block = int(np.searchsorted(self._ends, frame, side="right"))
        block = min(block, self._ends.size - 1)
        return float(self._ends_at[block] - (self._ends[block] - frame) / self.rate_hz)

    def sounds(self, quiet_s: float = 0.2, loud: int = LOUD) -> list[tuple[float, float]]:
        """When there was sound: (begin, end) in the lab's time, parted by `quiet_s` of none."""
        frames = np.flatnonzero(np.abs(self.pcm.astype(np.int32)).max(axis=1, initial=0) >= loud)
        if not frames.size:
            return []
        breaks = np.flatnonzero(np.diff(frames) > quiet_s * self.rate_hz)
        begins = frames[np.concatenate(([0], breaks + 1))]
        ends = frames[np.concatenate((breaks, [frames.size - 1]))]
        return [(self.at(int(begin)), self.at(int(end) + 1)) for begin, end in zip(begins, ends, strict=True)]

    def mono(self) -> Pcm:
        """The left channel at 16 kHz, to be compared with what a backend sent."""
        return from_bytes(soxr.resample(self.pcm[:, 0], self.rate_hz, RATE_HZ).astype("<i2").tobytes())


class UsbStick:
    """A stick that is plugged in until `unplug`. Raises StickError if the guest does not take it."""

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        *,
        rate_hz: int = 48000,
        drift_ppm: float = 0.0,
        name: str = "Stick",
        maker: int = LINUX_FOUNDATION,
    ) -> None:
        self.name = name
        self._rate_hz = rate_hz
        self._folder = folder
        self._frames_read = 0
        options = [f"--rate-hz={rate_hz}", f"--drift-ppm={drift_ppm}", f"--name={name}", f"--maker={maker}"]
        command = [sys.executable, "-m", "tests.lab.usb_stick", f"--guest={GUEST}:{_USB_PORT}", f"--folder={folder}"]
        with (folder / "log").open("ab") as log:
            self._process = namespace.start([*command, *options], log, folder=_ROOT, stdin=subprocess.PIPE)
        assert self._process.stdin is not None
        self._air = self._process.stdin
        # The kernel's driver ends its look at the stick by switching the last stream off.
        if not self._wait("microphone off", _PLUG_LIMIT_S):
            self.unplug()
            raise StickError(f"the guest does not take the USB stick: {(folder / 'log').read_text()[-500:]}")

    def speak(self, sound: Pcm | Path, wait: bool = True) -> float:
        """Say this at the microphone: 16 kHz mono, or a WAV file of any rate.

        Returns the time at which it was over; without `wait`, at which it will be about over, at
        once. Raises StickError when nobody records.
        """
        rate_hz, pcm = _read(sound) if isinstance(sound, Path) else (RATE_HZ, sound)
        said = soxr.resample(pcm, rate_hz, self._rate_hz).astype("<i2").tobytes()
        before = len(self.events())
        over_at = now() + pcm.size / rate_hz
        if not wait:
            threading.Thread(target=self._say, args=(said,), daemon=True).start()
            return over_at
        self._say(said)
        if not self._wait("silence", pcm.size / rate_hz + _UNHEARD_LIMIT_S, before):
            raise StickError("nobody recorded what was said at the USB stick's microphone")
        return next(at for at, what in self.events()[before:] if what == "silence")

    def heard(self) -> Heard:
        """What the speaker was given since the last call, or since it was plugged in."""
        times = np.fromfile(self._folder / "speaker.times", dtype=[("at", "<f8"), ("end", "<i8")])
        end = int(times["end"][-1]) if times.size else 0
        begin, self._frames_read = self._frames_read, end
        count, offset = (end - begin) * _CHANNELS, begin * _CHANNELS * 2
        pcm = np.fromfile(self._folder / "speaker.raw", dtype="<i2", count=count, offset=offset)
        new = times["end"] > begin
        return Heard(pcm.reshape(-1, _CHANNELS), self._rate_hz, times["end"][new] - begin, times["at"][new])

    def silent(self, for_s: float = 1.0) -> bool:
        """Whether the speaker has been given nothing, not even zeros, for so long: the program let it sleep."""
        return PACE * (time.time() - (self._folder / "speaker.times").stat().st_mtime) > for_s

    def events(self) -> list[tuple[float, str]]:
        """All that happened: the lab's time, and e.g. "speaker on", "microphone off", "silence"."""
        file = self._folder / "events"
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        told = [json.loads(line) for line in lines if line.endswith("\n")]
        return [(each["at"], each["what"]) for each in told]

    def hang(self) -> None:
        """Let it hang, as sticks do: plugged in, and no answer; again: it goes on."""
        before = len(self.events())
        self._process.send_signal(signal.SIGUSR1)
        self._wait("", 5.0, before)

    def unplug(self) -> float:
        """Pull it out; returns when. Safe to call again."""
        self._process.kill()
        self._process.wait(10)
        self._air.close()
        return now()

    def _say(self, pcm: bytes) -> None:
        view = memoryview(pcm)
        while view:
            view = view[os.write(self._air.fileno(), view) :]

    def _wait(self, what: str, limit_s: float, since: int = 0) -> bool:
        deadline = now() + limit_s
        while not any(what in told for _, told in self.events()[since:]):
            if now() > deadline or self._process.poll() is not None:
                return False
            sleep(0.01)
        return True


def _read(path: Path) -> tuple[int, Pcm]:
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise ValueError(f"{path}: {file.getnchannels()} channels of {8 * file.getsampwidth()} bit; needs 1 of 16")
        return file.getframerate(), from_bytes(file.readframes(file.getnframes()))
