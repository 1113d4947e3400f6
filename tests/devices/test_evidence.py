"""What is read of a board, from files as real ones have them."""

from pathlib import Path

import pytest

from hero365_edge.core.recognition import Card, Chip, Evidence, Hat
from hero365_edge.devices.evidence import config_txt, read_evidence, serial_number
from tests.board_trees import I2C1, SOUND, Tree, codec_zero, i2s_on_wires, jabra, respeaker_v2


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path).raspberry_pi()


def test_a_computer_that_is_no_raspberry_pi_shows_nothing(tmp_path: Path) -> None:
    assert read_evidence(tmp_path) == Evidence()


def test_a_raspberry_pi_without_a_board_shows_itself_and_its_own_sound(tree: Tree) -> None:
    assert read_evidence(tree.root) == Evidence(
        computer="Raspberry Pi 4 Model B Rev 1.4", cards=(Card("vc4hdmi0", captures=False, plays=True),)
    )


def test_the_serial_number_is_the_firmwares_or_the_computers_or_none(tmp_path: Path) -> None:
    assert serial_number(tmp_path) == ""
    computer, board = tmp_path / "sys/class/dmi/id/product_serial", tmp_path / "proc/device-tree/serial-number"
    for path, text in ((computer, "PF12345\n"), (board, "10000000abcdef01\0")):
        path.parent.mkdir(parents=True)
        path.write_text(text)
        assert serial_number(tmp_path) == text.strip("\n\0")


def test_a_hats_eeprom_is_read_without_the_zeros_that_end_its_strings(tree: Tree) -> None:
    codec_zero(tree)
    assert read_evidence(tree.root).hat == Hat("Raspberry Pi Ltd.", "Raspberry Pi Codec Zero", "0x0101")


def test_a_chip_with_a_driver_answers(tree: Tree) -> None:
    respeaker_v2(tree)
    assert read_evidence(tree.root).chips == (Chip(1, 0x18, "tlv320aic3104", answers=True),)


def test_a_chip_that_only_an_overlay_names_does_not(tree: Tree) -> None:
    tree.chip(0x1A, "wlf,wm8960", driver=False)
    assert read_evidence(tree.root).chips == (Chip(1, 0x1A, "wm8960", answers=False),)


def test_a_chip_is_seen_in_the_device_tree_before_its_bus_has_a_driver(tree: Tree) -> None:
    """As it is while the computer starts: what is recognised must not hang on when the daemon looks."""
    tree.node(f"{I2C1}/wm8960", compatible="wlf,wm8960")
    tree.put(f"proc/device-tree/{I2C1}/wm8960/reg", (0x1A).to_bytes(4, "big"))
    assert read_evidence(tree.root).chips == (Chip(1, 0x1A, "wm8960", answers=False),)


def test_a_chip_that_the_device_tree_has_switched_off_is_none(tree: Tree) -> None:
    tree.node(f"{I2C1}/rtc@68", compatible="dallas,ds3231", status="disabled")
    tree.put(f"proc/device-tree/{I2C1}/rtc@68/reg", (0x68).to_bytes(4, "big"))
    assert read_evidence(tree.root).chips == ()


def test_chips_of_other_buses_and_the_buses_themselves_are_kept_apart(tree: Tree) -> None:
    tree.put("sys/bus/i2c/devices/20-0050/name", "eeprom")
    assert read_evidence(tree.root).chips == (Chip(20, 0x50, "eeprom", answers=False),)


def test_a_usb_card_tells_its_maker_and_both_its_directions(tree: Tree) -> None:
    jabra(tree)
    assert read_evidence(tree.root).cards[1] == Card("USB", "0b0e:0420", captures=True, plays=True)


def test_cards_are_in_the_order_of_their_numbers(tree: Tree) -> None:
    for number in (10, 2, 1):
        tree.card(number, f"card{number}")
    assert [card.id for card in read_evidence(tree.root).cards] == ["vc4hdmi0", "card1", "card2", "card10"]


@pytest.mark.parametrize(
    ("name", "card_id"),
    [
        ("wm8960-soundcard", "wm8960soundcard"),
        ("seeed-2mic-voicecard", "seeed2micvoicec"),
        ("RPi Codec Zero", "Zero"),
        ("MAX98357A", "MAX98357A"),
    ],
)
def test_a_card_of_an_overlay_is_promised_by_the_id_the_kernel_will_give_it(
    tree: Tree, name: str, card_id: str
) -> None:
    tree.promise(name)
    assert read_evidence(tree.root).promised == (card_id,)


def test_so_is_one_whose_driver_names_it(tree: Tree) -> None:
    i2s_on_wires(tree)
    evidence = read_evidence(tree.root)
    assert evidence.promised == ("sndrpigooglevoi",)
    assert evidence.promised[0] in [card.id for card in evidence.cards]


@pytest.mark.parametrize(("status", "promised"), [("disabled", ()), ("okay", ("MAX98357A",))])
def test_a_sound_node_that_is_switched_off_promises_nothing(tree: Tree, status: str, promised: tuple[str, ...]) -> None:
    tree.promise("MAX98357A")
    tree.node(SOUND, status=status)
    assert read_evidence(tree.root).promised == promised


def test_a_sound_node_that_says_nothing_of_its_status_is_on(tree: Tree) -> None:
    tree.promise("MAX98357A")
    (tree.root / "proc/device-tree" / SOUND / "status").unlink()
    assert read_evidence(tree.root).promised == ("MAX98357A",)


def test_what_may_not_be_read_is_left_out(tree: Tree) -> None:
    codec_zero(tree)
    product = tree.root / "proc/device-tree/hat/product"
    product.unlink()
    product.mkdir()  # reading it fails, for root too
    assert read_evidence(tree.root).hat is None


def test_the_firmwares_settings_are_found_where_the_newer_system_has_them(tree: Tree) -> None:
    assert config_txt(tree.root) is None
    tree.put("boot/config.txt", "old")
    assert config_txt(tree.root) == "old\n"
    tree.put("boot/firmware/config.txt", "new")
    assert config_txt(tree.root) == "new\n"
