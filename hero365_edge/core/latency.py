"""When each stage of a turn happened, one record per turn (PRODUCT section 2)."""

from dataclasses import dataclass, fields

STAGES = ("press", "speech_end", "endpoint", "committed", "accepted", "first_byte", "first_sample")
"""The stages in the order they should happen."""

TARGETS_MS = {"first_sample": 600}
"""The seed's targets, counted from `speech_end`: "First Audio: < 600ms from speech end"."""


@dataclass(slots=True)
class Turn:
    """One turn's times, in seconds on the monotonic clock; None where it did not get so far."""

    utterance_id: str
    press: float | None = None
    """The GPIO edge."""
    speech_end: float | None = None
    """Capture time of the last voiced sample, or the button's release in hold mode."""
    endpoint: float | None = None
    """The decision that the utterance is over."""
    committed: float | None = None
    """The last byte of the utterance handed to the socket."""
    accepted: float | None = None
    """The backend's first sign of it."""
    first_byte: float | None = None
    """The first audio byte of the response."""
    first_sample: float | None = None
    """When its first sample leaves the sound card."""
    outcome: str = "open"
    """How it ended: answered, text, interrupted, no_speech, discarded, expired, failed; `open` meanwhile."""
    heard: str = ""
    """The answer's text."""

    def mark(self, stage: str, at: float) -> None:
        """Note a stage the first time it happens."""
        if getattr(self, stage) is None:
            setattr(self, stage, at)

    def since_speech_end_ms(self) -> dict[str, int | None]:
        """The stages as milliseconds since `speech_end`; all None when nobody spoke."""
        return {
            stage: None if at is None or self.speech_end is None else round((at - self.speech_end) * 1000)
            for stage, at in ((field.name, getattr(self, field.name)) for field in fields(self))
            if stage in STAGES
        }
