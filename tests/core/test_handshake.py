"""From an open socket to an agreement, on every path of PRODUCT section 3."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core import messages as m
from hero365_edge.core.handshake import Agreement, Handshake, Limits, LinkState
from hero365_edge.errors import LinkError

LIMITS = Limits(confirm_s=3.0, start_s=4.0, realtime_s=5.0)
BARE = m.EnableRealtime()
OFFER = m.EnableRealtime(audio=m.AudioOffer())
REFUSAL = m.Error(error="unknown field: audio")
CONFIRMED = m.ConnectionConfirmed(realtime_available=True)
STARTED = m.SessionStarted(realtime_available=True)
ENABLED = m.RealtimeEnabled()
CHOSEN = m.RealtimeEnabled(audio=m.AudioChoice(uplink="opus"))

BUFFERED = Agreement("seed", realtime=False)
SEED = Agreement("seed", realtime=True, uplink="pcm16")
V1 = Agreement("v1", realtime=True, uplink="opus")


class Opening:
    """A handshake with its clock: `hear` messages of the backend, `wait` for time limits, look at what was `said`."""

    def __init__(self, profile: str = "auto", seed_uplink: str = "pcm16") -> None:
        self.now = 100.0
        self.handshake = Handshake(profile, seed_uplink, LIMITS, self.now)
        self.said: list[m.AnyMessage] = []

    def hear(self, *messages: m.AnyMessage) -> "Opening":
        for message in messages:
            self.now += 0.1
            self.said += self.handshake.received(message, self.now)
        return self

    def wait(self) -> "Opening":
        assert self.handshake.deadline is not None
        self.now = self.handshake.deadline
        self.said += self.handshake.time_up(self.now)
        return self

    def asked(self) -> "Opening":
        """As far as the first `enable_realtime`."""
        return self.hear(CONFIRMED, STARTED)

    @property
    def agreement(self) -> Agreement | None:
        return self.handshake.agreement


def agreed(opening: Opening) -> Agreement | None:
    """What was agreed, if it is also the end of the handshake."""
    assert (opening.agreement is None) == (opening.handshake.deadline is not None)
    assert opening.agreement is None or opening.handshake.state is LinkState.ACTIVE
    return opening.agreement


# -- confirm, start ---------------------------------------------------------------------------------------------


def test_each_step_answers_the_one_before_and_has_its_own_time_limit() -> None:
    opening = Opening()
    steps = [(opening.handshake.state, opening.handshake.deadline, agreed(opening))]
    for message in (CONFIRMED, STARTED, ENABLED):
        opening.hear(message)
        steps.append((opening.handshake.state, opening.handshake.deadline, agreed(opening)))
    assert steps == [
        (LinkState.CONNECTING, 103.0, None),
        (LinkState.CONFIRMED, pytest.approx(104.1), None),
        (LinkState.ACTIVE, pytest.approx(105.2), None),
        (LinkState.ACTIVE, None, SEED),
    ]
    assert opening.said == [m.StartSession(), OFFER]


def test_a_backend_that_does_not_confirm_or_start_is_a_broken_link() -> None:
    with pytest.raises(LinkError, match="connection_confirmed"):
        Opening().wait()
    with pytest.raises(LinkError, match="session_started"):
        Opening().hear(CONFIRMED).wait()


@pytest.mark.parametrize("before", [(), (CONFIRMED,)])
def test_an_error_before_the_session_is_on_refuses_it_and_is_told(before: tuple[m.AnyMessage, ...]) -> None:
    with pytest.raises(LinkError, match="no such business"):
        Opening().hear(*before, m.Error(error="no such business"))


def test_a_refusal_is_not_quoted_at_length() -> None:
    with pytest.raises(LinkError) as caught:
        Opening().hear(m.Error(error="x" * 100_000))
    assert len(str(caught.value)) < 300


def test_a_session_that_is_started_before_it_is_confirmed_does_not_count() -> None:
    opening = Opening().hear(STARTED, ENABLED)
    assert opening.said == []
    assert opening.handshake.state is LinkState.CONNECTING
    assert opening.handshake.deadline == 103.0


def test_what_is_said_twice_is_answered_once() -> None:
    opening = Opening().hear(CONFIRMED, CONFIRMED, STARTED, STARTED, CONFIRMED, ENABLED, ENABLED, CHOSEN)
    assert opening.said == [m.StartSession(), OFFER]
    assert agreed(opening) == SEED


NOISE = (
    m.AgentResponse(response="Hello! I'm your Hero365 AI assistant."),
    m.SessionStatus(),
    m.AudioProcessing(status="buffered"),
    m.ContextUpdated(),
    m.SessionEnded(),
    m.ResponseStarted(response_id="r", utterance_id="u", ssrc=1),
    m.TextInput(text="echoed"),
)


def test_messages_of_the_conversation_in_between_change_nothing_and_extend_no_time_limit() -> None:
    opening = Opening()
    for step in (CONFIRMED, STARTED, ENABLED):
        before = opening.handshake.deadline
        opening.hear(*NOISE)
        assert opening.handshake.deadline == before
        opening.hear(step)
    assert opening.said == [m.StartSession(), OFFER]
    assert agreed(opening) == SEED


# -- whether realtime is there ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("confirmed", "started", "realtime"),
    [
        ("true", "true", True),
        ("true", "false", False),
        ("false", "true", True),
        ("false", "false", False),
        ("true", "null", True),
        ("true", "", True),
        ("false", "null", False),
        ("null", "", False),
        ("", "", False),
        ("", "true", True),
        ("null", "true", True),
    ],
)
def test_realtime_is_what_the_backend_said_last_and_not_there_if_it_never_did(
    confirmed: str, started: str, realtime: bool
) -> None:
    opening = Opening()
    for kind, available in (("connection_confirmed", confirmed), ("session_started", started)):
        field = f', "realtime_available": {available}' if available else ""
        opening.hear(m.decode(f'{{"type": "{kind}"{field}}}'))
    assert opening.said[1:] == ([OFFER] if realtime else [])
    assert agreed(opening) == (None if realtime else BUFFERED)


@pytest.mark.parametrize("profile", ["auto", "seed", "v1"])
def test_without_realtime_it_is_never_asked_for(profile: str) -> None:
    opening = Opening(profile).hear(CONFIRMED, m.SessionStarted(realtime_available=False))
    assert opening.said == [m.StartSession()]
    assert agreed(opening) == BUFFERED


# -- profile: auto ----------------------------------------------------------------------------------------------


def test_auto_offers_v1_in_one_extra_object() -> None:
    assert Opening().asked().said[-1] == OFFER


@pytest.mark.parametrize(
    ("uplink", "chosen"),
    [
        ('"opus"', "opus"),
        ('"pcm16"', "pcm16"),
        ('["opus"]', "opus"),
        ('["pcm16"]', "pcm16"),
        ('["g711", "pcm16"]', "pcm16"),
        ("[]", "opus"),
        ('"g711"', "opus"),
        (None, "opus"),
    ],
)
def test_a_backend_that_answers_with_an_audio_object_has_chosen_v1(uplink: str | None, chosen: str) -> None:
    audio = "{}" if uplink is None else f'{{"profile": "v1", "uplink": {uplink}, "frame_ms": 20}}'
    opening = Opening().asked().hear(m.decode(f'{{"type": "realtime_enabled", "audio": {audio}}}'))
    assert agreed(opening) == Agreement("v1", realtime=True, uplink=chosen)


@pytest.mark.parametrize("seed_uplink", ["pcm16", "opus"])
def test_a_backend_that_ignores_the_audio_object_speaks_the_seed(seed_uplink: str) -> None:
    opening = Opening(seed_uplink=seed_uplink).asked().hear(ENABLED)
    assert agreed(opening) == Agreement("seed", realtime=True, uplink=seed_uplink)


def test_a_backend_that_chose_another_profile_than_v1_speaks_the_seed() -> None:
    assert agreed(Opening().asked().hear(m.RealtimeEnabled(audio=m.AudioChoice(profile="v2")))) == SEED


def test_an_error_means_the_bare_seed_message_once_then_the_seed() -> None:
    opening = Opening().asked().hear(REFUSAL)
    assert opening.said == [m.StartSession(), OFFER, BARE]
    assert agreed(opening) is None
    assert agreed(opening.hear(ENABLED)) == SEED


def test_a_second_error_means_whole_utterances() -> None:
    opening = Opening().asked().hear(REFUSAL, REFUSAL)
    assert opening.said == [m.StartSession(), OFFER, BARE]
    assert agreed(opening) == BUFFERED


def test_silence_is_read_as_an_error_twice() -> None:
    opening = Opening().asked().wait()
    assert opening.said == [m.StartSession(), OFFER, BARE]
    assert opening.handshake.deadline == opening.now + LIMITS.realtime_s
    assert agreed(opening) is None
    assert agreed(opening.wait()) == BUFFERED
    assert opening.said == [m.StartSession(), OFFER, BARE]


def test_after_silence_the_bare_message_can_still_be_answered() -> None:
    assert agreed(Opening().asked().wait().hear(ENABLED)) == SEED
    assert agreed(Opening().asked().wait().hear(REFUSAL)) == BUFFERED


@pytest.mark.parametrize("asked_again_by", [lambda opening: opening.wait(), lambda opening: opening.hear(REFUSAL)])
def test_once_the_bare_message_went_out_the_seed_is_spoken_whatever_is_chosen_late(
    asked_again_by: Callable[[Opening], Opening],
) -> None:
    """On a slow road the answer to the offer comes behind the bare message, which undid the offer."""
    assert agreed(asked_again_by(Opening().asked()).hear(CHOSEN)) == SEED


def test_what_comes_when_all_is_agreed_changes_nothing() -> None:
    opening = Opening().asked().hear(ENABLED)
    said = list(opening.said)
    opening.hear(CHOSEN, REFUSAL, STARTED, CONFIRMED, *NOISE)
    assert opening.said == said
    assert agreed(opening) == SEED


# -- the setting overrides --------------------------------------------------------------------------------------


def test_seed_is_asked_for_barely_and_nothing_else_is_taken() -> None:
    opening = Opening("seed").asked()
    assert opening.said == [m.StartSession(), BARE]
    assert agreed(opening.hear(CHOSEN)) == SEED


def test_seed_that_is_refused_or_not_answered_means_whole_utterances_at_once() -> None:
    for opening in (Opening("seed").asked().hear(REFUSAL), Opening("seed").asked().wait()):
        assert opening.said == [m.StartSession(), BARE]
        assert agreed(opening) == BUFFERED


@pytest.mark.parametrize(
    ("answers", "agreement"),
    [
        ((CHOSEN,), V1),
        ((m.RealtimeEnabled(audio=m.AudioChoice(uplink="pcm16")),), Agreement("v1", realtime=True, uplink="pcm16")),
        ((ENABLED,), V1),
        ((REFUSAL, ENABLED), V1),
        ((REFUSAL, m.RealtimeEnabled(audio=m.AudioChoice(uplink="pcm16"))), Agreement("v1", True, "pcm16")),
        ((REFUSAL, REFUSAL), BUFFERED),
    ],
)
def test_v1_is_spoken_whatever_the_answer_does_not_say(answers: tuple[m.AnyMessage, ...], agreement: Agreement) -> None:
    opening = Opening("v1", seed_uplink="opus").asked()
    assert opening.said == [m.StartSession(), OFFER]
    assert agreed(opening.hear(*answers)) == agreement


# -- any backend ------------------------------------------------------------------------------------------------

ANYTHING = st.sampled_from([CONFIRMED, STARTED, ENABLED, CHOSEN, REFUSAL, *NOISE, None])


@given(st.sampled_from(["auto", "seed", "v1"]), st.lists(ANYTHING, max_size=30))
def test_no_backend_makes_it_wait_for_ever_or_say_what_the_profile_does_not_know(
    profile: str, backend: list[m.AnyMessage | None]
) -> None:
    opening = Opening(profile)
    states = [opening.handshake.state]
    for message in backend:
        if agreed(opening) is not None:
            break
        try:
            opening.wait() if message is None else opening.hear(message)
        except LinkError:
            assert opening.handshake.state is not LinkState.ACTIVE
            return
        states.append(opening.handshake.state)
    order = list(LinkState)
    assert all(order.index(before) <= order.index(after) for before, after in pairwise(states))
    allowed = {"auto": [[], [OFFER], [OFFER, BARE]], "seed": [[], [BARE]], "v1": [[], [OFFER], [OFFER, BARE]]}
    assert opening.said[1:] in allowed[profile]
    assert profile != "seed" or opening.agreement in (None, SEED, BUFFERED)
