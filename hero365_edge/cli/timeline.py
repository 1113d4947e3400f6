"""Tells a run as it happens, line by line, and each turn's times at the end, beside the seed's targets."""

import asyncio
from collections.abc import Iterator, Sequence

from hero365_edge.app import Appliance
from hero365_edge.core import events as ev
from hero365_edge.core import gestures as g
from hero365_edge.core import messages as m
from hero365_edge.core.latency import STAGES, TARGETS_MS, Turn

PING_TARGET_MS = 100
"""The seed: "Connection: < 100ms WebSocket ping"."""

_IN_WORDS: dict[type, str] = {
    ev.LinkUp: "a session is on",
    ev.LinkDown: "the link is gone",
    g.Pressed: "the button is pressed",
    ev.SpeechBegan: "speech",
    ev.SpeechPaused: "a pause in the speech",
    ev.Endpointed: "the utterance is over",
    ev.Committed: "the utterance is with the socket",
    ev.TextAnswered: "the answer's text",
    ev.SpokenAnswered: "the answer, text and sound in one piece",
    ev.AnswerBegan: "the answer's first byte of sound",
    ev.FirstSampleHeard: "the answer is heard",
    ev.PlaybackEnded: "the answer is over",
}


async def follow(appliance: Appliance) -> None:
    """Print each event that says something to a person, in seconds since the start, for ever."""
    events: asyncio.Queue[ev.Event] = asyncio.Queue(1000)
    appliance.listeners.append(events)
    began_at: float | None = None
    while True:
        event = await events.get()
        began_at = event.at if began_at is None else began_at
        if text := _words(event):
            print(f"{event.at - began_at:8.3f} s  {text}", flush=True)


def _words(event: ev.Event) -> str:
    if isinstance(event, ev.Received) and isinstance(event.message, m.AudioProcessing):
        return f"the backend says: {event.message.status}"
    return _IN_WORDS.get(type(event), "")


def table(turns: Sequence[Turn], rtt_s: float | None) -> str:
    """Each turn's stages in ms since the last word, and whether the seed's targets are met."""
    return "\n".join(_rows(turns, rtt_s))


def _rows(turns: Sequence[Turn], rtt_s: float | None) -> Iterator[str]:
    numbers = range(1, len(turns) + 1)
    times = [turn.since_speech_end_ms() for turn in turns]
    yield ""
    yield f"{'ms since speech_end':22}" + "".join(f"{f'turn {number}':>10}" for number in numbers) + f"{'target':>10}"
    for stage in STAGES:
        target = TARGETS_MS.get(stage)
        row = "".join(f"{'-' if (ms := each[stage]) is None else ms:>10}" for each in times)
        yield f"{stage:22}{row}{'' if target is None else f'< {target}':>10}"
    for stage, target in TARGETS_MS.items():
        met = sum(1 for each in times if (ms := each[stage]) is not None and ms < target)
        yield f"{stage} under {target} ms: {met} of {len(turns)} turns"
    ping = "not measured" if rtt_s is None else f"{rtt_s * 1000:.1f} ms"
    yield f"websocket ping: {ping} (target < {PING_TARGET_MS} ms)"
