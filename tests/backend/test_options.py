"""A wrong option is refused when it is made, with what is allowed."""

from typing import Any

import numpy as np
import pytest

from hero365_edge.backend.options import Options
from tests.backend.caller import tone


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"profile": "v2"}, "profile: 'v2' is not one of seed, v1"),
        ({"answer": "ogg"}, "answer: 'ogg' is not one of pcm, opus, mp3, wav"),
        ({"delivery": "later"}, "delivery: 'later' is not one of streamed, whole"),
        ({"pacing": "2x"}, "pacing: '2x' is not one of realtime"),
        ({"fault": "fire"}, "fault: 'fire' is not one of None, drop"),
        ({"uplink": "mp3"}, "uplink: 'mp3' is not one of opus, pcm16"),
        ({"chunk_ms": 10}, "chunk_ms: 10 is not from 20 to 100"),
        ({"port": 70_000}, "port: 70000 is not from 0 to 65535"),
        ({"think_ms": -1}, "less than 0"),
        ({"token": ""}, "token: empty"),
        ({"answer_pcm": tone(0.1).astype(np.float32)}, "float32 of shape .1600,.; needs int16"),
        ({"answer_pcm": tone(0)}, "needs int16 of shape"),
    ],
)
def test_a_wrong_option_says_what_is_allowed(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Options(**wrong)


def test_the_token_is_not_in_the_options_text() -> None:
    assert "s3cret" not in repr(Options(token="s3cret"))  # noqa: S106  it guards nothing
