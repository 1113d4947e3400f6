"""A USB sound stick in software: mono microphone, stereo speaker, 16 bit, one rate. A program of its own.

It speaks USB/IP to the guest's kernel, whose virtual port (vhci-hcd) and own snd-usb-audio driver take it for hardware:
the same limits, errors and timing. It runs on the host and paces itself by the lab's time, so that an overloaded
guest loses sound as a real one would. It is plugged in as long as it runs. The far end:

| where | what |
|---|---|
| standard input | s16le mono: what the microphone hears from now on, in real time, whether or not somebody records |
| `speaker.raw` | s16le stereo, what the speaker was given |
| `speaker.times` | pairs of float64 and int64: at this time of the lab so many frames had been played |
| `events` | a line of JSON each: `at` by the lab's time, and `what` |
| SIGUSR1 | the stick hangs: it stays plugged in and answers nothing; the next one ends that |

The end of standard input pulls it out. The mixer's volumes are noted in `events` and not applied to the sound.
"""

import argparse
import json
import math
import os
import select
import signal
import socket
import struct
import sys
from collections import deque
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

from tests.lab.pace import PACE, now
from tests.lab.usb_descriptors import (
    LINUX_FOUNDATION,
    MICROPHONE_STREAM,
    MICROPHONE_VOLUME,
    SAMPLE_BYTES,
    SPEAKER_CHANNELS,
    SPEAKER_ENDPOINT,
    SPEAKER_STREAM,
    SPEAKER_VOLUME,
    sound_stick,
)

_SUBMIT, _UNLINK, _SUBMITTED, _UNLINKED = 1, 2, 3, 4
_STALL, _CONNRESET = -32, -104
_HEADER_BYTES, _PACKET_BYTES = 48, 16
_STREAMS = {SPEAKER_STREAM: "speaker", MICROPHONE_STREAM: "microphone"}
_LOWEST_DB, _STEP_256TH_DB = -60, 256
# Sound that nobody took for so long has passed; less is a guest that is late, because its host is busy.
_PATIENCE_S = 1.0
TICK_S = 0.004
"""Answers go out so often, as from a host controller that gathers its interrupts: one by one they cost too much."""


@dataclass(order=True, slots=True)
class Transfer:
    """Packets of one stream, of a millisecond each, that end at `due`."""

    due: float
    number: int
    endpoint: int
    packets: int
    content: bytes


class FarEnd:
    """The air at the microphone and at the speaker."""

    def __init__(self, folder: Path, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._speaker = (folder / "speaker.raw").open("ab", buffering=0)
        self._times = (folder / "speaker.times").open("ab", buffering=0)
        self._events = (folder / "events").open("a", buffering=1)
        self._air = bytearray()
        self._air_due = 0.0
        self._frames = 0

    def event(self, what: str, at: float | None = None) -> None:
        print(json.dumps({"at": now() if at is None else at, "what": what}), file=self._events)

    def say(self, pcm: bytes) -> None:
        """Sound begins, or goes on behind what there is."""
        if not self._air:
            self._air_due = now()
        self._air += pcm

    def listen(self, samples: int, at: float) -> bytes:
        """What the microphone hears up to `at`; silence when there is nothing."""
        if not self._air:
            return bytes(samples * SAMPLE_BYTES)
        late_s = at - samples / self._rate_hz - self._air_due
        if late_s > _PATIENCE_S:
            del self._air[: int(late_s * self._rate_hz) * SAMPLE_BYTES]
            self._air_due += late_s
        heard = bytes(self._air[: samples * SAMPLE_BYTES])
        del self._air[: len(heard)]
        self._air_due += samples / self._rate_hz
        if not self._air:
            self.event("silence", at)
        return heard + bytes(samples * SAMPLE_BYTES - len(heard))

    def play(self, pcm: bytes, at: float) -> None:
        """The speaker has played this by `at`."""
        self._speaker.write(pcm)
        self._frames += len(pcm) // (SAMPLE_BYTES * SPEAKER_CHANNELS)
        self._times.write(struct.pack("<dq", at, self._frames))


class Stick:
    """The device: answers requests, and paces the streams at one packet a millisecond."""

    def __init__(
        self, connection: socket.socket, far_end: FarEnd, rate_hz: int, name: str, drift_ppm: float, maker: int
    ) -> None:
        self._connection = connection
        self._far_end = far_end
        self._rate_hz = rate_hz
        self._descriptors = sound_stick(rate_hz, name, maker)
        self._packet_s = 0.001 / (1 + drift_ppm * 1e-6)
        self._mixer = {SPEAKER_VOLUME: [0, 0], MICROPHONE_VOLUME: [0, 0]}  # mute, volume in 1/256 dB
        self._input = bytearray()
        self._output: deque[memoryview] = deque()
        self._transfers: list[Transfer] = []
        self._busy_until: dict[int, float] = {}
        self._look_at = 0.0
        self._owed = 0.0  # samples of the microphone, where the rate is no multiple of 1000
        self.hanging = False

    def run(self, air: int) -> None:
        """Be plugged in until the guest hangs up or the descriptor `air` ends."""
        while True:
            due = min((transfer.due for transfer in self._transfers), default=None)
            self._look_at = math.inf if due is None else math.ceil(due / TICK_S) * TICK_S
            wait_s = None if due is None else max(0.0, self._look_at - now()) / PACE
            if self.hanging:
                wait_s = 0.05  # a signal does not end the wait
            writers = [self._connection] if self._output else []
            readers: list[socket.socket | int] = [air] if self.hanging else [self._connection, air]
            readable, _, _ = select.select(readers, writers, [], wait_s)
            if air in readable:
                pcm = os.read(air, 1 << 20)
                if not pcm:
                    return
                self._far_end.say(pcm)
            if self._connection in readable and not self._receive():
                return
            self._finish_what_is_due()
            self._send()

    def _receive(self) -> bool:
        try:
            got = self._connection.recv(1 << 18)
        except ConnectionResetError:
            got = b""
        self._input += got
        while self._take_message():
            pass
        return bool(got)

    def _take_message(self) -> bool:
        """Act on one whole message; False if there is none yet."""
        if len(self._input) < _HEADER_BYTES:
            return False
        command, number, _, inward, endpoint, _, length, _, packets, _ = struct.unpack_from(">10i", self._input)
        if command == _UNLINK:
            forget = struct.unpack_from(">I", self._input, 20)[0]
            del self._input[:_HEADER_BYTES]
            self._unlink(number, forget)
            return True
        size = _HEADER_BYTES + (0 if inward else length) + (_PACKET_BYTES * packets if endpoint and packets > 0 else 0)
        if len(self._input) < size:
            return False
        setup, content = bytes(self._input[40:_HEADER_BYTES]), bytes(self._input[_HEADER_BYTES:size])
        del self._input[:size]
        if endpoint == 0:
            answer = self._control(setup, content)
            status = _STALL if answer is None else 0
            if inward:
                self._reply(number, status, (answer or b"")[:length])
            else:
                self._reply(number, status, actual=length)
        else:
            due = max(self._busy_until.get(endpoint, 0.0), now()) + packets * self._packet_s
            self._busy_until[endpoint] = due
            self._transfers.append(Transfer(due, number, endpoint, packets, content))
        return True

    def _unlink(self, number: int, forget: int) -> None:
        gone = [transfer for transfer in self._transfers if transfer.number == forget]
        for transfer in gone:
            self._transfers.remove(transfer)
            self._busy_until.pop(transfer.endpoint, None)
        self._reply(number, _CONNRESET if gone else 0, kind=_UNLINKED)

    def _finish_what_is_due(self) -> None:
        at = now()
        if at < self._look_at:
            return
        while not self.hanging and self._transfers and min(self._transfers).due <= at:
            transfer = min(self._transfers)
            self._transfers.remove(transfer)
            self._finish(transfer)

    def _finish(self, transfer: Transfer) -> None:
        content, packets = transfer.content, transfer.packets
        if transfer.endpoint == SPEAKER_ENDPOINT:
            told = content[-_PACKET_BYTES * packets :]
            pcm = content[: -_PACKET_BYTES * packets]
            sizes = [(offset, length, length) for offset, length, _, _ in struct.iter_unpack(">4I", told)]
            self._far_end.play(pcm, transfer.due)
            actual, data = len(pcm), b""
        else:
            sizes, samples = [], 0
            for offset, length, _, _ in struct.iter_unpack(">4I", content):
                self._owed += self._rate_hz / 1000
                due = min(int(self._owed), length // SAMPLE_BYTES)
                self._owed -= due
                samples += due
                sizes.append((offset, length, due * SAMPLE_BYTES))
            data = self._far_end.listen(samples, transfer.due)
            actual = len(data)
        done = b"".join(starmap(lambda offset, length, used: struct.pack(">4I", offset, length, used, 0), sizes))
        self._reply(transfer.number, 0, data, actual=actual, packets=packets, told=done)

    def _reply(
        self, number: int, status: int, data: bytes = b"", *, actual: int | None = None,
        packets: int = 0, told: bytes = b"", kind: int = _SUBMITTED,
    ) -> None:  # fmt: skip
        length = len(data) if actual is None else actual
        head = struct.pack(">5I5i8x", kind, number, 0, 0, 0, status, length, 0, packets, 0)
        self._output.append(memoryview(head + data + told))

    def _send(self) -> None:
        if len(self._output) > 1:
            together = memoryview(b"".join(self._output))
            self._output.clear()
            self._output.append(together)
        while self._output:
            try:
                sent = self._connection.send(self._output[0])
            except BlockingIOError:
                return
            self._output[0] = self._output[0][sent:]
            if not self._output[0]:
                self._output.popleft()

    def _control(self, setup: bytes, content: bytes) -> bytes | None:
        """The answer to a request on endpoint 0; None refuses it."""
        kind, request, value, index, _ = struct.unpack("<BBHHH", setup)
        unit, what = index >> 8, value >> 8
        match kind, request:
            case 0x80, 6:
                return self._descriptors.get(value >> 8, value & 255)
            case 0x80, 0:  # GET_STATUS
                return b"\0\0"
            case 0x81, 10:  # GET_INTERFACE
                return b"\0"
            case 0x01, 11:  # SET_INTERFACE
                self._far_end.event(f"{_STREAMS.get(index, index)} {'on' if value else 'off'}")
            case 0xA1, _ if unit in self._mixer:
                mute, volume = self._mixer[unit]
                if what == 1:
                    return bytes([mute])
                limits = {0x81: volume, 0x82: _LOWEST_DB * 256, 0x83: 0, 0x84: _STEP_256TH_DB}
                return struct.pack("<h", limits.get(request, 0))
            case 0x21, _ if unit in self._mixer:
                wanted = int.from_bytes(content, "little", signed=True)
                if what == 1:
                    self._mixer[unit][0] = wanted
                else:
                    self._mixer[unit][1] = max(_LOWEST_DB, min(0, wanted // 256)) * 256
                mute, volume = self._mixer[unit]
                self._far_end.event(f"unit {unit} mute {mute} volume {volume / 256:.0f} dB")
        return b"" if kind < 0x80 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guest", required=True, help="where the lab's agent takes USB devices: address:port")
    parser.add_argument("--folder", required=True, type=Path, help="for the far end's files")
    parser.add_argument("--rate-hz", type=int, default=48000)
    parser.add_argument("--drift-ppm", type=float, default=0.0, help="by how much the stick's clock is too fast")
    parser.add_argument("--name", default="Stick")
    parser.add_argument("--maker", type=int, default=LINUX_FOUNDATION, help="the USB id of its maker")
    given = parser.parse_args()
    host, port = given.guest.split(":")
    far_end = FarEnd(given.folder, given.rate_hz)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        stick = Stick(connection, far_end, given.rate_hz, given.name, given.drift_ppm, given.maker)

        def hang(*_: object) -> None:
            stick.hanging = not stick.hanging
            far_end.event("hanging" if stick.hanging else "answering")

        signal.signal(signal.SIGUSR1, hang)
        far_end.event("plugged in")
        stick.run(sys.stdin.fileno())
    far_end.event("unplugged")


if __name__ == "__main__":
    main()
