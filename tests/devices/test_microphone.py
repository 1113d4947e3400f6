"""PortAudio's microphone on the ALSA rig: names, a busy interpreter, a card that hangs."""

import asyncio
import contextlib
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pyaudio
import pytest

from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.devices.alsanames import Card, channels, pick, rates
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.microphone import PortAudioMicrophone
from hero365_edge.devices.portaudio import SampleTimes, passes_at
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.ports import Block
from tests.alsa_rig import AlsaRig
from tests.appliance import until

CLOCK = SystemClock()
_NO_TIMES = {"input_buffer_adc_time": 0.0, "current_time": 0.0, "output_buffer_dac_time": 0.0}
CARDS = [
    Card(0, "USB PnP Sound Device: Audio (hw:1,0)", 48_000, 1),
    Card(1, "seeed-2mic-voicecard: - (hw:2,0)", 48_000, 2),
    Card(2, "USB Camera: Audio (hw:3,0)", 48_000, 1),
    Card(3, "usb", 48_000, 2),
    Card(4, "default", 44_100, 32),
]


@pytest.mark.parametrize(("name", "index"), [("default", 4), ("usb", 3), ("SEEED", 1), ("PnP", 0)])
def test_a_card_is_picked_by_its_whole_name_or_by_a_part_no_other_has(name: str, index: int) -> None:
    assert pick(CARDS, "input", name).index == index


def test_a_part_that_several_have_is_an_error_that_lists_them() -> None:
    with pytest.raises(DeviceError, match=r"microphone 'USB' could be any of: 'USB PnP.*', 'USB Camera.*', 'usb'$"):
        pick(CARDS, "input", "USB")


def test_a_name_nobody_has_is_an_error_that_lists_what_there_is() -> None:
    with pytest.raises(DeviceError, match=r"speaker 'jabra' is not there; there are: 'USB PnP.*'default'$"):
        pick(CARDS, "output", "jabra")
    with pytest.raises(DeviceError, match="there are: none at all"):
        pick([], "output", "jabra")


def test_the_speech_rate_is_tried_before_what_the_card_prefers() -> None:
    assert rates(CARDS[0], 0) == [16_000, 48_000]
    assert rates(Card(0, "array", 16_000, 6), 0) == [16_000]
    assert rates(CARDS[0], 44_100) == [44_100]


def test_the_rate_that_a_card_took_before_is_tried_first_of_all() -> None:
    assert rates(CARDS[0], 0, taken_hz=48_000) == [48_000, 16_000]
    assert rates(CARDS[0], 44_100, taken_hz=48_000) == [44_100]


def test_every_channel_of_a_real_microphone_is_taken_and_one_of_a_device_that_converts() -> None:
    assert channels(CARDS[0], "input") == 1
    assert channels(CARDS[1], "input") == 2
    assert channels(CARDS[4], "input") == 1
    assert channels(CARDS[1], "output") == 1


def test_callbacks_that_fill_the_card_or_catch_up_do_not_move_the_times_of_the_samples() -> None:
    times = SampleTimes(16_000)
    filling = [(100.0, 100.0), (100.001, 100.020), (100.001, 100.040)]
    regular = [(100.018 + n * 0.020, 100.077 + n * 0.020) for n in range(6)]
    catching_up = [(100.330, 100.337 - 0.160), (100.331, 100.197), (100.332, 100.217)]
    for block, (now, at) in enumerate(filling + regular + catching_up):
        times.note(block * 320, 320, now, at)
        if block >= 3:
            assert times.of(0) == pytest.approx(100.017, abs=1e-6)


def test_the_time_a_callback_waited_for_the_interpreter_is_no_part_of_it() -> None:
    clock = FakeClock(now=500.0)
    wall = clock.utc().timestamp()
    seen = {"current_time": wall - 0.050, "input_buffer_adc_time": wall - 0.075, "output_buffer_dac_time": wall - 0.010}
    assert passes_at(clock, seen, "input_buffer_adc_time") == pytest.approx(499.925, abs=1e-6)
    assert passes_at(clock, seen, "output_buffer_dac_time") == pytest.approx(499.990, abs=1e-6)


def test_a_card_that_stamps_with_the_monotonic_clock_is_understood_too() -> None:
    clock = FakeClock(now=500.0)
    seen = {"current_time": 499.950, "input_buffer_adc_time": 499.930, "output_buffer_dac_time": 0.0}
    assert passes_at(clock, seen, "input_buffer_adc_time") == pytest.approx(499.930, abs=1e-6)


def test_a_card_that_does_not_tell_the_time_is_taken_to_mean_now() -> None:
    clock = FakeClock(now=500.0)
    wall = clock.utc().timestamp()
    assert passes_at(clock, _NO_TIMES, "input_buffer_adc_time") == 500.0
    assert passes_at(clock, _NO_TIMES | {"current_time": wall}, "input_buffer_adc_time") == 500.0


async def test_the_oldest_blocks_go_when_the_reader_is_a_minute_behind() -> None:
    microphone = PortAudioMicrophone(FakeClock(), rate_hz=16_000)
    microphone.channels = 1
    microphone.listen(since=0)
    for number in range(3260):
        _callback(microphone, np.full(320, number, np.int16))
    assert (await microphone.read()).pcm[0, 0] == 10


@contextlib.contextmanager
def beside(step: Callable[[], None]) -> Iterator[None]:
    """`step` again and again on a thread, by turns with the test as often as can be. What it raises fails the test."""
    stopped = threading.Event()

    def again() -> None:
        while not stopped.is_set():
            step()

    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as thread:
            running = thread.submit(again)
            try:
                yield
            finally:
                stopped.set()
            running.result()
    finally:
        sys.setswitchinterval(switch_interval)


async def test_a_block_that_arrives_in_the_midst_of_listen_is_neither_lost_nor_there_twice() -> None:
    microphone = PortAudioMicrophone(CLOCK, rate_hz=16_000)
    microphone.channels = 1
    numbers = itertools.count()
    with beside(lambda: _callback(microphone, np.full(320, next(numbers) % 30_000, np.int16))):
        for _ in range(300):
            microphone.listen(since=0)
            read = [int((await microphone.read()).pcm[0, 0]) for _ in range(90)]
            assert set(np.diff(read) % 30_000) == {1}


async def test_a_card_may_be_closed_on_a_thread_of_its_own_while_somebody_reads() -> None:
    microphone = PortAudioMicrophone(CLOCK, rate_hz=16_000)
    microphone.channels = 1
    with beside(microphone.close):
        for _ in range(300):
            microphone.listen(since=CLOCK.now() + 60)
            for number in range(20):
                _callback(microphone, np.full(320, number, np.int16))
            assert microphone._next() is None, "all of it is too old"
            microphone.hush()


async def test_a_lost_sample_is_counted_and_the_times_begin_anew() -> None:
    clock = FakeClock()
    microphone = PortAudioMicrophone(clock, rate_hz=16_000)
    microphone.channels = 1
    microphone.listen(since=0)
    for _ in range(5):
        clock.advance(0.020)
        _callback(microphone, np.zeros(320, np.int16))
    clock.advance(0.320)  # 300 ms nobody took
    _callback(microphone, np.zeros(320, np.int16), flags=pyaudio.paInputOverflow)
    blocks = [await microphone.read() for _ in range(6)]
    assert microphone.xruns == 1
    assert blocks[5].captured_at - blocks[4].captured_at == pytest.approx(0.320, abs=1e-6)


async def test_a_wall_clock_that_is_set_does_not_move_the_times_of_the_samples() -> None:
    clock = FakeClock(now=1000.0)
    microphone = PortAudioMicrophone(clock, rate_hz=16_000)
    microphone.channels = 1
    microphone.listen(since=0)
    for hours in (0, 0, 24, -48, 0):
        clock.advance(0.020)
        clock.set_wall(clock.utc() + timedelta(hours=hours))
        _callback(microphone, np.zeros(320, np.int16))
    blocks = [await microphone.read() for _ in range(5)]
    assert blocks[0].captured_at == pytest.approx(1000.0 - 0.005, abs=1e-6)
    assert np.diff([block.captured_at for block in blocks]) == pytest.approx(0.020, abs=1e-6)


def _callback(microphone: PortAudioMicrophone, pcm: Pcm, flags: int = 0) -> None:
    """As PortAudio's thread does it, with a block whose first sample is 25 ms old."""
    wall = microphone._clock.utc().timestamp()
    microphone._arrived(
        pcm.tobytes(), pcm.size, _NO_TIMES | {"current_time": wall, "input_buffer_adc_time": wall - 0.025}, flags
    )


async def _read_for(microphone: PortAudioMicrophone, seconds: float) -> list[Block]:
    blocks = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                blocks.append(await microphone.read())
    except TimeoutError:
        return blocks


@pytest.mark.alsa
async def test_a_card_is_opened_by_a_part_of_its_name(alsa: AlsaRig) -> None:
    microphone = PortAudioMicrophone(CLOCK, "MIC48", rate_hz=48_000, period_ms=10)
    microphone.start()
    microphone.listen(CLOCK.now())
    block = (await _read_for(microphone, 0.1))[0]
    microphone.close()
    assert (microphone.rate_hz, block.pcm.shape) == (48_000, (480, 1))


@pytest.mark.alsa
async def test_a_card_that_is_opened_again_is_asked_first_for_the_rate_it_took(alsa: AlsaRig) -> None:
    microphone = PortAudioMicrophone(CLOCK, "hero_mic")
    microphone.start()
    microphone.close()
    assert microphone.rate_hz == RATE_HZ
    microphone.rate_hz = 48_000  # as of a card that refused the other; this one takes both
    microphone.start()
    microphone.close()
    assert microphone.rate_hz == 48_000


@pytest.mark.alsa
async def test_only_cards_that_can_record_are_offered_as_microphones(alsa: AlsaRig) -> None:
    with pytest.raises(DeviceError) as raised:
        PortAudioMicrophone(CLOCK, "hero_spk").start()
    assert "'hero_mic'" in str(raised.value)
    assert "'hero_spk48'" not in str(raised.value)


@pytest.mark.alsa
async def test_an_idle_microphone_never_wakes_the_event_loop(alsa: AlsaRig) -> None:
    microphone = PortAudioMicrophone(CLOCK, "hero_mic")
    microphone.start()
    await asyncio.sleep(0.3)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await microphone._bell.wait()
    assert CLOCK.now() - microphone.last_block_at < 0.1
    microphone.close()


@pytest.mark.alsa
async def test_an_interpreter_busy_for_a_third_of_a_second_loses_nothing(alsa: AlsaRig) -> None:
    pcm = (np.arange(24_000) + 1).astype(np.int16)
    alsa.feed(pcm)
    microphone = PortAudioMicrophone(CLOCK, "hero_fmic")
    microphone.start()
    microphone.listen(since=0)
    blocks = await _read_for(microphone, 0.4)
    begin = CLOCK.now()
    while CLOCK.now() < begin + 0.3:
        sum(range(2_000_000))  # in C, holding the GIL all the while
    blocks += await _read_for(microphone, 1.0)
    microphone.close()
    heard = np.concatenate([block.pcm[:, 0] for block in blocks])
    first = int(np.flatnonzero(heard)[0])
    assert np.array_equal(heard[first : first + pcm.size], pcm)
    begun = blocks[5:]  # a PulseAudio stream says of its first two blocks that they are older than they are
    assert np.diff([block.captured_at for block in begun]) == pytest.approx(0.020, abs=0.005)


@pytest.mark.alsa
async def test_a_card_that_hangs_shows_by_its_age_and_can_be_closed_at_once(alsa: AlsaRig) -> None:
    microphone = PortAudioMicrophone(CLOCK, "hero_mic")
    microphone.start()
    await asyncio.sleep(0.2)
    alsa.freeze("hero_mic")
    try:
        await asyncio.sleep(0.3)
        assert CLOCK.now() - microphone.last_block_at > 0.25
        begin = CLOCK.now()
        microphone.close()
        assert CLOCK.now() - begin < 0.25
    finally:
        alsa.thaw("hero_mic")
    microphone.start()
    await asyncio.sleep(0.3)
    assert CLOCK.now() - microphone.last_block_at < 0.1
    microphone.close()


@pytest.mark.alsa
@pytest.mark.usefixtures("alsa")
async def test_a_callback_that_hangs_keeps_the_card_from_closing_which_is_told_and_waited_for_by_nobody() -> None:
    microphone = PortAudioMicrophone(CLOCK, "hero_mic")
    arrived, hangs, free = microphone._arrived, threading.Event(), threading.Event()

    def hang(*arguments: object) -> object:
        hangs.set()
        free.wait(20)
        return arrived(*arguments)  # type: ignore[arg-type]  # handed through

    microphone._arrived = hang  # type: ignore[assignment,method-assign]  # nothing of ours hangs there by itself
    microphone.start()
    await until(hangs.is_set)
    begin = CLOCK.now()
    microphone.close()
    assert CLOCK.now() - begin < 0.7
    since = microphone.stuck_since
    assert since is not None
    assert begin <= since <= CLOCK.now()
    with pytest.raises(DeviceError, match="still open: it hangs"):
        microphone.start()
    await asyncio.sleep(0.2)
    assert microphone.stuck_since == since
    free.set()
    await until(lambda: microphone.stuck_since is None)
    microphone._arrived = arrived  # type: ignore[method-assign]  # as it was
    microphone.start()
    await until(lambda: microphone.last_block_at > since)
    microphone.close()


@pytest.mark.alsa
async def test_a_new_card_is_found_once_everybody_has_closed(alsa: AlsaRig) -> None:
    other = PortAudioMicrophone(CLOCK, "hero_mic48")
    other.start()
    with alsa.plugged("hero_late"):
        microphone = PortAudioMicrophone(CLOCK, "hero_late")
        with pytest.raises(DeviceError, match="'hero_late' is not there"):
            microphone.start()
        other.close()
        microphone.start()
        microphone.close()
