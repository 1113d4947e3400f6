"""Keeps the sound cards open: opens them, notices a deaf microphone or a dead speaker, opens them again."""

import asyncio
import logging
from collections.abc import Callable

from hero365_edge.aside import aside
from hero365_edge.core import events as ev
from hero365_edge.core.period import Period
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock, Microphone, Speaker

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
LOST_AFTER_S = 1.0
"""No callback for so long, and the card is gone: PortAudio itself says nothing (PRODUCT section 5)."""
STUCK_S = 6.0
"""Opening or closing both cards may take so long; after that, one of them hangs for ever."""
TRY_EVERY_S = 1.0
TRY_SPEAKER_EVERY_S = 10.0
"""A try closes both cards; where only the speaker is missing, the microphone is not deaf each second for it."""


class Cards:
    """Both cards together: PortAudio's list of devices is made anew only when nothing has it open."""

    def __init__(
        self,
        clock: Clock,
        microphone: Microphone,
        speaker: Speaker,
        tell: Callable[[ev.Event], None],
        speaker_lost: Callable[[], None],
        recording: Callable[[], bool],
        playing: Callable[[], bool],
        period_ms: int = 20,
    ) -> None:
        """`recording` and `playing` say whether a card is in use: a try to open the other would cut it."""
        self._clock = clock
        self._microphone = microphone
        self._speaker = speaker
        self._tell = tell
        self._speaker_lost = speaker_lost
        self._recording = recording
        self._playing = playing
        self.microphone_trouble = "not opened yet"
        """Why the microphone does not work; empty while it does."""
        self.speaker_trouble = "not opened yet"
        """Why the speaker does not work; empty while it does."""
        self.period = Period(period_ms)
        """How much sound a callback of either card brings or takes."""
        self._xruns = 0
        self._reopen = False
        self._looked_at = clock.now()
        self._try_at = clock.now()

    async def run(self) -> None:
        """Look after the cards, for ever."""
        while True:
            trouble = self.microphone_trouble or self.speaker_trouble
            due = self._reopen or (trouble and self._clock.now() >= self._try_at)
            if due and not self._in_use:
                await self._open()
                if self.microphone_trouble or self.speaker_trouble:
                    wait_s = TRY_EVERY_S if self.microphone_trouble else TRY_SPEAKER_EVERY_S
                    self._try_at = self._clock.now() + wait_s
            self._looked_at = self._clock.now()
            await asyncio.sleep(LOOK_EVERY_S)
            self._look()

    def close(self) -> None:
        """Let both cards go."""
        self._microphone.close()
        self._speaker.close()

    def stuck(self, now: float) -> str:
        """Why only a new process helps; empty while each card moves, or its loss is known and it is tried again."""
        for name, card in (("microphone", self._microphone), ("speaker", self._speaker)):
            since = card.stuck_since
            if since is not None and now - since > STUCK_S:
                return f"the {name} hangs: it has not stopped for {now - since:.0f} s"
        if now - self._looked_at > STUCK_S:
            return f"a sound card hangs: opening it takes {now - self._looked_at:.0f} s by now"
        if not self.microphone_trouble and now - self._microphone.last_block_at > STUCK_S:
            return f"the microphone has given nothing for {now - self._microphone.last_block_at:.0f} s"
        waits = self._speaker.queued_samples > 0
        if not self.speaker_trouble and waits and now - self._speaker.last_callback_at > STUCK_S:
            return f"the speaker has taken nothing for {now - self._speaker.last_callback_at:.0f} s"
        return ""

    @property
    def _in_use(self) -> bool:
        recording = not self.microphone_trouble and self._recording()
        return recording or (not self.speaker_trouble and self._playing())

    def _look(self) -> None:
        now = self._clock.now()
        xruns = self._microphone.xruns + self._speaker.xruns
        if self.period.lost(xruns - self._xruns, now):
            log.warning("this computer is slow: sound was lost; from now on the cards' period is %d ms", self.period.ms)
            self._microphone.period_ms = self._speaker.period_ms = self.period.ms
            self._reopen = True
        self._xruns = xruns
        if not self.microphone_trouble and now - self._microphone.last_block_at > LOST_AFTER_S:
            self.microphone_trouble = f"it has given nothing for {LOST_AFTER_S:g} s"
            log.warning("the microphone is lost: %s", self.microphone_trouble)
            self._tell(ev.MicrophoneLost(now))
        waits = self._speaker.queued_samples > 0
        if not self.speaker_trouble and waits and now - self._speaker.last_callback_at > LOST_AFTER_S:
            self.speaker_trouble = f"it has taken nothing for {LOST_AFTER_S:g} s"
            log.warning("the speaker is lost: %s", self.speaker_trouble)
            self._speaker_lost()

    async def _open(self) -> None:
        """Close both and open both, in a thread: a card that hangs must not stop the event loop."""
        had_microphone = not self.microphone_trouble
        self._reopen = False
        before = self.microphone_trouble, self.speaker_trouble
        await aside(self.close, "close cards")
        self.microphone_trouble = await aside(lambda: _trouble_of(self._microphone.start), "open microphone")
        self.speaker_trouble = await aside(lambda: _trouble_of(self._speaker.start), "open speaker")
        for trouble in {self.microphone_trouble, self.speaker_trouble} - {"", *before}:
            log.warning("a sound card does not open: %s", trouble)
        now = self._clock.now()
        if self.microphone_trouble:
            self._tell(ev.MicrophoneLost(now))
        elif not had_microphone:
            log.info("the microphone works")
            self._tell(ev.MicrophoneFound(now))


def _trouble_of(start: Callable[[], None]) -> str:
    try:
        start()
    except DeviceError as error:
        return str(error)
    return ""
