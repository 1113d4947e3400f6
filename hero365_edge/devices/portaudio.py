"""PortAudio streams in callback mode: opened by a stable name, and never waited for when a card hangs.

PortAudio exists once per process. Its list of cards is made when its first user initialises it and stays as it was
until its last user has terminated it: after a card was plugged in, close the microphone AND the speaker before
either starts again. Each stream here initialises and terminates for itself; PortAudio counts.

Open nothing that may be refused while another stream runs. PortAudio's ALSA side (19.6) keeps the error of a call in
one variable for all threads, and prints it before it reads it back; the thread of a running stream writes "no error"
there in the meantime. The refusal of a rate is then taken for success, and such a stream cannot start. So the speaker,
asleep, is opened before the microphone, and a card that is opened again is asked first for the rate it took.

A start that fails never returns (PortAudio's issue 535), and then only a new process opens that card again. So a card
that was pulled out while it slept is not started.
"""

import asyncio
import errno
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Literal, TypeAlias

import pyaudio

from hero365_edge.core.pcm import samples_of
from hero365_edge.devices.alsanames import WHAT, Card, Direction, channels, pick, rates
from hero365_edge.devices.depth import deepen
from hero365_edge.devices.quiet import quiet_stderr
from hero365_edge.devices.realtime import raise_this_thread
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock

log = logging.getLogger(__name__)

TimeInfo: TypeAlias = Mapping[str, float]
Callback: TypeAlias = Callable[[bytes | None, int, TimeInfo, int], tuple[bytes | None, int]]
"""What PortAudio's thread calls: data in, frames, times, flags; gives data out and CONTINUE.

It must not raise: PyAudio would throw the exception into the main thread, wherever that is, and end the stream.
"""

CONTINUE: int = pyaudio.paContinue
XRUN: int = pyaudio.paInputOverflow | pyaudio.paOutputUnderflow
"""The flags that say samples were lost, or silence was put in, between the last callback and this one."""

_PYAUDIO: Any = pyaudio.pa
"""The layer under PyAudio's Stream, which knows Pa_AbortStream. `stop_stream` waits for one more callback: a period
late on a healthy card, for ever on one that hangs. Abort cancels PortAudio's thread in its `poll`, where it holds
neither the GIL nor ALSA, and drops what the card still had: silence within 5 ms."""

_CLOSE_LIMIT_S = 0.5  # a healthy card needs 20 ms
_COUNTED = threading.Lock()  # Pa_Initialize, Pa_OpenStream and Pa_Terminate keep count in plain C globals


class Stream:
    """An open stream, not yet running, and the thread that runs, halts and closes it.

    Those three wait for the card, and a card can hang: so they are ordered here, done there, and the event loop
    never waits. Raises DeviceError, naming the device asked for.
    """

    def __init__(
        self, direction: Direction, device: str, rate_hz: int, taken_hz: int, period_ms: int, callback: Callback
    ) -> None:
        """`taken_hz`: at which it was open last, 0 if it never was."""
        self.runs = 0
        """How often it was told to run so far. Counts up while no callback is under way."""
        self.busy_since: float | None = None
        """Since when it has been obeying the same order, closing too; a healthy card needs 20 ms. None when idle."""
        self._callback = callback
        self._is_first = True
        self._halts_ordered = 0
        self._halts_done = 0
        self._orders: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._what = f"{WHAT[direction]} {device!r}"
        with _COUNTED, quiet_stderr():
            try:
                self._audio = pyaudio.PyAudio()
            except OSError as error:
                raise DeviceError(f"{self._what}: PortAudio cannot start ({error})") from error
            try:
                card = pick(_cards(self._audio, direction), direction, device)
                self.channels = channels(card, direction)
                choices_hz = rates(card, rate_hz, taken_hz)
                self._stream, self.rate_hz = _open(direction, card, choices_hz, period_ms, self._called)
            except DeviceError:
                self._audio.terminate()
                raise
        self.card = card
        self.period_frames = samples_of(period_ms, self.rate_hz)
        self._thread = threading.Thread(target=self._work, name=f"portaudio {direction}", daemon=True)
        self._thread.start()

    @property
    def halting(self) -> bool:
        """A halt was ordered and is not done: callbacks of now are heard by nobody, or too late.

        True from the moment of the order, so that a callback can never mistake the old run for the next one.
        """
        return self._halts_ordered != self._halts_done

    def run(self) -> None:
        """Order the card to run."""
        self._orders.put(self._run)

    def halt(self) -> None:
        """Order the card to stop and to drop what it holds (PortAudio's ALSA side drops, it never drains)."""
        self._halts_ordered += 1
        self._orders.put(self._halt)

    def close(self) -> None:
        """Order the card to be closed, and wait half a second for it at most: `closed` says whether it let go."""
        self._orders.put(None)
        self._thread.join(_CLOSE_LIMIT_S)

    @property
    def closed(self) -> bool:
        """The card was let go. Until then a further PortAudio sees the old list of cards."""
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            self.busy_since = time.monotonic()
            try:
                order()
            except OSError as error:  # the callbacks stay away, which is how the owner learns of it
                log.warning("%s did not obey: %s", self._what, error)
            self.busy_since = None
        self.busy_since = time.monotonic()
        _PYAUDIO.close(self._stream)  # aborts it first when it runs
        with _COUNTED:
            self._audio.terminate()

    def _run(self) -> None:
        if not self.card.is_there():  # PortAudio would wait for ever: see above
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        self.runs += 1
        self._is_first = True  # each run has a thread of its own
        _PYAUDIO.start_stream(self._stream)

    def _halt(self) -> None:
        try:
            _PYAUDIO.abort_stream(self._stream)
        finally:
            self._halts_done += 1

    def _called(self, data: bytes | None, frames: int, times: TimeInfo, flags: int) -> tuple[bytes | None, int]:
        if self._is_first:
            self._is_first = False
            raise_this_thread()
        return self._callback(data, frames, times, flags)


def passes_at(
    clock: Clock, times: TimeInfo, which: Literal["input_buffer_adc_time", "output_buffer_dac_time"]
) -> float:
    """When the first sample of a callback passes the card, on the monotonic clock.

    PortAudio looked at its own clock when the samples were ready. For ALSA that is the wall clock as a rule, which
    jumps, or the monotonic one: whichever of the two it is near tells how long the callback has waited since, most
    of it for the GIL. Where that cannot be told, the samples pass now.
    """
    now = clock.now()
    ahead_s = times[which] - times["current_time"]
    for its_now in (now, clock.utc().timestamp()):
        waited_s = its_now - times["current_time"]
        if max(abs(waited_s), abs(ahead_s)) < 1.0:
            return now - waited_s + ahead_s
    return now


class SampleTimes:
    """When each sample of one run passes the card, on the monotonic clock.

    Counted by samples, so as smooth as the card itself, from a beginning that the callbacks estimate: the median
    of 25. A callback right behind another has no say, for it fills a card that has yet to begin, or catches up after
    a stall; both estimate up to 50 ms early.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._noted_at = math.inf
        self._begin_guess = 0.0
        self._begins: deque[float] = deque(maxlen=25)

    def note(self, first: int, frames: int, now: float, at: float) -> None:
        """A callback came `now` for `frames` samples, the `first` of which (counted in the run) passes `at`."""
        begin = at - first / self._rate_hz
        if now - self._noted_at > 0.5 * frames / self._rate_hz:
            self._begins.append(begin)
        else:
            self._begin_guess = begin
        self._noted_at = now

    def of(self, number: int) -> float:
        """When sample `number` of the run passes the card. At least one callback must have been noted."""
        begins = sorted(self._begins)
        begin = begins[len(begins) // 2] if begins else self._begin_guess
        return begin + number / self._rate_hz


class Bell:
    """Wakes a coroutine from PortAudio's thread; however often it is rung, one wake-up at most is under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._event = asyncio.Event()
        self._under_way = False

    def ring(self) -> None:
        """What was done before this call is seen by whoever `wait` wakes. From any thread."""
        if not self._under_way:
            self._under_way = True
            with suppress(RuntimeError):  # the loop is closed: nobody is left to wake
                self._loop.call_soon_threadsafe(self._wake)

    async def wait(self) -> None:
        """Return when the bell has rung since the last `wait`."""
        await self._event.wait()
        self._event.clear()

    def _wake(self) -> None:
        self._under_way = False  # before the event: who rings from here on is not lost
        self._event.set()


def _cards(audio: Any, direction: Direction) -> list[Card]:
    with suppress(OSError):  # a PortAudio without ALSA has no cards
        api = audio.get_host_api_info_by_type(pyaudio.paALSA)
        entries = (audio.get_device_info_by_host_api_device_index(api["index"], i) for i in range(api["deviceCount"]))
        return [
            Card(entry["index"], entry["name"], round(entry["defaultSampleRate"]), entry[key])
            for entry in entries
            if entry[key := f"max{direction.title()}Channels"]
        ]
    return []


def _open(
    direction: Direction, card: Card, choices_hz: Sequence[int], period_ms: int, callback: Callback
) -> tuple[Any, int]:
    """The stream, and its rate: the first of the choices the card takes."""
    if direction == "input":
        deepen(card.index, period_ms / 1000)
    for rate_hz in choices_hz:
        try:
            return _PYAUDIO.open(
                **{direction: True, f"{direction}_device_index": card.index},
                rate=rate_hz,
                channels=channels(card, direction),
                format=pyaudio.paInt16,
                frames_per_buffer=samples_of(period_ms, rate_hz),
                stream_callback=callback,
            ), rate_hz
        except OSError as error:
            if error.errno != pyaudio.paInvalidSampleRate:
                raise DeviceError(f"{WHAT[direction]} {card.name!r} does not open: {error.strerror}") from error
    tried = " and ".join(str(rate_hz) for rate_hz in choices_hz)
    raise DeviceError(f"{WHAT[direction]} {card.name!r} takes no rate of {tried} Hz; its own is {card.rate_hz}")
