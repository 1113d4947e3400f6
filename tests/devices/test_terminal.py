"""The keyboard as button, in a real pseudo-terminal and in a pipe."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, TextIO

import pytest

from hero365_edge.core.gestures import DOUBLE_TAP_MS, HOLD_MS, Edge, Gestures, HoldBegan, Pressed, Released, Tapped
from hero365_edge.core.lamp import Light
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.terminal import KEYS, TerminalPanel
from hero365_edge.errors import DeviceError

CLOCK = SystemClock()


@dataclass
class Terminal:
    """A pseudo-terminal: `keyboard` is the person's end."""

    keyboard: int
    device: int
    stdin: TextIO
    stdout: TextIO

    def type(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def drawn(self) -> str:
        return os.read(self.keyboard, 4096).decode()

    def mode(self) -> list[Any]:
        return termios.tcgetattr(self.device)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    keyboard, device = os.openpty()
    with ExitStack() as stack:
        stack.callback(os.close, keyboard)
        stack.callback(os.close, device)
        name = os.ttyname(device)
        stdin = stack.enter_context(Path(name).open())
        stdout = stack.enter_context(Path(name).open("w"))
        yield Terminal(keyboard, device, stdin, stdout)


@pytest.fixture
async def panel(terminal: Terminal) -> Any:
    panel = TerminalPanel(CLOCK, terminal.stdin, terminal.stdout)
    panel.start()
    yield panel
    panel.close()


async def told_by(panel: TerminalPanel, count: int) -> list[Edge]:
    async with asyncio.timeout(2):
        return [await panel.edge() for _ in range(count)]


async def nothing_more(panel: TerminalPanel) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await panel.edge()
    except TimeoutError:
        return True
    return False


async def test_the_space_bar_is_a_tap(terminal: Terminal, panel: TerminalPanel) -> None:
    terminal.type(b" ")
    press, release = await told_by(panel, 2)
    assert (press.pressed, release.pressed) == (True, False)
    assert 0.05 <= release.at - press.at < HOLD_MS / 1000
    gestures = Gestures()
    told = [*gestures.edge(press), *gestures.edge(release), *gestures.tick(release.at + 1)]
    assert told == [Pressed(press.at), Tapped(release.at)]


async def test_h_is_a_hold_until_it_is_typed_again(terminal: Terminal, panel: TerminalPanel) -> None:
    terminal.type(b"h")
    (press,) = await told_by(panel, 1)
    terminal.type(b" d")  # a finger that holds the button cannot tap it
    assert await nothing_more(panel)
    await asyncio.sleep(HOLD_MS / 1000)
    terminal.type(b"h")
    (release,) = await told_by(panel, 1)
    gestures = Gestures()
    assert [type(told) for told in gestures.edge(press) + gestures.edge(release)] == [Pressed, HoldBegan, Released]


async def test_d_is_a_double_tap(terminal: Terminal, panel: TerminalPanel) -> None:
    terminal.type(b"d")
    edges = await told_by(panel, 4)
    assert [edge.pressed for edge in edges] == [True, False, True, False]
    assert edges[2].at - edges[1].at < DOUBLE_TAP_MS / 1000


async def test_keys_typed_at_once_are_one_finger(terminal: Terminal, panel: TerminalPanel) -> None:
    terminal.type(b"  dh x\x1b[A")
    assert [edge.pressed for edge in await told_by(panel, 2)] == [True, False]
    assert await nothing_more(panel)
    terminal.type(b"hh")
    assert [edge.pressed for edge in await told_by(panel, 2)] == [True, False]


async def test_more_taps_than_anybody_reads_are_refused_whole(terminal: Terminal, panel: TerminalPanel) -> None:
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, error: errors.append(error))
    for _ in range(40):
        terminal.type(b"hh")
        await asyncio.sleep(0.002)
    told = await told_by(panel, 64)
    assert [edge.pressed for edge in told] == [True, False] * 32
    assert await nothing_more(panel)
    assert errors == []


@pytest.mark.parametrize("key", [b"q", b"\x04"])
async def test_leaving_is_told(terminal: Terminal, panel: TerminalPanel, key: bytes) -> None:
    assert not panel.closed.is_set()
    terminal.type(key)
    async with asyncio.timeout(2):
        await panel.closed.wait()


async def test_the_end_of_a_pipe_is_leaving_and_its_keys_count() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, StringIO() as stdout:
        panel = TerminalPanel(CLOCK, stdin, stdout)
        panel.start()
        os.write(writing, b" ")
        os.close(writing)
        assert len(await told_by(panel, 2)) == 2
        async with asyncio.timeout(2):
            await panel.closed.wait()
        assert not asyncio.get_running_loop().remove_reader(reading)  # or it would be readable for ever
        panel.close()


async def test_an_input_that_breaks_is_leaving() -> None:
    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, error: errors.append(error))
    ours, theirs = socket.socketpair()
    ours.send(b"unread")
    theirs.close()  # with something unread, which resets the connection
    with os.fdopen(ours.detach()) as stdin:
        panel = TerminalPanel(CLOCK, stdin, StringIO())
        panel.start()
        async with asyncio.timeout(2):
            await panel.closed.wait()
        panel.close()
    assert errors == []


async def test_keys_are_not_echoed_and_the_terminal_is_given_back_as_it_was(terminal: Terminal) -> None:
    before = terminal.mode()
    panel = TerminalPanel(CLOCK, terminal.stdin, terminal.stdout)
    panel.start()
    assert not terminal.mode()[3] & (termios.ECHO | termios.ICANON)
    assert terminal.mode()[3] & termios.ISIG  # Ctrl-C is still the signal
    panel.close()
    assert terminal.mode() == before
    panel.close()
    panel.start()
    panel.close()
    assert terminal.mode() == before


DYING = """
import asyncio, os, signal, sys
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.terminal import TerminalPanel

async def main():
    TerminalPanel(SystemClock(), sys.stdin, sys.stdout).start()
    print("ready", flush=True)
    await asyncio.sleep(20)

{death}
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("death", "strike"),
    [
        ("", signal.SIGINT),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))", signal.SIGTERM),
    ],
)
def test_a_process_that_dies_without_closing_gives_the_terminal_back_too(
    terminal: Terminal, death: str, strike: signal.Signals
) -> None:
    before = terminal.mode()
    dying = subprocess.Popen(  # noqa: S603  the script above
        [sys.executable, "-c", DYING.format(death=death)],
        stdin=terminal.stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )
    with dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "ready\n"
        assert terminal.mode() != before
        dying.send_signal(strike)
        dying.wait(10)
    assert terminal.mode() == before


async def test_the_lamp_is_one_line_in_the_light_s_colour_that_is_cleared_at_the_end(terminal: Terminal) -> None:
    panel = TerminalPanel(CLOCK, terminal.stdin, terminal.stdout)
    panel.start()
    panel.show(Light.LISTENING)
    assert terminal.drawn() == "\r\x1b[2K\x1b[38;2;0;255;0m●\x1b[0m listening"
    panel.show(Light.FAULT)
    assert terminal.drawn() == "\r\x1b[2K\x1b[38;2;255;0;0m●\x1b[0m fault"
    panel.close()
    assert terminal.drawn() == "\r\x1b[2K"


async def test_the_lamp_is_plain_words_one_line_a_change_where_there_is_no_terminal(terminal: Terminal) -> None:
    stdout = StringIO()
    panel = TerminalPanel(CLOCK, terminal.stdin, stdout)
    panel.start()
    for light in (Light.OFFLINE, Light.READY, Light.READY, Light.LISTENING):
        panel.show(light)
    panel.close()
    assert stdout.getvalue() == "lamp: offline\nlamp: ready\nlamp: listening\n"


async def test_a_lamp_that_nobody_looks_at_any_more_is_no_error(terminal: Terminal) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stdout = os.fdopen(writing, "w")
    panel = TerminalPanel(CLOCK, terminal.stdin, stdout)
    panel.start()
    panel.show(Light.READY)
    panel.close()
    with pytest.raises(BrokenPipeError):
        stdout.close()


@pytest.mark.parametrize("no_keyboard", ["/dev/null", __file__])
async def test_an_input_without_keys_is_refused_with_a_remedy(no_keyboard: str) -> None:
    stdin = os.fdopen(os.open(no_keyboard, os.O_RDONLY))
    with stdin, pytest.raises(DeviceError, match=r"neither a terminal nor a pipe.*panel.profile"):
        TerminalPanel(CLOCK, stdin, StringIO()).start()


async def test_a_closed_input_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"panel.profile"):
        TerminalPanel(CLOCK, StringIO(), StringIO()).start()


async def test_a_terminal_that_hangs_up_is_leaving() -> None:
    keyboard, device = os.openpty()
    with os.fdopen(device) as stdin, StringIO() as stdout:
        panel = TerminalPanel(CLOCK, stdin, stdout)
        panel.start()
        os.close(keyboard)
        async with asyncio.timeout(2):
            await panel.closed.wait()
        panel.close()


def test_the_keys_are_explained() -> None:
    assert all(word in KEYS for word in ("space", "h:", "d:", "q:"))
