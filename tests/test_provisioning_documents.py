"""What docs/provisioning.md shows is what the program takes."""

import re
from pathlib import Path

import pytest
import yaml

from hero365_edge.cli import main
from hero365_edge.core.secret import Secret
from hero365_edge.fleet.provisioning import read

DOCS = Path(__file__).parents[1] / "docs"


def test_the_example_is_a_provisioning_file_once_its_token_is_filled_in() -> None:
    text = (DOCS / "hero365-edge.boot.yaml").read_text().replace("eyJ…", "eyJhbGciOi.e30.c2ln")
    assert read(text.encode(), "example").token == Secret("eyJhbGciOi.e30.c2ln")


def test_the_examples_other_lines_are_taken_too() -> None:
    text = (DOCS / "hero365-edge.boot.yaml").read_text()
    turned = re.sub(r"^token:", "#token:", text, flags=re.MULTILINE)
    turned = re.sub(r"^#(token_command|url):", r"\1:", turned, flags=re.MULTILINE)
    said = read(turned.encode(), "example")
    assert said.token_command == ("/usr/local/bin/give-hero365-token",)
    assert said.url == "wss://api.hero365.ai/v1/voice/ws"


def test_the_file_that_cloud_init_writes_is_one() -> None:
    [example] = re.findall(r"```yaml\n(#cloud-config\n.*?)```", (DOCS / "provisioning.md").read_text(), re.DOTALL)
    told = yaml.safe_load(example)
    [file] = told["write_files"]
    read(file["content"].replace("eyJ…", "eyJhbGciOi.e30.c2ln").encode(), "example")
    assert ["hero365-edge", "provision", file["path"]] in told["runcmd"]


def test_every_line_that_success_prints_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))  # as systemd hands it over; else it is /var/lib
    file = tmp_path / "van.yaml"
    file.write_text("user_id: u1\nbusiness_id: b1\nvehicle: Van 12\ntoken: eyJhbGciOi.e30.c2ln\n")
    assert main(["provision", str(file)]) == 0
    shown = (DOCS / "provisioning.md").read_text().partition("Success is")[2].partition("\n\n")[2].partition("\n\n")[0]
    for printed, line in zip(capsys.readouterr().out.splitlines(), shown.splitlines(), strict=True):
        pattern = re.sub(r"0f950150-…|[0-9a-f]{12}$", "[0-9a-f-]+", line.strip())
        assert re.fullmatch(pattern, printed)
