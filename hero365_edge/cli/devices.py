"""`hero365-edge devices`: the board, the sound cards with what they open, and the GPIO chips."""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from hero365_edge.cli import boards
from hero365_edge.cli.options import add_json
from hero365_edge.devices.gpiochips import GpioChip, gpio_chips
from hero365_edge.devices.soundcards import Format, SoundDevice, alsa_cards, sound_devices


def configure(parser: argparse.ArgumentParser) -> None:
    """Only `--json`."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what there is. Raises DeviceError when PyAudio is missing."""
    board, cards, sounds, chips = boards.look(), alsa_cards(), sound_devices(), gpio_chips()
    if arguments.json:
        facts = {
            "board": board.facts(),
            "cards": cards,
            "sound_devices": [asdict(sound) for sound in sounds],
            "gpio_chips": [asdict(chip) for chip in chips],
        }
        print(json.dumps(facts, indent=2))
    else:
        print("\n".join((*board.in_words(), *in_words(cards, sounds, chips))))
    return 0


def in_words(cards: Iterable[str], sounds: Iterable[SoundDevice], chips: Iterable[GpioChip]) -> Iterator[str]:
    """The lines for a person; an empty list says what to do."""
    yield "Sound cards (the kernel's)"
    yield from _or_none(
        (f"  {card}" for card in cards), "plug one in, or enable its overlay in /boot/firmware/config.txt and reboot"
    )
    yield "Sound devices (for audio.input.device and audio.output.device)"
    yield from _or_none(
        (line for sound in sounds for line in _sound(sound)),
        "`arecord -L` lists what ALSA knows; this user must be in the group audio",
    )
    yield "GPIO chips"
    yield from _or_none(
        (f"  {chip.path}: " + (chip.problem or f"{chip.label}, {chip.lines} lines") for chip in chips),
        "no button or lamp here; use panel.profile: keyboard or none",
    )


def _sound(sound: SoundDevice) -> Iterator[str]:
    yield f"  {sound.name}: {sound.default_rate_hz} Hz by default"
    for direction, channels, opens in (
        ("in", sound.input_channels, sound.input_opens),
        ("out", sound.output_channels, sound.output_opens),
    ):
        if channels:
            yield f"    {direction + ',':4} up to {channels} channels: {_formats(opens)}"


def _formats(opens: Iterable[Format]) -> str:
    by_channels: dict[int, list[str]] = {}
    for each in opens:
        by_channels.setdefault(each.channels, []).append(f"{each.rate_hz / 1000:g}")
    kinds = {1: "mono", 2: "stereo"}
    texts = [f"{kinds[channels]} {'/'.join(rates)} kHz" for channels, rates in by_channels.items()]
    return ", ".join(texts) or "nothing opened (busy, or wrong group)"


def _or_none(lines: Iterable[str], next_step: str) -> list[str]:
    return list(lines) or [f"  none found: {next_step}"]
