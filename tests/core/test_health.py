"""A link's health, by looks a second apart."""

from dataclasses import replace

import pytest

from hero365_edge.core.health import BULK_BYTES, LOOK_EVERY_S, PING_EVERY_S, SILENT_S, WINDOW_S, LinkHealth, Vitals


class Patient:
    """A link that is looked at; by default its pongs come, and ten segments go up a second."""

    def __init__(self) -> None:
        self.now = 100.0
        self.health = LinkHealth(self.now)
        self.vitals = Vitals(rtt_s=0.1)

    def look(self, seconds: float = LOOK_EVERY_S, **changes: float | None) -> None:
        """Time passes, and the next look shows these changes."""
        self.now += seconds
        self.vitals = replace(self.vitals, **changes)  # type: ignore[arg-type]  # the counts are told as int
        self.health.look(self.vitals, self.now)

    def look_often(self, times: int, segments: int = 10, retransmits: int = 0, received: int = 2) -> None:
        """As many seconds, in each of which so much more went up and came down."""
        for _ in range(times):
            self.look(
                segments=self.vitals.segments + segments,
                retransmits=self.vitals.retransmits + retransmits,
                received_bytes=self.vitals.received_bytes + received,
            )

    def silent_until_dead(self) -> float:
        """How long it takes."""
        since = self.now
        while not self.health.dead:
            self.look()
            assert self.now < since + 60
        return self.now - since


@pytest.fixture
def patient() -> Patient:
    return Patient()


def test_a_link_whose_pongs_come_is_alive(patient: Patient) -> None:
    for _ in range(100):
        for _ in range(int(PING_EVERY_S)):
            patient.look()
        patient.look(received_bytes=patient.vitals.received_bytes + 6)
        assert not patient.health.dead
    assert not patient.health.degraded


def test_a_link_without_a_sign_of_life_is_found_within_ten_seconds(patient: Patient) -> None:
    patient.look_often(3)
    assert SILENT_S <= patient.silent_until_dead() <= 10.0


def test_a_sign_of_life_begins_the_wait_anew(patient: Patient) -> None:
    for _ in range(8):
        patient.look()
    patient.look_often(1)
    assert patient.silent_until_dead() >= SILENT_S


def test_a_minute_of_speech_that_goes_up_over_a_thin_link_is_a_sign_of_life(patient: Patient) -> None:
    for left in range(2_000_000, BULK_BYTES, -20_000):
        patient.look(unsent_bytes=left)
        assert not patient.health.dead
    assert patient.silent_until_dead() >= SILENT_S - 1.0


def test_a_minute_of_speech_that_does_not_move_is_none(patient: Patient) -> None:
    patient.look(unsent_bytes=2_000_000)
    assert patient.silent_until_dead() <= 10.0


def test_a_kernel_that_answers_for_a_program_that_hangs_is_no_sign_of_life(patient: Patient) -> None:
    """Its ACKs take the pings off the queue, but no pong comes."""
    for second in range(9):
        patient.look(unsent_bytes=12 if second % 5 == 0 else 0)
    assert patient.health.dead


def test_a_program_that_stood_still_does_not_blame_the_link(patient: Patient) -> None:
    patient.look_often(3)
    patient.look(30.0)
    assert not patient.health.dead
    assert patient.silent_until_dead() >= SILENT_S


# -- degraded ------------------------------------------------------------------------------------------------------


def test_a_long_round_trip_is_degraded_when_it_is_usual_and_not_when_it_happens_once(patient: Patient) -> None:
    patient.look_often(12)
    patient.look(rtt_s=3.0)
    patient.look_often(4)
    assert not patient.health.degraded, "one ping of three"
    patient.look_often(5)
    assert patient.health.slow
    patient.look(rtt_s=0.1)
    patient.look_often(10)
    assert not patient.health.degraded


def test_the_spread_of_round_trips_is_that_of_the_window(patient: Patient) -> None:
    assert patient.health.rtt_spread_s == 0
    patient.look(rtt_s=None)
    assert patient.health.rtt_spread_s == 0
    patient.look(rtt_s=0.9)
    assert patient.health.rtt_spread_s == 0
    patient.look(5, rtt_s=0.05)
    patient.look(5, rtt_s=0.2)
    assert patient.health.rtt_spread_s == pytest.approx(0.85)
    patient.look(WINDOW_S - 4, rtt_s=0.2)
    assert patient.health.rtt_spread_s == 0


@pytest.mark.parametrize(("rtt_s", "slow"), [(None, False), (0.99, False), (1.0, False), (1.01, True)])
def test_the_limit_is_one_second(patient: Patient, rtt_s: float | None, slow: bool) -> None:
    patient.look(rtt_s=rtt_s)
    patient.look_often(20)
    assert patient.health.slow is slow


@pytest.mark.parametrize(("retransmits", "lossy"), [(0, False), (1, False), (2, True)])
def test_too_many_retransmits_in_the_window_are_degraded(patient: Patient, retransmits: int, lossy: bool) -> None:
    """20 segments a second: one is 5 %, which is not over it."""
    patient.look_often(10, segments=20, retransmits=retransmits)
    assert patient.health.lossy is lossy
    assert patient.health.degraded is lossy
    assert patient.health.retransmitted == pytest.approx(retransmits / 20)


def test_a_lost_ping_of_an_idle_link_is_no_loss_to_speak_of(patient: Patient) -> None:
    patient.look_often(20, segments=0)
    patient.look(segments=patient.vitals.segments + 2, retransmits=1)
    assert not patient.health.degraded


def test_what_was_lost_before_the_window_is_forgotten(patient: Patient) -> None:
    patient.look_often(5, segments=20, retransmits=10)
    assert patient.health.lossy
    patient.look_often(int(WINDOW_S) + 2, segments=20)
    assert not patient.health.lossy


def test_before_the_first_look_nothing_is_wrong(patient: Patient) -> None:
    assert not patient.health.dead
    assert not patient.health.degraded
