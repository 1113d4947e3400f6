"""`hero365-edge status`: what the running appliance is doing, for somebody at the roadside or for a program."""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hero365_edge.cli.options import add_config, add_json, load_config
from hero365_edge.cli.volume import in_words as volume_in_words
from hero365_edge.core.lamp import Light
from hero365_edge.core.latency import STAGES, TARGETS_MS
from hero365_edge.errors import EdgeError
from hero365_edge.fleet.control import request

WATCH_S = 1.0
WIDTH = len("microphone")

_IN_WORDS: Mapping[str, str] = {
    Light.STARTING: "starting up",
    Light.OFFLINE: "no connection; press and speak, it is sent when the connection is back",
    Light.READY: "ready; press the button and speak",
    Light.LISTENING: "listening",
    Light.HOLDING: "keeping what was said until the connection is back",
    Light.PROCESSING: "waiting for the answer",
    Light.SPEAKING: "answering",
    Light.FAULT: "something is broken; `hero365-edge check` says what",
}

_NEXT_STEPS: Mapping[str, str] = {
    "microphone": "plug it in; `hero365-edge devices` lists what there is, `hero365-edge check` who holds it",
    "speaker": "plug it in; `hero365-edge devices` lists what there is, `hero365-edge check` who holds it",
    "button": "look at its wires and the settings in panel; `hero365-edge press` works meanwhile",
    "lamp": "look at its wires, `dtparam=spi=on` and the settings in panel; the rest works meanwhile",
    "second_button": "look at its wires and panel.second_pin; the rest works meanwhile, `hero365-edge mute` too",
    "location": "is gpsd running, and the receiver plugged in? `cgps` shows what it sees",
    "token": "put a new one in its file, it is tried at once; a new credential needs `systemctl restart hero365-edge`; "
    "a token command is run again by itself",
    "link": "wait for the network: it is tried again by itself; `hero365-edge check` looks at each part of the way",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """`--watch` and the common ones."""
    add_config(parser)
    add_json(parser)
    parser.add_argument("--watch", action="store_true", help="go on, and print again whenever something changed")


def run(arguments: argparse.Namespace) -> int:
    """Ask the daemon and print. Raises EdgeError when none answers; who watches then goes on watching."""
    path = Path(load_config(arguments).settings.control.socket)
    before: dict[str, Any] | None = None
    while True:
        try:
            status = request(path, {"do": "status"})
        except EdgeError as error:
            if before is None:
                raise
            status = {"state": None, "why": {"hero365-edge": str(error)}}  # whoever watches wants to see it return
        if status != before:
            if arguments.watch and not arguments.json:
                print(f"-- {datetime.now():%H:%M:%S} --")
            print(json.dumps(status) if arguments.json else "\n".join(in_words(status)), flush=True)
        if not arguments.watch:
            return 0
        before = status
        time.sleep(WATCH_S)


def in_words(status: Mapping[str, Any]) -> Iterator[str]:
    """The lines for a person; a fact that is missing is said to be unknown."""
    state = status.get("state")
    yield _line("state", f"{state or 'unknown'}: {_IN_WORDS.get(str(state), 'not a state this version knows')}")
    for part, reason in (status.get("why") or {}).items():
        yield _line("why", f"{part.replace('_', ' ')}: {reason}")
        if part in _NEXT_STEPS:
            yield _line("", f"-> {_NEXT_STEPS[part]}")
    yield _line("link", _plain(status.get("link")))
    yield _line("session", status.get("session_id") or "none")
    for name, device in (status.get("devices") or {}).items():
        yield _line(name, _plain(device))
    if sound := status.get("sound"):
        yield _line("sound", _plain(sound))
    if volume := status.get("volume"):
        yield _line("volume", volume_in_words(volume))
    if waiting := status.get("waiting_utterances"):
        yield _line("waiting", f"{waiting} to be sent when the connection is back")
    yield from _last_turn(status.get("last_turn") or {})
    if text := status.get("last_text"):
        yield _line("answer", text)


def _last_turn(turn: Mapping[str, Any]) -> Iterator[str]:
    """Milliseconds since the technician stopped speaking, stage by stage."""
    first, target = turn.get("first_sample"), TARGETS_MS["first_sample"]
    if not turn:
        verdict = "none yet"
    elif first is None:
        verdict = f"no answer was heard ({turn.get('outcome', 'unknown why')})"
    else:
        verdict = f"heard {first} ms after the last word ({'good' if first < target else f'over {target} ms'})"
    yield _line("last turn", verdict)
    if stages := [f"{stage} {turn[stage]}" for stage in STAGES if turn.get(stage) is not None]:
        yield _line("", f"in ms since speech_end: {', '.join(stages)}")


def _plain(value: object) -> str:
    """A fact in words; `state` speaks for itself, and what is not known of a part is left out."""
    if isinstance(value, Mapping):
        parts = ((name, each) for name, each in value.items() if each is not None)
        return ", ".join(_plain(each) if name == "state" else f"{name} {_plain(each)}" for name, each in parts)
    if value is None:
        return "unknown"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _line(name: str, text: str) -> str:
    return f"{name:{WIDTH}} {text}"
