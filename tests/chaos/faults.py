"""Every kind of bad luck, drawn by dice: when it strikes, what it does to the world, and how it ends."""

import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hero365_edge.backend.faults import GARBAGE_TEXTS
from tests.chaos.gate import BINARY, CLOSE, PING, TEXT, Gate, frame, text
from tests.chaos.names import FAILURES, Names
from tests.chaos.process import MAX_AGE_S, Daemon
from tests.chaos.wire import Wire
from tests.network.road import Road


@dataclass(frozen=True)
class World:
    """What can go wrong for one daemon."""

    road: Road
    wire: Wire
    gate: Gate
    names: Names
    daemon: Daemon


TOO_LONG = "outage past max_age"
TURN_S = 3.0
"""About how long an utterance and its answer take."""

T = TypeVar("T")


class Dice(random.Random):
    """Draws, and deals: from a deck, each card once before any comes again."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._decks: dict[int, list[Any]] = {}

    def deal(self, cards: Sequence[T]) -> T:
        """The next of these, which are a constant."""
        deck = self._decks.setdefault(id(cards), [])
        if not deck:
            deck.extend(cards)
            self.shuffle(deck)
        card: T = deck.pop()
        return card


Act = Callable[[World], Awaitable[None] | None]


def _nothing(_: World) -> None:
    """Nothing to do."""


@dataclass(frozen=True)
class Fault:
    """One piece of bad luck."""

    kind: str
    detail: str
    begin: Act
    end: Act = _nothing
    at_s: float = 0.0
    """When it strikes, after the press; below 0: before it."""
    lasts_s: float = 0.0
    utterances: int = 1
    """How many are spoken while it lasts."""


def _drop(dice: Dice) -> Fault:
    direction = dice.choice(("up", "down"))
    count = int(10 ** dice.uniform(0, 4.6))

    def end(world: World) -> None:
        world.wire.whole()
        world.wire.drop()  # where fewer bytes came than were waited for

    return Fault(
        "drop",
        f"after {count} bytes {direction}",
        lambda world: world.wire.cut_after(direction, count),
        end,
        at_s=dice.choice((-0.2, dice.uniform(0, 1.5))),
        lasts_s=2.0,
    )


def _reset(dice: Dice) -> Fault:
    return Fault("reset", "RST", lambda world: world.wire.drop(reset=True), at_s=dice.uniform(-0.1, 2.0))


def _stall(dice: Dice) -> Fault:
    return Fault(
        "stall",
        "nothing moves",
        lambda world: world.wire.stall(),
        lambda world: world.wire.flow(),
        at_s=dice.uniform(-0.2, 1.5),
        lasts_s=dice.uniform(0.2, 4.0),
    )


def _half_open(dice: Dice) -> Fault:
    cut = dice.random() < 0.3

    def begin(world: World) -> None:
        (world.road.cut if cut else world.road.swallow)()

    return Fault(
        "half open",
        "link down" if cut else "packets dropped",
        begin,
        lambda world: world.road.mend(),
        at_s=dice.uniform(-0.2, 1.6),
        lasts_s=dice.uniform(0.5, 5.0),
        utterances=dice.choice((1, 1, 2)),
    )


def _names(dice: Dice) -> Fault:
    failure = dice.deal(FAILURES)

    def begin(world: World) -> None:
        world.names.failure = failure
        world.wire.drop()

    def end(world: World) -> None:
        world.names.failure = ""

    return Fault("DNS", failure, begin, end, at_s=dice.uniform(-0.2, 1.5), lasts_s=dice.uniform(0.5, 4.0))


def _refused(dice: Dice) -> Fault:
    def begin(world: World) -> None:
        world.wire.refuse()
        world.wire.drop()

    return Fault(
        "port refused",
        "nobody listens",
        begin,
        lambda world: world.wire.open(),
        at_s=dice.uniform(-0.2, 1.5),
        lasts_s=dice.uniform(0.5, 5.0),
        utterances=dice.choice((1, 2)),
    )


def _slow_tls(dice: Dice) -> Fault:
    def begin(world: World) -> None:
        world.wire.hangs = True
        world.wire.drop()

    def end(world: World) -> None:
        world.wire.hangs = False

    return Fault("slow TLS", "no hello", begin, end, at_s=dice.uniform(-0.2, 1.5), lasts_s=dice.uniform(0.5, 4.0))


BAD_CERTIFICATES = ("another name", "expired", "not yet valid", "unknown authority")


def _certificate(dice: Dice) -> Fault:
    bad = dice.deal(BAD_CERTIFICATES)

    def begin(world: World) -> None:
        world.gate.certificate = bad
        world.wire.drop()

    def end(world: World) -> None:
        world.gate.certificate = "good"

    return Fault("bad certificate", bad, begin, end, at_s=dice.uniform(-0.2, 1.5), lasts_s=dice.uniform(0.5, 4.0))


def _turned_away(status: str, *headers: str) -> Callable[[Dice], Fault]:
    def draw(dice: Dice) -> Fault:
        def begin(world: World) -> None:
            world.gate.turn_away(status, *headers)
            world.wire.drop()

        def end(world: World) -> None:
            world.gate.refusal = b""
            if status[:3] in {"401", "403"}:
                world.daemon.new_token()

        lasts_s = dice.uniform(0.5, 4.0)
        return Fault(f"HTTP {status[:3]}", ", ".join(headers), begin, end, dice.uniform(-0.2, 1.5), lasts_s)

    return draw


CLOSE_CODES = (
    *range(1000, 1016),
    *(999, 1016, 2999, 3000, 3003, 3008),
    *(4000, 4400, 4401, 4403, 4404, 4408, 4409, 4410, 4413, 4426, 4429, 4500, 4502, 4503, 4999),
)
"""Those that may stand on the wire, and some that may not."""


def _close(dice: Dice) -> Fault:
    code = dice.deal(CLOSE_CODES)
    payload = code.to_bytes(2) + b"so long"

    def end(world: World) -> None:
        if code in {1008, 3000, 3003, 4401, 4403}:
            world.daemon.new_token()

    return Fault(
        "close code",
        str(code),
        lambda world: world.gate.say(frame(CLOSE, payload)),
        end,
        at_s=dice.uniform(-0.1, 2.0),
        lasts_s=0.05,
    )


_BROKEN_FRAMES = {
    "reserved opcode": frame(3, b"?"),
    "reserved bits": frame(TEXT, b"{}", first=0xF0),
    "masked": b"\x81\x85abcdhello",
    "no UTF-8": frame(TEXT, b"\xff\xfe\xff"),
    "a long ping": frame(PING, b"x" * 126),
    "a close of one byte": frame(CLOSE, b"\x03"),
    "a close whose reason is no UTF-8": frame(CLOSE, b"\x03\xe8\xff"),
    "a piece of nothing": frame(0, b"continued"),
    "a text within a text": frame(TEXT, b"{", first=0) + frame(TEXT, b"{}"),
}


_BROKEN_KINDS = tuple(_BROKEN_FRAMES)


def _broken_frame(dice: Dice) -> Fault:
    what = dice.deal(_BROKEN_KINDS)
    return Fault(
        "garbage frame", what, lambda world: world.gate.say(_BROKEN_FRAMES[what]), at_s=dice.uniform(-0.1, 2.0)
    )


def _garbage(dice: Dice) -> Fault:
    junk = b"".join(frame(TEXT, each.encode()) for each in dice.sample(GARBAGE_TEXTS, 5))
    return Fault("garbage text", "five of them", lambda world: world.gate.say(junk), at_s=dice.uniform(-0.1, 2.0))


_GIANTS: tuple[tuple[str, Callable[[], bytes]], ...] = (
    ("a head that promises 1 TB", lambda: b"\x82\x7f" + (1 << 40).to_bytes(8) + bytes(1000)),
    ("20 MiB of text", lambda: frame(TEXT, b"[" * (20 * 2**20))),
    ("20 MiB in pieces", lambda: frame(BINARY, bytes(2**20), first=0) + frame(0, bytes(2**20), first=0) * 19),
    ("12 MiB of JSON", lambda: text(type="session_status", data={"status": "x" * (12 * 2**20)})),
)


def _giant(dice: Dice) -> Fault:
    what, data = dice.deal(_GIANTS)
    return Fault("giant frame", what, lambda world: world.gate.say(data()), at_s=dice.uniform(-0.1, 2.0))


def _no_answer(dice: Dice) -> Fault:
    return Fault("no answer", "nothing comes down", lambda world: world.gate.mute(), at_s=dice.uniform(-0.1, 1.6))


def _wrong_answer(dice: Dice) -> Fault:
    return Fault(
        "wrong answer",
        "the answer to an earlier turn",
        lambda world: world.gate.say(world.gate.last_answer),
        at_s=dice.uniform(-0.1, 2.0),
    )


def _killed(dice: Dice) -> Fault:
    return Fault(
        "SIGKILL",
        "and started again",
        lambda world: world.daemon.kill(),
        lambda world: world.daemon.start(),
        at_s=dice.uniform(1.0, 2.2),
        lasts_s=0.3,
    )


def _stopped(dice: Dice) -> Fault:
    return Fault(
        "SIGSTOP",
        "for 3 s",
        lambda world: world.daemon.signal(signal.SIGSTOP),
        lambda world: world.daemon.signal(signal.SIGCONT),
        at_s=dice.uniform(1.2, 2.0),
        lasts_s=3.0,
    )


def _disk_full(dice: Dice) -> Fault:
    dropped = dice.random() < 0.5

    def begin(world: World) -> None:
        world.daemon.fill_disk()
        if dropped:
            world.wire.drop()

    return Fault(
        "disk full",
        "and the link drops" if dropped else "",
        begin,
        lambda world: world.daemon.free_disk(),
        at_s=dice.uniform(-0.2, 1.0),
        lasts_s=dice.uniform(1.0, 3.0),
    )


_CLOCKS = ("+3650d", "-9000d", "+3600", "-3600")


def _clock(dice: Dice) -> Fault:
    offset = dice.deal(_CLOCKS)

    def begin(world: World) -> None:
        world.daemon.set_clock(offset)
        world.wire.drop()

    return Fault(
        "clock jump",
        offset,
        begin,
        lambda world: world.daemon.set_clock("+0"),
        at_s=dice.uniform(-0.2, 1.5),
        lasts_s=dice.uniform(1.0, 3.0),
    )


def _too_long(dice: Dice) -> Fault:
    """Longer than an order may be old: it must not be executed any more."""

    def begin(world: World) -> None:
        world.wire.refuse()
        world.wire.drop()

    return Fault(
        TOO_LONG,
        f"{MAX_AGE_S:g} s and more",
        begin,
        lambda world: world.wire.open(),
        at_s=dice.uniform(-0.2, 1.0),
        lasts_s=MAX_AGE_S + 4.0,
    )


EVERYWHERE: dict[str, Callable[[Dice], Fault]] = {
    "drop": _drop,
    "reset": _reset,
    "stall": _stall,
    "half open": _half_open,
    "DNS": _names,
    "port refused": _refused,
    "slow TLS": _slow_tls,
    "bad certificate": _certificate,
    "HTTP 401": _turned_away("401 Unauthorized"),
    "HTTP 403": _turned_away("403 Forbidden"),
    "HTTP 429": _turned_away("429 Too Many Requests", "Retry-After: 1"),
    "HTTP 500": _turned_away("500 Internal Server Error"),
    "HTTP 503": _turned_away("503 Service Unavailable"),
    "close code": _close,
    "garbage frame": _broken_frame,
    "garbage text": _garbage,
    "giant frame": _giant,
    "no answer": _no_answer,
    "wrong answer": _wrong_answer,
    "SIGSTOP": _stopped,
    "disk full": _disk_full,
    TOO_LONG: _too_long,
}
ONLY_WHERE_MORTAL: dict[str, Callable[[Dice], Fault]] = {"SIGKILL": _killed, "clock jump": _clock}
"""Only for a daemon whose memory is not watched over its whole life, and whose clock is its own."""


def plan(seed: int, turns: int, mortal: list[bool]) -> list[list[Fault]]:
    """Faults for so many utterances in all, for one daemon each of `mortal`, which says who may be killed.

    Every kind comes as often as any other, in an order drawn by `seed`.
    """
    dice = Dice(seed)
    kinds = {**EVERYWHERE, **(ONLY_WHERE_MORTAL if any(mortal) else {})}
    deck: list[str] = []
    dealt: list[list[Fault]] = [[] for _ in mortal]
    load_s = [0.0] * len(mortal)
    left = turns
    while left:
        if not deck:
            deck = sorted(kinds)
            dice.shuffle(deck)
        fault = kinds[deck.pop()](dice)
        fault = replace(fault, utterances=min(left, fault.utterances))
        allowed = [lane for lane, may_die in enumerate(mortal) if may_die or fault.kind not in ONLY_WHERE_MORTAL]
        lane = min(allowed, key=lambda each: load_s[each])
        load_s[lane] += TURN_S * fault.utterances + fault.lasts_s
        dealt[lane].append(fault)
        left -= fault.utterances
    return dealt
