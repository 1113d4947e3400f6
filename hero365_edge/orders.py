"""What the control socket's requests do: `status`, `say`, `press`, `context`, `volume`, `mute`, `session_end`…"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from hero365_edge.dialogue import Dialogue
from hero365_edge.errors import EdgeError
from hero365_edge.fleet.control import Handler
from hero365_edge.loudness import Loudness
from hero365_edge.spoken import Spoken
from hero365_edge.surroundings import Surroundings

TAP_S = 0.1
"""How long a press without a length keeps the button down."""
LONGEST_PRESS_S = 70.0
"""Longer than a stuck button is no test of anything."""

LONGEST_CONTEXT = 200
"""Characters of an activity or a task: names, not essays."""


class Daemon(Protocol):
    """What the requests need of the appliance."""

    dialogue: Dialogue
    loudness: Loudness
    surroundings: Surroundings
    spoken: Spoken

    def status(self) -> dict[str, object]:
        """The facts."""
        ...

    def describe(self) -> str:
        """One line for a person."""
        ...


def handlers(daemon: Daemon) -> dict[str, Handler]:
    """The handler of each request, by its `do`."""
    return {**_of_conversation(daemon), **_of_surroundings(daemon), **_of_loudness(daemon), **_of_phrases(daemon)}


def _of_conversation(daemon: Daemon) -> dict[str, Handler]:

    async def status(_message: Mapping[str, object]) -> Mapping[str, object]:
        return daemon.status()

    async def say(message: Mapping[str, object]) -> Mapping[str, object]:
        text = message.get("text")
        if not isinstance(text, str) or not text.strip():
            raise EdgeError("say needs a text")
        if not daemon.dialogue.say(text):
            raise EdgeError(f"nothing can be said now: {daemon.describe()}")
        return {}

    async def press(message: Mapping[str, object]) -> Mapping[str, object]:
        hold_s = message.get("hold_s", TAP_S)
        if not isinstance(hold_s, int | float) or isinstance(hold_s, bool) or not 0 < hold_s <= LONGEST_PRESS_S:
            raise EdgeError(f"hold_s is {hold_s!r}; seconds from 0 to {LONGEST_PRESS_S:g} are allowed")
        daemon.dialogue.edge_now(pressed=True)
        try:
            await asyncio.sleep(hold_s)
        finally:
            daemon.dialogue.edge_now(pressed=False)
        return {}

    async def session_end(_message: Mapping[str, object]) -> Mapping[str, object]:
        return {"given_up": daemon.dialogue.end_session()}

    return {"status": status, "say": say, "press": press, "session_end": session_end}


def _of_surroundings(daemon: Daemon) -> dict[str, Handler]:

    async def context(message: Mapping[str, object]) -> Mapping[str, object]:
        told: dict[str, str | None] = {}
        for name in ("activity_mode", "current_task"):
            value = message.get(name)
            if value is not None and (not isinstance(value, str) or len(value) > LONGEST_CONTEXT):
                raise EdgeError(f"{name} is no text of at most {LONGEST_CONTEXT} characters")
            told[name] = value
        daemon.surroundings.set(**told)
        return daemon.surroundings.facts()

    return {"context": context}


def _of_loudness(daemon: Daemon) -> dict[str, Handler]:

    async def volume(message: Mapping[str, object]) -> Mapping[str, object]:
        if "percent" in message:
            percent = message["percent"]
            if not isinstance(percent, int) or isinstance(percent, bool) or not 0 <= percent <= 100:
                raise EdgeError(f"percent is {percent!r}; a whole number from 0 to 100 is allowed")
            daemon.loudness.set(percent / 100)
        return daemon.loudness.facts()

    async def mute(_message: Mapping[str, object]) -> Mapping[str, object]:
        daemon.loudness.mute()
        return daemon.loudness.facts()

    async def unmute(_message: Mapping[str, object]) -> Mapping[str, object]:
        daemon.loudness.unmute()
        return daemon.loudness.facts()

    return {"volume": volume, "mute": mute, "unmute": unmute}


def _of_phrases(daemon: Daemon) -> dict[str, Handler]:

    async def phrases(_message: Mapping[str, object]) -> Mapping[str, object]:
        return daemon.spoken.facts()

    async def phrases_warm(_message: Mapping[str, object]) -> Mapping[str, object]:
        return {"said": await daemon.spoken.warm(), **daemon.spoken.facts()}

    return {"phrases": phrases, "phrases_warm": phrases_warm}
