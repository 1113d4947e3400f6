"""The report: its verdict, its JSON, and the schema of that."""

import json
from pathlib import Path

import jsonschema
import pytest

from hero365_edge.bench.hardware import report as module
from hero365_edge.bench.hardware.figures import Unmeasured, Verdict
from hero365_edge.bench.hardware.report import decoded, encoded, schema
from hero365_edge.errors import EdgeError
from tests.bench.hardware.reports import EVERY_VERDICT, of

SHIPPED = Path(module.__file__).with_name("bench-report.schema.json")


@pytest.mark.parametrize("verdict", EVERY_VERDICT)
def test_the_shipped_schema_describes_every_report(verdict: Verdict) -> None:
    described = json.loads(SHIPPED.read_text())
    jsonschema.Draft202012Validator.check_schema(described)
    jsonschema.validate(json.loads(encoded(EVERY_VERDICT[verdict])), described)


@pytest.mark.parametrize(("key", "value"), [("verdict", "fine"), ("format", "1"), ("results", None), ("more", 1)])
def test_the_shipped_schema_refuses_what_is_no_report(key: str, value: object) -> None:
    wrong = json.loads(encoded(of())) | {key: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(SHIPPED.read_text()))


def test_the_shipped_schema_is_the_programs() -> None:
    assert json.loads(SHIPPED.read_text()) == json.loads(json.dumps(schema()))


@pytest.mark.parametrize("verdict", EVERY_VERDICT)
def test_a_report_comes_back_from_its_file(verdict: Verdict, tmp_path: Path) -> None:
    path = tmp_path / "bench-mic.json"
    path.write_bytes(encoded(EVERY_VERDICT[verdict]))
    assert decoded(path) == EVERY_VERDICT[verdict]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 1}'])
def test_a_file_that_is_no_report_is_told_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(EdgeError, match=r"other\.json: is no report"):
        decoded(path)
    with pytest.raises(EdgeError, match=r"gone\.json: cannot be read"):
        decoded(tmp_path / "gone.json")


@pytest.mark.parametrize("verdict", EVERY_VERDICT)
def test_the_verdict_is_the_gravest_of_its_figures(verdict: Verdict) -> None:
    assert EVERY_VERDICT[verdict].verdict is verdict


def test_only_what_was_measured_and_good_passes() -> None:
    passed = {verdict for verdict, report in EVERY_VERDICT.items() if report.passed}
    assert passed == {Verdict.GOOD, Verdict.NOT_MEASURED}
    assert not of(Unmeasured("a"), Unmeasured("b")).passed, "nothing was measured"


def test_the_headline_says_what_is_missing() -> None:
    assert EVERY_VERDICT[Verdict.GOOD].headline == "good: of 2 figures 2 good"
    told = "not all was measured: of 2 figures 1 good, 1 not measured, which is no pass"
    assert EVERY_VERDICT[Verdict.NOT_MEASURED].headline == told
    assert of(10.0, Unmeasured("x")).headline == "bad: of 2 figures 1 bad, 1 not measured, which is no pass"
