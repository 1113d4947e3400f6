"""Everything that can go wrong, sorted by what to do about it."""


class EdgeError(Exception):
    """The root of this package's errors; its text is written for a person and holds no secret."""


class ConfigError(EdgeError):
    """A setting is wrong: nothing to retry, a person must change it (exit 78)."""


class DeviceError(EdgeError):
    """A microphone, speaker or panel is missing or went away: close it and open it again."""


class LinkError(EdgeError):
    """The backend cannot be reached or the link broke: dial again after the back-off.

    `retry_after_s` is what the server asked for (HTTP `Retry-After`), if it did; `cause` is one word to count it by;
    `by_backend`: the backend, or its kernel, ended a link that was open: what it did to one, it may have done to all.
    """

    def __init__(
        self, text: str, retry_after_s: float | None = None, cause: str = "lost", *, by_backend: bool = False
    ) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.cause = cause
        self.by_backend = by_backend


class LinkRefused(LinkError):  # noqa: N818  the house's name for it; it is an error by its base
    """The backend refused the token: wait for a new one instead of dialling harder."""


class LinkTooBig(LinkError):  # noqa: N818  as above
    """The backend takes no message of that size: what is held has to go in smaller pieces."""


class WireError(EdgeError):
    """A message or an encoded frame could not be understood: count it and skip it."""
