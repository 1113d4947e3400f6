"""How loud the speaker is, and whether it is muted: what `volume` and `mute` change while the program runs."""

from collections.abc import Callable

STEPS = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Of a button for the volume: few, so that a driver is through them soon; none is silence."""
JUST_NOTICEABLE = 0.05
"""Less than so much more is no step to anybody's ear."""


class Loudness:
    """Tells `apply` the volume that is to be heard, linear from 0 to 1, whenever it changes.

    Nothing of it is kept: after a restart the setting counts again, so that no van is silent because of what
    somebody did last week.
    """

    def __init__(self, apply: Callable[[float], None], volume: float) -> None:
        self._apply = apply
        self._volume = volume
        self._muted = False

    def set(self, volume: float) -> None:
        """This loud from now on, also when it was muted: who turns a knob wants to hear something."""
        self._volume = volume
        self._muted = False
        self._apply(volume)

    def mute(self) -> None:
        """Silence, earcons included, until `unmute` or `set`."""
        self._muted = True
        self._apply(0.0)

    def unmute(self) -> None:
        """As loud as before."""
        self.set(self._volume)

    @property
    def heard(self) -> float:
        """How loud it is, linear from 0 to 1; 0 while muted."""
        return 0.0 if self._muted else self._volume

    def toggle(self) -> None:
        """Mute, or unmute what is muted."""
        if self._muted:
            self.unmute()
        else:
            self.mute()

    def step(self) -> None:
        """The next of a few steps louder, and from the loudest the quietest; as loud as before when it was muted."""
        if self._muted:
            self.unmute()
        else:
            self.set(next((step for step in STEPS if step > self._volume + JUST_NOTICEABLE), STEPS[0]))

    def facts(self) -> dict[str, object]:
        """For `status`: the volume in percent, whether heard or not, and whether it is muted."""
        return {"percent": round(self._volume * 100), "muted": self._muted}
