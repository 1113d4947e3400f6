"""What every echo canceller does."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.core.gate import dbfs
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, silence
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.echo_ports import Canceller
from hero365_edge.fakes.canceller import FakeCanceller

DELAY_SAMPLES = 480
SHARE = 0.5
KINDS: dict[str, Callable[[], Canceller]] = {
    "fake": lambda: FakeCanceller(DELAY_SAMPLES, SHARE),
    "webrtc": WebrtcCanceller,
}


@pytest.fixture(params=KINDS)
def canceller(request: pytest.FixtureRequest) -> Canceller:
    return KINDS[request.param]()


def noise(seconds: float, seed: int) -> Pcm:
    return np.random.default_rng(seed).normal(0, 2_000, round(seconds * RATE_HZ)).astype(np.int16)


def left_of(canceller: Canceller, heard: Pcm, played: Pcm) -> Pcm:
    starts = range(0, len(heard) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
    return np.concatenate(
        [canceller.cancel(heard[at : at + FRAME_SAMPLES], played[at : at + FRAME_SAMPLES]) for at in starts]
    )


def test_an_echo_is_gone_after_some_seconds(canceller: Canceller) -> None:
    played = noise(6.0, seed=1)
    heard = (np.concatenate([silence(DELAY_SAMPLES), played])[: len(played)] * SHARE).astype(np.int16)
    left = left_of(canceller, heard, played)
    assert dbfs(left[-2 * RATE_HZ :]) < dbfs(heard[-2 * RATE_HZ :]) - 15


def test_what_is_heard_while_nothing_is_played_stays_and_comes_so_much_later(canceller: Canceller) -> None:
    heard = noise(2.0, seed=2)
    left = left_of(canceller, heard, silence(len(heard)))
    late = canceller.late_samples
    same = np.corrcoef(left[RATE_HZ:], heard[RATE_HZ - late : len(heard) - late])[0, 1]
    assert same > 0.95
    assert dbfs(left[RATE_HZ:]) == pytest.approx(dbfs(heard[RATE_HZ:]), abs=1.0)


def test_a_reset_at_any_time_is_fine(canceller: Canceller) -> None:
    canceller.reset()
    left_of(canceller, noise(0.1, seed=1), noise(0.1, seed=2))
    canceller.reset()
    assert not left_of(canceller, silence(RATE_HZ), silence(RATE_HZ))[RATE_HZ // 2 :].any()


@pytest.mark.parametrize(("heard", "played"), [(320, 160), (160, 320), (0, 0), (640, 640)])
def test_what_is_no_frame_is_refused(canceller: Canceller, heard: int, played: int) -> None:
    with pytest.raises(ValueError, match="a frame is 320 samples"):
        canceller.cancel(silence(heard), silence(played))
