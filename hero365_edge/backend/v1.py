"""The `v1` profile: what a client may send once it was negotiated, and its uplink of RTP packets."""

import asyncio
from dataclasses import dataclass

from hero365_edge.backend import rtp
from hero365_edge.backend.messages import OPTIONAL, REQUIRED, Fields, Message, wrong_fields
from hero365_edge.backend.options import Codec, Options
from hero365_edge.backend.opus import FRAME_SAMPLES
from hero365_edge.backend.records import Utterance
from hero365_edge.backend.seed import UP as SEED_UP
from hero365_edge.backend.uplink import Listener

UP: dict[str, Fields] = {
    **SEED_UP,
    # The seed tells a copy by its sound; sound that came as Opus is never the same twice, so it may have a name.
    "audio_data": {**SEED_UP["audio_data"], "utterance_id": (str, OPTIONAL)},
    "utterance_started": {"utterance_id": (str, REQUIRED), "ssrc": (int, REQUIRED)},
    "utterance_ended": {
        "utterance_id": (str, REQUIRED),
        "frames": (int, REQUIRED),
        "tentative": (bool, REQUIRED),
    },
    "utterance_resumed": {"utterance_id": (str, REQUIRED)},
    "response_cancelled": {"response_id": (str, REQUIRED), "played_ms": (int, REQUIRED)},
}
ONLY = UP.keys() - SEED_UP.keys()
"""The types that a client must not send before `v1` was negotiated."""

_OFFER: Fields = {
    "profile": (str, REQUIRED),
    "uplink": (list, REQUIRED),
    "downlink": (list, REQUIRED),
    "sample_rate": (int, REQUIRED),
    "frame_ms": (int, REQUIRED),
}
LONGEST_FRAMES = rtp.LONGEST_SAMPLES // FRAME_SAMPLES
_CODECS: tuple[Codec, ...] = ("opus", "pcm16")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What both sides use from here on."""

    uplink: Codec
    downlink: Codec

    def told(self) -> dict[str, object]:
        """As `realtime_enabled.audio`."""
        return {
            "profile": "v1",
            "uplink": self.uplink,
            "downlink": self.downlink,
            "sample_rate": 16_000,
            "frame_ms": 20,
        }


def choose(offer: Message, options: Options) -> Chosen:
    """Settle on codecs. Raises ValueError when the offer is none that this reading of `v1` understands."""
    wrong = wrong_fields("enable_realtime.audio", offer, _OFFER)
    if wrong:
        raise ValueError("; ".join(wrong))
    if (offer["profile"], offer["sample_rate"], offer["frame_ms"]) != ("v1", 16_000, 20):
        raise ValueError("enable_realtime.audio: expected profile v1, sample_rate 16000, frame_ms 20")
    return Chosen(
        _settle("uplink", offer["uplink"], options.uplink), _settle("downlink", offer["downlink"], options.downlink)
    )


def _settle(way: str, offered: list[object], wanted: Codec) -> Codec:
    known = [codec for codec in _CODECS if codec in offered]
    if not known or len(known) != len(offered):
        raise ValueError(f"enable_realtime.audio: {way} offers {offered!r}; known are opus and pcm16")
    return wanted if wanted in known else known[0]


@dataclass(slots=True)
class _Incoming:
    """The utterance that is being spoken."""

    utterance_id: str
    ssrc: int
    sound: rtp.Assembler
    began_at: float
    record: Utterance | None = None
    answering: bool = False
    """It was ended, tentatively or not, and not resumed since."""


class V1Uplink:
    """Utterances opened and closed by messages, their sound in RTP packets between."""

    def __init__(self, listener: Listener, session_id: str, codec: Codec) -> None:
        self._listener = listener
        self._session_id = session_id
        self._codec: Codec = codec
        self._open: _Incoming | None = None
        self._used: set[str | int] = set()

    async def message(self, message: Message) -> None:
        """One of the `utterance_…` messages, its fields already checked."""
        match message["type"]:
            case "utterance_started":
                await self._started(message["utterance_id"], message["ssrc"])
            case "utterance_ended":
                await self._ended(message["utterance_id"], message["frames"], message["tentative"])
            case "utterance_resumed":
                await self._resumed(message["utterance_id"])

    async def binary(self, data: bytes) -> None:
        """One packet."""
        try:
            packet = rtp.parse(data)
        except ValueError as error:
            self._listener.violation(str(error))
            return
        if self._open is None or packet.ssrc != self._open.ssrc:
            self._listener.violation(f"RTP: SSRC {packet.ssrc:#010x} is of no open utterance")
            return
        first = not self._open.sound.samples
        for wrong in self._open.sound.add(packet):
            self._listener.violation(wrong)
        if first:
            await self._listener.began(self._open.sound.samples * 2, self._open.utterance_id)

    async def _started(self, utterance_id: str, ssrc: int) -> None:
        for name, value in (("utterance_id", utterance_id), ("ssrc", ssrc)):
            if value in self._used:
                self._listener.violation(f"utterance_started: {name} {value} was used before")
        if not 0 <= ssrc < 2**32:
            self._listener.violation(f"utterance_started: ssrc {ssrc} is not of 32 bit")
        if self._open and not self._open.answering:
            self._listener.violation(f"utterance_started: {self._open.utterance_id} was not ended")
        if len(self._used) > 10_000:  # of a client that never hangs up; then reuse goes unnoticed for a while
            self._used.clear()
        self._used |= {utterance_id, ssrc}
        self._open = _Incoming(utterance_id, ssrc, rtp.Assembler(self._codec), asyncio.get_running_loop().time())
        await self._listener.interrupt()

    async def _ended(self, utterance_id: str, frames: int, tentative: bool) -> None:
        incoming = self._named("utterance_ended", utterance_id)
        if incoming is None:
            return
        got = incoming.sound.samples // FRAME_SAMPLES
        if not got <= frames <= LONGEST_FRAMES:
            self._listener.violation(f"utterance_ended: {frames} frames; {got} came, {LONGEST_FRAMES} are the limit")
            frames = got
        if not tentative:
            self._open = None
        pcm = incoming.sound.pcm(frames)
        now = asyncio.get_running_loop().time()
        if incoming.record is None:
            incoming.record = Utterance(
                session_id=self._session_id,
                utterance_id=utterance_id,
                came="realtime",
                pcm=pcm,
                began_at=incoming.began_at,
                ended_at=now,
            )
        incoming.record.pcm = pcm
        if incoming.answering:
            return  # it stayed silent after the tentative end: the answer is on its way
        incoming.record.ended_at = now
        incoming.answering = True
        await self._listener.heard(incoming.record)

    async def _resumed(self, utterance_id: str) -> None:
        incoming = self._named("utterance_resumed", utterance_id)
        if incoming is None:
            return
        if not incoming.answering:
            self._listener.violation(f"utterance_resumed: {utterance_id} was not ended")
            return
        incoming.answering = False
        if incoming.record is not None:
            await self._listener.went_on(incoming.record)

    def _named(self, name: str, utterance_id: str) -> _Incoming | None:
        if self._open and self._open.utterance_id == utterance_id:
            return self._open
        self._listener.violation(f"{name}: {utterance_id} is no open utterance")
        return None
