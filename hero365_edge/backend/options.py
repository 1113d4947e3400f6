"""How the simulated backend shall behave: everything that can be chosen, checked when it is made."""

import socket
import ssl
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]
"""16 kHz, mono, shape (n,), int16: the only shape sound has inside the backend."""

Profile: TypeAlias = Literal["seed", "v1"]
Kind: TypeAlias = Literal["pcm", "opus", "mp3", "wav"]
Codec: TypeAlias = Literal["opus", "pcm16"]
Delivery: TypeAlias = Literal["streamed", "whole"]
Pacing: TypeAlias = Literal["realtime", "1.5x", "bursts", "hiccup", "instant"]
Fault: TypeAlias = Literal["drop", "stall", "error", "refuse", "garbage", "silent"]

CHUNK_MS = (20, 100)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Options:
    """One backend's behaviour. Raises ValueError, naming the field, what it holds and what is allowed."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free port; `SimulatedBackend.url` tells which."""
    listener: socket.socket | None = field(default=None, repr=False)
    """A socket that listens already, instead of `host` and `port`: one in another network namespace, say."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """Speak TLS with this certificate: `wss`. Appliances speak to no other address than loopback without."""
    token: str | None = field(default=None, repr=False)
    """When given, the query's `token` or the `Authorization: Bearer` must equal it (HTTP 401)."""

    profile: Profile = "seed"
    """`seed` knows nothing of the `audio` object in `enable_realtime`; `v1` accepts it when it is offered."""
    realtime_available: bool = True
    welcome: bool = True
    """Welcome to each new session in a text, as the seed does; an appliance says it aloud."""
    seed_uplink: Codec = "pcm16"
    """What a binary message is in the seed profile: a frame of PCM, or one bare Opus packet."""
    uplink: Codec = "opus"
    """What `v1` chooses when the client offers it; else the first that was offered."""
    downlink: Codec = "opus"
    """The same for the way down; streamed answers in `v1` are RTP of this codec, whatever `answer` says."""

    answer: Kind = "pcm"
    delivery: Delivery = "streamed"
    text_first: bool = True
    """Streamed answers: `agent_response` with the text comes before the sound (True) or behind it."""
    chunk_ms: int = 40
    """How much sound a binary message of a streamed answer holds in the seed profile, 20 to 100."""
    json_in_binary: bool = False
    """Send JSON as binary messages (the seed's client reads JSON from both)."""
    think_ms: int = 0
    """No answer begins earlier than this after the end of its utterance; all of its sound is ready by then."""
    pacing: Pacing = "realtime"

    fault: Fault | None = None
    fault_count: int | None = None
    """How many turns (for `refuse`: handshakes) the fault strikes, from the first on; None is all of them."""
    stall_s: float = 3.0
    """How long the fault `stall` lasts."""

    answer_pcm: Pcm | None = field(default=None, repr=False)
    """Say exactly this to everything. No speech package is needed then."""
    answer_text: str | None = None
    """Answer exactly this text to everything; without `answer_pcm` it is spoken."""

    def __post_init__(self) -> None:
        """Check every field that has a closed set or a range."""
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                told = ", ".join(str(choice) for choice in allowed)
                raise ValueError(f"{name}: {value!r} is not one of {told}")
        least, most = CHUNK_MS
        if not least <= self.chunk_ms <= most:
            raise ValueError(f"chunk_ms: {self.chunk_ms} is not from {least} to {most}")
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"port: {self.port} is not from 0 to 65535")
        if self.think_ms < 0 or self.stall_s < 0 or (self.fault_count or 0) < 0:
            raise ValueError("think_ms, stall_s and fault_count cannot be less than 0")
        if self.token == "":
            raise ValueError("token: empty; leave it None to ask for none")
        pcm = self.answer_pcm
        if pcm is not None and (pcm.dtype != np.int16 or pcm.ndim != 1 or not pcm.size):
            raise ValueError(f"answer_pcm: {pcm.dtype} of shape {pcm.shape}; needs int16 of shape (n,), n > 0")


_CHOICES: dict[str, tuple[str | None, ...]] = {
    "profile": get_args(Profile),
    "seed_uplink": get_args(Codec),
    "uplink": get_args(Codec),
    "downlink": get_args(Codec),
    "answer": get_args(Kind),
    "delivery": get_args(Delivery),
    "pacing": get_args(Pacing),
    "fault": (None, *get_args(Fault)),
}
