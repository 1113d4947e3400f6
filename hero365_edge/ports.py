"""What the program needs from the world: small Protocols, each with a real thing in `devices/` and a fake in `fakes/`.

Times are seconds on the monotonic clock (`Clock.now`), whichever clock the library underneath uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hero365_edge.core.address import Address
from hero365_edge.core.gestures import Edge
from hero365_edge.core.health import Vitals
from hero365_edge.core.lamp import Light
from hero365_edge.core.pcm import Pcm
from hero365_edge.core.secret import Secret

UNREAD_LIMIT_S = 65.0
"""Who reads takes each block as it comes, however long the utterance: so far behind it has gone, and the oldest go."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Seconds on the monotonic clock; never jumps when the wall clock is set."""
        ...

    def utc(self) -> datetime:
        """The wall clock in UTC, for time stamps in messages only."""
        ...

    def synchronised(self) -> bool:
        """Whether somebody keeps the wall clock right, as far as anybody can tell."""
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """What one callback of the microphone brought, exactly as the card gave it."""

    pcm: Pcm
    """Interleaved samples, shape (frames, channels), int16, at the microphone's own rate."""
    captured_at: float
    """When its first sample was captured."""
    clipped_s: float | None = None
    """How long the card's samples behind it were at full scale; None where its own are the card's."""


class Microphone(Protocol):
    """Always-on capture into a ring; blocks leave the ring only while somebody listens.

    The ring holds at least one second. A lost card shows as `last_block_at` standing still: PortAudio says nothing.
    """

    period_ms: int
    """How much sound a callback brings; another figure holds from the next `start` on."""

    @property
    def rate_hz(self) -> int:
        """The rate of its samples; known once started."""
        ...

    @property
    def xruns(self) -> int:
        """How often the card lost samples because nobody took them in time."""
        ...

    @property
    def channels(self) -> int:
        """How many samples each moment has; known once started."""
        ...

    @property
    def last_block_at(self) -> float:
        """When the newest block arrived; the time of `start` before the first. The only sign of life."""
        ...

    @property
    def is_hardware(self) -> bool:
        """Whether it is a card, which has noise of its own; not software, which can be silent. Known once started."""
        ...

    def recent(self, length_s: float) -> Pcm:
        """The newest samples of the ring, shape (frames, channels), for its keeper, who looks whether it hears."""
        ...

    @property
    def stuck_since(self) -> float | None:
        """Since when the card has been at what it was told last; a healthy one needs 20 ms. None when it is done."""
        ...

    def start(self) -> None:
        """Open the card and begin to fill the ring; from any thread. Raises DeviceError, naming the device."""
        ...

    def listen(self, since: float) -> None:
        """Deliver to `read` every block whose last sample was captured at `since` or later, oldest first."""
        ...

    def hush(self) -> None:
        """Stop delivering; what was not read yet is dropped. The ring goes on."""
        ...

    async def read(self) -> Block:
        """The next block of this `listen`, waiting for it."""
        ...

    def close(self) -> None:
        """Let the card go. Safe to call again, and on a card that is gone; `start` opens it anew."""
        ...


class Speaker(Protocol):
    """A queue of samples that the sound card's callback empties; silence where the queue is dry.

    Content samples are numbered from 0 through the life of the object; `write` returns the number of its first.
    """

    period_ms: int
    """How much sound a callback takes; another figure holds from the next `start` on."""

    @property
    def rate_hz(self) -> int:
        """The rate of its samples; 0 before it was ever started."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether it was started, and not closed since; else what is written is dropped."""
        ...

    @property
    def xruns(self) -> int:
        """How often the card ran dry because a callback came too late."""
        ...

    @property
    def period_samples(self) -> int:
        """How many samples the card asks for at a time."""
        ...

    @property
    def queued_samples(self) -> int:
        """Written, and not yet handed to the card."""
        ...

    @property
    def silent_samples(self) -> int:
        """How many samples of silence the callback had to put in so far because the queue was dry."""
        ...

    @property
    def last_callback_at(self) -> float:
        """When the card last asked for samples; the sign of life while it is awake."""
        ...

    @property
    def stuck_since(self) -> float | None:
        """Since when the card has been at what it was told last; a healthy one needs 20 ms. None when it is done."""
        ...

    def start(self) -> None:
        """Open the card, asleep; it and `close` may be called from another thread.

        Raises DeviceError, naming the device asked for.
        """
        ...

    def wake(self) -> None:
        """Let the card run, so that the next `write` is heard without the delay of starting. Idempotent."""
        ...

    def sleep(self) -> None:
        """Let the card stop: an idle device costs no callbacks. What is queued is dropped. Idempotent."""
        ...

    def write(self, pcm: Pcm) -> int:
        """Queue mono samples at `rate_hz`; returns the number of the first. Wakes the card when asleep."""
        ...

    def heard_at(self, sample: int) -> float | None:
        """When sample number `sample` left or will leave the card, by its DAC time; None before it is handed over.

        Known for at least the last second of callbacks; None for older ones too.
        """
        ...

    @property
    def handed_over(self) -> int:
        """How many content samples the card has taken so far, in the same numbering."""
        ...

    async def progress(self) -> None:
        """Return when the card has taken samples since the last call."""
        ...

    def flush(self) -> int:
        """Silence at once: drop the queue and stop the card within its period. Returns how many were dropped."""
        ...

    def close(self) -> None:
        """Let the card go. Safe to call again, and on a card that is gone; `start` opens it anew."""
        ...


class Panel(Protocol):
    """The button and the lamp."""

    def start(self) -> None:
        """Take the lines. Raises DeviceError, naming the chip or pin."""
        ...

    async def edge(self) -> Edge:
        """The next debounced edge of the button, or of a second one, stamped where the interrupt was taken."""
        ...

    @property
    def alive(self) -> bool:
        """False once the thread that waits for the button has died: no press would be told any more."""
        ...

    @property
    def troubles(self) -> Mapping[str, str]:
        """Why a part does nothing while the button works, by its name: `lamp`, `second_button`."""
        ...

    def show(self, light: Light) -> None:
        """Let the lamp show this until told otherwise; returns at once."""
        ...

    def close(self) -> None:
        """Lamp off, lines let go."""
        ...


class Link(Protocol):
    """One open WebSocket."""

    async def send(self, message: str | bytes) -> None:
        """Hand a text or binary message to the socket. Raises LinkError when the link is gone."""
        ...

    async def receive(self) -> str | bytes:
        """The next message. Raises LinkError when the link is gone, LinkRefused when it was closed for the token."""
        ...

    @property
    def rtt_s(self) -> float | None:
        """The round trip of the newest answered ping, if any was."""
        ...

    def vitals(self) -> Vitals:
        """What pings and the kernel tell of it just now."""
        ...

    async def close(self) -> None:
        """Say goodbye and let go, within a second."""
        ...


class Dialer(Protocol):
    """Opens links."""

    async def dial(self, address: Address) -> Link:
        """Open a WebSocket. Raises LinkError, or LinkRefused for a refused token (401, 403)."""
        ...


class Tokens(Protocol):
    """Where the token comes from."""

    async def token(self) -> Secret:
        """The token as it is now; an empty one when there is none, which the seed allows.

        Raises ConfigError when a person must mend it, LinkError when trying again may help.
        """
        ...

    async def refresh(self) -> None:
        """Get the next token while nobody waits for it, if that takes a while and the one it has grows old."""
        ...

    def stamp(self) -> object:
        """Equal to an earlier one for as long as the next dial would be made with the same token; a cheap look."""
        ...

    @property
    def renews(self) -> bool:
        """Whether it gets the next token by itself, before the one it has ends."""
        ...

    def expires_at(self) -> float | None:
        """When the token ends, in seconds since 1970; None where it does not say, or there is none yet."""
        ...

    def refused(self) -> None:
        """The backend refused the token that was given last: the next one should be another, if there is one."""
        ...
