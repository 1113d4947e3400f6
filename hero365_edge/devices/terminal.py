"""A keyboard as the button and a line of text as the lamp, for a machine without GPIO."""

import asyncio
import atexit
import os
import termios
import tty
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, TextIO

from hero365_edge.core.gestures import Edge
from hero365_edge.core.lamp import Light, pattern
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock

KEYS = "space: tap   h: hold, again to let go   d: double tap   q: quit"
"""For the person at the keyboard."""

# A terminal tells no release of a key, so a key plays a whole gesture: (ms after the key, pressed).
_GESTURES: dict[bytes, tuple[tuple[int, bool], ...]] = {
    b" ": ((0, True), (50, False)),
    b"d": ((0, True), (50, False), (150, True), (200, False)),
}
_HOLD = b"h"
_QUIT = (b"q", b"\x03", b"\x04")  # Ctrl-C and Ctrl-D, where the terminal passes them on as bytes
_EDGES = 64


class TerminalPanel:
    """Reads keys from `stdin`, a terminal or a pipe, and draws the lamp on `stdout`.

    On a terminal the lamp is one line that changes in place; elsewhere each change is a line of plain words.
    """

    alive = True
    troubles: Mapping[str, str] = MappingProxyType({})

    def __init__(self, clock: Clock, stdin: TextIO, stdout: TextIO) -> None:
        self._clock = clock
        self._stdin = stdin
        self._stdout = stdout
        self._in_place = stdout.isatty()
        self.closed = asyncio.Event()
        """Set when the person wants to leave: `q`, the end of the input, or a Ctrl-C that came as a byte."""

        self._edges: asyncio.Queue[Edge] = asyncio.Queue(_EDGES)
        self._fd = -1
        self._pressed = False
        self._playing: list[asyncio.TimerHandle] = []
        self._playing_until = 0.0
        self._light: Light | None = None
        self._saved_mode: list[Any] | None = None

    def start(self) -> None:
        """Listen to the keys, from within the event loop. Raises DeviceError if `stdin` has none to give."""
        self._loop = asyncio.get_running_loop()
        try:
            fd = self._stdin.fileno()
            self._loop.add_reader(fd, self._readable)
        except (OSError, ValueError) as error:
            # A file and /dev/null cannot be waited for, and a closed stream has no descriptor.
            raise DeviceError(
                f"keyboard as button: standard input is neither a terminal nor a pipe ({error}); "
                "set panel.profile to none"
            ) from error
        self._fd = fd
        if self._stdin.isatty():
            self._saved_mode = termios.tcgetattr(fd)
            atexit.register(self._restore_mode)  # whatever ends the process, the shell must be usable again
            tty.setcbreak(fd)
        if self._light is not None:
            self._draw(self._light)

    async def edge(self) -> Edge:
        """The next edge of the button that the keys play."""
        return await self._edges.get()

    def show(self, light: Light) -> None:
        """Let the lamp show this until told otherwise; kept over `close` and `start`."""
        if light != self._light:
            self._light = light
            if self._fd >= 0:
                self._draw(light)

    def close(self) -> None:
        """Give the terminal back as it was. Safe to call again; `start` takes it anew."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        self._fd = -1
        for step in self._playing:
            step.cancel()
        self._playing, self._playing_until, self._pressed = [], 0.0, False
        self._restore_mode()
        if self._in_place:
            self._write("\r\x1b[2K")

    def _restore_mode(self) -> None:
        atexit.unregister(self._restore_mode)
        if self._saved_mode is not None:
            mode, self._saved_mode = self._saved_mode, None
            with suppress(termios.error, OSError, ValueError):  # the terminal itself may have gone
                termios.tcsetattr(self._stdin.fileno(), termios.TCSADRAIN, mode)

    def _readable(self) -> None:
        try:
            keys = os.read(self._fd, 64)
        except OSError:  # EIO: the terminal is no longer ours
            keys = b""
        for key in (keys[i : i + 1] for i in range(len(keys))):
            self._key(key)
        if not keys:
            self._loop.remove_reader(self._fd)  # the end would be readable for ever
            self.closed.set()

    def _key(self, key: bytes) -> None:
        if key in _QUIT:
            self.closed.set()
        elif self._loop.time() < self._playing_until:
            pass  # a key that repeats itself is not more fingers
        elif key == _HOLD:
            self._play(((0, not self._pressed),))
        elif key in _GESTURES and not self._pressed:
            self._play(_GESTURES[key])

    def _play(self, steps: tuple[tuple[int, bool], ...]) -> None:
        if self._edges.qsize() + len(steps) > _EDGES:
            return  # a gesture is queued as a whole or not at all
        self._move(steps[0][1])
        self._playing = [self._loop.call_later(ms / 1000, self._move, pressed) for ms, pressed in steps[1:]]
        self._playing_until = self._loop.time() + steps[-1][0] / 1000

    def _move(self, pressed: bool) -> None:
        if pressed != self._pressed:
            self._pressed = pressed
            self._edges.put_nowait(Edge(pressed, self._clock.now()))

    def _draw(self, light: Light) -> None:
        if self._in_place:
            red, green, blue = (round(255 * part) for part in pattern(light).colour)
            self._write(f"\r\x1b[2K\x1b[38;2;{red};{green};{blue}m●\x1b[0m {light}")
        else:
            self._write(f"lamp: {light}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # nobody looks at the lamp any more
            self._stdout.write(text)
            self._stdout.flush()
