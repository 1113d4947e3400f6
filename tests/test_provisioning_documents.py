"""What docs/provisioning.md shows is what the program takes."""

import re
from pathlib import Path

import yaml

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
