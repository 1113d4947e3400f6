"""An echo is found wherever it comes within half a second, beside a voice too, and nowhere when there is none."""

import numpy as np
import pytest

from hero365_edge.core.echo_delay import LATEST_S, PLAYED_SAMPLES, WINDOW_SAMPLES, EchoDelay
from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of, silence

WINDOWS = 6
SAMPLES = WINDOWS * WINDOW_SAMPLES + PLAYED_SAMPLES
BEGIN = samples_of(1000 * LATEST_S)


def voice_like(seed: int) -> Pcm:
    """A comb of 120 Hz that comes and goes: as like itself a period later as a voice is."""
    dice = np.random.default_rng(seed)
    t = np.arange(SAMPLES) / RATE_HZ
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.interp(t, np.arange(20), dice.normal(0, 1, 20))) / RATE_HZ
    comb = sum((np.sin(k * pitch + dice.uniform(0, 7)) / k for k in range(1, 25)), np.zeros(SAMPLES))
    swell = np.interp(t, np.arange(0, 20, 0.15), dice.uniform(0, 1, len(np.arange(0, 20, 0.15))))
    return np.round(2_000 * comb * swell + dice.normal(0, 60, SAMPLES)).astype(np.int16)


def found(heard: Pcm, played: Pcm) -> list[float | None]:
    delay = EchoDelay()
    told = []
    for number in range(WINDOWS):
        at = BEGIN + number * WINDOW_SAMPLES
        beside = played[at - BEGIN : at - BEGIN + PLAYED_SAMPLES]
        told.append(delay.window(heard[at : at + WINDOW_SAMPLES], beside))
    return told


def echo(played: Pcm, delay_ms: float, share: float = 0.3) -> Pcm:
    late = np.roll(played, samples_of(delay_ms))
    return np.round(late * share).astype(np.int16)


@pytest.mark.parametrize("delay_ms", [-60.0, 0.0, 37.5, 250.0])
def test_an_echo_is_found_to_a_quarter_of_a_millisecond(delay_ms: float) -> None:
    played = voice_like(1)
    told = [delay_s for delay_s in found(echo(played, delay_ms), played) if delay_s is not None]
    assert told
    assert np.allclose(told, delay_ms / 1000, atol=0.00025)


def test_beside_a_voice_as_loud_and_in_noise_too() -> None:
    played = voice_like(1)
    noise = np.random.default_rng(9).normal(0, 100, SAMPLES)
    heard = (echo(played, 80.0) + 0.3 * voice_like(2) + noise).astype(np.int16)
    told = [delay_s for delay_s in found(heard, played) if delay_s is not None]
    assert told
    assert np.allclose(told, 0.08, atol=0.001)


def test_where_there_is_no_echo_none_is_found() -> None:
    assert found(voice_like(2), voice_like(1)) == [None] * WINDOWS
    noise = np.random.default_rng(9).normal(0, 500, SAMPLES).astype(np.int16)
    assert found(noise, voice_like(1)) == [None] * WINDOWS


def test_silence_tells_nothing() -> None:
    assert found(silence(SAMPLES), voice_like(1)) == [None] * WINDOWS
    assert found(voice_like(1), silence(SAMPLES)) == [None] * WINDOWS


def test_one_window_alone_does_not_settle_it() -> None:
    played = voice_like(1)
    assert found(echo(played, 80.0), played)[0] is None
