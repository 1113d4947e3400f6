"""The boards in hardware/profiles: each can be read, says what it must, and fits itself."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from hero365_edge.config import BoardDefaults, load
from hero365_edge.core.board import GPIO_AT_PIN, POWER_AT_PIN, UNVERIFIED, Board, Wire, not_overruled, setting_defaults
from hero365_edge.errors import ConfigError
from hero365_edge.panel_settings import Panel
from hero365_edge.profiles import GENERIC, load_boards, packaged
from hero365_edge.settings import Settings

BOARDS = load_boards()
HERE = Path(__file__).parents[1] / "hardware"
PROMISED = {
    "respeaker-2mic-v1",
    "respeaker-2mic-v2",
    "adafruit-voice-bonnet",
    "aiy-voice-hat",
    "inmp441-max98357a",
    "codec-zero",
    "usb-speakerphone",
    "generic",
}
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def lines(wires: Iterable[Wire], kind: str) -> set[int]:
    return {GPIO_AT_PIN[wire.pin] for wire in wires if wire.kind == kind}


def test_there_is_a_profile_of_every_board_that_was_promised() -> None:
    assert set(BOARDS) == PROMISED


def test_the_package_has_the_files_of_the_repository() -> None:
    assert {path.name for path in packaged().iterdir()} == {path.name for path in (HERE / "profiles").iterdir()}


def test_a_wheel_takes_them_along() -> None:
    root = HERE.parent
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = settings["package-data"]["hero365_edge"]
    taken = [path for pattern in patterns for path in (root / "hero365_edge").glob(pattern)]
    assert {f"{name}.yaml" for name in PROMISED} <= {path.name for path in taken}


@pytest.mark.parametrize("name", BOARDS)
def test_each_has_a_name_that_the_setting_takes(name: str) -> None:
    assert msgspec.convert({"profile": name}, Panel).profile == name


@each_board
def test_each_says_whether_anybody_has_verified_it(board: Board) -> None:
    """Until somebody has one in hand and writes down who, when and which, that is nobody."""
    assert board.verified == UNVERIFIED or any(letter.isdigit() for letter in board.verified)


@each_board
def test_every_wire_is_on_a_pin_of_its_own_that_can_be_what_it_is(board: Board) -> None:
    pins = [wire.pin for wire in board.wires]
    assert len(pins) == len(set(pins))
    for wire in board.wires:
        assert (wire.pin in POWER_AT_PIN) == (wire.kind in ("power", "ground")), wire
        assert (POWER_AT_PIN.get(wire.pin) == "ground") == (wire.kind == "ground"), wire


@each_board
def test_the_wires_are_those_of_its_button_and_its_lamp(board: Board) -> None:
    buttons = [board.button, *([board.second] if board.second is not None and board.second.does != "none" else [])]
    assert lines(board.wires, "button") == {button.line for button in buttons}
    spi0 = {10, 11}  # data out and clock
    assert lines(board.wires, "lamp") == (spi0 if board.lamp.spi else set(board.lamp.lines))


@each_board
def test_a_codec_on_i2c_or_i2s_hangs_on_the_lines_the_chip_has_for_it(board: Board) -> None:
    assert lines(board.wires, "i2c") in (set(), {2, 3})
    assert lines(board.wires, "i2s") in (set(), {18, 19, 20, 21})


@each_board
def test_its_card_is_one_that_recognises_it(board: Board) -> None:
    assert {mark.card for mark in board.marks if mark.card} <= set(board.alsa.cards)


@each_board
def test_what_it_makes_of_the_settings_is_allowed(board: Board) -> None:
    loaded = load([], {}, None, lambda _: BoardDefaults("profile it", setting_defaults(board, "card")))
    assert loaded.settings.panel.button_pin == board.button.line
    assert loaded.settings.audio.input.device == loaded.settings.audio.output.device == "hw:CARD=card"
    assert loaded.origin["panel.lamp_kind"] == "profile it"


def test_only_a_board_that_raises_a_quiet_voice_itself_has_ours_off_unless_a_person_wants_it() -> None:
    off = {name for name, board in BOARDS.items() if setting_defaults(board).get("audio.input.max_gain_db") == 0}
    assert off == {"usb-speakerphone"}
    board = setting_defaults(BOARDS["usb-speakerphone"])
    loaded = load([], {}, None, lambda _: BoardDefaults("it", board))
    assert loaded.settings.audio.input.max_gain_db == 0
    assert "audio.input.max_gain_db" not in not_overruled(board, {"audio.input.max_gain_db": 6})


def test_a_second_button_of_a_board_is_what_the_settings_say(tmp_path: Path) -> None:
    text = (HERE / "profiles/generic.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(f"{text}second: {{line: 5, active_low: false, does: volume}}\n")
    board = load_boards(tmp_path)["mine"]
    panel = load([], {}, None, lambda _: BoardDefaults("it", setting_defaults(board))).settings.panel
    assert (panel.second_does, panel.second_pin, panel.second_active_low) == ("volume", 5, False)


@pytest.mark.parametrize("does", ["mute", "volume"])
@pytest.mark.parametrize("name", BOARDS)
def test_a_second_button_of_ones_own_has_a_line_that_the_board_leaves_free(name: str, does: str) -> None:
    """Whoever asks for one and says no more, gets one; with `codec-zero` it was a contradiction."""
    board = BOARDS[name]
    said = {"HERO365_EDGE_PANEL__SECOND_DOES": does, "HERO365_EDGE_PANEL__PROFILE": name}
    panel = load([], said, None, lambda _: BoardDefaults("it", setting_defaults(board))).settings.panel
    assert panel.second_does == does
    assert panel.second_pin not in {GPIO_AT_PIN[wire.pin] for wire in board.wires if wire.pin in GPIO_AT_PIN}


def test_the_generic_one_is_what_the_defaults_say() -> None:
    values = setting_defaults(BOARDS[GENERIC])
    assert load([], {}, None, lambda _: BoardDefaults("it", values)).settings == Settings()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title: [", "line 2"),
        ("title: A board\ntitle: B", "title stands in the same place twice"),
        ("titel: A board", "titel"),
        ("title: A board", "missing required field"),
    ],
)
def test_a_profile_that_is_wrong_is_told_with_its_file_and_place(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"{text}\n")
    with pytest.raises(ConfigError, match=rf"mine\.yaml: .*{complaint}"):
        load_boards(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("button: {line: 17, active_low: true}", "button: {line: 28}", r"Expected `int` <= 27 - at `\$\.button\.line`"),
        ("cancels_echo:", "second: {line: 5, does: sing}\ncancels_echo:", r"'sing' - at `\$\.second\.does`"),
        ("kind: leds", "kind: neon", r"'neon' - at `\$\.lamp\.kind`"),
        ("marks: []", "marks: [{usb: Jabra}]", r"regex .* at `\$\.marks\[0\]\.usb`"),
        ("cancels_echo: unverified on hardware", "cancels_echo: maybe", r"\$\.cancels_echo"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_its_place(field: str, value: str, complaint: str, tmp_path: Path) -> None:
    text = (HERE / "profiles/generic.yaml").read_text()
    assert field in text
    (tmp_path / "mine.yaml").write_text(text.replace(field, value))
    with pytest.raises(ConfigError, match=complaint):
        load_boards(tmp_path)
