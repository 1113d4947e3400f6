"""A sound card out of software: PulseAudio null sinks behind ALSA, which PortAudio opens as it opens any card.

It is paced in real time and keeps every sample, needs no kernel sound, no D-Bus and no user session, and works as
root. `norewinds=1` matters: without it a null sink renders 2 s at a time and begins with 1.8 s of nothing. ALSA's
own `null` device is no substitute, being not paced at all.

| ALSA name | what it is |
|---|---|
| `hero_mic`, `hero_spk` | microphone and speaker, 16 kHz mono; `speak` into the one, `recording` of the other |
| `hero_mic48`, `hero_spk48` | the same at 48 kHz stereo |
| `hero_tap` | a microphone that hears what `hero_spk` plays |
| `hero_fmic`, `hero_fspk` | the same card through files: `feed` what is heard, read what was played with `heard` |
| `default` | `hero_mic` and `hero_spk` |

Unlike a real card they open at any rate and channel count (PulseAudio converts), and they are never busy.
"""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path

import numpy as np

from hero365_edge.core.pcm import RATE_HZ, Pcm, from_bytes

PACKAGES = "pulseaudio pulseaudio-utils libasound2-plugins"
_PLUGIN = "*/alsa-lib/libasound_module_pcm_pulse.so"
_START_LIMIT_S = 10.0

# The cards come before the socket, so that whoever can connect finds them.
_PULSE = """
load-module module-null-sink sink_name=hero_mic rate=16000 channels=1 format=s16le norewinds=1
load-module module-null-sink sink_name=hero_spk rate=16000 channels=1 format=s16le norewinds=1
load-module module-null-sink sink_name=hero_mic48 rate=48000 channels=2 format=s16le norewinds=1
load-module module-null-sink sink_name=hero_spk48 rate=48000 channels=2 format=s16le norewinds=1
set-default-sink hero_spk
set-default-source hero_mic.monitor
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
"""

_ALSA = """
pcm.hero_mic   {{ type asym capture.pcm {{ type pulse server "unix:{socket}" device "hero_mic.monitor" }} }}
pcm.hero_mic48 {{ type asym capture.pcm {{ type pulse server "unix:{socket}" device "hero_mic48.monitor" }} }}
pcm.hero_tap   {{ type asym capture.pcm {{ type pulse server "unix:{socket}" device "hero_spk.monitor" }} }}
pcm.hero_spk   {{ type asym playback.pcm {{ type pulse server "unix:{socket}" device "hero_spk" }} }}
pcm.hero_spk48 {{ type asym playback.pcm {{ type pulse server "unix:{socket}" device "hero_spk48" }} }}
pcm.hero_fmic  {{ type asym capture.pcm {{
    type file slave.pcm "hero_mic" file "/dev/null" infile "{folder}/mic.raw" format raw }} }}
pcm.hero_fspk  {{ type asym playback.pcm {{
    type file slave.pcm "hero_spk" file "{folder}/spk.raw" format raw }} }}
pcm.!default   {{ type asym capture.pcm "hero_mic" playback.pcm "hero_spk" }}
"""


def missing() -> str | None:
    """What has to be installed before the rig can start; None when nothing has."""
    absent = [program for program in ("pulseaudio", "pacat", "parec", "pactl") if shutil.which(program) is None]
    if not any(Path("/usr/lib").glob(_PLUGIN)):
        absent.append("ALSA's pulse plugin")
    return f"{', '.join(absent)} missing: apt-get install {PACKAGES}" if absent else None


class Recording:
    """What a speaker plays, silence included, from its monitor."""

    def __init__(self, recorder: "subprocess.Popen[bytes]", rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._recorder = recorder
        self._chunks: list[tuple[float, bytes]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def heard(self) -> Pcm:
        """All samples so far, interleaved where there are two channels."""
        data = b"".join(chunk for _, chunk in self._chunks)
        return from_bytes(data[: len(data) // 2 * 2])

    def arrived_at(self, sample: int) -> float:
        """When sample number `sample` of `heard` came out of the recorder, on the monotonic clock."""
        return next(at for at, end in self.arrivals() if end > sample)

    def arrivals(self) -> list[tuple[float, int]]:
        """When each piece came out of the recorder, and how many samples there were with it."""
        chunks = self._chunks.copy()
        ends = accumulate(len(chunk) // 2 for _, chunk in chunks)
        return [(at, end) for (at, _), end in zip(chunks, ends, strict=True)]

    def stop(self) -> None:
        self._recorder.terminate()
        self._reader.join(5)
        self._recorder.wait(5)

    def _read(self) -> None:
        stream = self._recorder.stdout
        assert stream is not None
        with stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                self._chunks.append((time.monotonic(), chunk))


class AlsaRig:
    """The running cards. `environ` is what a program needs in its environment to find them."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.environ = dict(environ)

    def speak(self, pcm: Pcm, microphone: str = "hero_mic", rate_hz: int = RATE_HZ, channels: int = 1) -> None:
        """Say this into a live microphone; returns when its last sample was played, at most half a second late."""
        command = [*self._pulse("pacat", "--playback", microphone, rate_hz, channels), "--latency-msec=200"]
        limit_s = pcm.size / rate_hz + 10
        subprocess.run(command, input=pcm.tobytes(), env=self.environ, check=True, timeout=limit_s)  # noqa: S603  all of it is written here

    @contextmanager
    def recording(self, speaker: str = "hero_spk", rate_hz: int = RATE_HZ, channels: int = 1) -> Iterator[Recording]:
        """Record what a live speaker plays; runs already when the block begins."""
        command = [*self._pulse("parec", "--record", f"{speaker}.monitor", rate_hz, channels), "--latency-msec=5"]
        recorder = subprocess.Popen(command, stdout=subprocess.PIPE, env=self.environ)  # noqa: S603  all of it is written here
        recording = Recording(recorder, rate_hz)
        try:
            _wait_until(lambda: recording.heard().size > 0, f"{speaker} cannot be recorded")
            yield recording
        finally:
            recording.stop()

    def feed(self, pcm: Pcm) -> None:
        """What `hero_fmic` hears, sample by sample, each time it is opened from now on; then silence.

        It is taken raw: at whatever rate and channel count the card is opened with.
        """
        (self.folder / "mic.raw").write_bytes(pcm.tobytes())

    def heard(self) -> Pcm:
        """Every sample `hero_fspk` was given since it was opened last. Complete once it is closed."""
        return np.fromfile(self.folder / "spk.raw", dtype=np.int16)

    @contextmanager
    def plugged(self, name: str) -> Iterator[None]:
        """A further microphone of this name, there for the length of the block."""
        config = self.folder / "asound.conf"
        before = config.read_text()
        config.write_text(f'{before}pcm.{name} {{ type asym capture.pcm "hero_mic" }}\n')
        try:
            yield
        finally:
            config.write_text(before)

    def freeze(self, card: str) -> None:
        """Let a card (`hero_mic`, `hero_spk`…) hang as a USB stick does: no samples, no error, until `thaw`."""
        self._suspend(card, "1")

    def thaw(self, card: str) -> None:
        self._suspend(card, "0")

    def _suspend(self, card: str, suspended: str) -> None:
        command = ["pactl", "suspend-sink", card, suspended]
        subprocess.run(command, env=self.environ, check=True, timeout=10)  # noqa: S603  all of it is written here

    def _pulse(self, program: str, mode: str, device: str, rate_hz: int, channels: int) -> list[str]:
        form = [f"--rate={rate_hz}", f"--channels={channels}", "--format=s16le"]
        return [program, mode, "--raw", *form, f"--device={device}"]


@contextmanager
def running(folder: Path) -> Iterator[AlsaRig]:
    """Start the cards in an empty folder of a short path (a socket's name is 107 bytes at most), and end them."""
    server = folder / "native"
    (folder / "pulse.pa").write_text(_PULSE.format(socket=server))
    (folder / "asound.conf").write_text(_ALSA.format(socket=server, folder=folder))
    rig = AlsaRig(
        folder,
        os.environ
        | {
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
            "PULSE_SERVER": f"unix:{server}",
            "PULSE_COOKIE": str(folder / "cookie"),
            "JACK_NO_START_SERVER": "1",
        },
    )
    rig.feed(np.zeros(0, np.int16))
    options = ["-n", "--daemonize=no", "--use-pid-file=no", "--realtime=no", "--high-priority=no"]
    # Should the tests be killed, so that nobody ends it, it ends by itself.
    options += ["--exit-idle-time=900", f"--log-target=file:{folder}/pulse.log", f"--file={folder}/pulse.pa"]
    private = {name: str(folder) for name in ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH")}
    command = ["pulseaudio", *options]
    with subprocess.Popen(command, env=os.environ | private, stderr=subprocess.DEVNULL) as daemon:  # noqa: S603  as above
        try:
            _wait_until(lambda: daemon.poll() is not None or _listens(server), f"see {folder}/pulse.log")
            assert daemon.poll() is None, (folder / "pulse.log").read_text()
            yield rig
        finally:
            daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(5)
            daemon.kill()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def _wait_until(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {_START_LIMIT_S} s: {otherwise}")
        time.sleep(0.01)
