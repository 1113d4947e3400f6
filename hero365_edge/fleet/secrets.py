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

_NAME = "(?:token|passw(?:or)?d|passphrase|secret)"
_FORMS = re.compile(
    rf"""({_NAME}(?:=["']?|["']\s*:\s*["'])|--(?:[\w-]+-)?{_NAME}\s+["']?|\bbearer\s+)[^\s&"',;<>]+""", re.IGNORECASE
)

_JWT = re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*")
"""Any JSON Web Token, also one that was replaced since; its first part is JSON, `{"`, in base64url."""

# The one piece of state of the whole process in this package: logging itself is one per process, and a secret has to
# be known to it before anything else can go wrong.
_live: dict[str, re.Pattern[str]] = {}


def keep_secret(value: str) -> None:
    """From here on `value`, plain, percent-encoded or inside of quotes, is masked in everything that passes `scrub`."""
    if len(value) >= _SHORTEST:
        for form in (value, quote(value), quote(value, safe="")):
            _live[form] = re.compile("".join(map(_in_quotes, form)))


def scrub(text: str) -> str:
    """`text` with every live secret, `token=…`, `--password …`, `Bearer …` and every JSON Web Token masked."""
    for secret in sorted(_live, key=len, reverse=True):
        text = _live[secret].sub(MASK, text)
    if _live:
        text = "".join(map(_without_beginning, text.splitlines(keepends=True)))
    return _JWT.sub(MASK, _FORMS.sub(rf"\1{MASK}", text))


def _without_beginning(line: str) -> str:
    """`line` without the beginning of a secret at its end: what a backend says is cut to a length before it is told."""
    told = line.rstrip()
    for secret in _live:
        at = told.find(secret[:_SHORTEST])
        while at >= 0:
            if secret.startswith(told[at:]):
                return f"{line[:at]}{MASK}{line[len(told) :]}"
            at = told.find(secret[:_SHORTEST], at + 1)
    return line


def _in_quotes(character: str) -> str:
    """What finds it however often the text around it was quoted, by `repr` or as JSON, each time with a backslash."""
    if character == "\\":
        return r"\\+"
    return (r"\\*" if character in "'\"/" else "") + re.escape(character)


class Scrubbed(logging.Formatter):
    """Formats as `inner` does, then scrubs the whole of it, exception and stack included."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The finished text of `record`, without secrets."""
        return scrub(self._inner.format(record))
