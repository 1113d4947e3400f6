"""What came in and what went out, kept for the test or the person that asks afterwards; everything bounded."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from hero365_edge.backend.options import Pcm

T = TypeVar("T")
Came: TypeAlias = Literal["realtime", "audio_data", "text"]

# The oldest go first.
KEPT_TURNS = 100
KEPT_MESSAGES = 5_000
KEPT_CHARACTERS = 64 * 2**20  # of text messages: some hold a minute of sound
KEPT_BYTES_OF_BINARY = 4096  # of each; a frame has 640, an Opus packet 1275 at most
KEPT_VIOLATIONS = 1_000


@dataclass(slots=True, eq=False)
class Utterance:
    """One thing the technician said or typed, as it arrived. `text` is filled in once it was understood."""

    session_id: str
    utterance_id: str | None
    """The client's name for it, in `v1` only."""
    came: Came
    pcm: Pcm
    """As received and decoded, gaps filled with zeros; empty when it was typed."""
    began_at: float
    """When its first sample arrived, on the monotonic clock."""
    ended_at: float
    """When the backend held it to be over."""
    text: str | None = None
    """What was understood or typed; None when nobody listened (a fixed answer) or nothing was understood."""
    duplicate: bool = False
    """It came a second time and was answered `skipped_duplicate`, not with an answer."""


@dataclass(slots=True, eq=False)
class Answer:
    """One answer, from its first byte on; it grows while it is sent."""

    utterance: Utterance
    text: str
    kind: str
    """`text`, a kind of sound (`pcm`, `opus`, `mp3`, `wav`), or in `v1` `rtp-opus` or `rtp-pcm16`."""
    delivery: str
    """`streamed` or `whole`."""
    pcm: Pcm
    """What is to be heard, before it was encoded; empty for a text."""
    began_at: float
    response_id: str | None = None
    """`v1` only."""
    ended_at: float | None = None
    """When sending ended, for whatever reason."""
    chunks_sent: int = 0
    bytes_sent: int = 0
    cancelled: bool = False
    """The client spoke again, or said `response_cancelled`."""
    complete: bool = False
    """Everything was sent; neither cancelled nor cut off with the link."""


class Records:
    """Lists that grow at the end and lose their oldest entries, and a signal that they changed."""

    def __init__(self) -> None:
        self.utterances: list[Utterance] = []
        self.answers: list[Answer] = []
        self.opened_at: list[float] = []
        self.received: list[dict[str, Any]] = []
        self.violations: list[str] = []
        self.raw_binary: list[bytes] = []
        self.binary_received = 0
        self._changed = asyncio.Event()
        self._sizes: deque[int] = deque()

    def heard(self, utterance: Utterance) -> None:
        """An utterance is over."""
        self._keep(self.utterances, utterance, KEPT_TURNS)

    def answering(self, answer: Answer) -> None:
        """An answer begins to be sent."""
        self._keep(self.answers, answer, KEPT_TURNS)

    def link(self) -> None:
        """A link was opened."""
        self._keep(self.opened_at, time.monotonic(), KEPT_MESSAGES)

    def message(self, message: dict[str, Any], size: int) -> None:
        """A text message of `size` characters came that is a JSON object."""
        self._sizes.append(size)
        while len(self._sizes) > KEPT_MESSAGES or sum(self._sizes) > KEPT_CHARACTERS:
            self._sizes.popleft()
        self._keep(self.received, message, len(self._sizes))

    def binary(self, data: bytes) -> None:
        """A binary message came."""
        self.binary_received += 1
        self._keep(self.raw_binary, data[:KEPT_BYTES_OF_BINARY], KEPT_MESSAGES)

    def violation(self, text: str) -> None:
        """The client did what the protocol does not allow."""
        self._keep(self.violations, text, KEPT_VIOLATIONS)

    def touch(self) -> None:
        """Something else changed that somebody may wait for."""
        self._changed.set()

    async def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> None:
        """Return as soon as `predicate()` is true. Raises TimeoutError, telling what did happen."""
        try:
            async with asyncio.timeout(timeout_s):
                while not predicate():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(
                f"not true within {timeout_s} s; there were {len(self.utterances)} utterances, "
                f"{len(self.answers)} answers, messages {[m.get('type') for m in self.received[-20:]]}, "
                f"{self.binary_received} binary, violations {self.violations[-5:]}"
            ) from None

    def _keep(self, kept: list[T], item: T, limit: int) -> None:
        kept.append(item)
        del kept[:-limit]
        self._changed.set()
