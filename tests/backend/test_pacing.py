"""Each way of pacing, as a table of when sound is sent."""

import pytest

from hero365_edge.backend.options import Pacing
from hero365_edge.backend.pacing import due_s

AT_S = (0.0, 0.04, 0.2, 0.96, 1.0, 1.9)


@pytest.mark.parametrize(
    ("pacing", "expected"),
    [
        ("realtime", (0.0, 0.04, 0.2, 0.96, 1.0, 1.9)),
        ("1.5x", (0.0, 0.0267, 0.1333, 0.64, 0.6667, 1.2667)),
        ("bursts", (0.0, 0.0, 0.05, 0.2, 0.25, 0.45)),
        ("hiccup", (0.0, 0.04, 0.2, 0.96, 1.4, 2.3)),
        ("instant", (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    ],
)
def test_sound_is_due_as_the_pacing_says(pacing: Pacing, expected: tuple[float, ...]) -> None:
    assert [due_s(pacing, at_s, 2.0) for at_s in AT_S] == pytest.approx(list(expected), abs=1e-4)


def test_bursts_are_of_200_ms_whatever_the_chunk() -> None:
    moments = [due_s("bursts", index * 0.04, 2.0) for index in range(50)]
    assert [moments.count(moment) for moment in sorted(set(moments))] == [5] * 10
