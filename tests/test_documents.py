"""The pages of docs/: their links lead somewhere, and what they name exists."""

import re
from pathlib import Path

import pytest
import yaml

from hero365_edge.settings import Settings
from tests.cli.commands import commands

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
RULES = yaml.safe_load((ROOT / "config" / "fleet" / "rules.yaml").read_text())
ONE_PAGE_LINES = 80
NOT_ON_A_DEVICE = {"demo", "backend"}
"""They need what only pip's extra `demo` brings."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
        target = page.parent / link if link else page
        assert target.exists(), link
        if heading:
            headings = re.findall(r"(?m)^#+ (.*)$", target.read_text())
            assert heading in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "hardware").rglob("*.md"))], ids=lambda page: page.stem)
def test_the_commands_that_a_page_names_are_there_on_a_device(page: Path) -> None:
    named = set(re.findall(r"(?:`|^    |sudo )hero365-edge ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named <= {command.words[0] for command in commands() if command.words} - NOT_ON_A_DEVICE


@pytest.mark.parametrize("reader", ["ops", "tester"])
def test_each_reader_has_one_page(reader: str) -> None:
    assert len((ROOT / "docs" / f"{reader}.md").read_text().splitlines()) <= ONE_PAGE_LINES


def test_the_table_of_alerts_is_that_of_the_rules_and_the_bold_ones_are_pages() -> None:
    rules = [rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]
    watch = (ROOT / "docs" / "ops.md").read_text().partition("## Watch")[2].partition("## Update")[0]
    table = "\n".join(line for line in watch.splitlines() if line.startswith("|"))
    assert set(re.findall(r"`([A-Z]\w+)`", table)) == {rule["alert"] for rule in rules}
    pages = {rule["alert"] for rule in rules if rule["labels"]["severity"] == "page"}
    assert set(re.findall(r"\*\*`(\w+)`\*\*", table)) == pages


def test_the_settings_that_the_pages_name_exist() -> None:
    for reader in ("ops", "tester", "remote-support"):
        text = (ROOT / "docs" / f"{reader}.md").read_text()
        for section, key in re.findall(r"`(backend|outbox|capture|log|audio|panel)\.([a-z_]+)`", text):
            assert hasattr(getattr(Settings(), section), key), f"{section}.{key}"
