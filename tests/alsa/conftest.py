"""What the tests over real ALSA share: the figures they measure, told at the end of the run."""

from collections.abc import Callable

import pytest

_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """`figures("…")` puts a line into the summary of this run."""
    return pytestconfig.stash.setdefault(_FIGURES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if told := config.stash.get(_FIGURES, []):
        terminalreporter.section("figures over ALSA")
        for line in told:
            terminalreporter.line(line)
