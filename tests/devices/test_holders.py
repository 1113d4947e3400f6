"""Who holds a sound card, as the kernel's files tell it."""

from pathlib import Path

import pytest

from hero365_edge.devices.holders import Holder, holders

OPEN = "state: RUNNING\nowner_pid   : 4242\ntrigger_time: 12.3\nhw_ptr      : 4800\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A card with a closed speaker and a microphone that thread 4242 of process 4200 has open."""
    card = tmp_path / "asound/card1"
    for folder, status in (("pcm0p/sub0", "closed\n"), ("pcm0c/sub0", OPEN)):
        (card / folder).mkdir(parents=True)
        (card / folder / "status").write_text(status)
    (card / "id").write_text("Device\n")
    for pid, name in ((4242, "portaudio input"), (4200, "hero365-edge")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "comm").write_text(f"{name}\n")
        (tmp_path / str(pid) / "status").write_text("Name:\tx\nTgid:\t4200\n")
    return tmp_path


def test_an_open_stream_is_told_with_card_direction_and_the_process_of_its_thread(proc: Path) -> None:
    (holder,) = holders(proc)
    assert holder == Holder(card="Device", direction="input", pid=4242, program="hero365-edge")
    assert str(holder) == "hero365-edge (pid 4242) on card Device"


def test_a_holder_that_may_not_be_seen_or_has_ended_is_told_by_its_number(proc: Path) -> None:
    for pid in (4242, 4200):
        (proc / str(pid) / "comm").unlink()
    assert str(holders(proc)[0]) == "a program (pid 4242) on card Device"


def test_a_card_without_a_name_is_told_by_its_number(proc: Path) -> None:
    (proc / "asound/card1/id").unlink()
    assert holders(proc)[0].card == "card1"


def test_where_there_is_no_sound_nobody_holds_any(tmp_path: Path) -> None:
    assert holders(tmp_path) == ()
