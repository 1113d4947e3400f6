"""What playing answers cost, in samples and counts: the figures of PRODUCT section 9 about playback."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """What playing cost, since the program began. A stream that ran dry and proves to be over had no underrun."""

    late_frames: int = 0
    """Pieces that came when they should have been playing already."""
    underruns: int = 0
    """How often nothing was there to be played in the middle of an answer."""
    pauses: int = 0
    """How often that lasted longer than was concealed."""
    concealed: int = 0
    """Samples of nobody's speech that bridged an underrun, fading."""
    silent: int = 0
    """Samples of silence in the middle of an answer."""
    stretched: int = 0
    """Samples that were put in to speak slower."""
    put: int = 0
    """Samples of content that came."""
    given: int = 0
    """Samples of content that were handed to the card."""
    dropped: int = 0
    """Samples of content that were flushed, because nobody wanted them any more."""
