"""How an utterance goes up: frame by frame while it is made, or in one piece."""

import random
from collections.abc import Awaitable, Callable

from msgspec import UNSET

from hero365_edge.codec_ports import Codecs
from hero365_edge.core import rtp
from hero365_edge.core.framing import Framing, Outgoing, SeedFraming, V1Framing, l16, pcm16
from hero365_edge.core.handshake import Agreement
from hero365_edge.core.messages import audio_data
from hero365_edge.core.wav import wav_bytes
from hero365_edge.recording import Utterance


class Sender:
    """Puts utterances onto the link as it was agreed."""

    def __init__(self, codecs: Codecs, tail_silence_ms: int, send: Callable[[Outgoing], Awaitable[None]]) -> None:
        """`send` hands one message to the link, waiting while it is full; it raises LinkError without one."""
        self._codecs = codecs
        self._tail_silence_ms = tail_silence_ms
        self._send = send
        self._dice = random.SystemRandom()

    async def live(self, utterance: Utterance, agreement: Agreement) -> None:
        """Frame by frame from its first, as they come, to its end. Raises LinkError."""
        framing = self._framing(utterance.utterance_id, agreement)
        for message in framing.opening():
            await self._send(message)
        sent = marked = 0
        while not utterance.complete or sent < len(utterance.frames) or marked < len(utterance.marks):
            utterance.grown.clear()
            while True:
                while marked < len(utterance.marks) and utterance.marks[marked][0] <= sent:
                    for message in framing.pause(utterance.marks[marked][1]):
                        await self._send(message)
                    marked += 1
                if sent == len(utterance.frames):
                    break
                for message in framing.frame(utterance.frames[sent]):
                    await self._send(message)
                sent += 1
            if not utterance.complete:
                await utterance.grown.wait()
        for message in framing.closing():
            await self._send(message)

    async def whole(self, utterance: Utterance, agreement: Agreement) -> None:
        """In one piece, once it is complete; in `v1` with its name, by which a copy is known. Raises LinkError."""
        while not utterance.complete:
            utterance.grown.clear()
            await utterance.grown.wait()
        named = utterance.utterance_id if agreement.profile == "v1" else UNSET
        await self._send(audio_data(wav_bytes(utterance.pcm()), named))

    def _framing(self, utterance_id: str, agreement: Agreement) -> Framing:
        opus = agreement.uplink == "opus"
        if agreement.profile != "v1":
            encode = self._codecs.opus_encoder().encode if opus else pcm16
            return SeedFraming(encode, self._tail_silence_ms)
        encode = self._codecs.opus_encoder().encode if opus else l16
        ssrc = self._dice.getrandbits(32)
        packetizer = rtp.Packetizer(
            rtp.OPUS if opus else rtp.L16, ssrc, self._dice.getrandbits(16), self._dice.getrandbits(32)
        )
        return V1Framing(utterance_id, ssrc, encode, packetizer, dtx=opus)
