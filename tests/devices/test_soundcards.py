"""What sound there is, on cards in software."""

from pathlib import Path

import pytest

from hero365_edge.devices.soundcards import Format, alsa_cards, portaudio_version, sound_devices
from tests.alsa_rig import AlsaRig

CARDS = """\
 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones
                      bcm2835 Headphones
 1 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.1, full speed
12 [seeed2micvoicec]: simple-card - seeed-2mic-voicecard
                      seeed-2mic-voicecard
"""


def test_the_kernels_cards_are_listed_by_number_name_and_title(tmp_path: Path) -> None:
    listing = tmp_path / "cards"
    listing.write_text(CARDS)
    assert alsa_cards(listing) == (
        "0 Headphones: bcm2835 Headphones",
        "1 Device: USB PnP Sound Device",
        "12 seeed2micvoicec: seeed-2mic-voicecard",
    )


@pytest.mark.parametrize("content", ["--- no soundcards ---\n", ""])
def test_a_kernel_without_cards_lists_none(content: str, tmp_path: Path) -> None:
    listing = tmp_path / "cards"
    listing.write_text(content)
    assert alsa_cards(listing) == ()


def test_a_kernel_without_sound_lists_none(tmp_path: Path) -> None:
    assert alsa_cards(tmp_path / "cards") == ()


@pytest.mark.alsa
def test_every_alsa_device_is_there_by_name_with_what_opens(alsa: AlsaRig, capfd: pytest.CaptureFixture[str]) -> None:
    by_name = {device.name: device for device in sound_devices()}
    microphone, speaker = by_name["hero_mic"], by_name["hero_spk"]
    assert microphone.input_channels > 0
    assert speaker.output_channels > 0
    assert Format(16_000, 1) in microphone.input_opens
    assert Format(48_000, 2) in speaker.output_opens
    assert (microphone.output_opens, speaker.input_opens) == ((), ())
    assert capfd.readouterr().err == ""


@pytest.mark.alsa
def test_a_card_that_was_plugged_in_meanwhile_is_there_the_next_time(
    alsa: AlsaRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {device.name for device in sound_devices()}
    with_one_more = tmp_path / "asound.conf"
    known = (alsa.folder / "asound.conf").read_text()
    with_one_more.write_text(f'{known}\npcm.hero_new {{ type asym capture.pcm "hero_mic" }}\n')
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(with_one_more))  # ALSA's configuration stands for what is plugged in
    assert {device.name for device in sound_devices()} - before == {"hero_new"}


def test_portaudio_tells_its_version() -> None:
    assert portaudio_version().startswith("PortAudio V19")
