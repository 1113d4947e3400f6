"""Microphone and speaker, opened as the daemon would; where it runs, it is asked instead."""

import asyncio
from typing import Literal

import numpy as np

from hero365_edge.cli.probes.finding import Finding, Running, Verdict, told_by_the_daemon
from hero365_edge.core.pcm import RATE_HZ, samples_of, silence
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.holders import holders
from hero365_edge.errors import ConfigError, DeviceError
from hero365_edge.settings import Settings

SOUND_WITHIN_S = 2.0
LISTEN_S = 0.5


async def microphone(settings: Settings, running: Running) -> Finding:
    """Open it and listen for half a second."""
    wanted = settings.audio.input
    if told := told_by_the_daemon("microphone", repr(wanted.device), running):
        return told
    from hero365_edge.devices.microphone import PortAudioMicrophone  # noqa: PLC0415  a missing library fails here only

    clock = SystemClock()
    device = PortAudioMicrophone(clock, wanted.device, wanted.rate_hz, settings.audio.period_ms)
    try:
        device.start()
        device.listen(clock.now())
        async with asyncio.timeout(SOUND_WITHIN_S):
            first = await device.read()
        blocks = [first.pcm]
        async with asyncio.timeout(SOUND_WITHIN_S):
            while sum(map(len, blocks)) < LISTEN_S * device.rate_hz:
                blocks.append((await device.read()).pcm)
    except TimeoutError as error:
        raise DeviceError(f"{wanted.device!r} opens, but no sound comes from it{held('input')}") from error
    except DeviceError as error:
        raise DeviceError(f"{error}{held('input')}") from error
    finally:
        device.close()
    if isinstance(wanted.channel, int) and wanted.channel >= device.channels:
        raise ConfigError(f"audio.input.channel is {wanted.channel}; {wanted.device!r} has {device.channels} (from 0)")
    peak = int(np.abs(np.concatenate(blocks).astype(np.int32)).max())
    text = f"{wanted.device!r} at {device.rate_hz} Hz{_converted(device.rate_hz)}, {device.channels} channel(s)"
    if not peak:
        return Finding(Verdict.WARN, f"{text}: all zeros", "is it muted? `alsamixer`, or the switch on its cable")
    return Finding(Verdict.OK, f"{text}, peak {20 * np.log10(peak / 32768):.0f} dBFS in {LISTEN_S} s")


async def speaker(settings: Settings, running: Running) -> Finding:
    """Open it and see whether it takes a moment of silence."""
    wanted = settings.audio.output
    if told := told_by_the_daemon("speaker", repr(wanted.device), running):
        return told
    from hero365_edge.devices.speaker import PortAudioSpeaker  # noqa: PLC0415  a missing library fails here only

    device = PortAudioSpeaker(SystemClock(), wanted.device, wanted.rate_hz, settings.audio.period_ms)
    try:
        device.start()
        device.write(silence(samples_of(100, device.rate_hz)))
        async with asyncio.timeout(SOUND_WITHIN_S):
            while not device.handed_over:
                await device.progress()
    except TimeoutError as error:
        raise DeviceError(f"{wanted.device!r} opens, but takes no sound{held('output')}") from error
    except DeviceError as error:
        raise DeviceError(f"{error}{held('output')}") from error
    finally:
        device.close()
    text = f"{wanted.device!r} at {device.rate_hz} Hz{_converted(device.rate_hz)} takes sound"
    return Finding(Verdict.OK, f"{text}; `hero365-edge demo` is heard")


def _converted(rate_hz: int) -> str:
    return "" if rate_hz == RATE_HZ else f" (made {RATE_HZ} here)"


def held(direction: Literal["input", "output"]) -> str:
    """Who has cards of this direction open just now: the reason, more often than not."""
    busy = [str(holder) for holder in holders() if holder.direction == direction]
    return f"\nheld just now: {', '.join(busy)}" if busy else ""
