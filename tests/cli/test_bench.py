"""`hero365-edge bench`."""

import json
from pathlib import Path

import pytest

from hero365_edge.bench.hardware.report import decoded, encoded
from hero365_edge.cli import main
from hero365_edge.cli.bench_world import profile_of
from tests.bench.hardware.reports import of


def test_a_trial_on_fakes_writes_both_reports_and_says_that_nothing_is_real(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "speaker", "--fake-hw", "--profile", "codec-zero", "--out", str(tmp_path / "a" / "b")]) == 0
    text = capsys.readouterr().out
    assert "nothing real is measured" in text
    report = decoded(tmp_path / "a" / "b" / "bench-speaker.json")
    assert (report.subject.fake, report.subject.serial, report.subject.profile) == (True, "", "codec-zero")
    assert "nothing real was measured" in (tmp_path / "a" / "b" / "bench-speaker.html").read_text()


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


@pytest.mark.parametrize(
    ("wanted", "profile"), [("none", "generic"), ("keyboard", "generic"), ("codec-zero", "codec-zero")]
)
def test_the_limits_are_those_of_the_profile_or_the_generic_one(wanted: str, profile: str) -> None:
    assert profile_of(wanted) == profile
