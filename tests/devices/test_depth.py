"""The microphone's card is asked for a deeper buffer, by the real PortAudio."""

import pyaudio
import pytest

from hero365_edge.devices.depth import PERIODS, deepen
from tests.alsa_rig import AlsaRig


def test_a_microphone_is_opened_with_room_for_several_periods(alsa: AlsaRig) -> None:
    audio = pyaudio.PyAudio()
    try:
        card = audio.get_default_input_device_info()
        deepen(card["index"], 0.020)
        deepened = audio.get_device_info_by_index(card["index"])
        assert deepened["defaultLowInputLatency"] == pytest.approx(PERIODS * 0.020)
        changed = {"defaultLowInputLatency"}
        assert {key: deepened[key] for key in deepened.keys() - changed} == {
            key: card[key] for key in card.keys() - changed
        }
        stream = audio.open(16_000, 1, pyaudio.paInt16, input=True, frames_per_buffer=320, start=False)
        try:
            assert stream.get_input_latency() >= PERIODS * 0.020
        finally:
            stream.close()
    finally:
        audio.terminate()


def test_a_card_that_is_not_there_is_no_harm() -> None:
    deepen(-1, 0.020)
