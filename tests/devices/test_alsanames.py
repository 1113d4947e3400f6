"""ALSA's own names of a card, and what there is to say when it is not among PortAudio's."""

from pathlib import Path

import pytest

from hero365_edge.devices.alsanames import Card, kernel_has, listed_as
from hero365_edge.errors import DeviceError

LISTING = """ 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0
                      vc4-hdmi-0
 2 [Stick          ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.2, full speed
"""


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    file = tmp_path / "cards"
    file.write_text(LISTING)
    return file


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("hw:Stick", "(hw:2,0)"),
        ("hw:2", "(hw:2,0)"),
        ("hw:2,1", "(hw:2,1)"),
        ("hw:CARD=Stick", "(hw:2,0)"),
        ("plughw:CARD=Stick", "(hw:2,0)"),
        ("plughw:CARD=Stick,DEV=1", "(hw:2,1)"),
        ("plughw:0,0", "(hw:0,0)"),
        ("default", None),
        ("USB PnP Sound Device: Audio (hw:2,0)", None),
        ("Stick", None),
    ],
)
def test_alsas_names_are_found_as_portaudio_lists_them(name: str, ending: str | None, listing: Path) -> None:
    assert listed_as(name, listing) == ending


def test_a_card_that_the_kernel_has_not_is_an_error_that_lists_those_it_has(listing: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"no card 'Stock' \('plughw:CARD=Stock'\); there are: hw:vc4hdmi0, hw:Stick"):
        listed_as("plughw:CARD=Stock", listing)
    with pytest.raises(DeviceError, match="there are: none at all"):
        listed_as("hw:0", tmp_path / "no such file")


@pytest.mark.parametrize(("name", "there"), [("pnp", True), ("plughw:CARD=Stick", True), ("jabra", False)])
def test_whether_the_kernel_has_it_tells_a_busy_card_from_a_missing_one(name: str, there: bool, listing: Path) -> None:
    assert kernel_has(name, listing) is there


@pytest.mark.parametrize(
    ("name", "there"),
    [("Stick: USB Audio (hw:2,0)", True), ("Stick: USB Audio (hw:1,0)", False), ("default", True), ("hero_mic", True)],
)
def test_a_card_is_there_while_the_kernel_lists_its_number_and_software_always(
    name: str, there: bool, listing: Path
) -> None:
    assert Card(0, name, 48_000, 2).is_there(listing) is there


def test_a_card_is_gone_with_the_last_of_them_and_taken_to_be_there_where_the_list_is_hidden(tmp_path: Path) -> None:
    card, listing = Card(0, "Stick: USB Audio (hw:2,0)", 48_000, 2), tmp_path / "cards"
    assert card.is_there(listing)
    listing.write_text("--- no soundcards ---\n")
    assert not card.is_there(listing)
