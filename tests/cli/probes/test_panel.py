"""The button: not wanted, not there, or in the running daemon's hands; the lines themselves are `tests/devices`'s."""

import pytest

from hero365_edge.cli.probes.finding import Verdict
from hero365_edge.cli.probes.panel import in_part
from hero365_edge.devices.gpiochips import gpio_chips
from hero365_edge.panel_settings import Panel
from hero365_edge.settings import Settings
from tests.cli.probes.taking import taken


@pytest.mark.parametrize("profile", ["none", "keyboard"])
async def test_a_button_that_is_not_wanted_is_not_checked(profile: str) -> None:
    finding, code = await taken("button", Settings(panel=Panel(profile=profile)))
    assert (finding.verdict, finding.text, code) == (Verdict.NOT_CHECKED, f"panel.profile is {profile}", 0)


@pytest.mark.skipif(bool(gpio_chips()), reason="there is a GPIO chip")
async def test_without_a_chip_it_says_so_and_how_to_do_without() -> None:
    finding, code = await taken("button")
    assert (finding.verdict, finding.text, code) == (Verdict.WARN, "no GPIO chip here", 0)
    assert "panel.profile: none" in finding.next_step


@pytest.mark.parametrize(
    ("troubles", "text"),
    [
        ({"lamp": "no /dev/spidev0.1"}, "GPIO17: the lamp stays dark"),
        ({"second_button": "GPIO27 is taken"}, "GPIO17: the second button does nothing"),
        ({"speaker": "it is gone", "second_button": "GPIO27 is taken"}, "GPIO17: the second button does nothing"),
    ],
)
def test_what_does_nothing_while_the_button_works_is_a_warning_with_the_reason(
    troubles: dict[str, str], text: str
) -> None:
    finding = in_part("GPIO17", troubles)
    assert finding is not None
    assert (finding.verdict, finding.text) == (Verdict.WARN, text)
    assert finding.next_step in troubles.values()


@pytest.mark.parametrize("troubles", [{}, {"speaker": "it is gone"}, {"button": "no chip", "lamp": "no chip"}])
def test_where_all_of_it_works_or_nothing_does_no_part_is_blamed(troubles: dict[str, str]) -> None:
    assert in_part("GPIO17", troubles) is None
