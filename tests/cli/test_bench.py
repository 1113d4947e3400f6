"""`hero365-edge bench`."""

import asyncio
import json
from pathlib import Path

import pytest

from hero365_edge.bench.hardware.report import decoded, encoded
from hero365_edge.cli import main
from hero365_edge.cli.bench_world import profile_of
from hero365_edge.errors import ConfigError
from hero365_edge.fleet.control import ControlServer
from tests import board_trees
from tests.bench.hardware.reports import of
from tests.board_trees import Tree


def test_a_trial_on_fakes_writes_both_reports_and_says_that_nothing_is_real(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["soak", "--minutes", "0.02", "--fake-hw", "--profile", "codec-zero"]
    assert main(["bench", *words, "--out", str(tmp_path / "a" / "b")]) == 0
    text = capsys.readouterr().out
    assert "nothing real is measured" in text
    report = decoded(tmp_path / "a" / "b" / "bench-soak.json")
    assert (report.subject.fake, report.subject.serial, report.subject.profile) == (True, "", "codec-zero")
    assert "nothing real was measured" in (tmp_path / "a" / "b" / "bench-soak.html").read_text()


def test_two_reports_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, snr in zip(paths, (30.0, 10.0), strict=True):
        path.write_bytes(encoded(of(snr)))
    assert main(["bench", "compare", *map(str, paths), "--out", str(tmp_path)]) == 0
    assert "good \N{RIGHTWARDS ARROW} bad" in capsys.readouterr().out
    assert "<svg" in (tmp_path / "bench-compare.html").read_text()


@pytest.mark.parametrize("words", [["compare"], ["compare", "a.json"], ["mic", "a.json", "b.json"]])
def test_only_compare_takes_reports_and_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *words]) == 78
    assert "takes two" in capsys.readouterr().err


def test_what_is_no_report_is_told_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text("{}")
    assert main(["bench", "compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 1
    assert "a.json: is no report" in capsys.readouterr().err


def test_a_card_that_is_not_there_is_not_measured_and_no_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    cards = "audio: {input: {device: no-such-card}, output: {device: no-such-card}}"
    config.write_text(f"{cards}\ncontrol: {{socket: {tmp_path}/control}}\n")
    assert main(["bench", "mic", "--config", str(config), "--out", str(tmp_path)]) == 1
    report = json.loads((tmp_path / "bench-mic.json").read_text())
    assert {figure["verdict"] for figure in report["results"][0]["figures"]} == {"not measured"}
    assert "no-such-card" in capsys.readouterr().out


def test_where_no_report_can_be_written_it_says_so_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["bench", "mic", "--fake-hw", "--out", str(tmp_path / "file")]) == 78
    told = capsys.readouterr()
    assert "cannot be written" in told.err
    assert "noise floor" not in told.out


async def test_beside_a_running_appliance_it_says_how_to_stop_it_and_leaves_the_cards_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def status(_: object) -> dict[str, object]:
        return {"state": "ready"}

    config = tmp_path / "config.yaml"
    config.write_text(f"control: {{socket: {tmp_path}/control.sock}}\n")
    server = ControlServer(tmp_path / "control.sock", {"status": status})
    await server.start()
    try:
        code = await asyncio.to_thread(main, ["bench", "mic", "--config", str(config), "--out", str(tmp_path / "out")])
    finally:
        await server.close()
    assert code == 1
    assert "sudo systemctl stop hero365-edge" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("wanted", "profile"), [("none", "generic"), ("keyboard", "generic"), ("codec-zero", "codec-zero")]
)
def test_the_limits_are_those_of_the_profile_or_the_generic_one(wanted: str, profile: str) -> None:
    assert profile_of(wanted) == profile


def test_auto_takes_the_limits_of_the_board_that_is_there(tmp_path: Path) -> None:
    tree = Tree(tmp_path).raspberry_pi()
    assert profile_of("auto", tree.root) == "generic"
    board_trees.codec_zero(tree)
    assert profile_of("auto", tree.root) == "codec-zero"


def test_boards_that_cannot_be_told_apart_must_be_named(tmp_path: Path) -> None:
    tree = Tree(tmp_path).raspberry_pi()
    board_trees.respeaker_v1(tree)
    with pytest.raises(ConfigError, match="name yours with --profile"):
        profile_of("auto", tree.root)


def test_the_link_is_tried_to_a_backend_on_this_computer(tmp_path: Path) -> None:
    main(["bench", "link", "--fake-hw", "--out", str(tmp_path)])
    (result,) = decoded(tmp_path / "bench-link.json").results
    assert {figure.verdict.value for figure in result.figures} <= {"good", "not measured"}
    assert "good" in {figure.verdict.value for figure in result.figures}


@pytest.mark.parametrize("what", ["button", "lamp"])
def test_without_a_panel_button_and_lamp_are_not_measured_and_say_why(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"panel: {{profile: none}}\ncontrol: {{socket: {tmp_path}/control}}\n")
    assert main(["bench", what, "--config", str(config), "--out", str(tmp_path)]) == 1
    assert "panel.profile is none" in capsys.readouterr().out


@pytest.mark.parametrize(("what", "plays"), [("speaker", True), ("lamp", False)])
def test_who_has_an_ear_on_the_speaker_is_warned_before_it_plays_and_told_how_loud(
    what: str, plays: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    cards = "audio: {input: {device: no-such-card}, output: {device: no-such-card, volume: 0.3}}"
    config.write_text(f"{cards}\npanel: {{profile: none}}\ncontrol: {{socket: {tmp_path}/control}}\n")
    main(["bench", what, "--config", str(config), "--out", str(tmp_path)])
    told = capsys.readouterr().out
    assert told.startswith("It plays tones and noise at 30 %") == plays
    assert ("no ear near the speaker" in told) == plays
    assert decoded(tmp_path / f"bench-{what}.json").subject.volume_percent == 30


def test_a_speaker_that_is_turned_off_is_not_measured_and_says_so(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"audio: {{output: {{volume: 0}}}}\ncontrol: {{socket: {tmp_path}/control}}\n")
    assert main(["bench", "speaker", "--config", str(config), "--out", str(tmp_path)]) == 1
    (result,) = decoded(tmp_path / "bench-speaker.json").results
    assert {figure.verdict.value for figure in result.figures} == {"not measured"}
    assert all("audio.output.volume is 0" in figure.remark for figure in result.figures)


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "20000", "long"])
def test_a_soak_takes_some_time_and_not_for_ever(minutes: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(["bench", "soak", "--fake-hw", "--minutes", minutes])
    assert left.value.code == 2
