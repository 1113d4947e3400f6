"""The button and the lamp in memory: a test is the finger, and reads the lamp's diary."""

import asyncio
from collections.abc import Callable

from hero365_edge.core.bounce import Change
from hero365_edge.core.gestures import Edge
from hero365_edge.core.lamp import Light
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock

_TAP_S = 0.08
_BETWEEN_TAPS_S = 0.1
_EDGES = 64


class FakePanel:
    """A button that does not bounce, and a lamp that remembers.

    Unlike the real panel it tells a release at once, not when it has lasted DEBOUNCE_MS; it stamps an edge with any
    time it is given, also one to come; it tells that it was unplugged at once, not when a pin is next used; and more
    than 64 edges that nobody reads raise QueueFull in the test, where the real one drops the oldest.

    `press` and `release` take no time. `tap`, `double_tap` and `hold` take as long as a finger does, on the event
    loop's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._edges: asyncio.Queue[Edge | DeviceError] = asyncio.Queue(_EDGES)
        self._started = False
        self._plugged = True
        self._pressed = False
        self._light: Light | None = None
        self.lights: list[tuple[float, Light | None]] = []
        """(when, what) the lamp began to show; None is dark."""
        self.alive = True
        self.troubles: dict[str, str] = {}
        """Why a part does nothing while the button works, as the test says."""
        self.watch: Callable[[Change], None] = lambda _: None

    # What the outside world does

    def press(self, at: float | None = None) -> None:
        """Push the button down; nothing if it is down."""
        self._move(pressed=True, at=at)

    def release(self, at: float | None = None) -> None:
        """Let the button go; nothing if it is up."""
        self._move(pressed=False, at=at)

    async def hold(self, seconds: float) -> None:
        """Press, wait, release."""
        self.press()
        await asyncio.sleep(seconds)
        self.release()

    async def tap(self) -> None:
        """Press and release, well within HOLD_MS."""
        await self.hold(_TAP_S)

    async def double_tap(self) -> None:
        """Tap twice, the second within DOUBLE_TAP_MS."""
        await self.tap()
        await asyncio.sleep(_BETWEEN_TAPS_S)
        await self.tap()

    def press_second(self) -> None:
        """Push the second button down and let it go, in no time."""
        for pressed in (True, False):
            if self._started and self.alive:
                self._edges.put_nowait(Edge(pressed, self._clock.now(), second=True))

    def unplug(self) -> None:
        """Take the chip away: `edge` raises DeviceError, and so does `start` until `plug`."""
        self._plugged = False
        if self._started:
            self._edges.put_nowait(DeviceError("fake panel: unplugged"))

    def go_deaf(self) -> None:
        """The thread that waits for the button dies: nothing is told of it any more."""
        self.alive = False

    def plug(self) -> None:
        """Bring the chip back; it is used after the next `start`."""
        self._plugged = True

    # The port

    def start(self) -> None:
        """Take the lines. A button that is already down is a press. Raises DeviceError while unplugged."""
        if not self._plugged:
            raise DeviceError("fake panel: unplugged")
        while not self._edges.empty():
            self._edges.get_nowait()
        self._started = True
        if self._pressed:
            self._edges.put_nowait(Edge(pressed=True, at=self._clock.now()))
        if self._light is not None:
            self.lights.append((self._clock.now(), self._light))

    async def edge(self) -> Edge:
        """The next edge. Raises DeviceError once unplugged, until started again."""
        edge = await self._edges.get()
        if isinstance(edge, DeviceError):
            self._edges.put_nowait(edge)
            raise edge
        return edge

    def show(self, light: Light) -> None:
        """Let the lamp show this until told otherwise; kept over `close` and `start`."""
        if light != self._light:
            self._light = light
            if self._started and self._plugged:
                self.lights.append((self._clock.now(), light))

    def close(self) -> None:
        """Lamp off, lines let go. Safe to call again; `start` takes them anew."""
        if self._started:
            self._started = False
            self.lights.append((self._clock.now(), None))

    def _move(self, pressed: bool, at: float | None) -> None:
        if pressed == self._pressed:
            return
        self._pressed = pressed
        if self._started and self.alive:
            self.watch(Change(pressed, self._clock.now() if at is None else at))
            self._edges.put_nowait(Edge(pressed, self._clock.now() if at is None else at))
