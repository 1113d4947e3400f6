"""What the lamp shows for each state."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Colour: TypeAlias = tuple[float, float, float]
"""Red, green and blue, each 0 to 1."""


class Light(StrEnum):
    """One thing for the lamp to say; the names are the states of the product plus `holding` and `muted`."""

    STARTING = "starting"
    """Wait."""
    OFFLINE = "offline"
    """No connection; press, it will be held."""
    READY = "ready"
    """The box is alive and the microphone is closed."""
    MUTED = "muted"
    """Ready, but the speaker is muted."""
    LISTENING = "listening"
    """It hears you."""
    HOLDING = "holding"
    """Your words are kept until the link is back."""
    PROCESSING = "processing"
    """The answer is being made."""
    SPEAKING = "speaking"
    """The answer is being spoken."""
    FAULT = "fault"
    """Something is broken: `hero365-edge status`."""


STATES = tuple(light for light in Light if light is not Light.MUTED)
"""What `status` and the metrics call the state: being muted is none of its own."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rhythm and a colour: fade in, stay on, fade out, stay off, and again; steady when there is no way off.

    Only what one LED on a PWM pin can play, for that is the poorest lamp: the rhythm alone must tell the lights apart.
    """

    colour: Colour
    """For an RGB lamp."""
    on_ms: int = 0
    off_ms: int = 0
    fade_ms: int = 0
    """Each way. A multiple of 40, because gpiozero fades in frames of 1/25 s."""
    brightness: float = 1.0
    """0 to 1 when fully on; less than 1 only when steady, because gpiozero blinks to full brightness."""
    on_listen_led: bool = False
    """On a pair of LEDs, which one plays it: `listen` or `status`. The other is dark."""

    @property
    def steady(self) -> bool:
        """Whether it never changes."""
        return self.off_ms == 0 and self.fade_ms == 0


_WHITE: Colour = (1.0, 1.0, 1.0)
_AMBER: Colour = (1.0, 0.35, 0.0)
_GREEN: Colour = (0.0, 1.0, 0.0)
_CYAN: Colour = (0.0, 0.7, 1.0)
_BLUE: Colour = (0.0, 0.0, 1.0)
_MAGENTA: Colour = (0.8, 0.0, 1.0)
_RED: Colour = (1.0, 0.0, 0.0)

LOOKS: dict[Light, str] = {
    Light.STARTING: "even blinking, once a second",
    Light.OFFLINE: "a short flash every two seconds",
    Light.READY: "dim and steady",
    Light.MUTED: "a flash every second",
    Light.LISTENING: "bright and steady",
    Light.HOLDING: "bright with a short wink every second",
    Light.PROCESSING: "quick breathing",
    Light.SPEAKING: "slow breathing",
    Light.FAULT: "frantic blinking",
}
"""How each light looks to the technician."""

_PATTERNS: dict[Light, Pattern] = {
    Light.STARTING: Pattern(_WHITE, on_ms=500, off_ms=500),
    Light.OFFLINE: Pattern(_AMBER, on_ms=100, off_ms=1900),
    Light.READY: Pattern(_GREEN, brightness=0.08),
    Light.MUTED: Pattern(_MAGENTA, on_ms=250, off_ms=750),
    Light.LISTENING: Pattern(_GREEN, on_listen_led=True),
    Light.HOLDING: Pattern(_AMBER, on_ms=850, off_ms=150),
    Light.PROCESSING: Pattern(_BLUE, fade_ms=320),
    Light.SPEAKING: Pattern(_CYAN, fade_ms=1000),
    Light.FAULT: Pattern(_RED, on_ms=100, off_ms=100),
}


def pattern(light: Light) -> Pattern:
    """How a lamp says `light`."""
    return _PATTERNS[light]


def shown(state: Light, *, recording: bool, muted: bool = False) -> Light:
    """What the lamp shows in this state of the conversation.

    `listening` is shown exactly while the microphone's sound is being taken, whatever the conversation believes: this
    is the one place that says so, and so the lamp cannot lie about the microphone (PRODUCT section 7). A muted speaker
    is told while nothing goes on; what goes on, or is wrong, counts for more.
    """
    if recording:
        return Light.LISTENING
    if muted and state is Light.READY:
        return Light.MUTED
    return Light.PROCESSING if state is Light.LISTENING else state


def level(pattern: Pattern, t_ms: float) -> float:
    """The brightness, 0 to 1, of `pattern` at `t_ms` after it was begun."""
    if pattern.steady:
        return pattern.brightness
    fade_ms = pattern.fade_ms
    t_ms %= 2 * fade_ms + pattern.on_ms + pattern.off_ms
    if t_ms < fade_ms:
        return pattern.brightness * t_ms / fade_ms
    t_ms -= fade_ms
    if t_ms < pattern.on_ms:
        return pattern.brightness
    t_ms -= pattern.on_ms
    if t_ms < fade_ms:
        return pattern.brightness * (1 - t_ms / fade_ms)
    return 0.0


_APA102_CURRENT = 8
"""Of 31: 5 mA of each colour. At full current three LEDs blind a driver at night and take 180 mA."""


def apa102_frame(colour: Colour, count: int) -> bytes:
    """What a chain of `count` APA102 (DotStar, SK9822) is sent so that all show `colour`.

    A zero word; for each LED its current and blue, green, red; and zeros again: one clock for every other LED pushes
    the data through (APA102 data sheet), and an SK9822 shows nothing before 32 of them.
    """
    red, green, blue = (round(255 * part) for part in colour)
    led = bytes((0xE0 | _APA102_CURRENT, blue, green, red))
    return bytes(4) + count * led + bytes(4 + count // 16)
