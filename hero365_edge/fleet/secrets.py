"""Keeps tokens out of every line that is logged or printed.

`websockets` logs the request path and each header at DEBUG, and library errors quote whole URLs; so the finished
line is scrubbed, whatever put the token there: message, argument, exception or stack.
"""

import logging
import re
from urllib.parse import quote

MASK = "***"

_SHORTEST = 6
"""A shorter secret is none, and masking it would garble ordinary words."""

_FORMS = re.compile(r"""(\btoken(?:=|["']\s*:\s*["'])|\bbearer\s+)[^\s&"',;<>]+""", re.IGNORECASE)

# The one piece of state of the whole process in this package: logging itself is one per process, and a secret has to
# be known to it before anything else can go wrong.
_live: set[str] = set()


def keep_secret(value: str) -> None:
    """From here on `value`, plain or percent-encoded, is masked in everything that passes `scrub`."""
    if len(value) >= _SHORTEST:
        _live.update((value, quote(value, safe="")))


def scrub(text: str) -> str:
    """`text` with every live secret, `token=…` and `Bearer …` masked."""
    for secret in sorted(_live, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _FORMS.sub(rf"\1{MASK}", text)


class Scrubbed(logging.Formatter):
    """Formats as `inner` does, then scrubs the whole of it, exception and stack included."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The finished text of `record`, without secrets."""
        return scrub(self._inner.format(record))
