"""`hero365-edge devices`."""

import json

import pytest

from hero365_edge.cli import main
from hero365_edge.cli.devices import in_words
from hero365_edge.devices.gpiochips import GpioChip
from hero365_edge.devices.soundcards import Format, SoundDevice
from tests.alsa_rig import AlsaRig

STICK = SoundDevice(
    name="USB PnP Sound Device: Audio (hw:1,0)",
    input_channels=1,
    output_channels=2,
    default_rate_hz=44_100,
    input_opens=(Format(44_100, 1), Format(48_000, 1)),
    output_opens=(Format(44_100, 2), Format(48_000, 2)),
)
BUSY = SoundDevice("default", 128, 0, 44_100, (), ())


def test_cards_devices_and_chips_are_told_in_plain_words() -> None:
    chips = [GpioChip("/dev/gpiochip0", "pinctrl-bcm2711", 58, ""), GpioChip("/dev/gpiochip1", "", 0, "not permitted")]
    assert list(in_words(["1 Device: USB PnP Sound Device"], [STICK, BUSY], chips)) == [
        "Sound cards (the kernel's)",
        "  1 Device: USB PnP Sound Device",
        "Sound devices (for audio.input.device and audio.output.device)",
        "  USB PnP Sound Device: Audio (hw:1,0): 44100 Hz by default",
        "    in,  up to 1 channels: mono 44.1/48 kHz",
        "    out, up to 2 channels: stereo 44.1/48 kHz",
        "  default: 44100 Hz by default",
        "    in,  up to 128 channels: nothing opened (busy, or wrong group)",
        "GPIO chips",
        "  /dev/gpiochip0: pinctrl-bcm2711, 58 lines",
        "  /dev/gpiochip1: not permitted",
    ]


def test_where_there_is_nothing_each_list_says_so_and_what_to_do() -> None:
    lines = list(in_words([], [], []))
    assert len([line for line in lines if line.startswith("  none found: ")]) == 3


@pytest.mark.alsa
def test_what_alsa_has_is_printed_and_nothing_of_its_chatter(alsa: AlsaRig, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    printed = capfd.readouterr()
    assert printed.out.startswith("Board (panel.profile: auto takes what is recognised)\n")
    assert "  hero_mic: " in printed.out
    assert printed.err == ""


@pytest.mark.alsa
def test_as_json_it_can_be_read_by_a_program(alsa: AlsaRig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert set(facts) == {"board", "cards", "sound_devices", "gpio_chips"}
    speaker = next(device for device in facts["sound_devices"] if device["name"] == "hero_spk")
    assert {"rate_hz": 16_000, "channels": 1} in speaker["output_opens"]
