"""A token in memory: there at once, and another one when the test says so."""

from hero365_edge.core.secret import Secret
from hero365_edge.errors import EdgeError


class FakeTokens:
    """Gives the token it was given; the verbs of the world are `put` and `fail`."""

    def __init__(self, token: str = "") -> None:
        self._token: Secret | EdgeError = Secret(token)
        self._stamp = 0
        self.asked = 0
        self.refusals = 0
        self.renews = False
        self.ends_at: float | None = None

    def put(self, token: str) -> None:
        """From here on it is this one."""
        self._token = Secret(token)
        self._stamp += 1

    def fail(self, error: EdgeError) -> None:
        """From here on there is none to be had, for this reason."""
        self._token = error
        self._stamp += 1

    async def token(self) -> Secret:
        """The token as it is now."""
        self.asked += 1
        if isinstance(self._token, EdgeError):
            raise self._token
        return self._token

    async def refresh(self) -> None:
        """It is there at once."""

    def stamp(self) -> object:
        """Changes with each `put` and `fail`."""
        return self._stamp

    def expires_at(self) -> float | None:
        """What `ends_at` was set to."""
        return self.ends_at

    def refused(self) -> None:
        """Counted."""
        self.refusals += 1
