"""What `check` says of the board, from made file trees."""

from pathlib import Path

import pytest

from hero365_edge.cli.boards import look
from hero365_edge.cli.probes.board import judge_board
from hero365_edge.cli.probes.finding import Finding, Verdict
from tests import board_trees
from tests.board_trees import Tree
from tests.cli.probes.taking import taken


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path).raspberry_pi()


def judged(tree: Tree, profile: str = "auto") -> Finding:
    return judge_board(look(tree.root), profile)


async def test_it_is_one_of_the_looks() -> None:
    _finding, code = await taken("board")
    assert code == 0


def test_a_board_that_is_set_up_is_good(tree: Tree) -> None:
    board_trees.codec_zero(tree)
    tree.put("boot/firmware/config.txt", "dtparam=audio=off")
    finding = judged(tree)
    assert finding.verdict is Verdict.OK
    assert finding.text.startswith("codec-zero, because the HAT's EEPROM says")
    assert judged(tree, "codec-zero") == finding


def test_a_line_that_config_txt_lacks_is_the_next_step(tree: Tree) -> None:
    board_trees.codec_zero(tree)
    tree.put("boot/firmware/config.txt", "dtparam=audio=on")
    finding = judged(tree)
    assert (finding.verdict, finding.next_step) == (
        Verdict.WARN,
        "/boot/firmware/config.txt lacks: dtparam=audio=off",
    )


def test_a_card_that_did_not_come_is_told(tree: Tree) -> None:
    tree.hat("AIY Voice Hat", "0x0001", "Google, Inc")
    assert "its sound card is not there" in judged(tree).next_step


def test_boards_that_cannot_be_told_apart_want_a_person(tree: Tree) -> None:
    board_trees.respeaker_v1(tree)
    finding = judged(tree)
    assert (finding.verdict, finding.next_step) == (Verdict.WARN, "name yours in panel.profile")
    assert judged(tree, "respeaker-2mic-v1").verdict is Verdict.OK


def test_a_profile_of_another_board_is_told(tree: Tree) -> None:
    board_trees.codec_zero(tree)
    finding = judged(tree, "aiy-voice-hat")
    assert (finding.verdict, finding.text) == (
        Verdict.WARN,
        "panel.profile says aiy-voice-hat, but codec-zero is recognised",
    )
    assert judged(tree, "generic").verdict is Verdict.SUGGESTED, "wires of one's own may be meant so"


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        ("auto", "none recognised, the defaults count"),
        ("generic", "none recognised, panel.profile says generic"),
        ("none", "panel.profile is none"),
    ],
)
def test_where_nothing_is_recognised_nothing_is_judged(tree: Tree, profile: str, text: str) -> None:
    finding = judged(tree, profile)
    assert finding.verdict is Verdict.NOT_CHECKED
    assert finding.text.startswith(text)
