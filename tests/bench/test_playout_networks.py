"""Arrivals: in order, never before they were sent, the same for the same seed; and traces read as they are meant."""

import statistics
from pathlib import Path

import pytest

from hero365_edge.bench import playout_networks as networks
from hero365_edge.bench.playout_networks import BASE_S, CELLS, FRAME_S, PACINGS, UTTERANCE_S, Times

SENT = [number * FRAME_S for number in range(400)]


@pytest.mark.parametrize("name", networks.generated(1))
@pytest.mark.parametrize("pacing", PACINGS)
def test_frames_arrive_in_order_and_not_before_they_were_sent(name: str, pacing: str) -> None:
    sent = networks.sent(pacing, 3, networks.dice_of("1"))
    arrived = networks.arrivals(networks.generated(1)[name], sent)
    flat = [at for times in arrived for at in times]
    assert flat == sorted(flat)
    assert all(late >= early + BASE_S for late, early in zip(flat, (at for times in sent for at in times), strict=True))
    assert [len(times) for times in arrived] == [round(UTTERANCE_S / FRAME_S)] * 3


def test_the_same_seed_gives_the_same_arrivals_and_another_gives_others() -> None:
    first, again, other = (networks.generated(seed)["New York bus LTE"](SENT) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("pacing", "at_s", "is_sent_s"), [("real time", 3.0, 3.0), ("1.5x", 3.0, 2.0)])
def test_pacing_says_when_a_frame_is_sent(pacing: str, at_s: float, is_sent_s: float) -> None:
    assert PACINGS[pacing](at_s) == pytest.approx(is_sent_s)


def test_bursts_come_in_chunks_of_200_ms_at_four_times_real_time_and_a_hiccup_delays_the_second_half() -> None:
    assert [PACINGS["bursts"](at) for at in (0.0, 0.18, 0.2, 0.38, 0.4)] == pytest.approx([0, 0, 0.05, 0.05, 0.1])
    assert [PACINGS["hiccup"](at) for at in (3.98, 4.0)] == pytest.approx([3.98, 4.4])


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.mu > 4.5])
def test_a_cells_outages_are_as_many_and_as_long_as_it_says(name: str) -> None:
    minutes = 60
    sent = [number * 0.005 for number in range(minutes * 60 * 200)]
    arrived = networks.generated(7)[name](sent)
    outages = [late - early - BASE_S for early, late in zip(sent, arrived, strict=True) if late - early > BASE_S + 0.06]
    cell = CELLS[name]
    held_share = len(outages) / len(sent)
    assert 0.2 < held_share / (cell.per_minute / 60 * statistics.fmean(outages) * 2) < 1.6


def delivered(marks: list[int], sent: Times, folder: Path) -> Times:
    (folder / "one.down").write_text("\n".join(map(str, marks)) + "\n")
    return networks.recorded(folder)["one.down"](sent)


def test_a_trace_delivers_at_its_marks_and_repeats(tmp_path: Path) -> None:
    assert delivered([10, 50, 100], [0.0, 0.02, 0.07, 0.08], tmp_path) == pytest.approx([0.05, 0.05, 0.1, 0.11])


def test_an_opportunity_carries_1500_bytes_and_no_more(tmp_path: Path) -> None:
    fit = networks.PACKET_BYTES // networks.FRAME_BYTES
    arrived = delivered([500, 600, 1000], [0.0] * (fit + 1), tmp_path)
    assert arrived == pytest.approx([0.5] * fit + [0.6])


@pytest.mark.parametrize("text", ["", "1\nx\n", "5\n3\n", "0\n"])
def test_what_is_no_trace_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "odd.down").write_text(text)
    with pytest.raises(ValueError, match=r"odd\.down"):
        networks.recorded(tmp_path)


def test_a_folder_without_traces_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("words")
    with pytest.raises(ValueError, match="no trace"):
        networks.recorded(tmp_path)
