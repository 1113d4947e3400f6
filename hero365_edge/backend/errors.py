"""What stops the simulated backend from doing what it was asked for."""


class SpeechUnavailable(Exception):  # noqa: N818  it names the state, as its text does
    """A speech package or program is missing; the text says which one and how to get it."""
