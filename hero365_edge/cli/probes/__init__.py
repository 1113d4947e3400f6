"""The single looks that `hero365-edge check` takes: each tries one thing for real and says what it found."""

from hero365_edge.cli.probes import backend, board, cards, computer, libraries, panel, service
from hero365_edge.cli.probes.finding import Probe

_CARD = "plug it in, or set audio.{0}.device to one of `hero365-edge devices`; this user must be in the group audio"
_WAY = "the appliance itself goes on trying; "

PROBES = (
    Probe("clock", computer.clock, "", needs_settings=False),
    Probe("disk", computer.disk, "make room, or look why it is read-only: `dmesg`, `mount`"),
    Probe("power", computer.power, "", needs_settings=False),
    Probe("realtime", computer.realtime, "", needs_settings=False),
    Probe(
        "service", service.unit, "`hero365-edge logs` and `systemctl status hero365-edge` tell", needs_settings=False
    ),
    Probe("user", service.user, "", needs_settings=False),
    Probe("opus", libraries.opus, "apt install libopus0 python3-opuslib, or pip install opuslib", needs_settings=False),
    Probe("mp3", libraries.mp3, "apt install libmpg123-0t64 (Debian 12: libmpg123-0)", needs_settings=False),
    Probe(
        "speech detector",
        libraries.speech_detector,
        "apt install python3-webrtcvad, or pip install webrtcvad-wheels; without it the program does not start",
        needs_settings=False,
    ),
    Probe("resampler", libraries.resampler, "apt install python3-soxr, or pip install soxr", needs_settings=False),
    Probe(
        "portaudio", libraries.portaudio, "apt install python3-pyaudio, or pip install pyaudio", needs_settings=False
    ),
    Probe("extras", libraries.extras, "", needs_settings=False),
    Probe("board", board.board),
    Probe("echo", libraries.echo),
    Probe("microphone", cards.microphone, _CARD.format("input")),
    Probe("speaker", cards.speaker, _CARD.format("output")),
    Probe("button", panel.button, "look at the pins in panel; this user must be in the group gpio"),
    Probe("identity", backend.identity),
    Probe("token", backend.token, "put the token, and nothing else, in that file, readable for this user"),
    Probe("name", backend.name, f"{_WAY}look at the network, its DNS (`resolvectl status`) and backend.url"),
    Probe("backend", backend.backend, f"{_WAY}look at the network, backend.url, the token and the clock"),
)
"""In the order they are taken: what a later one stands on comes first."""
