"""`bench echo` with cancellers whose loss is known, and with the real one."""

import pytest

from hero365_edge.bench.hardware import echo
from hero365_edge.bench.hardware.cards import NOT_HEARD
from hero365_edge.bench.hardware.figures import Figure, Unmeasured, Verdict
from hero365_edge.core.board import Limits
from hero365_edge.core.pcm import Pcm
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.echo_ports import Canceller
from hero365_edge.fakes.canceller import FakeCanceller
from hero365_edge.fakes.codec import FakeCodecs
from tests.bench.hardware.wire import desk
from tests.impairment import Impairment

DELAY_SAMPLES = 640
STAMPED_LATE = 480
"""The wire's microphone stamps a block when it is whole, and the reference leads by 10 ms."""


class Softener:
    """Makes everything softer by a known loss, echo or not (port Canceller)."""

    late_samples = 0

    def __init__(self, loss_db: float) -> None:
        self._share = 10 ** (-loss_db / 20)

    def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
        softer: Pcm = (heard * self._share).round().astype(heard.dtype)
        return softer

    def reset(self) -> None:
        pass


async def measured(canceller: Canceller, gain: float = 0.5, noise_dbfs: float = -85.0, **options: bool) -> Figure:
    of = Impairment(gain=gain, delay_samples=DELAY_SAMPLES, noise_dbfs=noise_dbfs)
    cancels = options.get("cancels_echo", False)
    result = await echo.measure(desk(of), Limits(erle_db=18), None, cancels, canceller, FakeCodecs(), 8, 8)
    (figure,) = result.figures
    return figure


@pytest.mark.parametrize("loss_db", [6.0, 12.0, 25.0])
async def test_a_known_loss_is_told_within_a_db(loss_db: float) -> None:
    found = await measured(Softener(loss_db))
    assert found.value == pytest.approx(loss_db, abs=found.error)
    assert found.verdict is (Verdict.GOOD if loss_db >= 18 else Verdict.BAD)


async def test_what_it_left_while_it_learned_does_not_count() -> None:
    class Learner(Softener):
        """Takes nothing out in its first 7 s."""

        frames = 0

        def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
            self.frames += 1
            return super().cancel(heard, played) if self.frames > 350 else heard

    assert (await measured(Learner(20.0))).value == pytest.approx(20.0, abs=0.2)


async def test_a_canceller_that_is_off_by_a_twentieth_leaves_26_db_less() -> None:
    found = await measured(FakeCanceller(DELAY_SAMPLES + STAMPED_LATE, 0.475))
    assert found.value == pytest.approx(26.0, abs=found.error)


async def test_the_daemons_own_takes_out_what_a_board_is_asked_for() -> None:
    found = await measured(WebrtcCanceller())
    assert found.verdict is Verdict.GOOD


async def test_where_no_echo_is_heard_nothing_is_measured() -> None:
    found = await measured(Softener(0), gain=0.0, noise_dbfs=-50)
    assert (found.verdict, found.remark) == (Verdict.NOT_MEASURED, NOT_HEARD)


async def test_a_board_that_cancels_its_echo_shows_only_what_it_left() -> None:
    assert (await measured(Softener(20), cancels_echo=True)).verdict is Verdict.NOT_MEASURED


@pytest.mark.parametrize(
    ("heard_db", "left_db", "noise_db", "known"),
    [(-30.0, -55.0, -80.0, 25.0), (-30.0, -40.0, -80.0, 10.0), (-30.0, -49.0, -49.0, 19.0)],
)
def test_the_loss_is_told_where_noise_does_not_hide_it(
    heard_db: float, left_db: float, noise_db: float, known: float
) -> None:
    assert echo.judge(heard_db, left_db, noise_db, Limits(erle_db=18)) == known


def test_an_echo_too_near_the_noise_cannot_fail_the_board() -> None:
    found = echo.judge(-50.0, -62.0, -65.0, Limits(erle_db=18))
    assert isinstance(found, Unmeasured)
    assert "15 dB above the noise" in found.why
