"""What the appliance is built on."""

from dataclasses import dataclass

from hero365_edge.codec_ports import Codecs, Detector
from hero365_edge.echo_ports import Echo
from hero365_edge.fleet.session_memory import SessionMemory
from hero365_edge.location_ports import Location
from hero365_edge.ports import Clock, Dialer, Microphone, Panel, Speaker, Tokens
from hero365_edge.shelf_ports import Shelf
from hero365_edge.speech_ports import PhraseBook, Voice
from hero365_edge.supervisor_ports import Supervisor


@dataclass(frozen=True, slots=True)
class World:
    """Everything the appliance is built on; `cli` fills it with devices or with fakes."""

    clock: Clock
    microphone: Microphone
    speaker: Speaker
    detector: Detector
    codecs: Codecs
    panel: Panel
    dialer: Dialer
    supervisor: Supervisor
    tokens: Tokens
    shelf: Shelf
    memory: SessionMemory | None = None
    """What of the session outlives the process; None: nothing."""
    location: Location | None = None
    """Where the vehicle is; None: nobody knows."""
    phrases: PhraseBook | None = None
    """How answers sounded; None: nothing is kept."""
    voice: Voice | None = None
    """What speaks answers that came without sound; None: an earcon tells of them."""
    echo: Echo | None = None
    """What takes the answer's echo out of what is heard; None: nothing does."""
