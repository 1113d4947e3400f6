"""Keeps the sound cards open: opens them, notices a deaf microphone or a dead speaker, opens them again."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from hero365_edge.aside import aside
from hero365_edge.core import events as ev
from hero365_edge.core.period import Period
from hero365_edge.core.vitality import Vitality
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock, Microphone, Speaker
from hero365_edge.recording import used

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
LOST_AFTER_S = 1.0
"""No callback for so long, and the card is gone: PortAudio itself says nothing (PRODUCT section 5)."""
STUCK_S = 6.0
"""Opening or closing both cards may take so long; after that, one of them hangs for ever."""
TRY_EVERY_S = 1.0
TRY_DEAF_EVERY_S = 10.0
"""A microphone that gives samples and hears nothing is opened again at once, and then so often."""
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
        opening: Callable[[bool], None],
        recording: Callable[[], bool],
        playing: Callable[[], bool],
        period_ms: int = 20,
        channel: int | None = None,
        zeros_allowed: bool | None = None,
        *,
        always_on: bool = True,
    ) -> None:
        """`recording` and `playing` say whether a card is in use: a try to open the other would cut it.

        `opening` is told when both begin to be opened anew (True), and when they are open or known to be missing.
        `channel` of the microphone is used, or its last if it has fewer; all when None. `zeros_allowed`: whether
        nothing but zeros is silence; None where a card's is not, and software's is. Unless `always_on`, the microphone
        is only open while recording.
        """
        self._clock = clock
        self._microphone = microphone
        self._speaker = speaker
        self._tell = tell
        self._speaker_lost = speaker_lost
        self._opening = opening
        self._recording = recording
        self._playing = playing
        self.microphone_trouble = "not opened yet"
        """Why the microphone does not work; empty while it does."""
        self.speaker_trouble = "not opened yet"
        """Why the speaker does not work; empty while it does."""
        self.period = Period(period_ms)
        """How much sound a callback of either card brings or takes."""
        self._channel = channel
        self._zeros_allowed = zeros_allowed
        self._vitality = Vitality(zeros_allowed=True)
        self.is_deaf = False
        """Whether the microphone's trouble is that it gives samples and hears nothing."""
        self._always_on = always_on
        self._microphone_open = False
        self._wanted = asyncio.Event()
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
                self._opening(True)
                await self._open()
                self._opening(False)
                if self.microphone_trouble or self.speaker_trouble:
                    missing_s = TRY_DEAF_EVERY_S if self.is_deaf else TRY_EVERY_S
                    wait_s = missing_s if self.microphone_trouble else TRY_SPEAKER_EVERY_S
                    self._try_at = self._clock.now() + wait_s
            if not self.microphone_trouble:
                await self._follow_recording()
            self._looked_at = self._clock.now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wanted.wait()
            self._wanted.clear()
            self._look()

    def wanted(self) -> None:
        """A recording began: a microphone that is closed is opened at once."""
        if not self._always_on:
            self._wanted.set()

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
        running = self._microphone_open and not self.microphone_trouble
        if running and now - self._microphone.last_block_at > STUCK_S:
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
        if self._microphone_open and now - self._microphone.last_block_at > LOST_AFTER_S:
            self._lose_microphone(f"it has given nothing for {LOST_AFTER_S:g} s", is_deaf=False)
        else:
            self.listen()
        waits = self._speaker.queued_samples > 0
        if not self.speaker_trouble and waits and now - self._speaker.last_callback_at > LOST_AFTER_S:
            self.speaker_trouble = f"it has taken nothing for {LOST_AFTER_S:g} s"
            log.warning("the speaker is lost: %s", self.speaker_trouble)
            self._speaker_lost()
            self._tell(ev.SpeakerLost(now))

    def listen(self) -> None:
        """Look whether the microphone hears: twice a second, and when somebody is about to speak."""
        if not self._microphone_open:
            return
        recent = self._microphone.recent(LOOK_EVERY_S)
        length_s = len(recent) / max(self._microphone.rate_hz, 1)
        symptom = self._vitality.look(used(recent, self._channel), length_s, self._clock.now())
        if symptom and not self.is_deaf:
            self._lose_microphone(symptom, is_deaf=True)
        elif self.is_deaf and len(recent) and not self._vitality.symptom:
            self.is_deaf = False
            self._find_microphone()

    def _lose_microphone(self, why: str, *, is_deaf: bool) -> None:
        self.microphone_trouble, self.is_deaf, self._microphone_open = why, is_deaf, is_deaf
        self._try_at = self._clock.now()
        log.warning("the microphone is lost: %s", why)
        self._tell(ev.MicrophoneLost(self._clock.now()))

    def _find_microphone(self) -> None:
        self.microphone_trouble = ""
        log.info("the microphone works")
        channels = self._microphone.channels
        if self._channel is not None and self._channel >= channels:
            log.warning("audio.input.channel is %d, and the microphone has %d (from 0)", self._channel, channels)
        self._tell(ev.MicrophoneFound(self._clock.now()))

    async def _follow_recording(self) -> None:
        """Open the microphone for a recording and close it behind, where it is not always on."""
        wanted = self._always_on or self._recording()
        if wanted and not self._microphone_open:
            trouble = await aside(lambda: _trouble_of(self._microphone.start), "open microphone")
            if trouble:
                self._lose_microphone(trouble, is_deaf=False)
            else:
                self._microphone_open = True
                self._vitality.opened()
        elif self._microphone_open and not wanted:
            self._microphone_open = False
            await aside(self._microphone.close, "close microphone")

    async def _open(self) -> None:
        """Close both and open both, in a thread: a card that hangs must not stop the event loop."""
        had_microphone, had_speaker = not self.microphone_trouble, not self.speaker_trouble
        self._reopen = False
        before = self.microphone_trouble, self.speaker_trouble
        await aside(self.close, "close cards")
        # In this order: the microphone runs at once, and nothing that may be refused is opened beside it.
        self.speaker_trouble = await aside(lambda: _trouble_of(self._speaker.start), "open speaker")
        opens = await aside(lambda: _trouble_of(self._microphone.start), "open microphone")
        self.is_deaf = self.is_deaf and not opens  # a deaf one that opens has yet to show that it hears
        self.microphone_trouble = self.microphone_trouble if self.is_deaf else opens
        self._microphone_open = not opens
        if not opens:
            allowed = self._zeros_allowed
            zeros_allowed = not self._microphone.is_hardware if allowed is None else allowed
            self._vitality = Vitality(zeros_allowed=zeros_allowed)
        if had_microphone and opens:
            log.warning("the microphone is lost: %s", opens)
        elif self.microphone_trouble not in {"", *before}:
            log.warning("the microphone does not open: %s", self.microphone_trouble)
        if self.speaker_trouble not in {"", *before}:
            log.warning("the speaker does not open: %s", self.speaker_trouble)
        if self.microphone_trouble:
            self._tell(ev.MicrophoneLost(self._clock.now()))
        elif not had_microphone:
            self._find_microphone()
        if self.speaker_trouble:
            self._tell(ev.SpeakerLost(self._clock.now()))
        elif not had_speaker:
            self._tell(ev.SpeakerFound(self._clock.now()))


def _trouble_of(start: Callable[[], None]) -> str:
    try:
        start()
    except DeviceError as error:
        return str(error)
    return ""
