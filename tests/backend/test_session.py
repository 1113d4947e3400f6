"""What a session knows again, and that nobody's memory grows for ever."""

import numpy as np
import pytest

from hero365_edge.backend.records import KEPT_TURNS, KEPT_VIOLATIONS, Came, Records, Utterance
from hero365_edge.backend.session import KEPT_SESSIONS, KNOWN_UTTERANCES, Session, Sessions
from tests.backend.caller import Samples, silence, voice


def utterance(pcm: Samples, utterance_id: str | None = None, came: Came = "realtime") -> Utterance:
    return Utterance(session_id="s", utterance_id=utterance_id, came=came, pcm=pcm, began_at=0.0, ended_at=0.0)


@pytest.mark.parametrize(
    ("copy", "known"),
    [
        (utterance(voice(0.5)), True),
        (utterance(np.concatenate([voice(0.5), silence(0.6)])), True),
        (utterance(np.concatenate([silence(0.1), voice(0.5)])), True),
        (utterance(voice(0.5, seed=2)), False),
        (utterance(voice(0.5, seed=2), "u1"), True),
        (utterance(voice(0.5)[:-320]), False),
    ],
)
def test_a_copy_is_known_by_its_speech_or_its_name(copy: Utterance, known: bool) -> None:
    session = Session()
    session.remember(utterance(voice(0.5), "u1"))
    assert session.knows(copy) is known


def test_old_utterances_are_forgotten() -> None:
    session = Session()
    for number in range(KNOWN_UTTERANCES):
        session.remember(utterance(voice(0.02, seed=number + 10)))
    assert session.knows(utterance(voice(0.02, seed=10)))
    session.remember(utterance(voice(0.02, seed=5)))
    assert not session.knows(utterance(voice(0.02, seed=10)))


def test_a_session_outlives_its_connections_but_not_a_hundred_others() -> None:
    sessions = Sessions()
    first = sessions.get("a")
    assert sessions.get("a") is first
    for number in range(KEPT_SESSIONS):
        sessions.get(str(number))
    assert sessions.get("a") is not first


async def test_records_keep_the_newest() -> None:
    records = Records()
    for number in range(KEPT_VIOLATIONS + 5):
        records.violation(str(number))
    for number in range(KEPT_TURNS + 5):
        records.heard(utterance(voice(0.02), str(number)))
    for _ in range(3):
        records.message({"type": "audio_data"}, 30 * 2**20)
    records.binary(bytes(5000))
    assert (len(records.violations), records.violations[-1]) == (KEPT_VIOLATIONS, str(KEPT_VIOLATIONS + 4))
    assert (len(records.utterances), records.utterances[0].utterance_id) == (KEPT_TURNS, "5")
    assert len(records.received) == 2
    assert len(records.raw_binary[0]) == 4096
