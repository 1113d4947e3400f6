"""What a board makes of the settings, beside what a person said."""

from collections.abc import Mapping

import pytest

from hero365_edge.core.board import GPIO_AT_PIN, POWER_AT_PIN, not_overruled

BOARD = {
    "panel.button_pin": 27,
    "panel.button_active_low": True,
    "panel.lamp_kind": "leds",
    "panel.lamp_pins": [23, 24],
    "audio.input.device": "hw:CARD=Zero",
    "audio.input.channel": 0,
    "audio.output.device": "hw:CARD=Zero",
}
BUTTON = {"panel.button_pin", "panel.button_active_low"}
SECOND = {"panel.second_does", "panel.second_pin", "panel.second_active_low"}
LAMP = {"panel.lamp_kind", "panel.lamp_pins"}
INPUT = {"audio.input.device", "audio.input.channel"}


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ({}, set()),
        ({"backend.user_id": "anna", "panel.debounce_ms": 30}, set()),
        ({"panel.button_active_low": False}, {"panel.button_active_low"}),
        ({"panel.button_pin": 5}, BUTTON),
        ({"panel.lamp_pins": [5]}, LAMP),
        ({"panel.lamp_kind": "none"}, LAMP),
        ({"audio.input.channel": "average"}, {"audio.input.channel"}),
        ({"audio.input.device": "pulse"}, INPUT),
        ({"audio.output.device": "pulse"}, {"audio.output.device"}),
        ({"audio.output.volume": 0.5}, set()),
    ],
)
def test_another_button_lamp_or_card_is_not_given_the_rest_of_the_boards(
    said: Mapping[str, object], gone: set[str]
) -> None:
    assert set(not_overruled(BOARD, said)) == set(BOARD) - gone


def test_a_line_that_a_person_gave_to_the_button_is_taken_from_the_boards_lamp() -> None:
    assert set(not_overruled(BOARD, {"panel.button_pin": 23})) == set(BOARD) - BUTTON - LAMP


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ({"panel.second_pin": 23}, LAMP | SECOND),
        ({"panel.second_pin": 27}, BUTTON | SECOND),
        ({"panel.button_pin": 5}, BUTTON | SECOND),
        ({"panel.lamp_pins": [5]}, LAMP | SECOND),
        ({"panel.second_does": "none"}, {"panel.second_does"}),
    ],
)
def test_a_second_button_is_a_part_with_a_line_of_its_own(said: Mapping[str, object], gone: set[str]) -> None:
    board = {**BOARD, "panel.second_does": "mute", "panel.second_pin": 5, "panel.second_active_low": True}
    assert set(not_overruled(board, said)) == set(board) - gone


def test_a_line_that_a_person_gave_to_the_lamp_is_taken_from_the_boards_button() -> None:
    assert set(not_overruled(BOARD, {"panel.lamp_pins": (27,)})) == set(BOARD) - BUTTON - LAMP


def test_the_header_has_forty_pins_and_every_line_once() -> None:
    assert sorted([*GPIO_AT_PIN, *POWER_AT_PIN]) == list(range(1, 41))
    assert sorted(GPIO_AT_PIN.values()) == list(range(28))
