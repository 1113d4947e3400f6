"""Which board the evidence means, why, and what is taken where two cannot be told apart."""

from dataclasses import replace

import msgspec
import pytest

from hero365_edge.core.board import Alsa, Board, Button, Capture, Lamp, Mark, Stream, setting_defaults
from hero365_edge.core.recognition import (
    Card,
    Chip,
    Evidence,
    Hat,
    agreed,
    alsa_id,
    card_of,
    missing_lines,
    recognise,
)

HAT = Hat("Maker", "Talking HAT 2", "0x0002")
PHONE = Card("USB", "0b0e:0420", captures=True, plays=True)
CODEC = Chip(1, 0x1A, "wm8960", answers=True)


def board(*marks: Mark, cards: tuple[str, ...] = (), line: int = 17, leds: tuple[int, ...] = (22,)) -> Board:
    stream = {"rates_hz": (48_000,), "formats": ("S16_LE",), "channels": 2}
    return Board(
        title="A board",
        verified="unverified on hardware",
        marks=marks,
        config_txt=("dtoverlay=talking",),
        alsa=Alsa(cards, msgspec.convert(stream, Capture), msgspec.convert(stream, Stream)),
        button=Button(line),
        lamp=Lamp("leds", leds),
        cancels_echo=False,
        wires=(),
    )


def names(evidence: Evidence, **boards: Board) -> list[str]:
    return [found.name for found in recognise(evidence, boards)]


def test_nothing_is_recognised_from_nothing() -> None:
    assert names(Evidence(), hat=board(Mark(hat="talking")), generic=board()) == []


def test_a_board_without_marks_is_never_recognised() -> None:
    assert names(Evidence(hat=HAT, cards=(PHONE,), chips=(CODEC,)), generic=board()) == []


def test_a_hat_is_known_by_a_part_of_its_name_whatever_the_case() -> None:
    [found] = recognise(Evidence(hat=HAT), {"talking": board(Mark(hat="TALKING"))})
    assert found.reasons == ("the HAT's EEPROM says 'Talking HAT 2' (0x0002) of 'Maker'",)


def test_a_card_may_ask_that_no_hat_is_there() -> None:
    it = board(Mark(no_hat=True, card="USB"))
    assert names(Evidence(cards=(PHONE,)), it=it) == ["it"]
    assert names(Evidence(cards=(PHONE,), hat=HAT), it=it) == []


@pytest.mark.parametrize("mark", [Mark(hat="singing"), Mark(hat="talking", hat_id="0x0003")])
def test_another_hat_or_another_number_is_not_it(mark: Mark) -> None:
    assert names(Evidence(hat=HAT), it=board(mark)) == []


@pytest.mark.parametrize(
    ("usb", "fits"), [("0b0e", True), ("0b0e:0420", True), ("0b0e:0421", False), ("b0e", False), ("0420", False)]
)
def test_a_usb_card_is_known_by_its_vendor_or_its_product(usb: str, fits: bool) -> None:
    assert bool(names(Evidence(cards=(PHONE,)), phone=board(Mark(usb=usb)))) is fits


@pytest.mark.parametrize("card", [replace(PHONE, captures=False), replace(PHONE, plays=False)])
def test_a_usb_card_with_one_direction_is_no_speakerphone(card: Card) -> None:
    assert names(Evidence(cards=(card,)), phone=board(Mark(usb="0b0e"))) == []


def test_its_card_is_the_one_that_was_recognised() -> None:
    evidence = Evidence(cards=(replace(PHONE, id="Device", usb="1234:5678"), replace(PHONE, id="USB_1")))
    [found] = recognise(evidence, {"phone": board(Mark(usb="0b0e"))})
    assert found.card == "USB_1"


@pytest.mark.parametrize(
    ("chip", "fits"),
    [
        (CODEC, True),
        (replace(CODEC, answers=False), True),
        (replace(CODEC, address=0x18), False),
        (replace(CODEC, name="da7213"), False),
        (replace(CODEC, bus=20), False),
    ],
)
def test_a_chip_is_known_by_bus_address_and_name_at_once(chip: Chip, fits: bool) -> None:
    assert bool(names(Evidence(chips=(chip,)), it=board(Mark(i2c="0x1a", chip="wm8960")))) is fits


def test_a_chip_that_did_not_answer_is_told_as_such() -> None:
    evidence = Evidence(chips=(replace(CODEC, answers=False),))
    [found] = recognise(evidence, {"it": board(Mark(i2c="0x1a", chip="wm8960"))})
    assert "no driver holds it" in found.reasons[0]


def test_everything_a_mark_asks_for_must_be_there() -> None:
    mark = Mark(i2c="0x1a", chip="wm8960", card="codec")
    assert names(Evidence(chips=(CODEC,)), it=board(mark)) == []
    assert names(Evidence(cards=(Card("codec"),)), it=board(mark)) == []
    assert names(Evidence(chips=(CODEC,), cards=(Card("codec"),)), it=board(mark)) == ["it"]


def test_a_card_that_the_device_tree_promises_counts_and_is_told_as_such() -> None:
    [found] = recognise(Evidence(promised=("codec",)), {"it": board(Mark(card="codec"))})
    assert found.card == "codec"
    assert found.reasons == ("the device tree promises a card codec (its driver has not made it)",)


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        (Mark(usb="0b0e"), Mark(hat="talking")),
        (Mark(i2c="0x1a", chip="wm8960", card="USB"), Mark(usb="0b0e")),
        (Mark(card="USB"), Mark(i2c="0x1a", chip="wm8960")),
        (Mark(i2c="0x1a", chip="wm8960"), Mark(i2c="0x1a", chip="wm8960", card="USB")),
    ],
)
def test_the_stronger_mark_wins(weaker: Mark, stronger: Mark) -> None:
    evidence = Evidence(hat=HAT, cards=(PHONE,), chips=(CODEC,))
    assert names(evidence, weak=board(weaker), strong=board(stronger)) == ["strong"]
    assert names(evidence, strong=board(weaker, stronger), weak=board(weaker)) == ["strong"]


def test_boards_that_nothing_tells_apart_are_all_told() -> None:
    mark = Mark(card="USB")
    assert names(Evidence(cards=(PHONE,)), one=board(mark), other=board(mark)) == ["one", "other"]


def test_of_those_only_what_they_agree_on_is_taken() -> None:
    mark = Mark(card="USB")
    found = recognise(Evidence(cards=(PHONE,)), {"a": board(mark, leds=(22,)), "b": board(mark, leds=(23,))})
    taken = agreed(found)
    assert taken["panel.button_pin"] == 17
    assert taken["audio.input.device"] == "hw:CARD=USB"
    assert not [key for key in taken if key.startswith("panel.lamp_")], "half a lamp is none"
    assert agreed(found[:1]) == setting_defaults(found[0].board, "USB")
    assert agreed([]) == {}


def test_a_board_known_by_its_eeprom_has_the_card_that_is_there_of_its_usual_ones() -> None:
    it = board(Mark(hat="talking"), cards=("new", "old"))
    assert card_of(it, Evidence(cards=(Card("HDMI"), Card("old")))) == "old"
    assert card_of(it, Evidence(promised=("new",))) == "new"
    assert card_of(it, Evidence(cards=(Card("HDMI"),))) == ""


def test_a_line_of_config_txt_is_missing_unless_it_stands_there_in_force() -> None:
    it = board()
    assert missing_lines(it, "") == ("dtoverlay=talking",)
    assert missing_lines(it, "#dtoverlay=talking\n") == ("dtoverlay=talking",)
    assert missing_lines(it, "[all]\n dtoverlay = talking  # the board\n") == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Jabra SPEAK 510 USB", "USB"), ("snd_rpi_googlevoicehat_soundcard", "sndrpigooglevoi"), ("", "")],
)
def test_the_id_of_a_card_is_made_of_its_name_as_the_kernel_does(name: str, expected: str) -> None:
    assert alsa_id(name) == expected
