"""What helps against each way in which the backend says no: one table of HTTP statuses and of close codes.

Sources: RFC 9110 section 15, RFC 6455 section 7.4.1, IANA's registry "WebSocket Close Code Number" (1012 to 1014, 3000,
3003, 3008). Private codes 4400 to 4599 are read as the HTTP status that they are named after: 4401 is 401.
"""

from dataclasses import dataclass
from enum import StrEnum

from hero365_edge.errors import LinkError, LinkRefused, LinkTooBig

RESTART_S = 5.0
"""IANA on 1012: reconnect after "a randomized delay of 5 - 30 s"; the back-off's draw comes on top of it."""
LATER_S = 10.0
"""Where the server asks for patience and does not say how long: 1013 (try again later), 429."""
LONGEST_WAIT_S = 900.0
"""A captive portal may say a day; a van would be deaf for its shift."""


class Remedy(StrEnum):
    """What to do; the value is the cause as it is counted."""

    DIAL = "lost"
    """The road or the server: back off and dial."""
    LATER = "busy"
    """The server asks for patience: the same, but not before it said."""
    TOKEN = "refused"  # noqa: S105  no password: what becomes of one
    """Wait for another token."""
    SMALLER = "too_big"
    """Send the same in smaller pieces."""
    ADDRESS = "no_backend"
    """What answers there is not the backend: a captive portal or a wrong `backend.url`. Back off; it is said so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a status or code asks for."""

    remedy: Remedy
    at_least_s: float | None = None
    hint: str = ""
    """What a person should know, behind the number."""


_DIAL = Answer(Remedy.DIAL)
_TOKEN = Answer(Remedy.TOKEN, hint="the token is refused")
_PORTAL = Answer(Remedy.ADDRESS, hint="this is not the backend: a captive portal, or a wrong backend.url")
_WRONG = Answer(Remedy.ADDRESS, hint="no voice backend is there: is backend.url right?")

_STATUSES: dict[int, Answer] = {
    200: _PORTAL,
    400: Answer(Remedy.ADDRESS, hint="the request is not understood: is backend.url right?"),
    401: _TOKEN,
    403: _TOKEN,
    404: _WRONG,
    405: _WRONG,
    407: Answer(Remedy.ADDRESS, hint="the proxy wants a name and a password: is the environment's proxy right?"),
    410: _WRONG,
    413: Answer(Remedy.SMALLER),
    426: Answer(Remedy.ADDRESS, hint="it speaks another version of WebSocket, or none: is backend.url right?"),
    429: Answer(Remedy.LATER, LATER_S, "too many requests"),
    511: _PORTAL,
}

_CODES: dict[int, Answer] = {
    1000: _DIAL,  # a normal end, which nobody here asked for
    1001: _DIAL,  # going away
    1002: _DIAL,  # protocol error
    1003: _DIAL,  # a kind of data it does not take
    1005: _DIAL,  # no code was given
    1006: _DIAL,  # no goodbye at all; never on the wire
    1007: _DIAL,  # data that is not what its type says
    1008: _TOKEN,  # policy violation: what backends use for want of a better one
    1009: Answer(Remedy.SMALLER, hint="a message was too big for the backend"),
    1010: _DIAL,  # an extension is missing
    1011: _DIAL,  # an internal error of the server
    1012: Answer(Remedy.LATER, RESTART_S, "the backend restarts"),
    1013: Answer(Remedy.LATER, LATER_S, "the backend is overloaded"),
    1014: _DIAL,  # bad gateway
    1015: _DIAL,  # TLS failed; never on the wire
    3000: _TOKEN,  # unauthorized
    3003: _TOKEN,  # forbidden
    3008: _DIAL,  # time-out
}


def of_status(status: int) -> Answer:
    """What an HTTP answer instead of a WebSocket asks for."""
    if 300 <= status < 400:
        return Answer(Remedy.ADDRESS, hint="redirects are not followed, for the token must not go elsewhere")
    return _STATUSES.get(status, _DIAL)


def of_code(code: int) -> Answer:
    """What a close code asks for."""
    return of_status(code - 4000) if 4400 <= code < 4600 else _CODES.get(code, _DIAL)


def door_error(where: str, status: int, retry_after_s: float | None) -> LinkError:
    """The error for HTTP `status` at the door of `where`, with the `Retry-After` that came along."""
    return _error(f"{where} answered HTTP {status}", of_status(status), retry_after_s)


def proxy_error(where: str, status: int, retry_after_s: float | None) -> LinkError:
    """The error for a proxy that answered HTTP `status` instead of leading to `where`: the token is not its concern."""
    asked = of_status(status)
    if asked.remedy in {Remedy.TOKEN, Remedy.SMALLER}:
        asked = Answer(Remedy.ADDRESS, hint="the environment's proxy does not let it through")
    return _error(f"{where}: the proxy answered HTTP {status}", asked, retry_after_s)


def close_error(code: int, by_backend: bool = True) -> LinkError:
    """The error for a link that was closed with `code`; only what the backend says tells what it wants."""
    error = _error(f"the link was closed with code {code}", of_code(code) if by_backend else _DIAL, None)
    error.by_backend = by_backend
    return error


def hung_up(error: Exception | None) -> bool:
    """Whether the other side, or the way to it, ended a link that had nothing wrong with it until then."""
    return isinstance(error, LinkError) and error.cause in {Remedy.DIAL, Remedy.LATER, Remedy.SMALLER}


def _error(text: str, answer: Answer, retry_after_s: float | None) -> LinkError:
    text = f"{text}: {answer.hint}" if answer.hint else text
    wait_s = answer.at_least_s if retry_after_s is None else min(retry_after_s, LONGEST_WAIT_S)
    if answer.remedy is Remedy.TOKEN:
        return LinkRefused(text, cause=answer.remedy.value)
    if answer.remedy is Remedy.SMALLER:
        return LinkTooBig(text, cause=answer.remedy.value)
    return LinkError(text, wait_s, answer.remedy.value)
