"""The board of this computer: which profile a made file tree is recognised as, and what the settings take of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hero365_edge.cli.boards import board_defaults, look
from hero365_edge.config import load
from hero365_edge.errors import ConfigError
from tests import board_trees
from tests.board_trees import Tree

PluggedIn = Callable[[Tree], None]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path).raspberry_pi()


def defaults(tree: Tree, profile: str = "auto") -> Mapping[str, object]:
    found = board_defaults(profile, tree.root)
    return found.values if found else {}


@pytest.mark.parametrize(
    ("plug_in", "profile"),
    [
        (board_trees.respeaker_v2, "respeaker-2mic-v2"),
        (board_trees.aiy_voice_hat, "aiy-voice-hat"),
        (board_trees.i2s_on_wires, "inmp441-max98357a"),
        (board_trees.codec_zero, "codec-zero"),
        (board_trees.codec_zero_by_iqaudio, "codec-zero"),
        (board_trees.codec_zero_by_iqaudio_as_it_comes, "codec-zero"),
        (board_trees.jabra, "usb-speakerphone"),
    ],
)
def test_each_board_is_recognised(tree: Tree, plug_in: PluggedIn, profile: str) -> None:
    plug_in(tree)
    assert [found.name for found in look(tree.root).found] == [profile]
    found = board_defaults("auto", tree.root)
    assert found is not None
    assert found.origin == f"profile {profile}"
    assert found.values == defaults(tree, profile)


def test_a_bare_computer_is_none_of_them_and_the_defaults_stay(tree: Tree) -> None:
    assert board_defaults("auto", tree.root) is None
    assert any("none recognised" in line for line in look(tree.root).in_words())


@pytest.mark.parametrize(
    ("plug_in", "card"),
    [
        (board_trees.respeaker_v1, "wm8960soundcard"),
        (board_trees.respeaker_v1_with_seeeds_driver, "seeed2micvoicec"),
    ],
)
def test_the_v1_and_the_bonnet_are_both_told_and_what_they_agree_on_is_taken(
    tree: Tree, plug_in: PluggedIn, card: str
) -> None:
    """Owners of either board have installed either driver."""
    plug_in(tree)
    seen = look(tree.root)
    assert [found.name for found in seen.found] == ["adafruit-voice-bonnet", "respeaker-2mic-v1"]
    assert any("cannot be told apart" in line for line in seen.in_words())
    taken = defaults(tree)
    assert taken["panel.button_pin"] == 17
    assert taken["audio.input.device"] == f"hw:CARD={card}"
    assert not [key for key in taken if key.startswith("panel.lamp_")]
    settings = load([], {}, None, lambda profile: board_defaults(profile, tree.root)).settings
    assert (settings.panel.lamp_kind, settings.panel.lamp_pins) == ("leds", (22,))


def test_a_profile_that_is_named_counts_against_what_is_recognised(tree: Tree) -> None:
    board_trees.respeaker_v1(tree)
    assert defaults(tree, "respeaker-2mic-v1")["panel.lamp_spi"] == "0.1"
    assert defaults(tree, "codec-zero")["panel.button_pin"] == 27


def test_the_card_of_a_named_profile_is_the_one_that_is_there(tree: Tree) -> None:
    assert defaults(tree, "respeaker-2mic-v1")["audio.input.device"] == "hw:CARD=wm8960soundcard"
    board_trees.respeaker_v1_with_seeeds_driver(tree)
    assert defaults(tree, "respeaker-2mic-v1")["audio.input.device"] == "hw:CARD=seeed2micvoicec"


def test_a_hats_button_is_right_before_the_driver_has_made_its_card(tree: Tree) -> None:
    """The daemon is started while drivers are still being loaded: it must not take another button then."""
    tree.hat("AIY Voice Hat", "0x0001", "Google, Inc")
    taken = defaults(tree)
    assert (taken["panel.button_pin"], taken["audio.input.device"]) == (23, "hw:CARD=sndrpigooglevoi")


@pytest.mark.parametrize("profile", ["none", "keyboard"])
def test_where_no_board_is_wanted_nothing_of_one_is_taken(tree: Tree, profile: str) -> None:
    board_trees.codec_zero(tree)
    assert board_defaults(profile, tree.root) is None


def test_a_profile_that_there_is_not_is_refused_with_those_there_are(tree: Tree) -> None:
    with pytest.raises(ConfigError, match=r"'codec-zer'; it must be one of auto, none, keyboard, .*codec-zero"):
        board_defaults("codec-zer", tree.root)


def test_what_a_person_said_is_above_the_board_and_the_origin_tells_which(tree: Tree, tmp_path: Path) -> None:
    board_trees.codec_zero(tree)
    file = tmp_path / "own.yaml"
    file.write_text("panel: {lamp_pins: [5]}\naudio: {output: {device: pulse}}\n")
    loaded = load([file], {}, None, lambda profile: board_defaults(profile, tree.root))
    panel, audio = loaded.settings.panel, loaded.settings.audio
    assert (panel.button_pin, panel.lamp_pins) == (27, (5,))
    assert (audio.input.device, audio.output.device) == ("hw:CARD=Zero", "pulse")
    assert loaded.origin["panel.button_pin"] == "profile codec-zero"
    assert loaded.origin["panel.lamp_pins"] == loaded.origin["audio.output.device"] == str(file)
    assert loaded.origin["panel.debounce_ms"] == "default"


def test_the_wrong_name_of_a_profile_is_told_with_where_it_was_said(tree: Tree) -> None:
    with pytest.raises(ConfigError, match=r"variable HERO365_EDGE_PANEL__PROFILE: panel\.profile is 'mine'"):
        load([], {"HERO365_EDGE_PANEL__PROFILE": "mine"}, None, lambda profile: board_defaults(profile, tree.root))


def test_the_words_name_the_profile_why_and_what_is_missing(tree: Tree) -> None:
    board_trees.codec_zero(tree)
    tree.put("boot/firmware/config.txt", "[all]\ndtparam=audio=on")
    eeprom = "the HAT's EEPROM says 'Raspberry Pi Codec Zero' (0x0101) of 'Raspberry Pi Ltd.'"
    assert list(look(tree.root).in_words()) == [
        "Board (panel.profile: auto takes what is recognised)",
        "  computer: Raspberry Pi 4 Model B Rev 1.4",
        f"  codec-zero: Raspberry Pi Codec Zero, because {eeprom}",
        "    button GPIO27 (pin 13), lamp GPIO23 (pin 16), GPIO24 (pin 18); it does not cancel its echo",
        "    /boot/firmware/config.txt lacks: dtparam=audio=off",
        "    this profile: unverified on hardware",
    ]


def test_a_board_whose_card_did_not_come_is_told(tree: Tree) -> None:
    tree.chip(0x18, "ti,tlv320aic3104", driver=False)
    tree.promise("seeed2micvoicec")
    told = "\n".join(look(tree.root).in_words())
    assert "chip tlv320aic3104 at I2C address 0x18 is named by the device tree (no driver holds it)" in told
    assert "its sound card is not there" in told
    assert "3 APA102 on SPI 0.1" in told


def test_for_a_program_there_is_the_same(tree: Tree) -> None:
    board_trees.jabra(tree)
    facts = look(tree.root).facts()
    assert facts["computer"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert isinstance(facts["recognised"], list)
    [found] = facts["recognised"]
    assert found["profile"] == "usb-speakerphone"
    assert found["card"] == "USB"
    assert found["config_txt_missing"] == ()
    assert found["settings"] == facts["settings"]
